"""Counts of a stratified sample → a share or a ratio, how far off it may be, between which ends.

Does not know classes, maps or areas: a stratum here is a weight, a number of places and a number of
hits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from satseek.evaluate.intervals import Z95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

Interval: TypeAlias = Literal["wald", "wilson"]
"""How a 95 % confidence interval is made. ``wald``: 1.96 standard errors to either side, as in
Olofsson et al. (2014); it misses what is rare in a large stratum, where a sample that saw none of
it claims to be certain. ``wilson``: each stratum's own score interval (Wilson 1927), put together
as in Zou, Huang & Zhang (2009), Computational Statistics & Data Analysis 53, 1080–1085; the same
for large samples, sound for small ones. How often both hold: docs/concepts/areas.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure from a sample, with what it may be off by."""

    value: float
    """The estimate."""
    standard_error: float | None
    """In the same unit; None: a stratum has one judged place, from which there is no telling."""
    low: float
    """Lower end of the 95 % confidence interval."""
    high: float
    """Upper end."""

    def scaled(self, factor: float) -> Estimate:
        """Give it in another unit."""
        error = self.standard_error
        return Estimate(
            value=self.value * factor,
            standard_error=None if error is None else error * factor,
            low=self.low * factor,
            high=self.high * factor,
        )

    @property
    def margin(self) -> float:
        """Half of the interval: what is written behind ±."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strata:
    """How a stratified sample was drawn."""

    weights: Floats
    """Shape (strata,): share of the area; sums to 1."""
    places: Integers
    """Shape (strata,): places judged, at least one each."""
    left: Floats
    """Shape (strata,): share of the stratum's cells that were not judged, 0–1; 1 where points were
    drawn. The finite population correction."""


def share_of(strata: Strata, hits: Integers, *, interval: Interval) -> Estimate:
    """Estimate the share of the area that is so (Olofsson et al. 2014, equations 8–10).

    Args:
        strata: How the sample was drawn.
        hits: Shape (strata,): places that are so.
        interval: How the interval is made.
    """
    shares = hits / strata.places
    value = float(strata.weights @ shares)
    spread = _variances(strata, hits, hits, hits)
    error = _error(strata, strata.weights**2 * spread)
    if interval == "wald":
        return _wald(value, error)
    lows, highs = _wilson(shares, strata)
    low = value - math.sqrt(float(((strata.weights * (shares - lows)) ** 2).sum()))
    high = value + math.sqrt(float(((strata.weights * (highs - shares)) ** 2).sum()))
    return Estimate(value=value, standard_error=error, low=max(low, 0.0), high=min(high, 1.0))


def ratio_of(
    strata: Strata, hits: Integers, among: Integers, *, interval: Interval
) -> Estimate | None:
    """Estimate which share of what is so is also otherwise so: an accuracy of one class.

    Stehman (2014), equations 27 and 28, a ratio of two shares; where the strata are the map's
    classes it is Olofsson et al. (2014), equations 2, 3, 6 and 7.

    Args:
        strata: How the sample was drawn.
        hits: Shape (strata,): places that are both.
        among: Shape (strata,): places among which those are.
        interval: How the interval is made.

    Returns:
        None where the sample has no place among which to look.
    """
    whole = float(strata.weights @ (among / strata.places))
    if whole == 0.0:
        return None
    value = float(strata.weights @ (hits / strata.places)) / whole
    spread = (
        _variances(strata, hits, hits, hits)
        + value**2 * _variances(strata, among, among, among)
        - 2 * value * _variances(strata, hits, among, hits)
    )
    error = _error(strata, strata.weights**2 * np.maximum(spread, 0.0) / whole**2)
    if interval == "wald":
        return _wald(value, error)
    low, high = value, value
    if (strata.left > 0).any():
        low, high = _score_ratio(value, error, int(among.sum()))
    return Estimate(value=value, standard_error=error, low=low, high=high)


def _variances(strata: Strata, one: Integers, other: Integers, both: Integers) -> Floats:
    """Variance of a stratum's mean (covariance of two), from counts of zeros and ones.

    (1 − n/N) · s² / n with s² = n / (n − 1) · (mean of the product − product of the means).
    """
    places = strata.places
    apart = both / places - (one / places) * (other / places)
    return np.asarray(strata.left * apart / np.maximum(places - 1, 1), dtype=np.float64)


def _error(strata: Strata, parts: Floats) -> float | None:
    """Put a standard error together; None where a stratum has a single place of several."""
    if bool(((strata.places == 1) & (strata.left > 0)).any()):
        return None
    return math.sqrt(float(parts.sum()))


def _wald(value: float, error: float | None) -> Estimate:
    assert error is not None  # single places are refused before
    reach = Z95 * error
    return Estimate(value=value, standard_error=error, low=value - reach, high=value + reach)


def _wilson(shares: Floats, strata: Strata) -> tuple[Floats, Floats]:
    """Score interval of each stratum's share; a stratum judged as a whole has none."""
    with np.errstate(divide="ignore"):
        places = np.where(strata.left > 0, strata.places / strata.left, np.inf)
    return score_interval(shares, places)


def score_interval(shares: Floats, places: Floats) -> tuple[Floats, Floats]:
    """Lower and upper ends of 95 % score intervals (Wilson 1927).

    Args:
        shares: Shape (n,), 0–1.
        places: Shape (n,): trials behind each, any positive number; infinite: certain.
    """
    squared = Z95**2
    with np.errstate(invalid="ignore"):
        middle = (shares + squared / (2 * places)) / (1 + squared / places)
        spread = np.sqrt(shares * (1 - shares) / places + squared / (4 * places**2))
    half = Z95 * spread / (1 + squared / places)
    # rounding may put an end a hair to the wrong side of the share
    lows, highs = np.minimum(middle - half, shares), np.maximum(middle + half, shares)
    return np.maximum(lows, 0.0), np.minimum(highs, 1.0)


def _score_ratio(value: float, error: float | None, seen: int) -> tuple[float, float]:
    """Score interval with as many trials as would give that standard error.

    Kott & Carr (1997), Survey Methodology 23, 179–187. Where nothing varied, or there is no
    telling, as many trials are taken as places were seen.
    """
    between = value * (1 - value)
    trials = between / error**2 if error and between > 0 else float(seen)
    low, high = score_interval(np.array([value]), np.array([trials]))
    return float(low[0]), float(high[0])
