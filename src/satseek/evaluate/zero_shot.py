"""Turns image vectors, label vectors and the true labels into zero-shot accuracy.

Does not know how labels became vectors. Ties count against: of labels with the same cosine the true
one comes last, so that a model that gives every label the same vector has an accuracy of zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from satseek.errors import InvalidRequest
from satseek.evaluate.retrieval import TIE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.types import Vectors

Found: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"
"""First label and rank of the true label of each image, both of shape (n,)."""

_BLOCK = 4096
"""Images compared with all labels at once: 16 MB of cosines at 1,000 labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShot:
    """How often the label with the largest cosine is the true one."""

    top1: float
    """Share of images whose first label is right, 0–1."""
    per_class: NDArray[np.float64]
    """The same for the images of each label, shape (labels,); NaN where a label has no image."""
    confusion: NDArray[np.int64]
    """Images by true label (row) and first label (column), shape (labels, labels)."""
    truth: NDArray[np.int64]
    """True label of each image, shape (n,)."""
    first: NDArray[np.int64]
    """First label of each image, shape (n,); of equals one that is wrong."""
    ranks: NDArray[np.int64]
    """Rank of the true label of each image, shape (n,); 1 is the best, of equals the last."""

    @property
    def mean_per_class(self) -> float:
        """Mean of ``per_class`` over labels that have images: every label counts the same."""
        return float(np.nanmean(self.per_class))

    def top(self, k: int) -> float:
        """Share of images whose true label is among the first ``k``, 0–1."""
        return float((self.ranks <= k).mean())

    def per_class_top(self, k: int) -> NDArray[np.float64]:
        """The same for the images of each label, shape (labels,); NaN where a label has none."""
        count = len(self.confusion)
        hits = np.bincount(self.truth[self.ranks <= k], minlength=count)
        return _shares(hits, np.bincount(self.truth, minlength=count))


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
    parts = [
        _compare(images[at : at + _BLOCK] @ labels.T, right[at : at + _BLOCK])
        for at in range(0, len(images), _BLOCK)
    ]
    first, ranks = (np.concatenate(column) for column in zip(*parts, strict=True))
    confusion = np.zeros((count, count), dtype=np.int64)
    np.add.at(confusion, (right, first), 1)
    return ZeroShot(
        top1=float((ranks == 1).mean()),
        per_class=_shares(np.diagonal(confusion), confusion.sum(axis=1)),
        confusion=confusion,
        truth=right,
        first=first,
        ranks=ranks,
    )


def _compare(cosines: NDArray[np.float32], right: NDArray[np.int64]) -> Found:
    """First label and rank of the true one, from cosines (n, labels) and true columns (n,)."""
    own = np.take_along_axis(cosines, right[:, None], axis=1)
    others = cosines.copy()
    np.put_along_axis(others, right[:, None], -np.inf, axis=1)
    ranks = 1 + (others >= own - TIE).sum(axis=1)
    return np.where(ranks == 1, right, np.argmax(others, axis=1)), ranks


def _shares(hits: NDArray[np.int64], totals: NDArray[np.int64]) -> NDArray[np.float64]:
    found = np.full(len(totals), np.nan)
    np.divide(hits, totals, out=found, where=totals > 0)
    return found
