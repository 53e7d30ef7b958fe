"""Zoom, column and row of a web map's tile → the raster on the ground that it shows.

Does not know what is drawn into it. The tiles are those of ``WebMercatorQuad`` (OGC 17-083r4, annex
D.1), which every web map and every GIS knows: zoom 0 is the Earth as one square.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import NotFound
from satseek.imagery.views import View

if TYPE_CHECKING:
    from satseek.types import BBox

CRS = "EPSG:3857"

TILE_PX = 256
"""Edge of a tile in pixels; ``@2x`` has twice as many for the same ground."""

MAX_ZOOM = 24
"""One pixel is a centimetre."""

HALF = math.pi * 6_378_137.0
"""Half the edge of the square in metres: the radius of WGS 84 on a sphere (EPSG:3857)."""

MAX_LATITUDE = math.degrees(2 * math.atan(math.exp(math.pi)) - math.pi / 2)
"""Upper edge of the square, 85.05 degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile of the map."""

    z: int
    """Zoom, from 0."""
    x: int
    """Column from the west, from 0."""
    y: int
    """Row from the north, from 0."""

    def __post_init__(self) -> None:
        """Refuse what is no tile; raises NotFound."""
        if not 0 <= self.z <= MAX_ZOOM:
            raise NotFound(f"no tile at zoom {self.z}: there are 0 to {MAX_ZOOM}")
        last = 2**self.z - 1
        if not (0 <= self.x <= last and 0 <= self.y <= last):
            raise NotFound(
                f"no tile {self.z}/{self.x}/{self.y}: columns and rows go from 0 to {last}"
            )

    def view(self, *, scale: int = 1) -> View:
        """Give the raster that it shows, ``scale`` times `TILE_PX` wide."""
        edge = 2 * HALF / 2**self.z
        pixel = edge / (TILE_PX * scale)
        left, top = self.x * edge - HALF, HALF - self.y * edge
        return View(
            crs=CRS,
            transform=(pixel, 0.0, left, 0.0, -pixel, top),
            width=TILE_PX * scale,
            height=TILE_PX * scale,
        )

    def bbox(self) -> BBox:
        """Give west, south, east, north in degrees on WGS 84."""
        count = 2**self.z
        west, east = (360.0 * column / count - 180.0 for column in (self.x, self.x + 1))
        north, south = (_latitude(row / count) for row in (self.y, self.y + 1))
        return west, south, east, north


def tile_at(longitude: float, latitude: float, zoom: int) -> Tile:
    """Give the tile over a place; beyond ±85 degrees the outermost."""
    count = 2**zoom
    within = math.radians(min(max(latitude, -MAX_LATITUDE), MAX_LATITUDE))
    down = 0.5 - math.asinh(math.tan(within)) / (2 * math.pi)
    column, row = int((longitude + 180.0) / 360.0 * count), int(down * count)
    return Tile(z=zoom, x=min(max(column, 0), count - 1), y=min(max(row, 0), count - 1))


def zoom_of(pixel_m: float, *, latitude: float = 0.0) -> int:
    """Give the least zoom whose pixels are no larger than ``pixel_m`` metres at a latitude."""
    stretched = pixel_m / math.cos(math.radians(min(abs(latitude), MAX_LATITUDE)))
    return min(max(math.ceil(math.log2(2 * HALF / TILE_PX / stretched) - 1e-9), 0), MAX_ZOOM)


def _latitude(down: float) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * down))))
