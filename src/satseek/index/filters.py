"""Areas and dates as people give them → a filter to search with, or a refusal on one line.

Does not know any index.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from satseek.errors import InvalidFilter
from satseek.index.attributes import check_attributes
from satseek.index.checkering import Board
from satseek.index.siding import MOST, Sides

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from satseek.types import BBox, Filter, GeoJSON

MAX_WRAP = 540.0
"""Largest longitude taken: maps that repeat the world give up to one turn beyond ±180."""

_MEMBERS = {"FeatureCollection": "features", "GeometryCollection": "geometries"}
_DEEPEST = 2
"""Collections within collections that are looked into."""

_POLE = 90.0
_MERIDIAN = 180.0
_TURN = 360.0

_MANY = 4_000
"""Boxes from which a board is worth its making: some 3 ms, as against 1 µs a box."""

MAX_CROSSING = 180.0
"""Widest box, in degrees, taken as crossing the antimeridian; a wider one has its sides swapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An AOI made ready for many questions."""

    shape: BaseGeometry
    """Prepared polygon or multipolygon on WGS 84."""
    boxes: tuple[BBox, ...]
    """The box of each of its polygons: two small ones where it crosses the antimeridian."""
    plain: bool
    """True where its polygons are their boxes, which are compared without geometry."""

    def touches(self, boxes: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which boxes, shape (n, 4), lie wholly inside, and which touch the area at all."""
        if self.plain:
            return self._compared(boxes)
        sides = Sides(self.shape)
        if len(sides) <= MOST:
            inside, outside = sides.sorted(boxes)
        elif len(boxes) < _MANY:
            return self._asked(boxes)
        else:
            inside, outside = Board(self.shape).sorted(boxes)
        maybe = ~outside
        edge = np.flatnonzero(~(inside | outside))
        inside[edge], maybe[edge] = self._asked(boxes[edge])
        return inside, maybe

    def _asked(self, boxes: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        corners = shapely.box(boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3])
        maybe = shapely.intersects(self.shape, corners)
        inside = np.zeros(len(boxes), dtype=np.bool_)
        inside[maybe] = shapely.covers(self.shape, corners[maybe])
        return inside, maybe

    def _compared(self, boxes: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        inside = np.zeros(len(boxes), dtype=np.bool_)
        maybe = np.zeros(len(boxes), dtype=np.bool_)
        for west, south, east, north in self.boxes:
            low, high = (west, south), (east, north)
            inside |= ((boxes[:, :2] >= low) & (boxes[:, 2:] <= high)).all(axis=1)
            maybe |= ((boxes[:, :2] <= high) & (boxes[:, 2:] >= low)).all(axis=1)
        return inside, maybe

    def meets(self, footprints: list[str]) -> NDArray[np.bool_]:
        """Tell which footprints, GeoJSON texts, share a point with the area."""
        shapes = shapely.from_geojson(np.array(footprints, dtype=np.object_))
        wrong = ~shapely.is_valid(shapes)
        shapes[wrong] = shapely.make_valid(shapes[wrong])
        return np.asarray(shapely.intersects(self.shape, shapes), dtype=np.bool_)


def bbox_area(west: float, south: float, east: float, north: float) -> GeoJSON:
    """Make the area of a box in degrees on WGS 84.

    A west above the east is taken as crossing the antimeridian (RFC 7946, 5.2) where it lies in the
    eastern hemisphere, the east in the western, and the box is at most 180° wide.

    Raises:
        InvalidFilter: Not finite, off the globe, without extent, or inverted.
    """
    sides = (west, south, east, north)
    if not all(math.isfinite(side) for side in sides):
        raise _refused("four finite numbers west,south,east,north", sides)
    if max(abs(west), abs(east)) > _MERIDIAN or max(abs(south), abs(north)) > _POLE:
        raise _refused("degrees within ±180 and ±90 as west,south,east,north", sides)
    if south >= north:
        raise _refused("south below north in west,south,east,north", sides)
    if west < east:
        return _geojson(shapely.box(west, south, east, north))
    if not (west > 0 > east and _TURN + east - west <= MAX_CROSSING):
        raise _refused("west below east in west,south,east,north", sides)
    halves = [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]
    return _geojson(shapely.MultiPolygon([half for half in halves if half.area > 0]))


def check_area(area: GeoJSON) -> GeoJSON:
    """Give the area as one valid Polygon or MultiPolygon on WGS 84.

    Features and collections are reduced to their polygons; longitudes beyond ±180, as repeating
    maps give them, are wrapped.

    Raises:
        InvalidFilter: No polygon, not valid, empty, or off the globe.
    """
    shape = _wrapped(_shape(area))
    if shape.geom_type not in {"Polygon", "MultiPolygon"}:
        message = f"area: expected a GeoJSON Polygon or MultiPolygon, came {shape.geom_type}"
        raise InvalidFilter(message)
    return _geojson(shape)


def check_filter(where: Filter) -> Filter:
    """Give the filter with its area checked and its dates known to be in order.

    Raises:
        InvalidFilter: The area, the dates, an attribute or a level cannot be.
    """
    check_attributes(where.attributes)
    wrong = [level for level in where.levels if not isinstance(level, int) or level < 1]
    if wrong:
        raise InvalidFilter(f"levels: expected whole numbers from 1 on, came {wrong[0]!r:.80}")
    for name, moment in (("start", where.start), ("end", where.end)):
        if moment is not None and moment.tzinfo is None:
            message = f"{name}: expected a time with a zone such as Z, came {moment.isoformat()}"
            raise InvalidFilter(message)
    if where.start is not None and where.end is not None and where.start > where.end:
        span = f"{where.start.isoformat()} to {where.end.isoformat()}"
        message = f"dates: expected the start before the end, came {span}"
        raise InvalidFilter(message)
    return where if where.area is None else replace(where, area=check_area(where.area))


def prepare_area(area: GeoJSON) -> Area:
    """Make a checked area ready for many questions."""
    shape = shapely.from_geojson(json.dumps(area))
    parts = shapely.get_parts(shape)
    boxes = tuple((float(w), float(s), float(e), float(n)) for w, s, e, n in shapely.bounds(parts))
    plain = bool(shapely.equals(parts, shapely.envelope(parts)).all())
    shapely.prepare(shape)
    return Area(shape=shape, boxes=boxes, plain=plain)


def _geojson(shape: BaseGeometry) -> GeoJSON:
    geometry: GeoJSON = json.loads(shapely.to_geojson(shape))
    return geometry


def _refused(expected: str, sides: tuple[float, ...]) -> InvalidFilter:
    return InvalidFilter(
        f"bbox: expected {expected}, came {','.join(f'{side:g}' for side in sides)}"
    )


def _shape(area: GeoJSON) -> BaseGeometry:
    shapes = [_polygon(geometry) for geometry in _geometries(area)]
    if not shapes:
        message = "area: expected a GeoJSON Polygon or MultiPolygon, came an empty collection"
        raise InvalidFilter(message)
    return shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)


