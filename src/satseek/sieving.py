"""Groups and vectors, best first → which are kept: one of each group, none too much like another.

Does not know what they stand for, nor how many are wanted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from satseek.types import Vectors

SPARE = 4
"""Times as many are looked at as are wanted where some will be left out, and in each further round:
a season of scenes shows a place some times. From ten hits to ten thousand are five rounds."""

_MORE = 1.5
"""Times as many as should suffice, by the share that was kept so far."""


class Sieve:
    """Takes chips, best first, and tells which of them are kept."""

    def __init__(self, *, duplicate_cosine: float | None) -> None:
        """Keep nothing yet.

        Args:
            duplicate_cosine: Cosine with a kept chip from which another is left out; None: none is.
        """
        self._bound = None if duplicate_cosine is None else np.float32(duplicate_cosine)
        self._groups: set[Hashable] = set()
        self._kept: list[NDArray[np.float64]] = []

    def passing(self, groups: Sequence[Hashable], vectors: Vectors | None) -> NDArray[np.bool_]:
        """Mark the chips that are kept, shape (n,).

        Args:
            groups: What each belongs to, of which one is kept; None: it stands for itself.
            vectors: float32 (n, dim); None: near-duplicates are kept.
        """
        passes = np.zeros(len(groups), dtype=np.bool_)
        units = None if vectors is None else _units(vectors)
        near = passes.copy() if units is None else self._near(units)
        for at, group in enumerate(groups):
            if near[at] or (group is not None and group in self._groups):
                continue
            passes[at] = True
            if group is not None:
                self._groups.add(group)
            if units is not None:
                near[at + 1 :] |= self._alike(np.vecdot(units[at + 1 :], units[at]))
        if units is not None:
            self._kept.append(units[passes])
        return passes

    def _near(self, units: NDArray[np.float64]) -> NDArray[np.bool_]:
        near = np.zeros(len(units), dtype=np.bool_)
        for kept in self._kept:
            if len(kept):
                near |= self._alike(units @ kept.T).any(axis=1)
        return near

    def _alike(self, cosines: NDArray[np.float64]) -> NDArray[np.bool_]:
        """At float32, as cosines are told: of two equal vectors it is 1 to the bit."""
        assert self._bound is not None
        alike: NDArray[np.bool_] = cosines.astype(np.float32) >= self._bound
        return alike


def deeper(depth: int, *, kept: int, wanted: int, most: int) -> int:
    """Tell how many to look at next, where so many were kept of a depth; ``most`` at most."""
    enough = math.ceil(_MORE * depth * wanted / max(kept, 1))
    return min(max(SPARE * depth, enough), most)


def _units(vectors: Vectors) -> NDArray[np.float64]:
    values = vectors.astype(np.float64)
    return np.asarray(values / np.sqrt(np.vecdot(values, values))[:, None])
