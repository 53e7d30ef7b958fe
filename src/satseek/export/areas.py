"""Shapes and maps on the ground → areas in hectares, always in an equal-area projection.

Does not know files. The projection is Lambert's cylindrical one on the ellipsoid of WGS 84: it
needs no zone and no centre, is exact from pole to pole, and does not mind where a shape is cut in
two at the antimeridian. An edge is straight between its ends in degrees, as GeoJSON has it
(RFC 7946, 3.1.1), and its integral is taken along it, so that long edges need no more points.
"""

from __future__ import annotations

import json
from math import atanh, sqrt
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.imagery.ground import between, to_ground

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from satseek.export.ground_map import GroundMap
    from satseek.types import GeoJSON

    Floats = NDArray[np.float64]

SEMI_MAJOR_M = 6_378_137.0
"""Of WGS 84 (NIMA TR8350.2, table 3.1); CGCS2000 has the same."""

FLATTENING = 1 / 298.257223563
"""Likewise; CGCS2000's is 298.257222101: areas differ by 1e-11."""

SQUARE_METRES = 10_000.0
"""In a hectare."""

_E2 = FLATTENING * (2 - FLATTENING)
_E = sqrt(_E2)
_Q_POLE = 1 + (1 - _E2) / _E * atanh(_E)

_WGS84 = "EPSG:4326"

_LONGEST_EDGE = 1.0
"""Degrees; longer edges are cut, so that four points integrate each to rounding."""

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_POINTS, _WEIGHTS = (_POINTS + 1) / 2, _WEIGHTS / 2

_MOST_BLOCKS = 256
"""Blocks along the longer edge of a map, each with one size of pixel: the scale of a projection
changes by about 1e-6 across a 256th of its zone."""

_SUBEDGE = 0.1
"""Degrees; an edge of a block that is longer on the ground is followed in steps, as it bends."""

_WIDE = 1.0
"""Degrees of longitude; the outline of a block that spans more, near a pole, bends most."""

_MOST_STEPS = 32

_HALF_TURN = 180.0

_AT_POLE = 90 - 1e-9
"""Degrees; from here on a longitude says nothing."""


def areas_ha(geometries: Iterable[GeoJSON | None]) -> Floats:
    """Measure GeoJSON geometries on WGS 84.

    Returns:
        float64, shape (n,), hectares; 0 for points and lines, NaN for None.
    """
    texts = [None if one is None else json.dumps(one) for one in geometries]
    return shape_areas_ha(shapely.from_geojson(np.array(texts, dtype=object)))


def shape_areas_ha(shapes: NDArray[np.object_]) -> Floats:
    """Measure shapely geometries in degrees on WGS 84, shape (n,); likewise."""
    cut = shapely.segmentize(shapes, _LONGEST_EDGE)
    polygons, of_shape = shapely.get_parts(cut, return_index=True)
    is_polygon = shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON
    polygons, of_shape = polygons[is_polygon], of_shape[is_polygon]
    rings, of_polygon = shapely.get_rings(polygons, return_index=True)
    sizes = _ring_areas(rings)
    outer = np.ones(len(rings), dtype=bool)
    outer[1:] = of_polygon[1:] != of_polygon[:-1]  # the first ring of a polygon, holes follow
    signed = np.where(outer, sizes, -sizes)
    total = np.bincount(of_shape[of_polygon], weights=signed, minlength=len(shapes))
    return np.where(shapely.is_missing(shapes), np.nan, total / SQUARE_METRES)


