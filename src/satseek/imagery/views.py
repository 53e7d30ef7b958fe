"""A raster that is to be filled → where the middles of its pixels lie in another CRS.

Does not know what fills it, nor any file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from satseek.imagery.ground import Affine, between, parse_crs, to_ground

if TYPE_CHECKING:
    from satseek.types import BBox, Window

Positions: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""x and y, each of shape (h, w); not finite where there is no such place."""

_WIDE_DEGREES = 4.0
"""Views that are wider bend within themselves: their positions are computed more densely."""

_NODES = 33
"""Rows and columns of places that are projected; between them positions are interpolated. Over four
degrees of a UTM zone in Web Mercator that is right to a hundredth of a pixel of 256."""

_WIDE_NODES = 129

_DEGREE_M = 111_320.0
"""Metres per degree along the equator: 2 · π · 6,378,137 m / 360."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An empty raster on the ground."""

    crs: str
    """Its CRS."""
    transform: Affine
    """As `Scene.transform`."""
    width: int
    """Columns."""
    height: int
    """Rows."""

    def positions(self, crs: str) -> Positions:
        """Give where the middle of each pixel lies in another CRS."""
        if parse_crs(crs) == parse_crs(self.crs):
            columns, rows = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
            return to_ground(self.transform, columns, rows)
        count = _WIDE_NODES if self._degrees() > _WIDE_DEGREES else _NODES
        across = np.linspace(0.5, self.width - 0.5, min(count, max(self.width, 2)))
        down = np.linspace(0.5, self.height - 0.5, min(count, max(self.height, 2)))
        columns, rows = np.meshgrid(across, down)
        xs, ys = between(self.crs, crs, *to_ground(self.transform, columns.ravel(), rows.ravel()))
        return tuple(  # type: ignore[return-value]  # two of them
            _spread(axis.reshape(columns.shape), self.width, self.height) for axis in (xs, ys)
        )

    def part(self, window: Window) -> View:
        """Give the raster of some of its pixels."""
        a, b, c, d, e, f = self.transform
        x = c + a * window.column + b * window.row
        y = f + d * window.column + e * window.row
        return View(
            crs=self.crs,
            transform=(a, b, x, d, e, y),
            width=window.width,
            height=window.height,
        )

    def bounds(self) -> BBox:
        """Give left, bottom, right, top in its own CRS."""
        corners = np.array([0.0, self.width, 0.0, self.width])
        xs, ys = to_ground(self.transform, corners, np.array([0.0, 0, self.height, self.height]))
        return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())

    def _degrees(self) -> float:
        left, bottom, right, top = self.bounds()
        size = max(right - left, top - bottom)
        return size if parse_crs(self.crs).is_geographic else size / _DEGREE_M


def _spread(nodes: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """Interpolate between nodes, the outer of which are the outer pixels."""
    rows, columns = nodes.shape
    with np.errstate(invalid="ignore"):  # infinity beside a place makes that one unknown too
        before, share = _between_nodes(columns, width)
        lines = nodes[:, before] * (1 - share) + nodes[:, before + 1] * share
        before, share = _between_nodes(rows, height)
        spread: NDArray[np.float64] = (
            lines[before] * (1 - share)[:, None] + lines[before + 1] * share[:, None]
        )
    return spread


def _between_nodes(count: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    places = np.linspace(0, count - 1, size)
    before = np.minimum(places.astype(np.int64), count - 2)
    return before, places - before
