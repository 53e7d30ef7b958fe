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
    _check(cosines, 1)
    ranked = _ranked(cosines, relevant)
    totals = ranked.sum(axis=1)
    if not totals.any():
        raise InvalidRequest("expected at least one relevant chip, got none")
    ranked, totals = ranked[totals > 0], totals[totals > 0]
    precisions = np.cumsum(ranked, axis=1) / np.arange(1, ranked.shape[1] + 1)
    return float(((precisions * ranked).sum(axis=1) / totals).mean())


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
