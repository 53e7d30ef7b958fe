"""Changes of the cells of one pair of scenes → what unchanged cells do, and percentiles against it.

Does not know where cells lie, nor how their changes were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Vectors

    Floats = NDArray[np.float64]

FEWEST = 8
"""Cells from which a background is estimated at all: of fewer, one change moves the median."""

NORMAL_MAD = 1.4826
"""Standard deviations in a median absolute deviation of a normal law: 1 / 0.6745."""

ROUNDING = 5e-4
"""Distance of two equal unit vectors that were kept at half precision, at most: 2⁻¹¹ of each number
on either side."""

LEAST_SPREAD = 0.05
"""Least standard deviation of the logarithm: changes within 5 % of one another are equal."""

ALIKE_QUANTILE = 0.5
"""Quantile, 0–1, of the distances between most alike places that is the floor."""

_ALIKE_SAMPLE = 1_000
"""Cells whose most alike other cell is looked for, among at most…"""

_ALIKE_AMONG = 4_000
"""…so many: 16 MB of cosines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """How much unchanged cells of one pair of scenes change: a normal law of the logarithm."""

    middle: float
    """Change that half of the unchanged cells stay below, or ``floor`` where that is larger."""
    spread: float
    """Standard deviation of the natural logarithm of unchanged cells' changes; positive."""
    floor: float
    """How much two different places differ that look most alike: a smaller step is no change,
    however quiet the other cells are."""
    cells: int
    """Cells it was estimated from."""
    scenes: tuple[str, str] | None = None
    """The pair of scenes: before, after; None: several pairs, each of few cells, share it."""

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
        """Give changes in robust deviations above the middle, shape (n,)."""
        logs = np.log(np.maximum(changes, ROUNDING))
        return np.asarray((logs - log(self.middle)) / self.spread, dtype=np.float32)

    def change_at(self, percentile: float) -> float:
        """Give the change that so many percent of the unchanged cells stay below, 0 < … < 100."""
        low, high = -40.0, 40.0
        for _ in range(64):
            half = (low + high) / 2
            low, high = (half, high) if _normal_percent(half) < percentile else (low, half)
        return self.middle * exp(self.spread * low)


def fit_background(
    changes: Floats, *, floor: float, scenes: tuple[str, str] | None = None
) -> Background | None:
    """Estimate what unchanged cells do, by median and median absolute deviation of the logarithm.

    Both stay put while less than half of the cells have changed, and are too large rather than too
    small for the changed ones among them: a pair is told to be quieter than it is, never louder.

    Args:
        changes: Shape (n,), 0 or more: of all cells of the pair, changed or not.
        floor: Least change that can be one; see ``alikeness``.
        scenes: The pair of scenes, if it is one.

    Returns:
        None of fewer than `FEWEST` cells: nobody can say what is usual among them.
    """
    if changes.size < FEWEST:
        return None
    logs = np.log(np.maximum(changes, ROUNDING))
    middle = float(np.median(logs))
    spread = NORMAL_MAD * float(np.median(np.abs(logs - middle)))
    return Background(
        middle=max(exp(middle), floor, ROUNDING),
        spread=max(spread, LEAST_SPREAD),
        floor=floor,
        cells=int(changes.size),
        scenes=scenes,
    )


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


def alikeness(vectors: Vectors) -> float:
    """Tell how much different places of one date differ that look most alike; 0 of one place."""
    one, other = find_alike(vectors)
    if not one.size:
        return 0.0
    distances = np.linalg.norm(vectors[one] - vectors[other], axis=1)
    return float(np.quantile(distances, ALIKE_QUANTILE))


def percentiles(deviations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn robust deviations into percent of unchanged cells below, 0–100; NaN stays."""
    found = [_normal_percent(one) for one in deviations.ravel().tolist()]
    return np.array(found, dtype=np.float32).reshape(deviations.shape)


def _normal_percent(deviation: float) -> float:
    return 50 * erfc(-deviation / sqrt(2))
