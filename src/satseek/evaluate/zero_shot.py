"""Turns image vectors, label vectors and the true labels into zero-shot accuracy.

Does not know how labels became vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.types import Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShot:
    """How often the label with the largest cosine is the true one."""

    top1: float
    """Share of images whose first label is right, 0–1."""
    per_class: NDArray[np.float64]
    """The same for the images of each label, shape (labels,); NaN where a label has no image."""
    confusion: NDArray[np.int64]
    """Images by true label (row) and first label (column), shape (labels, labels)."""

    @property
    def mean_per_class(self) -> float:
        """Mean of ``per_class`` over labels that have images: every label counts the same."""
        return float(np.nanmean(self.per_class))


def zero_shot(images: Vectors, labels: Vectors, truth: Sequence[int]) -> ZeroShot:
    """Compare every image with every label.

    Args:
        images: (n, dim), n at least 1.
        labels: (labels, dim).
        truth: row of ``labels`` that is right for each image.

    Raises:
        InvalidRequest: the sizes do not fit, or a truth is no row of ``labels``.
    """
    right = np.asarray(truth, dtype=np.int64)
    count = len(labels)
    if not len(images) or right.shape != (len(images),):
        raise InvalidRequest(f"expected one truth per image, got {len(images)} and {right.size}")
    if right.min() < 0 or right.max() >= count:
        raise InvalidRequest(f"expected truths from 0 to {count - 1}, got up to {right.max()}")
    first = np.argmax(images @ labels.T, axis=1)  # (n, labels) → (n,)
    confusion = np.zeros((count, count), dtype=np.int64)
    np.add.at(confusion, (right, first), 1)
    hits, totals = np.diagonal(confusion), confusion.sum(axis=1)
    per_class = np.full(count, np.nan)
    np.divide(hits, totals, out=per_class, where=totals > 0)
    return ZeroShot(top1=float(hits.sum() / totals.sum()), per_class=per_class, confusion=confusion)
