"""What a map is to show → a frame on the ground, in an equal-area projection of its own.

Knows neither shapes' looks nor imagery. Every map has Lambert's azimuthal equal-area projection
about its own middle (Snyder 1987, Map projections: a working manual, pp. 182 to 190): it needs no
zone, is right from pole to pole, north is up in the middle, and what looks twice as large is.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.imagery.ground import between
from satseek.imagery.views import View
from satseek.monitor.reports.words import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from satseek.export.ground_map import GroundMap
    from satseek.monitor.reports.drawing import Point
    from satseek.types import BBox, GeoJSON

WGS84 = "EPSG:4326"

LEAST_M = 600.0
"""Edge of the smallest ground that is shown: less has no surroundings to be recognised by."""

MARGIN = 0.12
"""Share of the ground's extent that is shown around it."""

_ASPECTS = (0.45, 1.15)
"""Height of a map over its width, least and most: strips show nothing, towers fill pages."""

_EDGE_PARTS = 8
"""Points along each edge of a box that is brought to another projection."""

_HALF_TURN = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A rectangle of ground and the sheet on which it is drawn."""

    crs: str
    """Its projection, in metres."""
    lon: float
    """Degrees, of its middle."""
    lat: float
    """Likewise."""
    left: float
    """Metres east of the middle, of its left edge."""
    top: float
    """Metres north of the middle, of its upper edge."""
    scale: float
    """Metres on the ground for a millimetre of the sheet."""
    width: float
    """Of the sheet, millimetres."""
    height: float
    """Likewise."""

    def on_sheet(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring degrees (n, 2), longitudes first, to millimetres of the sheet (n, 2)."""
        xs, ys = between(WGS84, self.crs, points[:, 0].copy(), points[:, 1].copy())
        return np.column_stack([(xs - self.left) / self.scale, (self.top - ys) / self.scale])

    def degrees(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """Bring millimetres of the sheet to degrees (n, 2), longitudes first."""
        sheet = np.asarray(points, dtype=np.float64)
        xs = self.left + sheet[:, 0] * self.scale
        ys = self.top - sheet[:, 1] * self.scale
        return np.column_stack(between(self.crs, WGS84, xs, ys))

    def view(self, *, per_mm: float) -> View:
        """Give the raster that fills the sheet with so many pixels a millimetre."""
        columns, rows = (max(1, round(edge * per_mm)) for edge in (self.width, self.height))
        across = self.scale * self.width / columns
        down = self.scale * self.height / rows
        return View(
            crs=self.crs,
            transform=(across, 0.0, self.left, 0.0, -down, self.top),
            width=columns,
            height=rows,
        )

    @property
    def middle(self) -> str:
        """Where its middle lies, in words."""
        return place(self.lon, self.lat)


def frame_of(
    geometries: Iterable[GeoJSON],
    *,
    classes: GroundMap | None = None,
    bbox: BBox | None = None,
    width: float,
) -> Frame | None:
    """Lay a frame around what is to be shown.

    Args:
        geometries: GeoJSON on WGS 84.
        classes: A map that is to be seen whole; None: none.
        bbox: Degrees on WGS 84 that are shown instead; None: all of the others, with a margin.
        width: Of the sheet, millimetres.

    Returns:
        None where there is nothing to be shown.
    """
    corners = _box_points(bbox) if bbox is not None else _points(geometries, classes)
    if not len(corners):
        return None
    lon, lat = _middle(corners)
    crs = f"+proj=laea +lat_0={lat:.6f} +lon_0={lon:.6f} +datum=WGS84 +units=m +no_defs"
    xs, ys = between(WGS84, crs, corners[:, 0].copy(), corners[:, 1].copy())
    here = np.isfinite(xs) & np.isfinite(ys)
    if not here.any():
        return None
    more = 1.0 if bbox is not None else 1 + 2 * MARGIN
    middle_x, across = _span(xs[here], more)
    middle_y, down = _span(ys[here], more)
    aspect = min(max(down / across, _ASPECTS[0]), _ASPECTS[1])
    across = max(across, down / aspect)
    scale = across / width
    return Frame(
        crs=crs,
        lon=lon,
        lat=lat,
        left=middle_x - across / 2,
        top=middle_y + across * aspect / 2,
        scale=scale,
        width=width,
        height=width * aspect,
    )


def _span(values: NDArray[np.float64], more: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low + high) / 2, max((high - low) * more, LEAST_M)


def _points(geometries: Iterable[GeoJSON], classes: GroundMap | None) -> NDArray[np.float64]:
    found = [np.empty((0, 2))]
    found += [shapely.get_coordinates(shapely.from_geojson(json.dumps(one))) for one in geometries]
    if classes is not None:
        rows, columns = classes.values.shape
        a, b, c, d, e, f = classes.transform
        edge = np.linspace(0, 1, _EDGE_PARTS + 1)
        across, down = (axis.ravel() for axis in np.meshgrid(edge * columns, edge * rows))
        lons, lats = between(
            classes.crs, WGS84, a * across + b * down + c, d * across + e * down + f
        )
        found.append(np.column_stack([lons, lats]))
    points = np.concatenate(found)
    return points[np.isfinite(points).all(axis=1)]


def _box_points(bbox: BBox) -> NDArray[np.float64]:
    west, south, east, north = bbox
    edge = np.linspace(0, 1, _EDGE_PARTS + 1)
    turn = 2 * _HALF_TURN if east < west else 0.0  # RFC 7946, 5.2: it crosses the antimeridian
    lons, lats = np.meshgrid(west + edge * (east + turn - west), south + edge * (north - south))
    return np.column_stack([lons.ravel(), lats.ravel()])


def _middle(points: NDArray[np.float64]) -> tuple[float, float]:
    """Middle of the narrowest box around points, whichever side of the antimeridian they lie on."""
    lons, lats = points[:, 0], points[:, 1]
    turned = np.mod(lons, 2 * _HALF_TURN)
    spans = (np.ptp(lons), np.ptp(turned))
    chosen = lons if spans[0] <= spans[1] else turned
    lon = (float(chosen.min()) + float(chosen.max())) / 2
    lon = (lon + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN
    return lon, (float(lats.min()) + float(lats.max())) / 2


def round_length(longest: float) -> float:
    """Give the largest 1, 2 or 5 times a power of ten that is no longer."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= longest * (1 + 1e-9))
