"""An answer, of one collection or of several → a file of its hits.

Knows no door. Collections are opened again to tell what is known of their scenes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.errors import ChipNotFound, Conflict
from satseek.search.exporting import found_hits, query_facts, write_hits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from satseek.assemble.asking import Asked
    from satseek.assemble.assembling import Assembly
    from satseek.index.collection import Collection
    from satseek.search.exporting import Choices, Found
    from satseek.types import Hit, Query, Vectors


def write_asked(
    asked: Asked, query: Query, path: Path, *, parts: Assembly, choices: Choices
) -> int:
    """Write the hits of an answer; returns how many they are.

    Raises:
        Conflict: vectors were asked for, and a collection was changed meanwhile.
        As ``write_hits``.
    """
    answer, first = asked.answer, asked.collections[0]
    hits = [(hit.collection or first, hit) for hit in answer.hits]
    found = found_in(hits, asked.collections, parts=parts, vectors=choices.vectors)
    more = {"concept": asked.concept, "translated": answer.translated}
    facts = query_facts(query, plan=answer.plan, generation=answer.generation)
    facts |= {name: value for name, value in more.items() if value}
    return write_hits(found, path, choices=choices, facts=facts)


def found_in(
    hits: Sequence[tuple[str, Hit]], names: Sequence[str], *, parts: Assembly, vectors: bool
) -> list[Found]:
    """Put hits, each with the name of its collection, together with these.

    Raises:
        Conflict: vectors were asked for, and a collection was changed meanwhile.
    """
    found = []
    for name in dict.fromkeys(names):
        collection = parts.reader(name)
        own = [hit for place, hit in hits if place == name]
        rows = _vectors(own, collection) if vectors else None
        found.append(found_hits(own, collection, vectors=rows))
    return found


def _vectors(hits: Sequence[Hit], collection: Collection) -> Vectors:
    with collection.pinned() as index:
        try:
            return index.vectors([index.row_of(hit.chip.id) for hit in hits])
        except ChipNotFound as error:
            raise Conflict("the collection was changed meanwhile; ask again") from error
