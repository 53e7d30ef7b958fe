"""Outlines of parcels and of cells → how much of each parcel lies in each cell.

Does not know what is in the cells. Areas are those of the ellipsoid: a share of them is the same in
every CRS that the imagery may have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.export.areas import shape_areas_ha

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Shapes = NDArray[np.object_]

_AT_ONCE = 50_000
"""Intersections computed at a time: some 50 MB of polygons."""

_NOTHING_HA = 1e-8
"""A ten-thousandth of a square metre: where outlines touch, rounding leaves as much."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlaps:
    """Pieces of parcels by cell; all of shape (m,), ascending by parcel, then by cell."""

    parcels: NDArray[np.int64]
    """Place of the parcel in the list."""
    cells: NDArray[np.int64]
    """Place of the cell in the list."""
    hectares: Floats
    """Ground that they share."""
    count: int
    """Parcels in all."""

    def sums(self, values: NDArray[np.generic]) -> Floats:
        """Add up a value of each piece, weighted by its hectares: shape (parcels,)."""
        weights = self.hectares * values.astype(np.float64)
        sums = np.bincount(self.parcels, weights=weights, minlength=self.count)
        return sums.astype(np.float64)

    def of(self, parcel: int) -> slice:
        """Give where the pieces of one parcel lie."""
        first, last = np.searchsorted(self.parcels, [parcel, parcel + 1])
        return slice(int(first), int(last))


def overlaps(parcels: Shapes, cells: Shapes) -> Overlaps:
    """Cut parcels by cells.

    Args:
        parcels: Sound polygons in degrees, shape (n,).
        cells: Likewise; None where a cell has no place on the ground.
    """
    tree = shapely.STRtree(cells)
    of_parcel, of_cell = tree.query(parcels, predicate="intersects")
    order = np.lexsort((of_cell, of_parcel))
    of_parcel, of_cell = of_parcel[order], of_cell[order]
    hectares = np.zeros(len(of_parcel))
    for at in range(0, len(of_parcel), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        pieces = shapely.intersection(parcels[of_parcel[part]], cells[of_cell[part]])
        hectares[part] = shape_areas_ha(pieces)
    kept = hectares > _NOTHING_HA
    return Overlaps(
        parcels=of_parcel[kept].astype(np.int64),
        cells=of_cell[kept].astype(np.int64),
        hectares=hectares[kept],
        count=len(parcels),
    )
