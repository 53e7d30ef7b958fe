"""A scene and a grid → where the grid's cells lie in the scene, named alike at every date.

Does not read pixels.

A lattice is anchored at the origin of its CRS: cell (i, j) covers x from ``i · step`` to
``i · step + edge`` and y likewise, northward. A scene on the lattice's CRS and pixel size is cut
along its own pixels, without resampling: each edge falls on the nearest pixel edge. A scene of
another CRS or pixel size, or a rotated one, is cut from a warped view of it (a `Frame`).
Images without georeference are cut along their own pixels, the last cells shifted inwards.
At level n edge and step are n times as long, and the scene is seen reduced n times, so that chips
of all levels have equally many pixels.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest, UnsupportedRaster
from satseek.imagery._open import shown
from satseek.imagery.ground import Affine, between, parse_crs, to_ground, to_pixels
from satseek.types import Window

if TYPE_CHECKING:
    from satseek.types import GridSpec, Scene

WHOLE_PLAIN = 2.0
"""An image without georeference is one whole chip up to this many chip edges in both directions:
folders of ready-cut chips are taken as they are."""

WHOLE_GROUND = 1.5
"""A georeferenced scene is one whole chip below this many chip edges in both directions: it may
hold no complete cell of the lattice, wherever it lies."""

SAME_SIZE = 0.01
"""Pixel sizes closer than this are taken as equal: 2.6 pixels over a chip of 256."""

MAX_LEVELS = 6
"""Levels of a grid: each of them costs a reading of the scene."""

MAX_LEVEL = 64
"""Largest level: a chip of 256 pixels shows 16,384 of its scene."""

_NEARLY = 1e-6
"""Pixels; positions exactly between two pixels go the same way in spite of rounding."""

_MAX_GROWTH = 1000
"""Pixels of a warped view per pixel of its scene; more is a pixel size in the wrong unit."""

_MIN_FRAME_EDGE = 8
"""Pixels; a warped view with fewer along both edges is a pixel size in the wrong unit too."""

_MAX_FRAME_EDGE = 2**31 - 1
"""Pixels; GDAL's limit on rows and columns."""

HALF_TURN = 180.0
"""Degrees; longitudes of one scene that lie farther apart are of both sides of the antimeridian."""

