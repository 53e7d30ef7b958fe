"""A scene and a grid → where the grid's cells lie in the scene, named alike at every date.

Does not read pixels.

A scene on the lattice's CRS and pixel size is cut along its own pixels, without resampling: each
edge falls on the nearest pixel edge. A scene of another CRS or pixel size, or a rotated one, is cut
from a warped view of it (a `Frame`). Images without georeference are cut along their own pixels,
the last cells shifted inwards. At level n cells are n times as large, and the scene is seen reduced
n times, so that chips of all levels have equally many pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.imagery.frames import (
    Frame,
    Span,
    enlarged,
    native_frame,
    pixel_sizes,
    reduced_frame,
    window_in,
)
from satseek.imagery.ground import parse_crs, to_ground
from satseek.imagery.lattices import (
    Lattice,
    crs_token,
    fits,
    lattice_of,
    parse_cell,
    rounded_size,
    same_crs,
    warped_frames,
)

if TYPE_CHECKING:
    from satseek.types import GridSpec, Scene

__all__ = [
    "Frame",
    "Lattice",
    "Layout",
    "Span",
    "check_grid",
    "crs_token",
    "enlarged",
    "fits",
    "lay_out",
    "lay_out_levels",
    "native_frame",
    "parse_cell",
    "pixel_sizes",
    "reduced_frame",
    "same_crs",
    "window_in",
]

_NEARLY = 1e-6
"""Pixels; positions exactly between two pixels go the same way in spite of rounding."""

WHOLE_PLAIN = 2.0
"""An image without georeference is one whole chip up to this many chip edges in both directions:
folders of ready-cut chips are taken as they are."""

WHOLE_GROUND = 1.5
"""A georeferenced scene is one whole chip below this many chip edges in both directions: it may
hold no complete cell of the lattice, wherever it lies."""

MAX_LEVELS = 6
"""Levels of a grid: each of them costs a reading of the scene."""

MAX_LEVEL = 64
"""Largest level: a chip of 256 pixels shows 16,384 of its scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a grid's cells lie in a scene."""

    frame: Frame
    """Raster along whose pixels they are cut."""
    columns: tuple[Span, ...]
    """Columns of cells, from the frame's left edge to its right."""
    rows: tuple[Span, ...]
    """Rows of cells, from the frame's top edge to its bottom."""
    lattice: Lattice | None
    """What names the cells; None: pixels of the scene itself."""
    whole: str | None
    """Name of the only cell where the scene is one chip."""
    chip_px: int
    """Edge of a cell in pixels of the frame, before the nearest pixel is taken."""
    level: int = 1
    """Size of the cells as a multiple of ``chip_px`` pixels of the raster."""

    def cell(self, column: Span, row: Span) -> str:
        """Name a cell; the same place has the same name at every date."""
        if self.whole is not None:
            return self.whole
        if self.lattice is not None:
            return self.lattice.cell(column.label, row.label)
        level = "" if self.level == 1 else f"l{self.level}"
        x, y = column.start * self.level, row.start * self.level
        return f"px_{self.chip_px}{level}_x{x}y{y}"


def lay_out(scene: Scene, grid: GridSpec) -> tuple[Layout, ...]:
    """Lay level 1 of the grid over a scene; reads no pixel.

    Returns:
        One layout; two where a scene has to be warped to a grid of degrees and lies across the
        antimeridian.

    Raises:
        InvalidRequest: a grid that cannot be.
        UnsupportedRaster: the scene cannot be brought onto the grid's CRS.
    """
    check_grid(grid)
    native = native_frame(scene)
    if _is_whole(scene, grid):
        return (_whole_layout(native, grid),)
    if scene.crs is None:
        return (_pixel_layout(native, grid),)
    lattice = lattice_of(scene, grid)
    frames = [native] if fits(native, lattice) else warped_frames(scene, lattice)
    return tuple(_ground_layout(frame, lattice) for frame in frames)


def lay_out_levels(scene: Scene, grid: GridSpec) -> tuple[Layout, ...]:
    """Lay all levels of the grid over a scene, as `lay_out`, ascending; reads no pixel.

    A level is left out where the scene is shorter than one of its chips in either direction, and
    all above the first where the scene is one whole chip.

    Raises:
        InvalidRequest: a grid that cannot be.
        UnsupportedRaster: the scene cannot be brought onto the grid's CRS.
    """
    return tuple(layout for first in lay_out(scene, grid) for layout in _levels(first, grid))


def _levels(first: Layout, grid: GridSpec) -> tuple[Layout, ...]:
    if first.whole is not None:
        return (first,)
    shorter = min(first.frame.width, first.frame.height)
    larger = [level for level in grid.levels if level > 1 and level * grid.chip_px <= shorter]
    return (first, *(_at_level(first, grid, level) for level in larger))


