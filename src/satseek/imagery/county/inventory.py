"""Names the land covers and the objects of a county, and the random streams that draw them.

It does not know where anything lies.
"""

from __future__ import annotations

from typing import Final, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]
"""Positions, shape (n, 2), as (x, y) in pixels; y grows southwards."""

Colour: TypeAlias = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

GENERATOR_VERSION: Final = 1
"""Raised whenever the same seed no longer gives the same pixels."""

PIXEL_SIZE_M: Final = 1.0
"""Metres per pixel: a 256-pixel chip shows a street, an apron or a field whole."""

CELLS: Final = 32
"""A county is planned on 32 x 32 cells (256 m each in a county of 8192 pixels)."""

COVERS: Final = (
    "farmland",
    "forest",
    "meadow",
    "river",
    "lake",
    "sea",
    "beach",
    "road",
    "interchange",
    "bridge",
    "dense_housing",
    "sparse_housing",
    "industrial",
    "storage_tanks",
    "airport",
    "harbour",
    "quarry",
    "solar_farm",
    "parking",
    "bare_land",
    "mine",
    "flooded_fields",
)
"""Every place of a county has exactly one of these; its code is its position here."""

CODES: Final = {name: code for code, name in enumerate(COVERS)}
"""Land cover name -> code in the cover raster."""

OBJECTS: Final = (
    "building",
    "plane",
    "ship",
    "storage_tank",
    "truck",
    "swimming_pool",
    "bridge",
)
"""Kinds of single things that the truth lists beside the land cover."""


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Give the random stream of one layer, independent of every other layer's."""
    keys = [name if isinstance(name, int) else crc32(name.encode()) for name in names]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *keys])))
