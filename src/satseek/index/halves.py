"""Unit vectors → half-precision numbers as stored, and back.

Does not know files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from satseek.errors import DamagedData

if TYPE_CHECKING:
    from satseek.types import Vectors

Halves: TypeAlias = NDArray[np.float16]
"""float16, shape (n, dim): vectors as stored."""

_KEPT_BITS = np.uint32(0x8FFFE000).view(np.int32)
"""Sign, five exponent and ten mantissa bits of a half, at their place in a float32."""

_BIAS = np.float32(2.0**112)
"""Between the exponent biases of float32 (127) and float16 (15), IEEE 754."""

LENGTH_TOLERANCE = 2.0**-9
"""Farthest that rounding to halves moves a unit vector's length, four times over."""


def to_halves(vectors: Vectors) -> Halves:
    """Round unit vectors to half precision."""
    return vectors.astype(np.float16)


def from_halves(halves: Halves) -> NDArray[np.float32]:
    """Widen finite halves to float32, exactly, four times as fast as ``astype``."""
    bits = np.ascontiguousarray(halves).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= _KEPT_BITS
    values = bits.view(np.float32)
    values *= _BIAS
    return values


def check_units(stored: NDArray[np.float32], *, source: str) -> NDArray[np.float64]:
    """Give the lengths of stored vectors.

    Raises:
        DamagedData: One of them never was a unit vector.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", stored, stored, dtype=np.float64))
    if not bool((np.abs(lengths - 1) <= LENGTH_TOLERANCE).all()):
        worst = lengths[np.abs(lengths - 1).argmax()]
        message = f"{source}: expected vectors of length 1, came {worst:g}; verify the collection"
        raise DamagedData(message)
    return np.asarray(lengths, dtype=np.float64)


def unit(stored: NDArray[np.float32], *, source: str) -> Vectors:
    """Give stored vectors at exact unit length.

    Raises:
        DamagedData: One of them never was a unit vector.
    """
    lengths = check_units(stored, source=source)
    return np.asarray(stored / lengths[:, None], dtype=np.float32)
