"""GeoJSON on WGS 84 → shapes that are sound on the globe, and the same shapes in any CRS.

Does not know formats. Coordinates are always east first, north second, whatever order a CRS
declares: so GeoPackage, Shapefile and GeoParquet have it, and so GIS read them.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.imagery.ground import between, parse_crs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.export.feature import Feature
    from satseek.types import BBox

    Shapes = NDArray[np.object_]

WGS84 = "EPSG:4326"
"""The CRS of GeoJSON, and the default of every format."""

_SAME = frozenset({WGS84, "OGC:CRS84", "CRS84"})

_BEYOND = 5.0
"""Degrees beyond its area of use where a CRS is taken: neighbouring zones overlap so far."""

_FARTHEST = 1e9
"""Metres, feet or degrees: 25 times around the Earth. PROJ gives larger ones for infinity."""

_MERIDIAN = 180.0
_TURN = 360.0

_LONGEST_EDGE = 0.05
"""Degrees; a longer edge is cut before it is projected. One of 5.6 km bends by L²/8R · tan φ, 0.6 m
at 45°, between what is straight in degrees and what is straight on a conformal map."""


def check_crs(text: str) -> str:
    """Read the CRS that is asked for.

    Raises:
        InvalidRequest: it is none, or has no longitudes and latitudes, eastings and northings.
    """
    if text in _SAME:
        return WGS84
    crs = parse_crs(text)
    if not (crs.is_geographic or crs.is_projected):
        raise InvalidRequest(f"crs: expected a geographic or projected one, came {text[:60]!r}")
    code = crs.to_epsg(confidence_threshold=100)
    return text if code is None else f"EPSG:{code}"


def shapes_of(features: Sequence[Feature]) -> Shapes:
    """Read geometries, shape (n,); polygons run counterclockwise and stay within ±180 degrees.

    Raises:
        InvalidRequest: one is no GeoJSON geometry.
    """
    texts = [None if one.geometry is None else json.dumps(one.geometry) for one in features]
    try:
        shapes = shapely.from_geojson(np.array(texts, dtype=object))
    except shapely.errors.GEOSException as error:
        reason = " ".join(str(error).split())
        raise InvalidRequest(f"a feature has no GeoJSON geometry: {reason}") from error
    west, _, east, _ = shapely.bounds(shapes).T
    for at in np.flatnonzero((west < -_MERIDIAN) | (east > _MERIDIAN)):
        shapes[at] = _split(shapes[at])
    return np.asarray(shapely.orient_polygons(shapes))


def project(shapes: Shapes, crs: str) -> Shapes:
    """Put shapes on WGS 84 into another CRS.

    Raises:
        InvalidRequest: some lie where that CRS shows nothing, or all far from where it is used.
    """
    if crs == WGS84:
        return shapes
    wide = shapes
    if parse_crs(crs).is_projected:
        _check_use(shapes, crs)
        wide = shapely.segmentize(shapes, _LONGEST_EDGE)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        xs, ys = between(WGS84, crs, points[:, 0].copy(), points[:, 1].copy())
        if not (np.abs([xs, ys]) < _FARTHEST).all():
            raise InvalidRequest(
                f"crs: some features lie where {crs[:60]} shows nothing; choose another one, or "
                "fewer features with a filter"
            )
        return np.column_stack([xs, ys])

    return np.asarray(shapely.transform(wide, move))


def _check_use(shapes: Shapes, crs: str) -> None:
    """Refuse what lies far beyond the zone of a projected CRS, where its numbers are no places."""
    area = _area_of_use(crs)
    extent = Extent()
    extent.add(shapes)
    box = extent.box()
    if area is None or box is None:
        return
    zone, place = (_turned(one, margin) for one, margin in ((area, _BEYOND), (box, 0.0)))
    if not any(shapely.intersects(part, place).any() for part in zone):
        west, south, east, north = (f"{side:g}" for side in area)
        raise InvalidRequest(
            f"crs: {crs[:60]} is made for longitudes {west} to {east} and latitudes {south} to "
            f"{north}, the features lie at {box[0]:g}, {box[1]:g}; choose another zone"
        )


def _turned(box: BBox, margin: float) -> Shapes:
    """A box as the boxes that it is on three turns of the globe."""
    west, south, east, north = box
    east += _TURN if east < west else 0.0
    return np.asarray(
        [
            shapely.box(west - margin + turn, south - margin, east + margin + turn, north + margin)
            for turn in (-_TURN, 0.0, _TURN)
        ]
    )


@lru_cache(maxsize=64)
def _area_of_use(crs: str) -> BBox | None:
    """Where a CRS is used, by the EPSG register; None: not told, or nobody here who knows."""
    try:
        from pyproj import CRS  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError:
        return None
    area = CRS.from_user_input(crs).area_of_use
    return None if area is None else (area.west, area.south, area.east, area.north)


def as_multi(shapes: Shapes) -> tuple[Shapes, str]:
    """Give polygons as multipolygons, where there is nothing else, and name the type of a layer."""
    kinds = set(shapely.get_type_id(shapes[~shapely.is_missing(shapes)]).tolist())
    polygon, multi = shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON
    if not kinds <= {int(polygon), int(multi)}:
        return shapes, "Unknown"
    single = shapely.get_type_id(shapes) == polygon
    promoted = np.array(shapes, copy=True)
    for at in np.flatnonzero(single):
        promoted[at] = shapely.MultiPolygon([promoted[at]])
    return promoted, "MultiPolygon"


def middles(shapes: Shapes) -> NDArray[np.float64]:
    """Give a point inside each shape, its middle mostly: float64 (n, 2), NaN where there is none.

    Of what lies on both sides of the antimeridian, the larger side has it.
    """
    parts, of_shape = shapely.get_parts(shapes, return_index=True)
    largest = np.full(len(shapes), None, dtype=object)
    for at in np.argsort(shapely.area(parts), kind="stable"):
        largest[of_shape[at]] = parts[at]
    centres = shapely.centroid(largest)
    inside = shapely.covers(largest, centres)
    points = np.where(inside, centres, shapely.point_on_surface(largest))
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


class Extent:
    """The box around shapes that come a few at a time, as RFC 7946 (5.2) has it."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._boxes: list[NDArray[np.float64]] = []

    def add(self, shapes: Shapes) -> None:
        """Take more shapes in."""
        boxes = shapely.bounds(shapely.get_parts(shapes[~shapely.is_missing(shapes)]))
        if len(boxes):
            south, north = boxes[:, 1].min(), boxes[:, 3].max()
            spans = _merged(boxes[:, [0, 2]])
            heights = np.broadcast_to([south, north], spans.shape)
            self._boxes.append(np.hstack([spans, heights]))

    def box(self) -> BBox | None:
        """Give the box; its west lies above its east where it crosses the antimeridian."""
        if not self._boxes:
            return None
        boxes = np.concatenate(self._boxes)
        spans = _merged(boxes[:, :2])
        west, east = float(spans[0, 0]), float(spans[-1, 1])
        if len(spans) > 1 and west == -_MERIDIAN and east == _MERIDIAN:
            at = int(np.argmax(spans[1:, 0] - spans[:-1, 1]))  # the widest gap is outside
            west, east = float(spans[at + 1, 0]), float(spans[at, 1])
        return west, float(boxes[:, 2].min()), east, float(boxes[:, 3].max())


def box_of(shape: shapely.Geometry) -> BBox | None:
    """Give the box around one shape likewise; None around none."""
    extent = Extent()
    extent.add(np.array([shape], dtype=object))
    return extent.box()


def _merged(spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unite ranges that overlap, sorted."""
    ordered = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    begins = np.append(True, ordered[1:, 0] > reach[:-1])
    ends = np.append(begins[1:], True)
    return np.column_stack([ordered[begins, 0], reach[ends]])


def _split(shape: shapely.Geometry) -> shapely.Geometry:
    """Bring a shape whose longitudes run on beyond ±180 back between them, in two parts."""
    pieces = [
        shapely.transform(
            shapely.intersection(shape, shapely.box(turn - _MERIDIAN, -90, turn + _MERIDIAN, 90)),
            lambda points, turn=turn: points - (turn, 0),
        )
        for turn in (-_TURN, 0.0, _TURN)
    ]
    return shapely.union_all([piece for piece in pieces if not piece.is_empty])