_CELL = re.compile(
    r"(?P<crs>[a-z]+\d+)_(?P<x>[\d.e+-]+)(?:x(?P<y>[\d.e+-]+))?_(?P<chip>\d+)(?:s(?P<stride>\d+))?"
    r"(?:l(?P<level>\d+))?_x(?P<i>-?\d+)y(?P<j>-?\d+)"
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """A ground-fixed lattice, resolved for one scene."""

    crs: str
    """CRS of its coordinates."""
    pixel_x: float
    """CRS units per pixel along x; positive."""
    pixel_y: float
    """CRS units per pixel along y; positive."""
    chip_px: int
    """Edge of a cell in pixels."""
    stride_px: int
    """Step from cell to cell in pixels."""
    level: int = 1
    """Size of its cells as a multiple of ``chip_px``, and of its step as one of ``stride_px``."""

    @property
    def step_x(self) -> float:
        """CRS units from column to column."""
        return self.pixel_x * self.level * self.stride_px

    @property
    def step_y(self) -> float:
        """CRS units from row to row."""
        return self.pixel_y * self.level * self.stride_px

    def cell(self, i: int, j: int) -> str:
        """Name a cell: CRS, pixel size, chip size (stride, level), column and row."""
        size = f"{self.pixel_x:g}"
        if self.pixel_y != self.pixel_x:
            size += f"x{self.pixel_y:g}"
        stride = "" if self.stride_px == self.chip_px else f"s{self.stride_px}"
        level = "" if self.level == 1 else f"l{self.level}"
        return f"{crs_token(self.crs)}_{size}_{self.chip_px}{stride}{level}_x{i}y{j}"


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
    lattice = _lattice_of(scene, grid)
    frames = [native] if fits(native, lattice) else _warped_frames(scene, lattice)
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


def native_frame(scene: Scene) -> Frame:
    """Take the scene's own pixels as the frame."""
    return Frame(
        crs=scene.crs,
        transform=scene.transform,
        width=scene.width,
        height=scene.height,
        warped=False,
    )


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


def crs_token(crs: str) -> str:
    """Name a CRS within a cell: ``epsg32633``, or a hash where it has no EPSG code."""
    if re.fullmatch(r"EPSG:\d+", crs):
        return crs.replace(":", "").lower()
    return "crs" + str(int(hashlib.sha256(crs.encode()).hexdigest()[:10], 16))


def parse_cell(cell: str) -> tuple[Lattice, Frame] | None:
    """Read back the lattice and the north-up square that a cell's name stands for.

    Returns:
        None for cells that are cut along a scene's own pixels alone, or whose CRS has no code.
    """
    parts = _CELL.fullmatch(cell)
    if parts is None or not parts["crs"].startswith("epsg"):
        return None
    chip, level = int(parts["chip"]), int(parts["level"] or 1)
    edge = chip * level
    lattice = Lattice(
        crs=f"EPSG:{parts['crs'][4:]}",
        pixel_x=float(parts["x"]),
        pixel_y=float(parts["y"] or parts["x"]),
        chip_px=chip,
        stride_px=int(parts["stride"] or chip),
        level=level,
    )
    left = int(parts["i"]) * level * lattice.stride_px
    top = int(parts["j"]) * level * lattice.stride_px + edge
    frame = _frame_on(lattice, left=left, top=top, width=edge, height=edge)
    return lattice, frame if level == 1 else reduced_frame(frame, step=level)


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


def enlarged(window: Window, frame: Frame) -> Window:
    """Find the pixels of the raster that a window of its frame stands for."""
    return Window(
        column=frame.column + window.column * frame.step,
        row=frame.row + window.row * frame.step,
        width=window.width * frame.step,
        height=window.height * frame.step,
    )


def pixel_sizes(transform: Affine) -> tuple[float, float]:
    """CRS units per pixel along columns and rows, rotated or not."""
    a, b, _, d, e, _ = transform
    return math.hypot(a, d), math.hypot(b, e)


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
        size_x, size_y = (_rounded(size) for size in pixel_sizes(frame.transform))
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


def _lattice_of(scene: Scene, grid: GridSpec) -> Lattice:
    assert scene.crs is not None
    crs = scene.crs if grid.crs is None or same_crs(grid.crs, scene.crs) else _tidy(grid.crs)
    if grid.pixel_size is not None:
        size_x = size_y = grid.pixel_size
    elif crs == scene.crs:
        size_x, size_y = (_rounded(size) for size in pixel_sizes(scene.transform))
    else:
        size_x = size_y = _rounded(_size_over_there(scene, crs))
    return Lattice(
        crs=crs,
        pixel_x=size_x,
        pixel_y=size_y,
        chip_px=grid.chip_px,
        stride_px=grid.stride_px,
    )


def same_crs(one: str, other: str) -> bool:
    """Whether two names stand for the same CRS."""
    return one == other or bool(parse_crs(one) == parse_crs(other))


def _tidy(crs: str) -> str:
    authority = parse_crs(crs).to_authority()
    return ":".join(authority) if authority else crs


def _rounded(size: float) -> float:
    """Four digits: scenes of one sensor differ in the later ones, and shall share a lattice."""
    return float(f"{size:.4g}")


def _size_over_there(scene: Scene, crs: str) -> float:
    """Edge of the scene's middle pixel in another CRS, as the root of its area there."""
    assert scene.crs is not None
    column, row = scene.width / 2, scene.height / 2
    columns, rows = np.array([column, column + 1, column]), np.array([row, row, row + 1])
    xs, ys = between(scene.crs, crs, *to_ground(scene.transform, columns, rows))
    area = (xs[1] - xs[0]) * (ys[2] - ys[0]) - (xs[2] - xs[0]) * (ys[1] - ys[0])
    if not math.isfinite(area) or area == 0:
        raise _off_grid(scene, crs)
    return math.sqrt(abs(area))


def fits(frame: Frame, lattice: Lattice) -> bool:
    """Tell whether cells can be cut along the frame's own pixels."""
    _, b, _, d, _, _ = frame.transform
    size_x, size_y = pixel_sizes(frame.transform)
    # Half a pixel of skew over the whole scene is what rounding leaves.
    straight = abs(b) * frame.height < size_x / 2 and abs(d) * frame.width < size_y / 2
    return (
        frame.crs == lattice.crs
        and straight
        and abs(size_x / lattice.pixel_x - 1) <= SAME_SIZE
        and abs(size_y / lattice.pixel_y - 1) <= SAME_SIZE
    )


def _warped_frames(scene: Scene, lattice: Lattice) -> list[Frame]:
    """North-up views of the scene whose pixels are those of the lattice."""
    assert scene.crs is not None
    steps = np.linspace(0, 1, 33)
    columns, rows = np.meshgrid(scene.width * steps, scene.height * steps)
    xs, ys = to_ground(scene.transform, columns.ravel(), rows.ravel())
    xs, ys = between(scene.crs, lattice.crs, xs, ys)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise _off_grid(scene, lattice.crs)
    bottom, top = _outward(ys, lattice.pixel_y)
    spans = [_outward(part, lattice.pixel_x) for part in _unrolled(xs, lattice)]
    growth = (
        sum(right - left for left, right in spans) * (top - bottom) / (scene.width * scene.height)
    )
    longest = max(*(right - left for left, right in spans), top - bottom)
    if not _MIN_FRAME_EDGE <= longest <= _MAX_FRAME_EDGE or growth > _MAX_GROWTH:
        raise _off_grid(scene, lattice.crs)
    return [
        _frame_on(lattice, left=left, top=top, width=right - left, height=top - bottom)
        for left, right in spans
    ]


def _unrolled(
    xs: np.ndarray[tuple[int], np.dtype[np.float64]], lattice: Lattice
) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Part the longitudes of a scene that lies across the antimeridian, at it."""
    if np.ptp(xs) <= HALF_TURN or not parse_crs(lattice.crs).is_geographic:
        return [xs]
    east, west = xs[xs >= 0], xs[xs < 0]
    if east.min() - west.max() < HALF_TURN:  # it spans the world
        return [xs]
    return [np.append(west, -HALF_TURN), np.append(east, HALF_TURN)]


def _frame_on(lattice: Lattice, *, left: int, top: int, width: int, height: int) -> Frame:
    """Take a north-up rectangle of lattice pixels, counted from the origin of the CRS."""
    x, y = lattice.pixel_x, lattice.pixel_y
    return Frame(
        crs=lattice.crs,
        transform=(x, 0.0, left * x, 0.0, -y, top * y),
        width=width,
        height=height,
        warped=True,
    )


def _outward(
    positions: np.ndarray[tuple[int], np.dtype[np.float64]], size: float
) -> tuple[int, int]:
    low = math.floor(float(positions.min()) / size + _NEARLY)
    high = math.ceil(float(positions.max()) / size - _NEARLY)
    return low, max(high, low + 1)


def _off_grid(scene: Scene, crs: str) -> UnsupportedRaster:
    return UnsupportedRaster(f"{shown(scene.path)}: cannot be laid on a grid of {crs[:60]}")


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
