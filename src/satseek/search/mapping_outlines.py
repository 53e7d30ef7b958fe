"""Outlines on WGS 84 with a value each → the raster that they fill.

Does not know what the values mean. For images that are one chip each and so lie on no lattice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.imagery.ground import between, to_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from satseek.imagery.views import View
    from satseek.types import GeoJSON

_WGS84 = "EPSG:4326"


class Outlines:
    """Outlines and their values, those on top last; never changes."""

    def __init__(self, footprints: Iterable[GeoJSON | None], values: Sequence[float]) -> None:
        """Take the outer rings of footprints; what has none is left out."""
        rings: list[NDArray[np.float64]] = []
        owned: list[float] = []
        for footprint, value in zip(footprints, values, strict=True):
            for ring in _rings(footprint):
                rings.append(ring)
                owned.append(value)
        self.values = np.array(owned, dtype=np.float32)
        self._rings = rings
        self._boxes = np.array(
            [(*ring.min(axis=0), *ring.max(axis=0)) for ring in rings], dtype=np.float64
        ).reshape(-1, 4)

    def __len__(self) -> int:
        """Count the rings."""
        return len(self._rings)

    def fill(self, view: View) -> NDArray[np.float32]:
        """Give the value of the topmost outline over each pixel: (h, w), NaN where none is."""
        near = np.flatnonzero(self._near(view))
        if not near.size:
            return np.full((view.height, view.width), np.nan, dtype=np.float32)
        points = np.concatenate([self._rings[number] for number in near])
        xs, ys = between(_WGS84, view.crs, points[:, 0], points[:, 1])
        columns, rows = to_pixels(view.transform, xs, ys)
        filled = np.full((view.height, view.width), np.nan, dtype=np.float32)
        start = 0
        for number in near:
            stop = start + len(self._rings[number])
            ring = np.column_stack([columns[start:stop], rows[start:stop]])
            if np.isfinite(ring).all():
                _fill(filled, ring, self.values[number])
            start = stop
        return filled

    def _near(self, view: View) -> NDArray[np.bool_]:
        lons, lats = view.positions(_WGS84)
        lons, lats = lons[np.isfinite(lons)], lats[np.isfinite(lats)]
        if not lons.size:
            return np.zeros(len(self), dtype=np.bool_)
        over = self._boxes[:, 0] <= lons.max(), self._boxes[:, 2] >= lons.min()
        beside = self._boxes[:, 1] <= lats.max(), self._boxes[:, 3] >= lats.min()
        return np.asarray(over[0] & over[1] & beside[0] & beside[1], dtype=np.bool_)


def _fill(filled: NDArray[np.float32], ring: NDArray[np.float64], value: np.float32) -> None:
    """Set the pixels whose middles lie within a ring; of one smaller than a pixel, its middle's."""
    height, width = filled.shape
    left, top = np.maximum(np.floor(ring.min(axis=0)), 0).astype(np.int64)
    right, bottom = np.minimum(np.ceil(ring.max(axis=0)), (width, height)).astype(np.int64)
    if left >= right or top >= bottom:
        return
    part = filled[top:bottom, left:right]
    across, down = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    inside = shapely.contains_xy(shapely.polygons(ring), across.ravel(), down.ravel())
    if inside.any():
        part[inside.reshape(part.shape)] = value
    else:
        part[part.shape[0] // 2, part.shape[1] // 2] = value


def _rings(footprint: GeoJSON | None) -> list[NDArray[np.float64]]:
    if footprint is None:
        return []
    parts = footprint["coordinates"]
    outer = [parts[0]] if footprint["type"] == "Polygon" else [part[0] for part in parts]
    return [np.array(ring, dtype=np.float64) for ring in outer]
