"""A query → ranked hits with honest scores.

Knows neither where the query came from nor which index answers it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.index.checks import MAX_K, check_k
from satseek.index.filters import check_filter
from satseek.search.directions import Direction, Examples, direct
from satseek.search.grouping import check_duplicate_cosine, check_group_by, gather
from satseek.search.looking import BACKGROUND_SAMPLE, Looking, is_text_alone, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.index.protocol import Explanation, Searchable
    from satseek.search.glossary import Glossary
    from satseek.types import Hit, Query, Vectors

__all__ = [
    "DEFAULT_K",
    "Answer",
    "Explained",
    "check_query",
    "directed",
    "examples_in",
    "is_text_alone",
    "kind_of",
    "query_vector",
    "search",
    "wanted",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why an answer came about as it did, and what it took."""

    embedding_ms: float
    """Spent on words, images and clicks until they were one vector; little where remembered."""
    searches: int
    """Searches of an index, more than one each where hits were left out for being alike."""
    parts: Mapping[str, Explanation]
    """What each index says, by collection; the only one has no name here. Those that cannot tell
    are not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hits and how they were found."""

    hits: tuple[Hit, ...]
    """Best first."""
    plan: str
    """Which way through the index was taken."""
    generation: int
    """State of the collection that answered."""
    seconds: float
    """From query to hits."""
    translated: str | None = None
    """What words that are not English were taken for; None: they were taken as asked."""
    weight: float | None = None
    """What clicked chips counted, the words counting 1; None: none were clicked."""
    warnings: tuple[str, ...] = ()
    """What the reader should know of it."""
    explained: Explained | None = field(default=None, compare=False)
    """Why and how; None where it was remembered."""


def search(
    query: Query,
    *,
    index: Searchable,
    embedder: Embedder,
    glossary: Glossary | None = None,
    others: Examples | None = None,
) -> Answer:
    """Find the chips nearest to the query among those that pass its filter.

    Args:
        query: What is looked for.
        index: One pinned generation, where another model's vectors may be put into place meanwhile.
        embedder: Of the model that made the index' vectors.
        glossary: Chinese words; None: the shipped ones.
        others: Vectors of more chips that show it, or do not, wherever they lie.

    Raises:
        EmptyText: the text has no word, or nothing at all was asked.
        Untranslatable: words that neither the model nor the glossary knows.
        InvalidK, InvalidFilter, InvalidRequest: what was asked cannot be.
        ChipNotFound: a liked or disliked chip is not in the collection.
    """
    started = time.perf_counter()
    check_query(query)
    direction = directed(query, index=index, embedder=embedder, glossary=glossary, others=others)
    embedded = time.perf_counter()
    clicked = (*query.liked, *query.disliked)
    looking = Looking(query, direction, index=index, embedder=embedder, clicked=clicked)
    gathered = gather([looking], query)
    return Answer(
        hits=gathered.hits,
        plan=looking.plan,
        generation=index.generation,
        seconds=time.perf_counter() - started,
        translated=direction.translated,
        weight=direction.weight,
        warnings=gathered.warnings,
        explained=explained([looking], embedding_s=embedded - started),
    )


def query_vector(
    query: Query,
    *,
    index: Searchable,
    embedder: Embedder,
    glossary: Glossary | None = None,
    others: Examples | None = None,
) -> Vectors:
    """Blend the parts of a query into one unit vector, shape (1, dim); raises as ``search``."""
    return directed(query, index=index, embedder=embedder, glossary=glossary, others=others).vector


def directed(
    query: Query,
    *,
    index: Searchable,
    embedder: Embedder,
    glossary: Glossary | None = None,
    others: Examples | None = None,
) -> Direction:
    """Find the direction that a query asks a collection in; raises as ``search``."""
    examples = examples_in(query, index=index, dim=embedder.card.dim)
    return direct(
        query,
        examples=examples if others is None else examples.beside(others),
        background=lambda: index.sample(BACKGROUND_SAMPLE),
        embedder=embedder,
        glossary=glossary,
    )


def explained(looking: Sequence[Looking], *, embedding_s: float) -> Explained:
    """Put together what each collection that was looked at has to say."""
    parts = {one.name: one.explanation for one in looking if one.explanation is not None}
    searches = sum(one.searches for one in looking)
    return Explained(embedding_ms=embedding_s * 1000, searches=searches, parts=parts)


def check_query(query: Query) -> None:
    """Refuse a query whose filter, numbers or bounds cannot be.

    Raises:
        InvalidFilter, InvalidK, InvalidRequest: so it is.
    """
    check_filter(query.where)
    check_k(query.k)
    check_least(query.least)
    check_duplicate_cosine(query.duplicate_cosine)
    check_group_by(query.group_by)


DEFAULT_K = 10
"""Hits where nothing was said."""


def wanted(k: int | None, *, least: float | None) -> int:
    """Number of hits: as asked, or as many as a cut leaves, or ten."""
    if k is not None:
        return k
    return DEFAULT_K if least is None else MAX_K


def check_least(least: float | None) -> None:
    """Refuse a least percentile that is none.

    Raises:
        InvalidRequest: it is not within 0–100.
    """
    if least is not None and not 0 <= least <= 100:  # noqa: PLR2004 - percent
        raise InvalidRequest(f"least: expected a percentile from 0 to 100, came {least}")


def examples_in(query: Query, *, index: Searchable, dim: int) -> Examples:
    """Give the vectors of a query's clicked chips; raises ChipNotFound."""
    return Examples(
        liked=_of_chips(query.liked, index=index, dim=dim),
        disliked=_of_chips(query.disliked, index=index, dim=dim),
    )


def _of_chips(chip_ids: Sequence[str], *, index: Searchable, dim: int) -> Vectors:
    if not chip_ids:
        return np.empty((0, dim), dtype=np.float32)
    return index.vectors([index.row_of(chip_id) for chip_id in chip_ids])
