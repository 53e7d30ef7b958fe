"""Turns float arrays into whole numbers and a scale, and floats into shorter floats.

Does not know graphs or towers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHT_LIMIT = 63
"""Largest weight as an integer: 7 bits of sign and size. A processor without VNNI adds pairs of
u8×s8 products in 16 bits: 2 · 255 · 127 overflows there and saturates, 2 · 255 · 63 = 32,130 does
not (Intel, AVX2 ``VPMADDUBSW``), so that one file gives the same vectors everywhere."""

LEVELS = 255
"""Steps of an unsigned 8-bit activation."""

LARGEST_HALF = 65504.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What an activation is clipped to before it becomes 8 bits."""

    low: float
    """Taken as 0 where it is above: zero itself stays exact."""
    high: float
    """Taken as 0 where it is below."""

    def step(self) -> tuple[np.float32, np.uint8]:
        """Scale and zero point of the unsigned 8-bit form."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        scale = np.float32(max((high - low) / LEVELS, 1e-12))
        return scale, np.uint8(np.clip(round(-low / float(scale)), 0, LEVELS))


def integers(
    weight: NDArray[np.float32], *, limit: int = WEIGHT_LIMIT
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers of ±``limit`` and one scale per column: (in, out) and (out,)."""
    scales = np.maximum(np.abs(weight).max(axis=0) / limit, 1e-12).astype(np.float32)
    whole = np.clip(np.rint(weight / scales), -limit, limit).astype(np.int8)
    return whole, scales


def upper_halves(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """bfloat16: the upper half of each float32's bits, rounded to nearest, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_upper_halves(halves: NDArray[np.uint16]) -> NDArray[np.float32]:
    """bfloat16 as float32, exactly."""
    return (halves.astype(np.uint32) << 16).view(np.float32)
