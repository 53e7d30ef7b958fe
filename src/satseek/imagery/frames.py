"""A scene's pixels, or those of a view of it → the raster along whose pixels cells are cut.

Does not know lattices, nor how pixels are read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery.ground import Affine, between, to_ground, to_pixels
from satseek.types import Window

if TYPE_CHECKING:
    from satseek.types import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One column or one row of cells."""

    label: int
    """Number of the column or row in the lattice; may be negative."""
    start: int
    """First pixel; negative where the cell overhangs."""
    stop: int
    """One past the last pixel; beyond the frame where the cell overhangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The raster along whose pixels cells are cut: the scene itself or a warped view of it."""

    crs: str | None
    """As `Scene.crs`."""
    transform: Affine
    """As `Scene.transform`."""
    width: int
    """Columns."""
    height: int
    """Rows."""
    warped: bool
    """Whether the scene has to be resampled to it."""
    step: int = 1
    """Pixels of the raster along the edge of each of its own."""
    column: int = 0
    """Column of the raster at which it begins."""
    row: int = 0
    """Row of the raster at which it begins."""
    base: Frame | None = None
    """The raster that it is a reduced view of; None: it is one itself."""

    @property
    def flips(self) -> tuple[bool, bool]:
        """Whether (rows, columns) run against north-up, west-left."""
        placed = self.crs is not None
        return placed and self.transform[4] > 0, placed and self.transform[0] < 0


def native_frame(scene: Scene) -> Frame:
    """Take the scene's own pixels as the frame."""
    return Frame(
        crs=scene.crs,
        transform=scene.transform,
        width=scene.width,
        height=scene.height,
        warped=False,
    )


def reduced_frame(frame: Frame, *, step: int, column: int = 0, row: int = 0) -> Frame:
    """Look at a frame with ``step`` x ``step`` pixels as one, from a pixel on.

    What of the frame's end does not fill a pixel is left out.
    """
    a, b, c, d, e, f = frame.transform
    x, y = a * column + b * row + c, d * column + e * row + f
    return Frame(
        crs=frame.crs,
        transform=(a * step, b * step, x, d * step, e * step, y),
        width=(frame.width - column) // step,
        height=(frame.height - row) // step,
        warped=frame.warped,
        step=step,
        column=column,
        row=row,
        base=frame,
    )


def enlarged(window: Window, frame: Frame) -> Window:
    """Find the pixels of the raster that a window of its frame stands for."""
    return Window(
        column=frame.column + window.column * frame.step,
        row=frame.row + window.row * frame.step,
        width=window.width * frame.step,
        height=window.height * frame.step,
    )


def window_in(scene: Scene, frame: Frame, window: Window) -> Window:
    """Find the pixels of the scene around a window of its frame."""
    if not frame.warped or frame.crs is None or scene.crs is None:
        return enlarged(window, frame)
    steps = np.linspace(0, 1, 9)
    columns, rows = np.meshgrid(
        window.column + window.width * steps, window.row + window.height * steps
    )
    xs, ys = to_ground(frame.transform, columns.ravel(), rows.ravel())
    xs, ys = between(frame.crs, scene.crs, xs, ys)
    columns, rows = to_pixels(scene.transform, xs, ys)
    known = np.isfinite(columns) & np.isfinite(rows)
    left, right = math.floor(columns[known].min()), math.ceil(columns[known].max())
    top, bottom = math.floor(rows[known].min()), math.ceil(rows[known].max())
    return Window(column=left, row=top, width=max(right - left, 1), height=max(bottom - top, 1))


def pixel_sizes(transform: Affine) -> tuple[float, float]:
    """CRS units per pixel along columns and rows, rotated or not."""
    a, b, _, d, e, _ = transform
    return math.hypot(a, d), math.hypot(b, e)
