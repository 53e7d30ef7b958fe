"""A grid's CRS, pixel size and step → the lattice that names cells, and views of scenes on it.

Does not know which cells a scene has.

A lattice is anchored at the origin of its CRS: cell (i, j) covers x from ``i · step`` to
``i · step + edge`` and y likewise, northward. At level n edge and step are n times as long.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import UnsupportedRaster
from satseek.imagery._open import shown
from satseek.imagery.frames import Frame, pixel_sizes, reduced_frame
from satseek.imagery.ground import between, parse_crs, to_ground

if TYPE_CHECKING:
    from satseek.types import GridSpec, Scene

SAME_SIZE = 0.01
"""Pixel sizes closer than this are taken as equal: 2.6 pixels over a chip of 256."""

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


def lattice_of(scene: Scene, grid: GridSpec) -> Lattice:
    """Resolve a grid for a scene with georeference: what it leaves open is the scene's own.

    Raises:
        UnsupportedRaster: the scene cannot be brought onto the grid's CRS.
    """
    assert scene.crs is not None
    crs = scene.crs if grid.crs is None or same_crs(grid.crs, scene.crs) else _tidy(grid.crs)
    if grid.pixel_size is not None:
        size_x = size_y = grid.pixel_size
    elif crs == scene.crs:
        size_x, size_y = (rounded_size(size) for size in pixel_sizes(scene.transform))
    else:
        size_x = size_y = rounded_size(_size_over_there(scene, crs))
    return Lattice(
        crs=crs,
        pixel_x=size_x,
        pixel_y=size_y,
        chip_px=grid.chip_px,
        stride_px=grid.stride_px,
    )


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


def warped_frames(scene: Scene, lattice: Lattice) -> list[Frame]:
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


def same_crs(one: str, other: str) -> bool:
    """Whether two names stand for the same CRS."""
    return one == other or bool(parse_crs(one) == parse_crs(other))


def rounded_size(size: float) -> float:
    """Four digits: scenes of one sensor differ in the later ones, and shall share a lattice."""
    return float(f"{size:.4g}")


def _tidy(crs: str) -> str:
    authority = parse_crs(crs).to_authority()
    return ":".join(authority) if authority else crs


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
