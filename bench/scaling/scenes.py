"""A number of chips → scenes of noise with a place on Earth, quickly made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.transform import from_origin

if TYPE_CHECKING:
    from pathlib import Path

CHIP_PX = 256
"""Edge of a chip, as collections have it unless asked otherwise."""


def make_scenes(folder: Path, *, scenes: int, chips: int) -> None:
    """Write GeoTIFFs of a metre a pixel, side by side, whose edges lie on the grid of chips.

    Args:
        folder: Where.
        scenes: How many.
        chips: Chips in each: the square of a whole number.
    """
    edge = math.isqrt(chips) * CHIP_PX
    folder.mkdir(parents=True)
    for number in range(scenes):
        pixels = np.random.default_rng(number).integers(1, 256, (3, edge, edge), dtype=np.uint8)
        with rasterio.open(
            folder / f"noise-{number:04d}.tif",
            "w",
            driver="GTiff",
            width=edge,
            height=edge,
            count=3,
            dtype="uint8",
            crs="EPSG:32632",
            transform=from_origin(512_000 + number * edge, 5_120_000, 1, 1),
            photometric="RGB",
        ) as raster:
            raster.write(pixels)
