"""Changes of the cells of one pair of scenes → what unchanged cells do, and percentiles against it.

Does not know where cells lie, nor how their changes were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.monitor.change.shift import FEWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Vectors

    Floats = NDArray[np.float64]

NORMAL_MAD = 1.4826
"""Standard deviations in a median absolute deviation of a normal law: 1 / 0.6745."""

ROUNDING = 5e-4
"""Distance of two equal unit vectors that were kept at half precision, at most: 2⁻¹¹ of each number
on either side."""

LEAST_SPREAD = 0.05
"""Least standard deviation, as a share of the middle or of the floor: changes within 5 % of one
another are equal."""

UPPER = 0.8
"""Quantile of the changes from which their spread is told: a higher one is among the changed cells
where a fifth has changed, a lower one too near the middle to say how far unchanged fields go."""

UPPER_DEVIATIONS = 0.8416
"""Standard deviations between the median and that quantile of a normal law."""

ALIKE_QUANTILE = 0.9
"""Quantile, 0–1, of the distances between most alike places that is the floor. What is found in the
made-up county is the same with 0.5, and pairs without change are quieter with this one."""

_ALIKE_SAMPLE = 1_000
"""Cells whose most alike other cell is looked for, among at most…"""

_ALIKE_AMONG = 4_000
"""…so many: 16 MB of cosines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """How much unchanged cells change between two dates: the upper half of a normal law."""

    middle: float
    """Change that half of the unchanged cells stay below; positive."""
    spread: float
    """Standard deviation of the changes above it; positive."""
    floor: float
    """How much two different places differ that look most alike: a smaller step is no change,
    however quiet the other cells are."""
    cells: int
    """Cells it was estimated from."""

    def __post_init__(self) -> None:
        """Refuse a background that cannot be.

        Raises:
            InvalidRequest: ``middle`` or ``spread`` is not positive.
        """
        if not (0 < self.middle < np.inf and 0 < self.spread < np.inf):
            raise InvalidRequest(
                f"background: expected a positive middle and spread, came {self.middle} and "
                f"{self.spread}"
            )

    def deviations(self, changes: Floats) -> NDArray[np.float32]:
        """Give changes in robust deviations above the middle, shape (n,).

        They fall off steeply below the floor: by `LEAST_SPREAD`.
        """
        usual = (changes - self.middle) / self.spread
        floor = max(self.floor, ROUNDING)
        alike = (changes - floor) / (LEAST_SPREAD * floor)
        return np.minimum(usual, alike).astype(np.float32)


def fit_background(changes: Floats, *, floor: float) -> Background | None:
    """Estimate what unchanged cells do, by the median and an upper quantile of all cells.

    Where some have changed, both are too large rather than too small, most of all where more than
    a fifth has: changes are missed then rather than invented. The lower half is not asked: water
    and forest hardly change at all, so that it says nothing of how far fields may go.

    Args:
        changes: Shape (n,), 0 or more: of all cells, changed or not.
        floor: Least change that can be one; see ``alikeness``.

    Returns:
        None of fewer than `FEWEST` cells: nobody can say what is usual among them.
    """
    if changes.size < FEWEST:
        return None
    middle, upper = np.quantile(changes, [0.5, UPPER])
    middle = max(float(middle), ROUNDING)
    spread = max((float(upper) - middle) / UPPER_DEVIATIONS, LEAST_SPREAD * middle)
    return Background(middle=middle, spread=spread, floor=floor, cells=int(changes.size))


def find_alike(vectors: Vectors) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find for a sample of cells the other cell that looks most like each: two of shape (k,).

    Both are empty where there is one cell at most.
    """
    drawn = np.random.default_rng(0).permutation(len(vectors))
    among = drawn[:_ALIKE_AMONG]
    asked = among[:_ALIKE_SAMPLE]
    if among.size <= 1:
        return asked[:0], among[:0]
    cosines = vectors[asked] @ vectors[among].T
    cosines[np.arange(asked.size), np.arange(asked.size)] = -np.inf
    return asked, among[cosines.argmax(axis=1)]


def alikeness(vectors: Vectors, *, along: NDArray[np.float64] | None = None) -> float:
    """Tell how much different places of one date differ that look most alike; 0 of one place.

    Args:
        vectors: float32, shape (n, dim), unit rows.
        along: Orthonormal directions in which changes are measured, (dim, directions); None: all.
    """
    one, other = find_alike(vectors)
    if not one.size:
        return 0.0
    steps = vectors[one] - vectors[other]
    distances = np.linalg.norm(steps if along is None else steps @ along, axis=1)
    return float(np.quantile(distances, ALIKE_QUANTILE))


def percentiles(deviations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn robust deviations into percent of unchanged cells below, 0–100; NaN stays."""
    found = [_normal_percent(one) for one in deviations.ravel().tolist()]
    return np.array(found, dtype=np.float32).reshape(deviations.shape)


def _normal_percent(deviation: float) -> float:
    return 50 * erfc(-deviation / sqrt(2))
