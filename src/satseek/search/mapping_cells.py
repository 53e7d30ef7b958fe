"""A value for each chip → values on the ground, of which any raster is filled.

Does not know what the values mean. Chips lie on lattices, where each place is found by arithmetic;
images that are one chip each lie where they are, and are filled in by their outlines.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery.grid import parse_cell
from satseek.imagery.keeping import Kept

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from satseek.imagery.views import View

_NUMBERED = re.compile(r"(.*_x)(-?\d+)(y)(-?\d+)(.*)")
"""A cell's name: what it shares with its lattice, its column and its row."""

_ROW = 1 << 32
"""Keys hold a row of cells in their upper half and a column, moved up by `_MIDDLE`, below."""

_MIDDLE = 1 << 31

_COARSER = 6
"""Coarser editions of one layer that are kept: powers of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where the cells of one lattice lie: cell (i, j) begins at ``left + i · step`` and so on."""

    crs: str
    """CRS of its coordinates."""
    left: float
    """x at which column 0 begins."""
    bottom: float
    """y at which row 0 begins; rows go north."""
    step_x: float
    """From column to column, in units of the CRS."""
    step_y: float
    """From row to row."""
    reach: int
    """Cells that cover one place along an axis: 1, unless the stride is shorter than the chip."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """Chips of one lattice."""

    ground: Ground
    """Where its cells lie."""
    places: NDArray[np.int64]
    """Shape (n,): which chips, by their number in the list that was placed."""
    keys: NDArray[np.int64]
    """Shape (n,): of each, the key of its cell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placing:
    """Where chips lie."""

    lattices: tuple[Placed, ...]
    """Chips that lie on lattices; those of most chips first."""
    others: NDArray[np.int64]
    """Shape (n,): numbers of those that do not."""


def place(names: Iterable[str]) -> Placing:
    """Find by their names where cells lie."""
    grouped: dict[tuple[str, str], tuple[list[int], list[int], list[int]]] = {}
    others: list[int] = []
    for number, name in enumerate(names):
        parts = _NUMBERED.fullmatch(name)
        if parts is None:
            others.append(number)
            continue
        before, i, _, j, behind = parts.groups()
        numbers, columns, rows = grouped.setdefault((before, behind), ([], [], []))
        numbers.append(number)
        columns.append(int(i))
        rows.append(int(j))
    lattices = []
    for (before, behind), (numbers, columns, rows) in grouped.items():
        ground = _ground(before, behind)
        if ground is None:
            others += numbers
            continue
        keys = keys_of(np.array(columns, dtype=np.int64), np.array(rows, dtype=np.int64))
        lattices.append(Placed(ground=ground, places=np.array(numbers, dtype=np.int64), keys=keys))
    lattices.sort(key=lambda placed: -placed.keys.size)
    return Placing(lattices=tuple(lattices), others=np.array(sorted(others), dtype=np.int64))


