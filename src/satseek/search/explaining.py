"""What each index says of a search → the explanation that people and programs get.

Does not know the door through which they ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.client.results import CollectionExplanation, Explanation, Way

if TYPE_CHECKING:
    from satseek.index import protocol
    from satseek.search.searching import Explained


def explanation_of(explained: Explained | None, *, only: str) -> Explanation | None:
    """Lay out how hits were found; None: nothing is known.

    Args:
        explained: As a search told it.
        only: Name of the collection, where one was asked, which has no name there.
    """
    if explained is None:
        return None
    return Explanation(
        embedding_ms=explained.embedding_ms,
        searches=explained.searches,
        collections=tuple(_one(name or only, one) for name, one in explained.parts.items()),
    )


def _one(name: str, told: protocol.Explanation) -> CollectionExplanation:
    return CollectionExplanation(
        collection=name,
        living=told.living,
        passing=told.passing,
        ways=tuple(
            Way(name=way.name, rows=way.rows, expected_ms=way.expected_ms) for way in told.ways
        ),
        candidates=told.candidates,
        filter_ms=told.filter_ms,
        search_ms=told.search_ms,
    )
