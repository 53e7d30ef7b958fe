"""A band that says what every pixel is → where clouds hid the ground.

Does not know files or stretches. What is covered counts as not measured.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from satseek.imagery.sensors import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.imagery._sources import BandLayout
    from satseek.types import Valid

Mask: TypeAlias = Literal["scl", "qa_pixel", "qa60"]
"""Bands that tell clouds, as their names are compared. Collection 1's ``pixel_qa`` has other bits
than Landsat's ``qa_pixel`` and is none."""

SCL_COVERED = (0, 1, 3, 8, 9, 10)
"""Classes of Sentinel-2's scene classification that do not show the ground: no data, saturated or
defective, cloud shadow, cloud of medium and of high probability, thin cirrus (ESA, Sentinel-2
Level-2A Algorithm Theoretical Basis Document, scene classification; 2 is dark, 11 is snow)."""

QA_COVERED_BITS = (0, 1, 2, 3, 4)
"""Bits of Landsat Collection 2's QA_PIXEL: fill, dilated cloud, cirrus, cloud, cloud shadow (USGS,
Landsat 8-9 Collection 2 Level 2 Science Product Guide, table of QA_PIXEL; 5 is snow)."""

QA60_COVERED_BITS = (10, 11)
"""Bits of QA60, as the Earth Engine catalogue has it with COPERNICUS/S2: opaque clouds, cirrus."""


def mask_band(layout: BandLayout, mask: Literal["none", "scl", "qa_pixel"]) -> int:
    """Find the 1-based band that holds a mask; 0: none is asked for, or the scene has none."""
    names = [plain(text) for text in layout.descriptions]
    return names.index(mask) + 1 if mask in names and mask != "none" else 0


def telling_band(layout: BandLayout) -> tuple[int, Mask]:
    """Find the 1-based band that tells clouds, whichever it is, and which; 0: there is none."""
    names = [plain(text) for text in layout.descriptions]
    found = ((names.index(mask) + 1, mask) for mask in get_args(Mask) if mask in names)
    return next(found, (0, "scl"))


def uncovered(values: NDArray[Any], mask: Mask | Literal["none"]) -> Valid:
    """Where the ground is seen.

    Args:
        values: Integers of the band, shape (h, w), of any type; what lies outside 0–65535, or is
            no number, is covered.
        mask: Which band it is.
    """
    table = _table(mask)
    numbers = np.nan_to_num(values, nan=-1).astype(np.int64)
    inside = (numbers >= 0) & (numbers < len(table))
    seen: Valid = table[np.where(inside, numbers, 0)] & inside
    return seen


@lru_cache
def _table(mask: str) -> Valid:
    """True by value where the ground is seen, for all 16-bit values."""
    numbers = np.arange(2**16)
    if mask == "scl":
        return ~np.isin(numbers, SCL_COVERED)
    bits = {"qa_pixel": QA_COVERED_BITS, "qa60": QA60_COVERED_BITS}.get(mask)
    if bits is not None:
        covered = sum(1 << bit for bit in bits)
        return np.asarray((numbers & covered) == 0)
    return np.ones(len(numbers), bool)
