"""A query → ranked hits with honest scores.

Knows neither where the query came from nor which index answers it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.index.checks import MAX_K, check_k
from satseek.index.filters import check_filter
from satseek.model.scores import pair_scores, percentile
from satseek.search.directions import Direction, Examples, direct
from satseek.types import Hit, Query, ScoreKind, Vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.embed.embedder import Embedder
    from satseek.index.protocol import QueryKind, Searchable
    from satseek.search.glossary import Glossary

BACKGROUND_SAMPLE = 2048
"""Chips drawn to place a cosine among the collection's: resolves 0.05 percentile points."""


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
    check_filter(query.where)
    check_k(query.k)
    check_least(query.least)
    direction = directed(query, index=index, embedder=embedder, glossary=glossary, others=others)
    hits, plan = look(query, direction, index=index, embedder=embedder)
    return Answer(
        hits=hits,
        plan=plan,
        generation=index.generation,
        seconds=time.perf_counter() - started,
        translated=direction.translated,
        weight=direction.weight,
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


def look(
    query: Query, direction: Direction, *, index: Searchable, embedder: Embedder
) -> tuple[tuple[Hit, ...], str]:
    """Find the chips in a direction; also tells the plan. Clicked chips are not among them."""
    vector, own = direction.vector, {*query.liked, *query.disliked}
    found = index.search(
        vector, k=min(query.k + len(own), MAX_K), where=query.where, kind=kind_of(query)
    )
    kept = found.rows[0] >= 0
    cosines = found.cosines[0][kept]
    scores = _scores(cosines, vector=vector, index=index)
    if is_text_alone(query):  # the model's sigmoid was trained on pairs of text and image alone
        pairwise = pair_scores(cosines, embedder.card)
        scores = [one | pair for one, pair in zip(scores, pairwise, strict=True)]
    if query.least is not None:
        scores = [one for one in scores if one["percentile"] >= query.least]
    rows = found.rows[0][kept][: len(scores)]  # percentiles fall with cosines
    pairs = zip(index.chips(rows), scores, strict=True)
    others = [(chip, score) for chip, score in pairs if chip.id not in own][: query.k]
    hits = tuple(
        Hit(chip=chip, rank=rank, scores=score) for rank, (chip, score) in enumerate(others, 1)
    )
    return hits, found.plan


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


def kind_of(query: Query) -> QueryKind:
    """Tell what a query is made of: words alone, examples alone, or both."""
    worded = bool(query.text or query.prompts or query.negatives)
    shown = query.image is not None or bool(query.liked or query.disliked)
    if worded and shown:
        return "mixed"
    return "image" if shown else "text"


def is_text_alone(query: Query) -> bool:
    """Tell whether words alone were asked, of which nothing was taken away."""
    clicked = query.liked or query.disliked
    return query.image is None and not clicked and not query.negatives


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


def _scores(
    cosines: np.ndarray, *, vector: Vectors, index: Searchable
) -> list[dict[ScoreKind, float]]:
    if not len(cosines):
        return []
    sample = index.sample(BACKGROUND_SAMPLE)
    background = np.vecdot(sample, vector[0])  # a matrix product wakes BLAS' threads for it
    percentiles = percentile(cosines, background)
    return [
        {"cosine": float(cosine), "percentile": float(place)}
        for cosine, place in zip(cosines, percentiles, strict=True)
    ]
