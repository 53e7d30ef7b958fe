"""A polygon → a board of squares that tells which boxes lie inside, outside, or on its edge.

Does not know chips. What it calls an edge has to be asked of the polygon itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

_COARSEST, _FINEST = 3, 7
"""Powers of two: 8 x 8 squares, of which those on the edge are quartered until 128 x 128."""

_OUTSIDE, _EDGE, _INSIDE = 0, 1, 2

_SLACK = 1e-9
"""Of the polygon's width: boxes are taken as so much larger, so that rounding decides nothing."""


class Board:
    """Squares over the bounds of a polygon."""

    def __init__(self, shape: BaseGeometry) -> None:
        """Colour the squares of a prepared polygon."""
        self._low = np.array(shape.bounds[:2])
        self._size = np.array(shape.bounds[2:]) - self._low
        colours = np.full((1 << _COARSEST, 1 << _COARSEST), _EDGE, dtype=np.int8)
        for depth in range(_COARSEST, _FINEST + 1):
            self._colour(shape, colours)
            if depth < _FINEST:
                colours = colours.repeat(2, axis=0).repeat(2, axis=1)
        around = np.pad(colours, 1, constant_values=_OUTSIDE)
        self._sums = [_summed(around == colour) for colour in (_INSIDE, _OUTSIDE)]

    def sorted(self, boxes: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which boxes, shape (n, 4), surely lie inside, and which surely outside."""
        count = 1 << _FINEST
        slack = self._size * _SLACK
        first = np.floor((boxes[:, :2] - slack - self._low) / self._size * count)
        last = np.floor((boxes[:, 2:] + slack - self._low) / self._size * count)
        low = np.clip(first, -1, count).astype(np.int64) + 1
        high = np.clip(last, -1, count).astype(np.int64) + 2
        squares = (high - low).prod(axis=1)
        inside, outside = (_counted(sums, low, high) == squares for sums in self._sums)
        return inside, outside

    def _colour(self, shape: BaseGeometry, colours: NDArray[np.int8]) -> None:
        """Ask the polygon about the squares that its edge may run through."""
        rows, columns = np.nonzero(colours == _EDGE)
        step = self._size / len(colours)
        west, south = self._low[0] + columns * step[0], self._low[1] + rows * step[1]
        squares = shapely.box(west, south, west + step[0], south + step[1])
        meets = shapely.intersects(shape, squares)
        covered = np.zeros(len(squares), dtype=np.bool_)
        covered[meets] = shapely.covers(shape, squares[meets])
        colours[rows[~meets], columns[~meets]] = _OUTSIDE
        colours[rows[covered], columns[covered]] = _INSIDE


def _summed(marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Sums of all squares below and left of each corner."""
    return np.pad(marked.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _counted(
    sums: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count the marked squares between corners, (column, row) each."""
    (left, bottom), (right, top) = low.T, high.T
    found: NDArray[np.int64] = (
        sums[top, right] - sums[bottom, right] - sums[top, left] + sums[bottom, left]
    )
    return found
