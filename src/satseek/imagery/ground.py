"""A CRS and an affine transform → places on Earth, as GeoJSON on WGS 84.

Does not know files or chips.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as transform_points
from shapely import MultiPoint, Polygon, box
from shapely.affinity import translate
from shapely.geometry.polygon import orient

from satseek.errors import InvalidRequest, UnsupportedRaster
from satseek.types import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.types import GeoJSON, Scene

Affine: TypeAlias = tuple[float, float, float, float, float, float]
"""(a, b, c, d, e, f): x = a·column + b·row + c, y = d·column + e·row + f."""

_WGS84 = "EPSG:4326"

_EARTH_RADII_M = (6.3e6, 6.4e6)
"""Every ellipsoid and sphere used for Earth lies between; Venus has 6.05e6, Mars 3.4e6."""

_ELLIPSOID = re.compile(r'(?:SPHEROID|ELLIPSOID)\["[^"]*",\s*([0-9.eE+]+)')

_WIDE_PROJECTED = 2.0
"""Degrees of longitude; a wider window has edges that bend, or crosses the antimeridian."""

_WIDE_GEOGRAPHIC = 170.0
"""Degrees of longitude; the edges of a window in degrees are straight, however wide."""

_EDGE_STEPS = 16
"""Parts into which the edge of such a window is cut."""

_HALF_TURN = 180.0

_METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6,371 km; an ellipsoid differs by half a percent."""

_SLIVER = 1e-6
"""Share of an outline; less beyond the antimeridian is what rounding leaves of an edge along it."""

_NEARLY = 1e-6
"""Pixels; a lattice that is anchored at a pole has it in the corner of four cells."""

_DECIMALS = 7
"""Decimals of degrees in footprints: 1 cm."""


@lru_cache(maxsize=64)
def parse_crs(text: str) -> CRS:
    """Read an authority code or WKT.

    Raises:
        InvalidRequest: neither.
    """
    try:
        return CRS.from_user_input(text)
    except (ValueError, CPLE_BaseError) as error:
        raise InvalidRequest(f"not a CRS: {text!r}; expected a code such as EPSG:32633") from error


def crs_name(crs: CRS | None, *, transform: Affine, name: str) -> str | None:
    """Name a file's CRS by authority code where it has one, else by WKT; None without georeference.

    Raises:
        UnsupportedRaster: another planet, or a transform that maps nothing.
    """
    if crs is None or not (crs.is_geographic or crs.is_projected):
        return None
    radius = _ELLIPSOID.search(crs.to_wkt())
    low, high = _EARTH_RADII_M
    if radius and not low < float(radius[1]) < high:
        raise UnsupportedRaster(
            f"{name}: not on Earth, its CRS has an ellipsoid of {float(radius[1]) / 1000:.0f} km"
        )
    a, b, c, d, e, f = transform
    if not np.isfinite([a, b, c, d, e, f]).all() or a * e - b * d == 0:
        raise UnsupportedRaster(f"{name}: its transform {transform} maps nothing onto the ground")
    authority = crs.to_authority()
    return ":".join(authority) if authority else crs.to_wkt()


def check_bounds(crs: str, *, transform: Affine, width: int, height: int, name: str) -> None:
    """Refuse a scene whose coordinates cannot be what its CRS says.

    Raises:
        UnsupportedRaster: degrees beyond ±360 / ±90, or no pixel on Earth.
    """
    columns, rows = _lattice_points(Window(column=0, row=0, width=width, height=height))
    xs, ys = to_ground(transform, columns, rows)
    step = abs(transform[4]) + abs(transform[3])  # cell centres may lie on the poles
    if parse_crs(crs).is_geographic and (
        np.abs(xs).max() > 360 + step or np.abs(ys).max() > 90 + step
    ):
        raise UnsupportedRaster(
            f"{name}: bounds {xs.min():g}, {ys.min():g}, {xs.max():g}, {ys.max():g} are no degrees "
            f"though its CRS is {crs[:60]}; it was given the wrong CRS"
        )
    if not np.isfinite(_to_degrees(crs, xs, ys)[0]).any():
        raise UnsupportedRaster(f"{name}: no pixel lies on Earth in its CRS {crs[:60]}")


def scene_footprint(scene: Scene) -> GeoJSON | None:
    """Outline a scene; None without georeference."""
    whole = Window(column=0, row=0, width=scene.width, height=scene.height)
    return footprints(scene.crs, scene.transform, [whole])[0] if scene.crs else None