def _geometries(area: Any, depth: int = 0) -> list[Any]:
    kind = _kind(area)
    if kind == "Feature":
        return [area.get("geometry")]
    if kind not in _MEMBERS or depth == _DEEPEST:
        return [area]
    members = area.get(_MEMBERS[kind])
    if not isinstance(members, list | tuple):
        message = f"area: expected a list of {_MEMBERS[kind]}, came {type(members).__name__}"
        raise InvalidFilter(message)
    return [inner for member in members for inner in _geometries(member, depth + 1)]


def _kind(area: Any) -> str:
    """Name the type a GeoJSON object says it is of; else its type here."""
    kind = area.get("type") if isinstance(area, Mapping) else area
    return kind if isinstance(area, Mapping) and isinstance(kind, str) else type(kind).__name__


def _polygon(geometry: Any) -> BaseGeometry:
    kind = _kind(geometry)
    if kind not in {"Polygon", "MultiPolygon"}:
        message = f"area: expected a GeoJSON Polygon or MultiPolygon, came {_one_line(kind)[:40]}"
        raise InvalidFilter(message)
    try:
        shape = shapely.from_geojson(json.dumps(geometry, allow_nan=False))
    except (shapely.errors.GEOSException, TypeError, ValueError, RecursionError) as error:
        message = f"area: expected GeoJSON coordinates, came {_one_line(error)}"
        raise InvalidFilter(message) from error
    _check_shape(shape)
    return shapely.force_2d(shape)


def _check_shape(shape: BaseGeometry) -> None:
    if shape.is_empty or not shape.area > 0:
        message = f"area: expected a polygon with an extent, came an empty {shape.geom_type}"
        raise InvalidFilter(message)
    west, south, east, north = shape.bounds
    if west < -MAX_WRAP or east > MAX_WRAP or south < -_POLE or north > _POLE:
        message = f"area: expected degrees on WGS 84, came {west:g},{south:g},{east:g},{north:g}"
        raise InvalidFilter(message)
    if not shape.is_valid:
        reason = _one_line(shapely.is_valid_reason(shape))
        message = f"area: expected a valid polygon, came one with {reason}"
        raise InvalidFilter(message)


def _wrapped(shape: BaseGeometry) -> BaseGeometry:
    west, _, east, _ = shape.bounds
    if west >= -_MERIDIAN and east <= _MERIDIAN:
        return shape
    turns = [
        shapely.transform(
            shapely.intersection(shape, shapely.box(-180 + turn, -90, 180 + turn, 90)),
            lambda points, turn=turn: points - (turn, 0),
        )
        for turn in (-360, 0, 360)
    ]
    parts = shapely.get_parts(shapely.union_all(turns))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


def _one_line(reason: object) -> str:
    return " ".join(str(reason).split())[:200]
