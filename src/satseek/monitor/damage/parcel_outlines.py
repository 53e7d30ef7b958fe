"""Outlines of parcels as files have them → sound ones on Earth, and which lie on the same ground.

Does not know whose they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import shapely
from shapely.validation import explain_validity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Shapes: TypeAlias = "Sequence[shapely.Geometry | None] | NDArray[np.object_]"

SAME_GROUND = 0.9
"""Common area over joint area from which two parcels are told to lie on the same ground: outlines
drawn twice by hand differ by some metres, 5 % of a field of a hectare."""

_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
_LONGITUDES, _LATITUDES = 180.0, 90.0


def sound(shape: shapely.Geometry | None) -> tuple[shapely.Geometry | None, str]:
    """Give a sound polygon of an outline, and what was wrong with it; None: nothing to be had.

    Heights are dropped. Rings run counterclockwise outside (RFC 7946).
    """
    if shape is None or shape.is_empty:
        return None, "no outline"
    flat = shapely.force_2d(shape)
    if odd := _misplaced(flat):
        return None, odd
    reason = "" if flat.is_valid else f"outline repaired: {explain_validity(flat)}"
    polygons = _polygons(flat if flat.is_valid else shapely.make_valid(flat))
    if polygons is None or polygons.area <= 0:
        return None, f"outline without any area: {explain_validity(flat)}"
    return shapely.orient_polygons(polygons), reason


def _misplaced(shape: shapely.Geometry) -> str:
    """Say why an outline is none on Earth; empty: it is one."""
    west, south, east, north = shape.bounds
    if not (abs(west) <= _LONGITUDES and abs(east) <= _LONGITUDES):
        return f"longitudes {west:g} to {east:g} are none; tell its CRS"
    if not (abs(south) <= _LATITUDES and abs(north) <= _LATITUDES):
        return f"latitudes {south:g} to {north:g} are none; tell its CRS"
    if shapely.get_type_id(shape) not in _POLYGONS:
        return f"expected a polygon, came a {shape.geom_type}"
    widest = max(float(np.ptp(shapely.bounds(one)[::2])) for one in shapely.get_parts(shape))
    if widest > _LONGITUDES:
        return (
            f"an outline {widest:.0f} degrees wide; cut it in two at the antimeridian (RFC 7946, "
            "3.1.9)"
        )
    return ""


def _polygons(shape: shapely.Geometry) -> shapely.Geometry | None:
    """Give what of a shape is polygons."""
    parts = shapely.get_parts(np.array([shape], dtype=object))
    parts = shapely.get_parts(parts)  # a collection may hold multipolygons
    kept = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    if not len(kept):
        return None
    return kept[0] if len(kept) == 1 else shapely.MultiPolygon(list(kept))


def alike(shapes: Shapes) -> dict[int, list[int]]:
    """Find outlines on the same ground: of each, by its place, the earlier ones."""
    given = column_of(shapes)
    one, other = shapely.STRtree(given).query(given, predicate="intersects")
    later, earlier = one[other < one], other[other < one]
    same = _common(given[later], given[earlier]) >= SAME_GROUND
    found: dict[int, list[int]] = {}
    for at, before in zip(later[same].tolist(), earlier[same].tolist(), strict=True):
        found.setdefault(at, []).append(before)
    return found


def column_of(shapes: Shapes) -> NDArray[np.object_]:
    """Give shapes as an array, shape (n,)."""
    found = np.empty(len(shapes), dtype=object)
    found[:] = shapes
    return found


def _common(some: NDArray[np.object_], others: NDArray[np.object_]) -> NDArray[np.float64]:
    """Common area over joint area of each of some shapes with one of others, 0–1."""
    both = shapely.area(shapely.intersection(some, others))
    return np.asarray(both / (shapely.area(some) + shapely.area(others) - both))