def metres_per_pixel(scene: Scene) -> float | None:
    """Edge of the scene's middle pixel on the ground, as the root of its area; None without one."""
    if scene.crs is None:
        return None
    column, row = scene.width / 2, scene.height / 2
    columns, rows = np.array([column, column + 1, column]), np.array([row, row, row + 1])
    lons, lats = _to_degrees(scene.crs, *to_ground(scene.transform, columns, rows))
    east = (np.diff(lons, prepend=lons[0]) + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN
    east = np.cumsum(east) * math.cos(math.radians(float(lats[0])))
    north = lats - lats[0]
    area = abs(float(east[1] * north[2] - east[2] * north[1])) * _METRES_PER_DEGREE**2
    return math.sqrt(area) if math.isfinite(area) and area > 0 else None


def footprints(
    crs: str | None, transform: Affine, windows: Sequence[Window]
) -> list[GeoJSON | None]:
    """Outline windows on WGS 84, split at the antimeridian and closed over the poles.

    Returns:
        One Polygon or MultiPolygon a window; None where there is no georeference, or where the
        window looks past the Earth.
    """
    if crs is None or not windows:
        return [None] * len(windows)
    corners = np.array([_corners(window) for window in windows])  # (n, 4, 2)
    xs, ys = to_ground(transform, corners[..., 0].ravel(), corners[..., 1].ravel())
    lons, lats = (axis.reshape(-1, 4) for axis in _to_degrees(crs, xs, ys))
    poles = _poles(crs, transform)
    widest = _WIDE_GEOGRAPHIC if parse_crs(crs).is_geographic else _WIDE_PROJECTED
    outlines: list[GeoJSON | None] = []
    for window, lon, lat in zip(windows, lons, lats, strict=True):
        pole = _pole_within(poles, window)
        if pole is None and _narrow(lon, lat, widest):
            outlines.append(_ring(lon, lat))
        else:
            outlines.append(_careful(crs, transform, window, pole))
    return outlines


def to_ground(
    transform: Affine, columns: NDArray[np.float64], rows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Map pixel corners to CRS coordinates."""
    a, b, c, d, e, f = transform
    return a * columns + b * rows + c, d * columns + e * rows + f


def to_pixels(
    transform: Affine, xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Map CRS coordinates to pixel corners; inverse of `to_ground`."""
    a, b, c, d, e, f = transform
    determinant = a * e - b * d
    with np.errstate(invalid="ignore"):  # infinity stays not finite
        columns = (e * (xs - c) - b * (ys - f)) / determinant
        rows = (a * (ys - f) - d * (xs - c)) / determinant
    return columns, rows


def between(
    source: str, target: str, xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Map coordinates of one CRS to another; not finite where that is impossible."""
    return _convert(parse_crs(source), parse_crs(target), xs, ys)


def _convert(
    source: CRS, target: CRS, xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """GDAL refuses a whole batch for one impossible point, so halve it until that is alone."""
    try:
        there = transform_points(source, target, xs, ys)
    except (RasterioError, CPLE_BaseError):
        if len(xs) == 1:
            return np.array([np.inf]), np.array([np.inf])
        half = len(xs) // 2
        first = _convert(source, target, xs[:half], ys[:half])
        second = _convert(source, target, xs[half:], ys[half:])
        return np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1]])
    return np.asarray(there[0], float), np.asarray(there[1], float)


def _to_degrees(
    crs: str, xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if crs == _WGS84:  # PROJ would turn 180.01 into -179.99
        return xs, ys
    return between(crs, _WGS84, xs, ys)


def _narrow(lon: NDArray[np.float64], lat: NDArray[np.float64], widest: float) -> bool:
    """Whether four corners outline their window well enough, away from poles and antimeridian."""
    inside = np.abs(lat) <= 90, np.abs(lon) <= 180  # noqa: PLR2004 (degrees; false for infinity)
    return all(axis.all() for axis in inside) and bool(np.ptp(lon) < widest)


def _corners(window: Window) -> list[tuple[int, int]]:
    left, top = window.column, window.row
    right, bottom = left + window.width, top + window.height
    return [(left, top), (left, bottom), (right, bottom), (right, top)]


def _edge(window: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    corners = np.array(_corners(window), float)
    steps = np.linspace(0, 1, _EDGE_STEPS, endpoint=False)[:, np.newaxis]
    sides = [
        a + (b - a) * steps for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)
    ]
    points = np.concatenate(sides)
    return points[:, 0], points[:, 1]


def _lattice_points(window: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    columns = np.linspace(window.column, window.column + window.width, _EDGE_STEPS + 1)
    rows = np.linspace(window.row, window.row + window.height, _EDGE_STEPS + 1)
    grid = np.meshgrid(columns, rows)
    return grid[0].ravel(), grid[1].ravel()


def _poles(crs: str, transform: Affine) -> list[tuple[float, float, float]]:
    """(latitude, column, row) of each pole that the CRS, if projected, maps to a point."""
    if parse_crs(crs).is_geographic:
        return []
    lats = np.array([90.0, -90.0])
    xs, ys = between(_WGS84, crs, np.zeros(2), lats)
    columns, rows = to_pixels(transform, xs, ys)
    points = zip(lats, columns, rows, strict=True)
    return [tuple(map(float, point)) for point in points if np.isfinite(point).all()]  # type: ignore[misc]


def _pole_within(
    poles: Sequence[tuple[float, float, float]], window: Window
) -> tuple[float, float, float] | None:
    for lat, column, row in poles:
        across = window.column - _NEARLY <= column <= window.column + window.width + _NEARLY
        if across and window.row - _NEARLY <= row <= window.row + window.height + _NEARLY:
            return lat, column, row
    return None


def _careful(
    crs: str, transform: Affine, window: Window, pole: tuple[float, float, float] | None
) -> GeoJSON | None:
    columns, rows = _edge(window)
    place = None if pole is None else _on_edge(columns, rows, pole)
    if pole is not None and place is not None:
        order = np.roll(np.arange(len(columns)), -place - 1)
        order = order[np.hypot(columns[order] - pole[1], rows[order] - pole[2]) > _NEARLY]
        lon, lat = _to_degrees(crs, *to_ground(transform, columns[order], rows[order]))
        return _wedge(lon, lat, pole[0])
    lon, lat = _to_degrees(crs, *to_ground(transform, columns, rows))
    if not np.isfinite(lon).all():
        return _hull(*_to_degrees(crs, *to_ground(transform, *_lattice_points(window))))
    unrolled = np.unwrap(lon, period=360)
    if pole is not None and abs(unrolled[-1] - unrolled[0]) > 180:  # noqa: PLR2004 (went around)
        return _cap(lon, lat, pole[0])
    return _split(Polygon(np.column_stack([unrolled, lat])))


def _on_edge(
    columns: NDArray[np.float64], rows: NDArray[np.float64], pole: tuple[float, float, float]
) -> int | None:
    """Number of the piece of a window's edge on which the pole lies; None: on none."""
    _, column, row = pole
    near = np.ones(len(columns), bool)
    for axis, place in ((columns, column), (rows, row)):
        ends = np.stack([axis, np.roll(axis, -1)])
        near &= (ends.min(axis=0) - _NEARLY <= place) & (place <= ends.max(axis=0) + _NEARLY)
    return int(near.argmax()) if near.any() else None


def _wedge(lon: NDArray[np.float64], lat: NDArray[np.float64], pole: float) -> GeoJSON | None:
    """Everything between the pole and an outline that begins and ends there."""
    unrolled = np.unwrap(lon, period=360)
    ends = [(unrolled[-1], pole), (unrolled[0], pole)]
    return _split(Polygon([*zip(unrolled, lat, strict=True), *ends]))


def _cap(lon: NDArray[np.float64], lat: NDArray[np.float64], pole: float) -> GeoJSON:
    """Everything between a ring around the pole and the pole, from −180 to 180."""
    order = np.argsort(lon)
    lon, lat = lon[order], lat[order]
    seam = float(np.interp(180.0, [lon[-1], lon[0] + 360], [lat[-1], lat[0]]))
    ring = [
        (-180.0, pole),
        (-180.0, seam),
        *zip(lon, lat, strict=True),
        (180.0, seam),
        (180.0, pole),
    ]
    return _geojson(Polygon(ring))


def _hull(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> GeoJSON | None:
    """Around what of a window lies on Earth; for full-disk views."""
    seen = np.isfinite(lon) & np.isfinite(lat)
    if not seen.any():
        return None
    middle = lon[seen][0]
    unrolled = (lon[seen] - middle + 180) % 360 - 180 + middle
    outline = MultiPoint(np.column_stack([unrolled, lat[seen]])).convex_hull
    return _split(outline) if outline.geom_type == "Polygon" else None


def _split(outline: Polygon) -> GeoJSON | None:
    """Bring an outline whose longitudes run on beyond ±180 back between them."""
    sound = outline if outline.is_valid else outline.buffer(0)
    pieces = [
        translate(sound.intersection(box(-180 + turn, -90, 180 + turn, 90)), xoff=-turn)
        for turn in (-360, 0, 360)
    ]
    parts = [
        part
        for piece in pieces
        for part in getattr(piece, "geoms", [piece])
        if part.geom_type == "Polygon" and part.area > _SLIVER * sound.area
    ]
    if not parts:
        return None
    return _geojson(*parts)


def _geojson(*parts: Any) -> GeoJSON:
    rings = [[_rounded(orient(part).exterior.coords)] for part in parts]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _ring(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> GeoJSON:
    points = list(zip(lon.tolist(), lat.tolist(), strict=True))
    twice_area = np.dot(lon, np.roll(lat, -1)) - np.dot(lat, np.roll(lon, -1))
    if twice_area < 0:  # RFC 7946: counterclockwise
        points.reverse()
    return {"type": "Polygon", "coordinates": [_rounded([*points, points[0]])]}


def _rounded(points: Any) -> list[list[float]]:
    return [[round(x, _DECIMALS), round(y, _DECIMALS)] for x, y in points]
