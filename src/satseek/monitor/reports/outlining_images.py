"""An image of the ground → the same, with the outline of what it is about drawn on it.

Knows neither pages nor how images are kept. Whoever compares two dates must know what is to be
compared: the same line lies on both.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import shapely
from PIL import Image as Pillow
from PIL import ImageDraw

from satseek.monitor.reports.digesting import digest_of_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from satseek.monitor.reports.blocks import Image
    from satseek.types import BBox, GeoJSON, Pixels

    _Size: TypeAlias = tuple[int, int]
    _Line: TypeAlias = list[tuple[float, float]]

LINE = (255, 214, 10)
"""A yellow that neither vegetation nor soil, water or roofs have."""

CASING = (20, 20, 20)
"""On either side of the line, so that it is seen on bright ground, too."""

_THIN = 160
"""Edge of an image for a pixel of the line."""

_RING: Final = 5
"""Points of a quadrangle's ring: its first is its last."""


def outlined(image: Image, *, footprint: GeoJSON, bounds: BBox) -> Image:
    """Draw an outline on an image when it is read.

    Args:
        image: North up, in Web Mercator.
        footprint: GeoJSON (Multi)Polygon on WGS 84.
        bounds: West, south, east, north of the image in degrees.
    """
    line = digest_of_inputs(footprint, bounds)
    return _with_lines(
        image, line, lambda size: [_on_image(ring, bounds, size) for ring in _rings(footprint)]
    )


def outlined_chip(image: Image, *, outline: GeoJSON, chip: GeoJSON | None) -> Image:
    """Draw an outline on the image of a chip when it is read, as far as it lies on it.

    Args:
        image: Of the chip, upright.
        outline: GeoJSON (Multi)Polygon on WGS 84, such as a parcel.
        chip: Footprint of the chip; where it is no quadrangle, as at the antimeridian, nothing is
            drawn.
    """
    corners = None if chip is None else _corners(chip)
    if corners is None:
        return image
    line = digest_of_inputs(outline, chip)
    return _with_lines(
        image, line, lambda size: [_on_chip(ring, corners, size) for ring in _rings(outline)]
    )


def _with_lines(image: Image, name: str, lines: Callable[[_Size], list[_Line]]) -> Image:
    def read() -> Pixels | None:
        pixels = image.read()
        return None if pixels is None else _drawn(pixels, lines)

    return replace(image, identity=f"{image.identity}+outline:{name}", read=read)


def _drawn(pixels: Pixels, lines_on: Callable[[_Size], list[_Line]]) -> Pixels:
    shown = Pillow.fromarray(pixels)
    draw = ImageDraw.Draw(shown)
    width = max(1, round(max(shown.size) / _THIN))
    lines = lines_on(shown.size)
    for colour, wide in ((CASING, width + 2), (LINE, width)):
        for line in lines:
            draw.line(line, fill=colour, width=wide, joint="curve")
    return np.asarray(shown)


def _rings(footprint: GeoJSON) -> list[NDArray[np.float64]]:
    parts = shapely.get_parts(shapely.from_geojson(json.dumps(footprint)))
    return [shapely.get_coordinates(ring) for ring in shapely.get_rings(parts)]


def _corners(chip: GeoJSON) -> NDArray[np.float64] | None:
    """Give the north-western, north-eastern and south-western corner of a quadrangle, (3, 2)."""
    ring = shapely.get_coordinates(shapely.from_geojson(json.dumps(chip)))
    if chip["type"] != "Polygon" or len(ring) != _RING:
        return None
    points = ring[:-1]
    spans = np.ptp(points, axis=0)
    if not spans.all():
        return None
    east, north = ((points - points.min(axis=0)) / spans).T
    found = [int(one.argmax()) for one in (north - east, north + east, -north - east)]
    return points[found] if len(set(found)) == len(found) else None


def _on_chip(ring: NDArray[np.float64], corners: NDArray[np.float64], size: _Size) -> _Line:
    """Take a chip for a parallelogram in degrees: a kilometre of it is off by less than a pixel."""
    first, right, down = corners
    axes = np.stack([right - first, down - first], axis=1)
    placed = np.linalg.solve(axes, (ring - first).T).T * size
    return [(x, y) for x, y in placed.tolist()]


def _on_image(ring: NDArray[np.float64], bounds: BBox, size: _Size) -> _Line:
    west, south, east, north = bounds
    top, bottom = _northing(north), _northing(south)
    xs = (ring[:, 0] - west) / (east - west) * size[0]
    ys = [(top - _northing(lat)) / (top - bottom) * size[1] for lat in ring[:, 1].tolist()]
    return list(zip(xs.tolist(), ys, strict=True))


def _northing(lat: float) -> float:
    """Mercator's, on a sphere of radius one (EPSG:3857)."""
    return math.asinh(math.tan(math.radians(lat)))
