"""A band that says what every pixel is → where clouds hid the ground.

Does not know files or stretches. What is covered counts as not measured.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from satseek.imagery.sensors import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.imagery._sources import BandLayout
    from satseek.types import Valid

SCL_COVERED = (0, 1, 3, 8, 9, 10)
"""Classes of Sentinel-2's scene classification that do not show the ground: no data, saturated or
defective, cloud shadow, cloud of medium and of high probability, thin cirrus (ESA, Sentinel-2
Level-2A Algorithm Theoretical Basis Document, scene classification; 2 is dark, 11 is snow)."""

QA_COVERED_BITS = (0, 1, 2, 3, 4)
"""Bits of Landsat Collection 2's QA_PIXEL: fill, dilated cloud, cirrus, cloud, cloud shadow (USGS,
Landsat 8-9 Collection 2 Level 2 Science Product Guide, table of QA_PIXEL; 5 is snow)."""

_NAMES = {"scl": "scl", "qa_pixel": "qa_pixel"}
"""Name of the band that holds a mask, as it is compared; Collection 1's ``pixel_qa`` has other
bits and is none."""


def mask_band(layout: BandLayout, mask: Literal["none", "scl", "qa_pixel"]) -> int:
    """Find the 1-based band that holds a mask; 0: none is asked for, or the scene has none."""
    wanted = _NAMES.get(mask)
    names = [plain(text) for text in layout.descriptions]
    return names.index(wanted) + 1 if wanted in names else 0


def uncovered(values: NDArray[Any], mask: Literal["none", "scl", "qa_pixel"]) -> Valid:
    """Where the ground is seen.

    Args:
        values: Integers of the band, shape (h, w); what lies outside 0–65535 is covered.
        mask: Which band it is.
    """
    table = _table(mask)
    numbers = values.astype(np.int64)
    inside = (numbers >= 0) & (numbers < len(table))
    seen: Valid = table[np.where(inside, numbers, 0)] & inside
    return seen


@lru_cache
def _table(mask: str) -> Valid:
    """True by value where the ground is seen, for all 16-bit values."""
    numbers = np.arange(2**16)
    if mask == "scl":
        return ~np.isin(numbers, SCL_COVERED)
    if mask == "qa_pixel":
        covered = sum(1 << bit for bit in QA_COVERED_BITS)
        return np.asarray((numbers & covered) == 0)
    return np.ones(len(numbers), bool)
