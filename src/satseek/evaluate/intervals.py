"""Turns counts of right and wrong into intervals: how far a share measured on a sample may be off.

Does not know what was right or wrong. Both intervals take the images as drawn independently; crops
of one scene are not, so that the truth may lie further away than they say.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from satseek.errors import InvalidRequest

Interval: TypeAlias = tuple[float, float]
"""Lower and upper end, 0–1."""

RESAMPLES = 10_000
"""Efron & Tibshirani, An Introduction to the Bootstrap (1993): percentiles want over 1,000."""

Z95 = 1.959964
"""97.5 % point of the normal distribution: two-sided 95 %."""


def bootstrap(right: int, total: int, *, seed: int = 0) -> Interval:
    """95 % percentile-bootstrap interval of ``right / total``.

    Efron & Tibshirani (1993), 13.3. Drawing ``total`` outcomes with replacement among ``right``
    ones and the zeros, and counting the ones, is drawing from a binomial distribution: that is what
    is done here, so that the interval is the usual one at no cost. Where all outcomes are equal
    every resample is too, and Wilson's interval takes its place.

    Raises:
        InvalidRequest: not 0 ≤ right ≤ total, or total is 0.
    """
    _check(right, total)
    if right in {0, total}:
        return wilson(right, total)
    drawn = np.random.default_rng(seed).binomial(total, right / total, RESAMPLES) / total
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def wilson(right: int, total: int) -> Interval:
    """95 % score interval of ``right / total`` (Wilson 1927), sound for few outcomes as well.

    Raises:
        InvalidRequest: not 0 ≤ right ≤ total, or total is 0.
    """
    _check(right, total)
    share, squared = right / total, Z95**2
    middle = (share + squared / (2 * total)) / (1 + squared / total)
    spread = math.sqrt(share * (1 - share) / total + squared / (4 * total**2))
    half = Z95 * spread / (1 + squared / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def _check(right: int, total: int) -> None:
    if total < 1 or not 0 <= right <= total:
        raise InvalidRequest(f"expected 0 to {total} right of at least one, got {right}")
