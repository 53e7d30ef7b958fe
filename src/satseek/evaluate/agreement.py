"""Turns the vectors that two models make of the same things into figures of how far they agree.

Does not know which of the two is the original, nor what the vectors are of; pure NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import InvalidK, InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Vectors


def row_cosines(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """Cosine of each row with its counterpart, (n,), in float64; NaN where a row is all zero.

    Raises:
        InvalidRequest: the shapes differ, or there is no row.
    """
    left, right = _pair(one, other)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines: NDArray[np.float64] = (left * right).sum(axis=1) / lengths
    return cosines


def spearman(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Mean over rows of the rank correlation of two score tables, −1 to 1; ties share their rank.

    Spearman 1904: Pearson's correlation of the ranks.

    Args:
        one: (queries, gallery), at least two of the latter.
        other: the same shape.

    Raises:
        InvalidRequest: the shapes differ, or there is nothing to rank.
    """
    left, right = _pair(one, other)
    if left.shape[1] < 2:  # noqa: PLR2004 - one entry has no order
        raise InvalidRequest(f"expected two or more scores a row, got {left.shape[1]}")
    found = [
        _correlation(_ranks(mine), _ranks(theirs)) for mine, theirs in zip(left, right, strict=True)
    ]
    return float(np.mean(found))


def top1_agreement(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Share of rows whose largest score stands in the same column, 0–1.

    Raises:
        InvalidRequest: the shapes differ, or there is no row.
    """
    left, right = _pair(one, other)
    return float((left.argmax(axis=1) == right.argmax(axis=1)).mean())


def overlap_at_k(one: NDArray[Any], other: NDArray[Any], *, k: int) -> float:
    """Mean over queries of the share of the first k that both name, whatever their order, 0–1.

    Args:
        one: scores, (queries, gallery).
        other: the same shape.
        k: 1 to gallery.

    Raises:
        InvalidRequest: the shapes differ, or there is no query.
        InvalidK: k is out of range.
    """
    left, right = _pair(one, other)
    if not 1 <= k <= left.shape[1]:
        raise InvalidK(f"expected k from 1 to {left.shape[1]}, got {k}")
    firsts = (np.argsort(-scores, axis=1, kind="stable")[:, :k] for scores in (left, right))
    shared = [
        len(set(mine) & set(theirs))
        for mine, theirs in zip(*(first.tolist() for first in firsts), strict=True)
    ]
    return float(np.mean(shared) / k)


def mean_shift(one: Vectors, other: Vectors) -> float:
    """Distance of the two means, in units of the spread of ``other``: |μ₁ − μ₂| / |σ₂|.

    Raises:
        InvalidRequest: the shapes differ, or there is no row.
    """
    left, right = _pair(one, other)
    moved = float(np.linalg.norm(left.mean(axis=0) - right.mean(axis=0)))
    return moved / max(float(np.linalg.norm(right.std(axis=0))), 1e-12)


def spread_shift(one: Vectors, other: Vectors) -> float:
    """How much wider or narrower one lies than the other: | |σ₁| / |σ₂| − 1 |.

    Raises:
        InvalidRequest: the shapes differ, or there is no row.
    """
    left, right = _pair(one, other)
    mine, theirs = (float(np.linalg.norm(vectors.std(axis=0))) for vectors in (left, right))
    return abs(mine / max(theirs, 1e-12) - 1)


def _pair(
    one: NDArray[Any], other: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if one.shape != other.shape or one.ndim != 2 or not len(one):  # noqa: PLR2004 - a table
        raise InvalidRequest(f"expected two tables of one shape, got {one.shape} and {other.shape}")
    return one.astype(np.float64), other.astype(np.float64)


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, the mean of its places for each tie."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    return np.asarray((last - (counts - 1) / 2)[places], dtype=np.float64)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    left, right = one - one.mean(), other - other.mean()
    lengths = np.linalg.norm(left) * np.linalg.norm(right)
    return float(left @ right / lengths) if lengths else float(np.array_equal(one, other))