def keys_of(columns: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Name cells by one number each, in the order of rows, then columns."""
    return rows * _ROW + (columns + _MIDDLE)


def columns_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the columns of keys."""
    return keys % _ROW - _MIDDLE


def rows_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the rows of keys."""
    return keys // _ROW


@lru_cache(maxsize=256)
def _ground(before: str, behind: str) -> Ground | None:
    """Read a lattice back; None: its name does not tell where it lies."""
    first, second = (parse_cell(f"{before}{at}y{at}{behind}") for at in (0, 1))
    if first is None or second is None:
        return None
    one, next_one = first[1], second[1]
    assert one.crs is not None
    size_x, _, left, _, size_y, top = one.transform
    step_x, step_y = next_one.transform[2] - left, next_one.transform[5] - top
    edge_x, edge_y = size_x * one.width, abs(size_y) * one.height
    # The middle of a stride-wide place is covered by chips that begin up to so many strides before.
    reach = math.ceil(edge_x / step_x - 0.5 - 1e-9)
    return Ground(
        crs=one.crs,
        left=left,
        bottom=top - edge_y,
        step_x=step_x,
        step_y=step_y,
        reach=max(reach, 1),
    )


class Layer:
    """Values on one lattice; never changes."""

    def __init__(
        self, ground: Ground, keys: NDArray[np.int64], values: NDArray[np.float32]
    ) -> None:
        """Take one value a cell.

        Args:
            ground: Where the cells lie; each stands for one place, however many chips cover it.
            keys: Shape (n,), ascending, none twice.
            values: Shape (n,): scores, or whole numbers of classes.
        """
        self.ground = ground
        self.keys = keys
        self.values = values
        self._coarser: Kept[Layer] = Kept(_COARSER)

    def fill(self, view: View, *, classes: int | None) -> NDArray[np.float32]:
        """Give the value under the middle of each pixel of a view: (h, w), NaN where none is.

        Args:
            view: What is filled. Where its pixels are larger than cells, it shows cells joined by
                two, four …: by their mean, or the class that is most frequent among them.
            classes: How many classes there are; None: values are scores.
        """
        xs, ys = view.positions(self.ground.crs)
        with np.errstate(invalid="ignore"):
            across = (xs - self.ground.left) / self.ground.step_x
            up = (ys - self.ground.bottom) / self.ground.step_y
        factor = _factor(across, up)
        layer = self if factor == 1 else self.coarser(factor, classes=classes)
        return layer._at(across / factor, up / factor)  # noqa: SLF001 (its own kind)

    def coarser(self, factor: int, *, classes: int | None) -> Layer:
        """Join ``factor`` x ``factor`` cells."""
        return self._coarser.get(factor, lambda: self._joined(factor, classes))

    def _joined(self, factor: int, classes: int | None) -> Layer:
        ground = Ground(
            crs=self.ground.crs,
            left=self.ground.left,
            bottom=self.ground.bottom,
            step_x=self.ground.step_x * factor,
            step_y=self.ground.step_y * factor,
            reach=1,
        )
        keys = keys_of(columns_of(self.keys) // factor, rows_of(self.keys) // factor)
        if classes is None:
            return Layer(ground, *mean_by(keys, self.values))
        return Layer(ground, *most_by(keys, self.values, classes=classes))

    def _at(self, across: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float32]:
        known = np.isfinite(across) & np.isfinite(up)
        found = np.full(across.shape, np.nan, dtype=np.float32)
        if not known.any() or not self.keys.size:
            return found
        columns = np.floor(across[known]).astype(np.int64)
        rows = np.floor(up[known]).astype(np.int64)
        found[known] = self.window(columns, rows)
        return found

    def window(self, columns: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the values of cells by column and row; NaN where there is none."""
        first, last = rows.min(), rows.max()
        start, stop = np.searchsorted(self.keys, [first * _ROW, (last + 1) * _ROW])
        keys, values = self.keys[start:stop], self.values[start:stop]
        if not keys.size:
            return np.full(columns.shape, np.nan, dtype=np.float32)
        wanted = keys_of(columns, rows)
        at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        return np.where(keys[at] == wanted, values[at], np.float32(np.nan))


def mean_by(
    keys: NDArray[np.int64], values: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give each key once, ascending, with the mean of its values."""
    unique, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse.ravel(), weights=values, minlength=unique.size)
    return unique, (sums / counts).astype(np.float32)


def most_by(
    keys: NDArray[np.int64], values: NDArray[np.float32], *, classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give each key once, ascending, with its most frequent class, the first among equals."""
    unique, inverse = np.unique(keys, return_inverse=True)
    pairs = inverse.ravel() * classes + values.astype(np.int64)
    kinds, counts = np.unique(pairs, return_counts=True)
    order = np.lexsort((kinds % classes, -counts, kinds // classes))
    owners = kinds[order] // classes
    firsts = np.flatnonzero(np.diff(owners, prepend=-1))
    return unique, (kinds[order][firsts] % classes).astype(np.float32)


def _factor(across: NDArray[np.float64], up: NDArray[np.float64]) -> int:
    """Largest power of two of cells that fit into a pixel; 1 where cells are larger than pixels."""
    every = slice(None, None, 8)
    apart = []
    for axis in (0, 1):
        steps = [np.abs(np.diff(places, axis=axis)[every, every]) for places in (across, up)]
        largest = np.maximum(*steps)
        known = largest[np.isfinite(largest)]
        if known.size:
            apart.append(float(np.median(known)))
    cells = min(apart, default=1.0)
    return 1 << max(0, math.floor(math.log2(cells))) if cells > 1 else 1
