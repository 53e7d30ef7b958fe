"""An image of the ground around a finding → the same, with the finding's outline drawn on it.

Knows neither pages nor how images are kept. Whoever compares two dates must know what is to be
compared: the same line lies on both.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from PIL import Image as Pillow
from PIL import ImageDraw

from satseek.monitor.reports.digesting import digest_of_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.monitor.reports.blocks import Image
    from satseek.types import BBox, GeoJSON, Pixels

LINE = (255, 214, 10)
"""A yellow that neither vegetation nor soil, water or roofs have."""

CASING = (20, 20, 20)
"""On either side of the line, so that it is seen on bright ground, too."""

_THIN = 160
"""Edge of an image for a pixel of the line."""


def outlined(image: Image, *, footprint: GeoJSON, bounds: BBox) -> Image:
    """Draw an outline on an image when it is read.

    Args:
        image: North up, in Web Mercator.
        footprint: GeoJSON (Multi)Polygon on WGS 84.
        bounds: West, south, east, north of the image in degrees.
    """

    def read() -> Pixels | None:
        pixels = image.read()
        return None if pixels is None else _drawn(pixels, footprint, bounds)

    line = digest_of_inputs(footprint, bounds)
    return replace(image, identity=f"{image.identity}+outline:{line}", read=read)


def _drawn(pixels: Pixels, footprint: GeoJSON, bounds: BBox) -> Pixels:
    shown = Pillow.fromarray(pixels)
    draw = ImageDraw.Draw(shown)
    width = max(1, round(max(shown.size) / _THIN))
    lines = [_on_image(ring, bounds, shown.size) for ring in _rings(footprint)]
    for colour, wide in ((CASING, width + 2), (LINE, width)):
        for line in lines:
            draw.line(line, fill=colour, width=wide, joint="curve")
    return np.asarray(shown)


def _rings(footprint: GeoJSON) -> list[NDArray[np.float64]]:
    parts = shapely.get_parts(shapely.from_geojson(json.dumps(footprint)))
    return [shapely.get_coordinates(ring) for ring in shapely.get_rings(parts)]


def _on_image(
    ring: NDArray[np.float64], bounds: BBox, size: tuple[int, int]
) -> list[tuple[float, float]]:
    west, south, east, north = bounds
    top, bottom = _northing(north), _northing(south)
    xs = (ring[:, 0] - west) / (east - west) * size[0]
    ys = [(top - _northing(lat)) / (top - bottom) * size[1] for lat in ring[:, 1].tolist()]
    return list(zip(xs.tolist(), ys, strict=True))


def _northing(lat: float) -> float:
    """Mercator's, on a sphere of radius one (EPSG:3857)."""
    return math.asinh(math.tan(math.radians(lat)))
