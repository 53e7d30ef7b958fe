"""Boxes as standards give them → areas that an index can be asked for, and back.

Knows degrees on WGS 84 alone; other CRSs are turned into them before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import shape as shape_in

from satseek.errors import InvalidFilter
from satseek.index.filters import bbox_area, check_area

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import BBox, GeoJSON

_FLAT, _DEEP = 4, 6
"""Numbers of a box without and with heights, which are passed over."""

_POINT_DEGREES = 1e-7
"""What a box without width or height is widened by: 1 cm, as fine as footprints are."""

_WHOLE_DEGREES = 360.0
_MERIDIAN = 180.0
_POLE = 90.0


def read_box(numbers: Sequence[Any]) -> BBox:
    """Read west, south, east, north; heights between them are passed over.

    Raises:
        InvalidFilter: not four or six finite numbers, or its south above its north.
    """
    plain = all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    if not plain or len(numbers) not in {_FLAT, _DEEP} or not all(map(math.isfinite, numbers)):
        came = ",".join(map(str, numbers))[:80]
        raise InvalidFilter(f"bbox: expected four numbers west,south,east,north, came {came!r}")
    half = len(numbers) // 2
    west, south, east, north = (float(numbers[at]) for at in (0, 1, half, half + 1))
    if south > north:
        raise InvalidFilter(f"bbox: expected south below north, came {south:g} and {north:g}")
    return west, south, east, north


def split_numbers(text: str) -> list[float]:
    """Read numbers with commas between them; raises InvalidFilter."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        message = f"bbox: expected numbers west,south,east,north, came {text[:80]!r}"
        raise InvalidFilter(message) from error


def box_area(box: BBox) -> GeoJSON:
    """Make the area of a box: west above east crosses the antimeridian.

    Longitudes beyond ±180, as maps that repeat the world give them, are wrapped.

    Raises:
        InvalidFilter: it lies off the globe.
    """
    west, south, east, north = box
    south, north = max(south, -_POLE), min(north, _POLE)
    if south > north:
        raise InvalidFilter(f"bbox: expected latitudes within ±90, came {box[1]:g} and {box[3]:g}")
    if south == north:
        south, north = max(south - _POINT_DEGREES, -_POLE), min(north + _POINT_DEGREES, _POLE)
    if west > east:
        return bbox_area(west, south, east, north)
    if east - west >= _WHOLE_DEGREES:
        return bbox_area(-_MERIDIAN, south, _MERIDIAN, north)
    if west == east:
        west, east = west - _POINT_DEGREES, east + _POINT_DEGREES
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return check_area({"type": "Polygon", "coordinates": [ring]})


def box_around(geometry: GeoJSON) -> BBox:
    """Give the box around a geometry; one split at the antimeridian has west above east (RFC 7946).

    The box of one that reaches around the Earth is the whole width.
    """
    parts = shapely.bounds(shapely.get_parts(shape_in(geometry)))
    west, south = parts[:, 0].min(), parts[:, 1].min()
    east, north = parts[:, 2].max(), parts[:, 3].max()
    split = len(parts) > 1 and west == -_MERIDIAN and east == _MERIDIAN
    if split and not (parts[:, 2] - parts[:, 0] >= _MERIDIAN).any():
        west, east = parts[parts[:, 0] >= 0, 0].min(), parts[parts[:, 2] <= 0, 2].max()
    return float(west), float(south), float(east), float(north)
