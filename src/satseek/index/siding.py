"""A polygon of few sides → which boxes lie inside, outside, or on its edge, all at once.

Does not know chips. What it calls an edge has to be asked of the polygon itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

MOST = 24
"""Sides up to which this is quicker than a board: measured, 0.3 ms a side for 30,000 boxes, as
against 14 ms."""

_SLACK = 1e-9
"""Degrees by which boxes are taken as larger, so that rounding decides nothing: 0.1 mm."""


class Sides:
    """The sides of a polygon or multipolygon, holes included."""

    def __init__(self, shape: BaseGeometry) -> None:
        """Take the sides of all rings."""
        rings = shapely.get_rings(shapely.get_parts(shape))
        lines = [shapely.get_coordinates(ring) for ring in rings]
        self._begins = np.concatenate([line[:-1] for line in lines])
        self._ends = np.concatenate([line[1:] for line in lines])

    def __len__(self) -> int:
        """Count them."""
        return len(self._begins)

    def sorted(self, boxes: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which boxes, shape (n, 4), surely lie inside, and which surely outside."""
        middle = (boxes[:, :2] + boxes[:, 2:]).T / 2
        half = (boxes[:, 2:] - boxes[:, :2]).T / 2 + _SLACK
        edge = np.zeros(len(boxes), dtype=np.bool_)
        within = np.zeros(len(boxes), dtype=np.bool_)
        for begin, end in zip(self._begins, self._ends, strict=True):
            edge |= _met(begin, end, middle, half)
            within ^= _right_of(begin, end, middle)
        return within & ~edge, ~(within | edge)


def _met(
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    middle: NDArray[np.float64],
    half: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Tell which boxes share a point with a side: no line lies between them (separating axes)."""
    centre, reach = (begin + end) / 2, np.abs(end - begin) / 2
    x, y = middle[0] - centre[0], middle[1] - centre[1]
    run, rise = end - begin
    met: NDArray[np.bool_] = np.abs(x) <= half[0] + reach[0]
    met &= np.abs(y) <= half[1] + reach[1]
    met &= np.abs(run * y - rise * x) <= abs(rise) * half[0] + abs(run) * half[1]
    return met


def _right_of(
    begin: NDArray[np.float64], end: NDArray[np.float64], middle: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell from which points a ray eastwards crosses a side; an odd number of them is inside."""
    x, y = middle
    between = (begin[1] > y) != (end[1] > y)
    if not between.any():
        return np.asarray(between)
    run, rise = end - begin
    return np.asarray(between & (x < begin[0] + run * ((y - begin[1]) / rise)))