def raster_area_by_class(ground: GroundMap) -> dict[str, float]:
    """Measure each class of a class map, in hectares; what is not known counts for none.

    Raises:
        InvalidRequest: the map holds scores instead of classes.
    """
    if not ground.is_classes:
        raise InvalidRequest("areas by class: expected a class map, came a map of scores")
    edge = -(-max(ground.values.shape) // _MOST_BLOCKS)
    pixels = _pixel_areas(ground, edge)
    sums = np.zeros(256)
    for at, row in enumerate(pixels):
        strip = ground.values[at * edge : (at + 1) * edge]
        weights = np.repeat(row, edge)[: strip.shape[1]]
        sums += np.bincount(
            strip.ravel(), weights=np.broadcast_to(weights, strip.shape).ravel(), minlength=256
        )
    sums[int(ground.nodata)] = 0.0
    named = {name: float(sums[at]) for at, name in enumerate(ground.names) if at != ground.nodata}
    rest = np.flatnonzero(sums[len(ground.names) :]) + len(ground.names)
    found = named | {f"class {value}": float(sums[value]) for value in rest}
    return {name: area / SQUARE_METRES for name, area in found.items()}


def _pixel_areas(ground: GroundMap, edge: int) -> Floats:
    """Square metres of one pixel in each block of ``edge`` by ``edge`` pixels."""
    height, width = ground.values.shape
    columns, rows = _borders(width, edge), _borders(height, edge)
    grids = np.meshgrid(columns[:-1], rows[:-1]), np.meshgrid(columns[1:], rows[1:])
    blocks = np.stack([grid.ravel() for pair in grids for grid in pair], axis=1)
    lons, lats = _outlines(ground, blocks, steps=1)
    turns = np.abs(_turns(lons)).max(axis=1)
    longest = max(np.abs(np.diff(lats)).max(), (turns * np.cos(np.radians(lats[:, 0]))).max())
    steps = int(np.clip(np.ceil(longest / _SUBEDGE), 1, _MOST_STEPS))
    areas = (
        _insides(lons, lats) if steps == 1 else _insides(*_outlines(ground, blocks, steps=steps))
    )
    bent = turns > _WIDE
    if bent.any() and steps < _MOST_STEPS:
        areas[bent] = _insides(*_outlines(ground, blocks[bent], steps=_MOST_STEPS))
    pixels = (blocks[:, 2] - blocks[:, 0]) * (blocks[:, 3] - blocks[:, 1])
    return np.asarray((areas / pixels).reshape(len(rows) - 1, -1))


def _borders(length: int, edge: int) -> Floats:
    return np.append(np.arange(0, length, edge), length).astype(float)


def _outlines(ground: GroundMap, blocks: Floats, *, steps: int) -> tuple[Floats, Floats]:
    """Degrees around blocks (left, top, right, bottom), closed: two of (n, 4 · steps + 1)."""
    left, top, right, bottom = blocks.T[:, :, np.newaxis]
    part = np.arange(steps) / steps
    across, down = (right - left) * part, (bottom - top) * part
    full = np.ones(steps)
    columns = [left + across, right * full, right - across, left * full, left]
    rows = [top * full, top + down, bottom * full, bottom - down, top]
    xs, ys = to_ground(ground.transform, np.hstack(columns).ravel(), np.hstack(rows).ravel())
    if ground.crs != _WGS84:
        xs, ys = between(ground.crs, _WGS84, xs, ys)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise InvalidRequest(f"a map reaches beyond what {ground.crs[:60]} shows of the Earth")
    return xs.reshape(len(blocks), -1), ys.reshape(len(blocks), -1)


def _turns(lons: Floats) -> Floats:
    """Steps in longitude, by the shorter way around."""
    return np.asarray((np.diff(lons) + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN)


def _insides(lons: Floats, lats: Floats) -> Floats:
    """Square metres inside closed outlines, of which one may have a pole in it."""
    turns = np.radians(_turns(lons))
    at_pole = np.abs(lats) > _AT_POLE
    turns[at_pole[:, :-1] | at_pole[:, 1:]] = 0.0  # along a meridian, whatever it is called there
    sums = (_mean_q(lats[:, :-1], lats[:, 1:]) * turns).sum(axis=1)
    around_pole = np.sign(lats[:, 0]) * _Q_POLE * turns.sum(axis=1)
    return np.asarray(np.abs(sums - around_pole) * SEMI_MAJOR_M**2 / 2)


def _ring_areas(rings: NDArray[np.object_]) -> Floats:
    """Square metres inside each ring of degrees."""
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    if not len(points):
        return np.zeros(len(rings))
    same = of_ring[1:] == of_ring[:-1]
    start, end = points[:-1][same], points[1:][same]
    turns = np.radians(end[:, 0] - start[:, 0]) * _mean_q(start[:, 1], end[:, 1])
    sums = np.bincount(of_ring[1:][same], weights=turns, minlength=len(rings))
    return np.asarray(np.abs(sums) * SEMI_MAJOR_M**2 / 2)


def _mean_q(start: Floats, end: Floats) -> Floats:
    """Mean of q along an edge between two latitudes, by Gauss and Legendre."""
    mean = np.zeros_like(start)
    for at, weight in zip(_POINTS, _WEIGHTS, strict=True):
        mean += weight * _q(start + at * (end - start))
    return mean


def _q(latitude: Floats) -> Floats:
    """Height on the cylinder, in units of half the semi-major axis.

    Snyder: Map Projections, a Working Manual, USGS Professional Paper 1395, 1987, equation (3-12).
    """
    sine = np.sin(np.radians(latitude))
    return np.asarray((1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E))
