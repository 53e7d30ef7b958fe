"""Values of cells → the same, blended with those of chips that show some of the same ground.

Does not know labels or dates. Where chips overlap, several of them look at one place; what one
alone makes of it scatters, and their mean scatters less. See bench/monitoring/damage.py and
landuse.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery.grid import parse_cell
from satseek.monitor.change.outlining import find_touching
from satseek.search.mapping_cells import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Around:
    """Direct neighbours on the ground."""

    pairs: NDArray[np.int64]
    """Shape (pairs, 2): places of cells that touch, at a side or a corner, each pair once."""
    common: Floats
    """Shape (pairs,): share of a chip that the other one of the pair shows as well, 0–1."""
    sides: NDArray[np.int64]
    """Shape (sides, 2): those that touch at a side."""

    @property
    def overlap(self) -> bool:
        """True where some chips show ground that others show as well."""
        return bool(self.common.any())

    def blend(self, values: Floats) -> Floats:
        """Give the mean of each cell's value and its neighbours', by what their chips share.

        Args:
            values: Shape (n,); NaN: not seen, which stays so and counts for no other.
        """
        known = np.isfinite(values)
        sums, weights = np.where(known, values, 0.0), known.astype(np.float64)
        for one, other in (self.pairs.T, self.pairs.T[::-1]):
            shares = self.common * known[other]
            weights += np.bincount(one, shares, minlength=len(values))
            seen = np.where(known, values, 0.0)[other]
            sums += np.bincount(one, shares * seen, minlength=len(values))
        return np.where(known, sums / np.where(known, weights, 1.0), np.nan)

    def reach(self, marks: Marks) -> Marks:
        """Mark what is marked, and what touches it at a side, shape (n,)."""
        one, other = self.sides.T
        near = marks.copy()
        near[other[marks[one]]] = True
        near[one[marks[other]]] = True
        return near


def around(cells: Sequence[str]) -> Around:
    """Find the neighbours of cells, by their names; images that are one chip have none."""
    pairs, sides = find_touching(cells), find_touching(cells, touching=4)
    overlap = _overlaps(cells)[pairs[:, 0]]
    at_side = np.isin(_keys(pairs, len(cells)), _keys(sides, len(cells)))
    return Around(pairs=pairs, common=np.where(at_side, overlap, overlap**2), sides=sides)


def _keys(pairs: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.asarray(pairs[:, 0] * count + pairs[:, 1])


def _overlaps(cells: Sequence[str]) -> Floats:
    """Give the share of a chip's edge that the next chip shows as well, of each cell's lattice."""
    found = np.zeros(len(cells))
    for placed in place(cells).lattices:
        parsed = parse_cell(cells[int(placed.places[0])])
        assert parsed is not None  # else it would lie on none
        lattice, _ = parsed
        found[placed.places] = max(1 - lattice.stride_px / lattice.chip_px, 0.0)
    return found
