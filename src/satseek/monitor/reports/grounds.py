"""Scenes and a class map → the image that lies below a map's shapes.

Knows neither shapes nor pages. Scenes are drawn by the room that reads rasters, a part of the map
at a time, so that memory does not grow with their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery.ground import between, to_pixels
from satseek.imagery.mosaics import Mosaic
from satseek.monitor.reports.drawing import LIGHT, Raster
from satseek.monitor.reports.images import encoded
from satseek.types import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from satseek.export.ground_map import GroundMap
    from satseek.imagery.mosaics import Scenery
    from satseek.imagery.views import View
    from satseek.monitor.reports.blocks import Backdrop
    from satseek.monitor.reports.frames import Frame
    from satseek.search.mapping_colours import Colour as Shade
    from satseek.types import BBox

PER_MM = 5.0
"""Pixels a millimetre: 127 an inch, 850 across a page; as JPEG some 130 KB a map."""

PART = 256
"""Edge of a part that is drawn at a time, in pixels."""

VEIL = 0.78
"""Of imagery's contrast; the rest is paper, so that shapes and numbers stand out on it."""

_CLASS_OPACITY = 0.62

_EDGE_PARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnGround:
    """What lies below the shapes."""

    raster: Raster | None
    """None: blank ground."""
    unread: int
    """Scenes that could not be read."""


def draw_ground(
    frame: Frame,
    *,
    backdrop: Backdrop | None,
    classes: GroundMap | None,
    colours: Sequence[Shade],
    scenery: Scenery,
) -> DrawnGround:
    """Draw scenes, and over them a class map.

    Args:
        frame: What is drawn.
        backdrop: Scenes; None: none.
        classes: A class map; None: none.
        colours: Of its classes; those without alpha are not drawn.
        scenery: Draws scenes.
    """
    if backdrop is None and classes is None:
        return DrawnGround(raster=None, unread=0)
    view = frame.view(per_mm=PER_MM)
    shown = np.empty((view.height, view.width, 3), np.float32)
    shown[:] = LIGHT["card"]
    unread = 0 if backdrop is None else _lay_scenes(shown, view, backdrop, scenery)
    if classes is not None:
        opacity = class_opacity(backdrop)
        _lay_classes(shown, view, classes, colours=colours, opacity=opacity)
    pixels = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    jpeg, _, _ = encoded(pixels, edge=max(view.width, view.height))
    raster = Raster(x=0.0, y=0.0, width=frame.width, height=frame.height, jpeg=jpeg)
    return DrawnGround(raster=raster, unread=unread)


def class_opacity(backdrop: Backdrop | None) -> float:
    """Tell how opaque a class map is: over imagery both are seen."""
    return 1.0 if backdrop is None else _CLASS_OPACITY


def _lay_scenes(
    shown: NDArray[np.float32], view: View, backdrop: Backdrop, scenery: Scenery
) -> int:
    mosaic = Mosaic.of(backdrop.scenes)
    unread = 0
    for window in _parts(view):
        part = view.part(window)
        touching = mosaic.touching(_degrees(part))
        drawn = scenery.draw(touching, part, recipe=backdrop.recipe)
        opacity = drawn.shades[..., 3:].astype(np.float32) * np.float32(VEIL / 255)
        _mix(shown, window, drawn.shades[..., :3].astype(np.float32), opacity)
        unread = max(unread, drawn.failed)
    return unread


def _lay_classes(
    shown: NDArray[np.float32],
    view: View,
    classes: GroundMap,
    *,
    colours: Sequence[Shade],
    opacity: float,
) -> None:
    table = np.zeros((256, 4), np.float32)
    table[: len(colours)] = np.reshape(colours, (-1, 4))
    visible = np.where(table[:, 3:] > 0, np.float32(opacity), np.float32(0))
    rows, columns = classes.values.shape
    measured = classes.known
    for window in _parts(view):
        xs, ys = view.part(window).positions(classes.crs)
        across, down = to_pixels(classes.transform, xs, ys)
        with np.errstate(invalid="ignore"):
            inside = (across >= 0) & (across < columns) & (down >= 0) & (down < rows)
        column = np.where(inside, across, 0).astype(np.int64)
        row = np.where(inside, down, 0).astype(np.int64)
        values = classes.values[row, column].astype(np.int64)
        known = inside & measured[row, column]
        _mix(shown, window, table[values, :3], visible[values] * known[..., np.newaxis])


def _mix(
    shown: NDArray[np.float32],
    window: Window,
    colours: NDArray[np.float32],
    opacity: NDArray[np.float32],
) -> None:
    rows = slice(window.row, window.row + window.height)
    columns = slice(window.column, window.column + window.width)
    shown[rows, columns] += (colours - shown[rows, columns]) * opacity


def _parts(view: View) -> Iterator[Window]:
    for top in range(0, view.height, PART):
        for left in range(0, view.width, PART):
            yield Window(
                column=left,
                row=top,
                width=min(PART, view.width - left),
                height=min(PART, view.height - top),
            )


def _degrees(view: View) -> BBox:
    """Box around a part on WGS 84; the whole Earth's width where it lies over the antimeridian."""
    left, bottom, right, top = view.bounds()
    edge = np.linspace(0, 1, _EDGE_PARTS + 1)
    xs, ys = np.meshgrid(left + edge * (right - left), bottom + edge * (top - bottom))
    lons, lats = between(view.crs, "EPSG:4326", xs.ravel(), ys.ravel())
    here = np.isfinite(lons) & np.isfinite(lats)
    if not here.any():
        return (-180.0, -90.0, 180.0, 90.0)
    west, east = float(lons[here].min()), float(lons[here].max())
    if east - west > 180:  # noqa: PLR2004 - half a turn
        west, east = -180.0, 180.0
    return (west, float(lats[here].min()), east, float(lats[here].max()))