def _at_level(first: Layout, grid: GridSpec, level: int) -> Layout:
    if first.lattice is None:
        return _pixel_layout(reduced_frame(first.frame, step=level), grid)
    lattice = replace(first.lattice, level=level)
    a, _, c, _, e, f = first.frame.transform
    frame = reduced_frame(
        first.frame,
        step=level,
        column=_phase(c, a, lattice.step_x, level),
        row=_phase(f, e, lattice.step_y, level),
    )
    return _ground_layout(frame, lattice)


def _phase(origin: float, size: float, step: float, level: int) -> int:
    """First pixel from which an axis is reduced so that cells begin where reduced pixels do."""
    label = round(origin / step)
    return _pixel_edge(label * step, origin, size) % level


def check_grid(grid: GridSpec) -> None:
    """Refuse a grid that cannot be.

    Raises:
        InvalidRequest: sizes that are not positive, a stride above the chip, or an unknown CRS.
    """
    if not 0 < grid.stride_px <= grid.chip_px:
        raise InvalidRequest(
            f"expected 0 < stride_px <= chip_px, got {grid.stride_px} and {grid.chip_px}"
        )
    if grid.levels[:1] != (1,) or list(grid.levels) != sorted(set(grid.levels)):
        raise InvalidRequest(f"expected levels ascending from 1, such as (1, 2), got {grid.levels}")
    if len(grid.levels) > MAX_LEVELS or grid.levels[-1] > MAX_LEVEL:
        raise InvalidRequest(
            f"expected at most {MAX_LEVELS} levels up to {MAX_LEVEL}, got {grid.levels}"
        )
    if grid.pixel_size is not None and not 0 < grid.pixel_size < math.inf:
        raise InvalidRequest(f"expected a positive pixel_size, got {grid.pixel_size}")
    if grid.crs is not None:
        parse_crs(grid.crs)


def _is_whole(scene: Scene, grid: GridSpec) -> bool:
    edge = max(scene.width, scene.height)
    if scene.crs is None:
        return edge <= WHOLE_PLAIN * grid.chip_px
    return edge < WHOLE_GROUND * grid.chip_px


def _whole_layout(frame: Frame, grid: GridSpec) -> Layout:
    if frame.crs is None:
        name = "px_whole"
    else:
        middle = np.array([frame.width / 2]), np.array([frame.height / 2])
        xs, ys = to_ground(frame.transform, *middle)
        size_x, size_y = (rounded_size(size) for size in pixel_sizes(frame.transform))
        i, j = round(float(xs[0]) / size_x), round(float(ys[0]) / size_y)
        name = f"{crs_token(frame.crs)}_{size_x:g}_{frame.width}x{frame.height}_at_x{i}y{j}"
    return Layout(
        frame=frame,
        columns=(Span(label=0, start=0, stop=frame.width),),
        rows=(Span(label=0, start=0, stop=frame.height),),
        lattice=None,
        whole=name,
        chip_px=grid.chip_px,
    )


def _pixel_layout(frame: Frame, grid: GridSpec) -> Layout:
    return Layout(
        frame=frame,
        columns=_shifted_spans(frame.width, grid),
        rows=_shifted_spans(frame.height, grid),
        lattice=None,
        whole=None,
        chip_px=grid.chip_px,
        level=frame.step,
    )


def _shifted_spans(extent: int, grid: GridSpec) -> tuple[Span, ...]:
    last = max(extent - grid.chip_px, 0)
    starts = [*range(0, last, grid.stride_px), last]
    edge = min(grid.chip_px, extent)
    return tuple(Span(label=start, start=start, stop=start + edge) for start in starts)


def _ground_layout(frame: Frame, lattice: Lattice) -> Layout:
    a, _, c, _, e, f = frame.transform
    return Layout(
        frame=frame,
        columns=_spans(c, a, frame.width, lattice.pixel_x, lattice),
        rows=_spans(f, e, frame.height, lattice.pixel_y, lattice),
        lattice=lattice,
        whole=None,
        chip_px=lattice.chip_px,
        level=lattice.level,
    )


def _spans(
    origin: float, size: float, extent: int, lattice_size: float, lattice: Lattice
) -> tuple[Span, ...]:
    """Cut one axis: pixel edge p lies at ``origin + size · p``; label n at ``n · step``."""
    size_at_level = lattice_size * lattice.level
    step, edge = size_at_level * lattice.stride_px, size_at_level * lattice.chip_px
    ends = sorted((origin, origin + size * extent))
    labels = range(math.floor((ends[0] - edge) / step), math.ceil(ends[1] / step) + 1)
    spans = [_span(label, label * step, label * step + edge, origin, size) for label in labels]
    inside = [span for span in spans if span.start < extent and span.stop > 0]
    return tuple(sorted(inside, key=lambda span: span.start))


def _span(label: int, low: float, high: float, origin: float, size: float) -> Span:
    edges = sorted(_pixel_edge(end, origin, size) for end in (low, high))
    return Span(label=label, start=edges[0], stop=max(edges[1], edges[0] + 1))


def _pixel_edge(place: float, origin: float, size: float) -> int:
    """Number of the pixel edge nearest to a coordinate."""
    return math.floor((place - origin) / size + 0.5 + _NEARLY)
