"""A footprint → the square of ground around it that pictures show, the same at every date.

Does not know scenes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.imagery.ground import between
from satseek.imagery.views import View

if TYPE_CHECKING:
    from satseek.types import BBox, GeoJSON

MERCATOR = "EPSG:3857"
"""CRS of pictures: north is up, squares are square, and a web map shows them as they are."""

EDGE = 256
"""Pixels of a picture along each edge: as PNG 107 kB (the median of twelve aerial images; 141 kB at
most), so that a million findings of two dates are some 210 GB."""

LEAST_M = 320.0
"""Metres of the projection along each edge at least: 32 pixels of a sensor of 10 m."""

MARGIN = 0.5
"""What is shown beside a footprint, by its longer side: enough to see what it lies in."""

_WGS84 = "EPSG:4326"

_HIGHEST = 85.0
"""Degrees of latitude from which on the projection is of no use."""

_WIDEST = 90.0
"""Degrees of longitude; what is wider lies on both sides of the antimeridian, mostly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """A square of ground."""

    view: View
    """As a raster that is to be filled, north up."""
    bounds: BBox
    """In degrees."""


def frame_around(footprint: GeoJSON) -> Surroundings | None:
    """Give the square around a footprint; None at the poles and across the antimeridian."""
    west, south, east, north = shapely.from_geojson(json.dumps(footprint)).bounds
    if not east - west < _WIDEST or max(-south, north) > _HIGHEST:
        return None
    xs, ys = between(_WGS84, MERCATOR, np.array([west, east]), np.array([south, north]))
    side = max(float(xs[1] - xs[0]), float(ys[1] - ys[0]))
    half = max(side * (1 + 2 * MARGIN), LEAST_M) / 2
    x, y = float(xs.mean()), float(ys.mean())
    lon, lat = between(
        MERCATOR, _WGS84, np.array([x - half, x + half]), np.array([y - half, y + half])
    )
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    step = 2 * half / EDGE
    view = View(
        crs=MERCATOR,
        transform=(step, 0.0, x - half, 0.0, -step, y + half),
        width=EDGE,
        height=EDGE,
    )
    return Surroundings(
        view=view, bounds=(float(lon[0]), float(lat[0]), float(lon[1]), float(lat[1]))
    )
