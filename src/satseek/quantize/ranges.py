"""Turns the values that pass through a tensor into the range that 8 bits should cover.

Does not know towers or layers: arrays in, two numbers out, in bounded memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from satseek.quantize.rounding import LEVELS, Range

if TYPE_CHECKING:
    from numpy.typing import NDArray

Method = Literal["minmax", "99.999", "99.99", "99.9", "mse"]

METHODS: tuple[Method, ...] = ("minmax", "99.999", "99.99", "99.9", "mse")
"""Ways to choose a range: everything seen, the middle so many percent, least squared error."""

BINS = 4096
"""Of a histogram; a 16th of the width of one 8-bit step where the range is full."""

_GRID = 33
"""Shrunken ends tried each way for the least squared error."""


class Histogram:
    """How often which value came, without keeping values; its span doubles when one falls out."""

    def __init__(self) -> None:
        self.low = np.inf
        self.high = -np.inf
        self.peaks: NDArray[np.float32] | None = None
        self.rows = 0
        self._limit = 0.0
        self._counts = np.zeros(BINS, np.int64)

    def add(self, values: NDArray[np.float32]) -> None:
        """Count an array whose last axis is channels."""
        peaks = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
        self.rows += values.size // values.shape[-1]
        self.peaks = peaks if self.peaks is None else np.maximum(self.peaks, peaks)
        self.low, self.high = (
            min(self.low, float(values.min())),
            max(self.high, float(values.max())),
        )
        self._widen(float(peaks.max()))
        at = np.ravel(values) * np.float32(BINS / 2 / self._limit)
        at += np.float32(BINS / 2)
        places = np.minimum(at.astype(np.int32), BINS - 1)
        self._counts += np.bincount(places, minlength=BINS)

    def range(self, method: Method) -> Range:
        """The range by one method."""
        if method == "minmax":
            return Range(low=self.low, high=self.high)
        if method == "mse":
            return self._least_error()
        return self._middle(float(method) / 100)

    def _widen(self, peak: float) -> None:
        if self._limit == 0:
            self._limit = max(peak, 1e-6)
        while peak > self._limit:
            pairs = self._counts.reshape(-1, 2).sum(axis=1)  # (BINS / 2,)
            self._counts = np.zeros(BINS, np.int64)
            self._counts[BINS // 4 : BINS // 4 + BINS // 2] = pairs
            self._limit *= 2

    def _edges(self) -> NDArray[np.float64]:
        return np.linspace(-self._limit, self._limit, BINS + 1)

    def _middle(self, share: float) -> Range:
        """Leave out half of the rest at each end."""
        cumulated = np.cumsum(self._counts) / self._counts.sum()
        rest, edges = (1 - share) / 2, self._edges()
        low = edges[int(np.searchsorted(cumulated, rest, side="right"))]
        high = edges[int(np.searchsorted(cumulated, 1 - rest)) + 1]
        return Range(low=max(float(low), self.low), high=min(float(high), self.high))

    def _least_error(self) -> Range:
        """Ends whose rounding inside and clipping outside sum to the least squared error."""
        centres = (self._edges()[1:] + self._edges()[:-1]) / 2
        used = self._counts > 0
        centres, counts = centres[used], self._counts[used].astype(np.float64)
        best, least = Range(low=self.low, high=self.high), np.inf
        for low in _shrunken(min(self.low, 0.0)):
            for high in _shrunken(max(self.high, 0.0)):
                beyond = centres - np.clip(centres, low, high)
                inside = counts[beyond == 0].sum() * ((high - low) / LEVELS) ** 2 / 12
                error = inside + float(counts @ beyond**2)
                if error < least:
                    best, least = Range(low=low, high=high), error
        return best


def _shrunken(end: float) -> list[float]:
    """A range's end and shorter ones, down to a tenth; only itself where it is 0."""
    return [end * share for share in np.geomspace(1, 0.1, _GRID).tolist()] if end else [0.0]
