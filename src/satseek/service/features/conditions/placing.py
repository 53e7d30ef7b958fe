"""Two shapes → how they lie to each other (DE-9IM, as CQL2 names its relations).

Shapes are longitudes and latitudes on WGS 84.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import shapely

from satseek.errors import InvalidFilter
from satseek.service.features.boxes import box_area, read_box

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapely.geometry.base import BaseGeometry

    from satseek.service.features.conditions.compiling import Facts

RELATIONS: Mapping[str, Callable[[BaseGeometry, BaseGeometry], bool]] = {
    "s_contains": shapely.contains,
    "s_crosses": shapely.crosses,
    "s_disjoint": shapely.disjoint,
    "s_equals": shapely.equals,
    "s_intersects": shapely.intersects,
    "s_overlaps": shapely.overlaps,
    "s_touches": shapely.touches,
    "s_within": shapely.within,
}

_MOST_LONGITUDE, _MOST_LATITUDE = 540, 90
"""Maps that repeat the world give longitudes beyond ±180."""


def shape_of(tree: Any) -> Callable[[Facts], BaseGeometry | None]:
    """Make what gives a shape: a property, a box, or GeoJSON.

    Raises:
        InvalidFilter: it is none of them.
    """
    match tree:
        case {"property": str(name)}:
            return lambda facts: found if shapely.is_geometry(found := facts(name)) else None
        case {"bbox": list(numbers)}:
            shape = read_shape(box_area(read_box(numbers)))
        case {"type": str()}:
            shape = read_shape(tree)
        case _:
            raise InvalidFilter(f"filter: expected a place, came {str(tree)[:80]!r}")
    shapely.prepare(shape)
    return lambda _facts: shape


def read_shape(geometry: Any) -> BaseGeometry:
    """Read a GeoJSON geometry of any kind.

    Raises:
        InvalidFilter: it is none, empty, not valid, or off the globe.
    """
    try:
        shape = shapely.from_geojson(json.dumps(geometry, allow_nan=False))
    except (shapely.errors.GEOSException, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InvalidFilter(f"expected a GeoJSON geometry, came {reason}") from error
    if shape is None or shape.is_empty:
        raise InvalidFilter("expected a GeoJSON geometry with coordinates, came an empty one")
    west, south, east, north = shape.bounds
    if max(abs(west), abs(east)) > _MOST_LONGITUDE or max(abs(south), abs(north)) > _MOST_LATITUDE:
        box = f"{west:g},{south:g},{east:g},{north:g}"
        raise InvalidFilter(f"expected degrees on WGS 84, came coordinates within {box}")
    if not shape.is_valid:
        reason = " ".join(str(shapely.is_valid_reason(shape)).split())[:120]
        raise InvalidFilter(f"expected a valid GeoJSON geometry, came one with {reason}")
    return shapely.force_2d(shape)
