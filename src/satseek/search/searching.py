"""A query → ranked hits with honest scores.

Knows neither where the query came from nor which index answers it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import EmptyText, InvalidRequest
from satseek.index.checks import MAX_K, check_k
from satseek.index.filters import check_filter
from satseek.model.scores import pair_scores, percentile
from satseek.types import Hit, Query, ScoreKind, Vectors

if TYPE_CHECKING:
    from satseek.embed.embedder import Embedder
    from satseek.index.protocol import Searchable

BACKGROUND_SAMPLE = 2048
"""Chips drawn to place a cosine among the collection's: resolves 0.05 percentile points."""

DISLIKED_WEIGHT = 0.25
"""Weight of what is not looked for: Rocchio's classical 1 : 0.25 is safest against over-correction
(Manning, Raghavan, Schütze: Introduction to Information Retrieval, 2008, section 9.1.1, gives
1, 0.75 and 0.15; with one or two clicks a little more is needed to move a unit vector at all)."""


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


def search(query: Query, *, index: Searchable, embedder: Embedder) -> Answer:
    """Find the chips nearest to the query among those that pass its filter.

    Args:
        query: What is looked for.
        index: One pinned generation, where another model's vectors may be put into place meanwhile.
        embedder: Of the model that made the index' vectors.

    Raises:
        EmptyText: the text has no word, or nothing at all was asked.
        InvalidK, InvalidFilter: what was asked cannot be.
        ChipNotFound: a liked or disliked chip is not in the collection.
    """
    started = time.perf_counter()
    check_filter(query.where)
    check_k(query.k)
    vector = query_vector(query, index=index, embedder=embedder)
    own = {*query.liked, *query.disliked}
    found = index.search(vector, k=min(query.k + len(own), MAX_K), where=query.where)
    kept = found.rows[0] >= 0
    cosines = found.cosines[0][kept]
    scores = _scores(cosines, vector=vector, index=index)
    if _is_text_alone(query):  # the model's sigmoid was trained on pairs of text and image alone
        pairwise = pair_scores(cosines, embedder.card)
        scores = [one | pair for one, pair in zip(scores, pairwise, strict=True)]
    pairs = zip(index.chips(found.rows[0][kept]), scores, strict=True)
    others = [(chip, score) for chip, score in pairs if chip.id not in own][: query.k]
    hits = tuple(
        Hit(chip=chip, rank=rank, scores=score) for rank, (chip, score) in enumerate(others, 1)
    )
    return Answer(
        hits=hits,
        plan=found.plan,
        generation=index.generation,
        seconds=time.perf_counter() - started,
    )


def query_vector(query: Query, *, index: Searchable, embedder: Embedder) -> Vectors:
    """Blend the parts of a query into one unit vector, shape (1, dim).

    Every part counts alike; disliked chips are subtracted with ``DISLIKED_WEIGHT``.
    """
    parts: list[Vectors] = []
    if query.text is not None:
        parts.append(embedder.embed_texts([query.text]))
    if query.image is not None:
        parts.append(embedder.embed_images([query.image]))
    if query.liked:
        parts.append(_unit(_of_chips(query.liked, index=index)))
    if not parts:
        raise EmptyText("nothing to look for: give words, an image or a liked chip")
    total = np.mean(parts, axis=0)
    if query.disliked:
        total = total - DISLIKED_WEIGHT * _unit(_of_chips(query.disliked, index=index))
    return _unit(total)


def _of_chips(chip_ids: tuple[str, ...], *, index: Searchable) -> Vectors:
    rows = np.array([index.row_of(chip_id) for chip_id in chip_ids], dtype=np.int64)
    mean: Vectors = index.vectors(rows).mean(axis=0, keepdims=True)
    return mean


def _unit(vectors: Vectors) -> Vectors:
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(norm > 0):
        raise InvalidRequest("the parts of the query cancel out: like and dislike different chips")
    return np.asarray(vectors / norm, dtype=np.float32)


def _is_text_alone(query: Query) -> bool:
    return query.image is None and not query.liked and not query.disliked


def _scores(
    cosines: np.ndarray, *, vector: Vectors, index: Searchable
) -> list[dict[ScoreKind, float]]:
    if not len(cosines):
        return []
    background = (index.sample(BACKGROUND_SAMPLE) @ vector[0]).astype(np.float32)
    percentiles = percentile(cosines, background)
    return [
        {"cosine": float(cosine), "percentile": float(place)}
        for cosine, place in zip(cosines, percentiles, strict=True)
    ]
