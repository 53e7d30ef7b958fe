"""Turns queries' cosines with a gallery, and what is relevant, into recall@k, precision@k, mAP.

Does not know whether a query was a text or an image. Ties count against: an engine that gives every
chip the same vector must not look good by the order in which chips lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import InvalidK, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.types import Vectors

TIE = 1e-6
"""Cosines closer than this are equal: a product of matrices rounds float32 by about as much, and
not alike for equal vectors at different places."""

_CELLS = 4_000_000
"""Cosines held at once: 16 MB, and as much again for what is compared."""


def first_ranks(
    queries: Vectors,
    gallery: Vectors,
    *,
    wanted: Sequence[int],
    owners: Sequence[int],
) -> NDArray[np.int64]:
    """Rank of the best right vector of the gallery for each query; 1 is the best: (queries,).

    The usual way of image–text retrieval (Karpathy & Fei-Fei, arXiv 1412.2306, section 4.2): where
    several vectors are right, as are the captions of one image, the best of them counts, and the
    others do not push it back. A wrong vector with the same cosine does.

    Args:
        queries: (queries, dim).
        gallery: (n, dim).
        wanted: owner whose vectors are right, for each query.
        owners: owner of each vector of the gallery.

    Raises:
        InvalidRequest: the sizes do not fit, or a query has no right vector.
    """
    asked, owned = np.asarray(wanted, dtype=np.int64), np.asarray(owners, dtype=np.int64)
    if asked.shape != (len(queries),) or owned.shape != (len(gallery),) or not asked.size:
        raise InvalidRequest(
            f"expected one owner for each of {len(queries)} queries and {len(gallery)} vectors, "
            f"got {asked.size} and {owned.size}"
        )
    if not np.isin(asked, owned).all():
        raise InvalidRequest("expected a right vector for each query, found none for some")
    step = max(1, _CELLS // len(gallery))
    parts = [
        _first_ranks(queries[at : at + step] @ gallery.T, asked[at : at + step], owned)
        for at in range(0, len(queries), step)
    ]
    return np.concatenate(parts)


def _first_ranks(
    cosines: NDArray[np.floating[Any]], asked: NDArray[np.int64], owned: NDArray[np.int64]
) -> NDArray[np.int64]:
    right = asked[:, None] == owned[None, :]  # (queries, n)
    best = np.where(right, cosines, -np.inf).max(axis=1, keepdims=True)
    ranks: NDArray[np.int64] = 1 + (~right & (cosines >= best - TIE)).sum(axis=1)
    return ranks


def recall_at_k(cosines: NDArray[np.floating[Any]], truth: Sequence[int], *, k: int) -> float:
    """Share of queries whose one right chip is among their first k: text → image, 0–1.

    Args:
        cosines: (queries, gallery).
        truth: column of the right chip of each query.
        k: 1 to gallery.

    Raises:
        InvalidK: k is out of range.
        InvalidRequest: a cosine is not finite, or the sizes do not fit.
    """
    _check(cosines, k)
    right = np.asarray(truth, dtype=np.int64)
    if right.shape != (len(cosines),) or right.min() < 0 or right.max() >= cosines.shape[1]:
        raise InvalidRequest(f"expected {len(cosines)} columns of the gallery, got {right.shape}")
    reached = np.take_along_axis(cosines, right[:, None], axis=1)
    ranks = (cosines >= reached).sum(axis=1)  # itself and every tie included: 1 is the best
    return float((ranks <= k).mean())


def precision_at_k(
    cosines: NDArray[np.floating[Any]], relevant: NDArray[np.bool_], *, k: int
) -> float:
    """Mean over queries of the share of relevant chips among the first k, 0–1.

    Args:
        cosines: (queries, gallery).
        relevant: the same shape, True where a chip answers a query.
        k: 1 to gallery.

    Raises:
        InvalidK: k is out of range.
        InvalidRequest: a cosine is not finite, or the shapes differ.
    """
    _check(cosines, k)
    return float(_ranked(cosines, relevant)[:, :k].mean())


def mean_average_precision(
    cosines: NDArray[np.floating[Any]], relevant: NDArray[np.bool_]
) -> float:
    """MAP over the whole gallery, 0–1: the mean precision at the ranks of relevant chips.

    Queries without any relevant chip are left out (as trec_eval does).

    Raises:
        InvalidRequest: a cosine is not finite, the shapes differ, or no query has a relevant chip.
    """
    found = average_precisions(cosines, relevant)
    if np.isnan(found).all():
        raise InvalidRequest("expected at least one relevant chip, got none")
    return float(np.nanmean(found))


def average_precisions(
    cosines: NDArray[np.floating[Any]], relevant: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Average precision of each query, 0–1, shape (queries,); NaN where nothing is relevant.

    Raises:
        InvalidRequest: a cosine is not finite, or the shapes differ.
    """
    _check(cosines, 1)
    ranked = _ranked(cosines, relevant)
    precisions = np.cumsum(ranked, axis=1) / np.arange(1, ranked.shape[1] + 1)
    totals = ranked.sum(axis=1)
    found = np.full(len(ranked), np.nan)
    np.divide((precisions * ranked).sum(axis=1), totals, out=found, where=totals > 0)
    return found


def _check(cosines: NDArray[np.floating[Any]], k: int) -> None:
    if cosines.ndim != 2 or not cosines.size:  # noqa: PLR2004 - queries and gallery
        raise InvalidRequest(f"expected cosines of shape (queries, gallery), got {cosines.shape}")
    if not np.isfinite(cosines).all():
        raise InvalidRequest("expected finite cosines, got NaN or infinity")
    if not 1 <= k <= cosines.shape[1]:
        raise InvalidK(f"expected k from 1 to {cosines.shape[1]}, got {k}")


def _ranked(cosines: NDArray[np.floating[Any]], relevant: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``relevant`` with each row in order of falling cosine; of equals, relevant chips last."""
    if relevant.shape != cosines.shape:
        raise InvalidRequest(f"expected relevance of shape {cosines.shape}, got {relevant.shape}")
    order = np.lexsort((relevant, -cosines), axis=1)
    return np.take_along_axis(relevant, order, axis=1)
