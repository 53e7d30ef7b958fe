"""A scene, a grid and a stretch → chips with their pixels, in bounded memory.

Does not know models or collections.

Each level of the grid is read by itself, reduced to the pixels that its chips have. Cells are read
by window sets: rectangles of neighbouring cells, full rows of cells where they fit into
`SET_BYTES`, so that every raster block is decoded about once. A cell that overhangs its
scene is padded with black, which is not valid; pixels that were not measured are black too.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import UnreadableImage
from satseek.imagery._blocks import decoding_once
from satseek.imagery._open import shown
from satseek.imagery._sources import open_source, seen_through
from satseek.imagery.grid import (
    Frame,
    Layout,
    Span,
    enlarged,
    fits,
    lay_out_levels,
    native_frame,
    parse_cell,
    reduced_frame,
    window_in,
)
from satseek.imagery.ground import footprints
from satseek.imagery.recipes import apply, read_under
from satseek.imagery.scenes import describe_scene
from satseek.imagery.stretching import nothing_measured
from satseek.types import Chip, Scene, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from satseek.imagery._sources import Source
    from satseek.imagery.recipes import Stretch
    from satseek.types import GeoJSON, GridSpec, Pixels, Valid

SET_BYTES = 12 * 1024**2
"""Bytes of samples that are read at once, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipPlan:
    """The candidate cells of one scene, in the order in which they are read."""

    scene: Scene
    """Scene that is cut."""
    layouts: tuple[Layout, ...]
    """Where the cells lie, level by level, ascending."""

    @property
    def layout(self) -> Layout:
        """Where the cells of level 1 lie."""
        return self.layouts[0]

    def __len__(self) -> int:
        """Count the candidate cells of all levels."""
        return sum(len(layout.columns) * len(layout.rows) for layout in self.layouts)

    def ranges(self, cells: int) -> list[tuple[int, int]]:
        """Divide the candidates into ranges of about ``cells``, each at most twice as long.

        They begin where a window set does, so that no two of them decode the same blocks, but where
        one set alone has more cells than that.

        Returns:
            First candidate of each, and the first behind it; the same for the same plan.
        """
        starts = [0]
        for window_set in _window_sets(self):
            if window_set.first - starts[-1] >= cells:
                starts.append(window_set.first)
            while window_set.first + len(window_set) - starts[-1] > 2 * cells:
                starts.append(starts[-1] + cells)
        return list(pairwise([*starts, len(self)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChip:
    """One candidate cell after reading."""

    position: int
    """Number of the cell in its plan, from 0."""
    chip: Chip | None
    """None where too little of the cell is valid."""
    pixels: Pixels | None
    """RGB, north up; None where too little of the cell is valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _WindowSet:
    """Neighbouring cells that are read together; numbered row by row from ``first``."""

    first: int
    layout: Layout
    columns: tuple[Span, ...]
    rows: tuple[Span, ...]

    def __len__(self) -> int:
        return len(self.columns) * len(self.rows)

    @property
    def cells(self) -> list[tuple[Span, Span]]:
        return [(column, row) for row in self.rows for column in self.columns]

    @property
    def window(self) -> Window:
        left, top = self.columns[0].start, self.rows[0].start
        right = max(column.stop for column in self.columns)
        bottom = max(row.stop for row in self.rows)
        return Window(column=left, row=top, width=right - left, height=bottom - top)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Region:
    """Samples that were read, and where they lie in their frame."""

    window: Window
    values: NDArray[Any]
    valid: Valid

    def render(self, window: Window, stretch: Stretch) -> tuple[Pixels, Valid]:
        """Cut ``window`` out; what the region lacks of it is black and not valid."""
        part = _common(window, self.window)
        rows, columns = _slices(part, self.window)
        valid = self.valid[rows, columns]
        shades = apply(self.values[:, rows, columns], stretch)
        shades[~valid] = 0
        if part == window:
            return shades, valid
        pixels = np.zeros((window.height, window.width, 3), np.uint8)
        known = np.zeros((window.height, window.width), bool)
        rows, columns = _slices(part, window)
        pixels[rows, columns], known[rows, columns] = shades, valid
        return pixels, known

    def valid_fraction(self, window: Window) -> float:
        """Share of measured pixels of ``window``, 0–1."""
        rows, columns = _slices(_common(window, self.window), self.window)
        return int(np.count_nonzero(self.valid[rows, columns])) / (window.width * window.height)


def plan_chips(scene: Scene, *, grid: GridSpec) -> ChipPlan:
    """List the grid's cells that touch a scene; reads no pixel.

    Raises:
        InvalidRequest: a grid that cannot be.
        UnsupportedRaster: the scene cannot be brought onto the grid's CRS.
    """
    return ChipPlan(scene=scene, layouts=lay_out_levels(scene, grid))


def read_chips(
    scene: Scene,
    *,
    plan: ChipPlan,
    stretch: Stretch,
    min_valid: float = 0.5,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[ReadChip]:
    """Read the cells of a plan in order, from candidate number ``start`` on.

    Args:
        scene: The scene that was planned.
        plan: Its cells.
        stretch: Its stretch.
        min_valid: A cell is a chip if at least this share of it, 0–1, is valid; along an axis on
            which the scene is smaller than a cell, the share of what the scene can fill.
        start: First candidate; what was read before a break need not be read again.
        stop: First candidate that is not read; None: all are.

    Yields:
        One record for every candidate, with or without a chip.

    Raises:
        NoValidPixels: all candidates were read, or all of a range with a ``stop``, and none has a
            valid pixel.
        UnreadableImage: damaged; what was yielded before should be taken back.
    """
    seen = start > 0 and stop is None
    stop = len(plan) if stop is None else stop
    wanted = (
        one for one in _window_sets(plan) if one.first + len(one) > start and one.first < stop
    )
    for base, window_sets in groupby(wanted, key=lambda one: _base_of(one.layout)):
        with _open_frame(scene, base, stretch) as source:
            for window_set in window_sets:
                region = _read_region(source, window_set.layout.frame, window_set.window, stretch)
                seen = seen or bool(region.valid.any())
                least = min_valid * _attainable(window_set.layout)
                yield from _cut(
                    scene, window_set, region, stretch=stretch, least=least, asked=(start, stop)
                )
    if not seen:
        raise nothing_measured(scene.path, masked=stretch.mask_band > 0)


def read_chip(chip: Chip, *, stretch: Stretch, scene: Scene | None = None) -> Pixels:
    """Read one chip again, as it was embedded.

    Args:
        chip: Which.
        stretch: Its scene's.
        scene: Its scene; None: what lies at the chip's ``scene_path``, which must be a file.

    A chip of a warped scene may differ by a few grey levels, as GDAL interpolates positions within
    1/8 pixel by blocks; one whose CRS has no EPSG code comes in the scene's own geometry.

    Raises:
        UnreadableImage: its file is gone, damaged, or changed so that the chip is not in it.
    """
    if scene is None:
        path = Path(chip.scene_path)
        scene = describe_scene(path, root=path.parent)
    frame, window = _frame_of(chip, scene)
    with _open_frame(scene, frame.base or frame, stretch) as source:
        pixels, _ = _read_region(source, frame, window, stretch).render(window, stretch)
    return _upright(pixels, frame)


def _frame_of(chip: Chip, scene: Scene) -> tuple[Frame, Window]:
    """Where a chip is cut again, and its window there."""
    frame, window = native_frame(scene), chip.window
    parsed = parse_cell(chip.cell)
    if parsed is not None and not fits(frame, parsed[0]):
        frame = parsed[1]
        return frame, Window(column=0, row=0, width=frame.width, height=frame.height)
    level = chip.level
    if level == 1 or window.width % level or window.height % level:  # of no code: warped around it
        return frame, window
    frame = reduced_frame(frame, step=level, column=window.column % level, row=window.row % level)
    return frame, Window(
        column=(window.column - frame.column) // level,
        row=(window.row - frame.row) // level,
        width=window.width // level,
        height=window.height // level,
    )


@contextmanager
def _open_frame(scene: Scene, frame: Frame, stretch: Stretch) -> Iterator[Source]:
    with open_source(scene) as source:
        if not frame.warped or frame.crs is None:
            yield decoding_once(source, bands=len(stretch.bands))
            return
        with seen_through(
            source,
            crs=frame.crs,
            transform=frame.transform,
            width=frame.width,
            height=frame.height,
            resampling="nearest" if stretch.palette else "bilinear",
        ) as warped:
            yield warped


def _window_sets(plan: ChipPlan) -> Iterator[_WindowSet]:
    """Group the cells of each level into rectangles of about `SET_BYTES`; by the plan alone."""
    first = 0
    for layout in plan.layouts:
        columns, rows = layout.columns, layout.rows
        cell = (columns[0].stop - columns[0].start) * layout.frame.step
        pixels = SET_BYTES // (3 * _sample_bytes(plan.scene.dtype))
        across = max(1, min(len(columns), pixels // cell**2))
        down = max(1, pixels // (cell**2 * across))
        for top in range(0, len(rows), down):
            for left in range(0, len(columns), across):
                window_set = _WindowSet(
                    first=first,
                    layout=layout,
                    columns=columns[left : left + across],
                    rows=rows[top : top + down],
                )
                yield window_set
                first += len(window_set)


def _base_of(layout: Layout) -> Frame:
    """The raster that is opened for a layout."""
    return layout.frame.base or layout.frame


def _sample_bytes(dtype: str) -> int:
    return np.dtype(dtype).itemsize


def _attainable(layout: Layout) -> float:
    """Share of a cell that the scene can fill at best."""
    if layout.lattice is None:
        return 1.0
    across = min(1.0, layout.frame.width / layout.chip_px)
    return across * min(1.0, layout.frame.height / layout.chip_px)


def _read_region(source: Source, frame: Frame, window: Window, stretch: Stretch) -> _Region:
    whole = Window(
        column=0,
        row=0,
        width=(source.width - frame.column) // frame.step,
        height=(source.height - frame.row) // frame.step,
    )
    inside = _common(window, whole)
    if min(inside.width, inside.height) <= 0:
        raise _changed(source, f"a window at {window.column}, {window.row} lies outside of it")
    if max(stretch.bands) > source.layout.count:
        raise _changed(source, f"expected band {max(stretch.bands)}, it has {source.layout.count}")
    if stretch.palette and np.dtype(source.layout.dtype).kind != "u":
        raise _changed(source, f"expected a palette's numbers, it has {source.layout.dtype}")
    samples = read_under(source, enlarged(inside, frame), stretch, step=frame.step)
    return _Region(window=inside, values=samples.values, valid=samples.valid)


def _changed(source: Source, reason: str) -> UnreadableImage:
    return UnreadableImage(f"{shown(source.name)}: changed since it was indexed, {reason}")


def _cut(
    scene: Scene,
    window_set: _WindowSet,
    region: _Region,
    *,
    stretch: Stretch,
    least: float,
    asked: tuple[int, int],
) -> Iterator[ReadChip]:
    frame = window_set.layout.frame
    first, last = max(asked[0], window_set.first), asked[1]
    cells = window_set.cells[first - window_set.first : last - window_set.first]
    shares = [region.valid_fraction(_window(*cell)) for cell in cells]
    kept = [cell for cell, share in zip(cells, shares, strict=True) if 0 < share >= least]
    outlines = iter(_outlines(frame, region.window, kept))
    for position, (cell, share) in enumerate(zip(cells, shares, strict=True), first):
        if not 0 < share >= least:
            yield ReadChip(position=position, chip=None, pixels=None)
            continue
        pixels, _ = region.render(_window(*cell), stretch)
        chip = _chip(scene, window_set.layout, cell, share=share, footprint=next(outlines))
        yield ReadChip(position=position, chip=chip, pixels=_upright(pixels, frame))


def _outlines(frame: Frame, region: Window, cells: list[tuple[Span, Span]]) -> list[GeoJSON | None]:
    """Outline what each cell shows of the scene; what overhangs shows nothing."""
    windows = [_common(_window(*cell), region) for cell in cells]
    return footprints(frame.crs, frame.transform, windows)


def _chip(
    scene: Scene,
    layout: Layout,
    cell: tuple[Span, Span],
    *,
    share: float,
    footprint: GeoJSON | None,
) -> Chip:
    name = layout.cell(*cell)
    return Chip(
        id=f"{scene.id}/{name}",
        scene_id=scene.id,
        cell=name,
        scene_path=scene.path,
        window=window_in(scene, layout.frame, _window(*cell)),
        footprint=footprint,
        datetime=scene.datetime,
        valid_fraction=share,
        level=layout.level,
    )


def _upright(pixels: Pixels, frame: Frame) -> Pixels:
    """Turn north up and west left."""
    rows, columns = frame.flips
    return np.ascontiguousarray(pixels[:: -1 if rows else 1, :: -1 if columns else 1])


def _window(column: Span, row: Span) -> Window:
    return Window(
        column=column.start,
        row=row.start,
        width=column.stop - column.start,
        height=row.stop - row.start,
    )


def _common(one: Window, other: Window) -> Window:
    left, top = max(one.column, other.column), max(one.row, other.row)
    right = min(one.column + one.width, other.column + other.width)
    bottom = min(one.row + one.height, other.row + other.height)
    return Window(column=left, row=top, width=right - left, height=bottom - top)


def _slices(part: Window, within: Window) -> tuple[slice, slice]:
    """Rows and columns of ``part`` in an array that holds ``within``."""
    top, left = part.row - within.row, part.column - within.column
    return slice(top, top + part.height), slice(left, left + part.width)
