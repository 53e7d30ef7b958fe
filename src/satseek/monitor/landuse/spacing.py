"""Names of chips that overlap → the cells that a map has: as wide as chips, beside each other.

Does not know dates or vectors. The chips in between are no cells of their own: they show the ground
of the cells once more, each with another part of what lies around it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery.grid import parse_cell
from satseek.search.mapping_cells import columns_of, place, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.search.mapping_cells import Placed


def spaced(chips: Sequence[str]) -> dict[str, str]:
    """Find the chips that are cells of a map: name of the cell → name of its chip, ascending.

    Where the edge of a chip is a multiple of the stride, those are the chips that lie beside each
    other from the origin of the CRS on, and are called as on a lattice without overlap: a
    collection of such chips alone gives the same map. All other chips are cells as they are.
    """
    placing = place(chips)
    found = {chips[at]: chips[at] for at in placing.others.tolist()}
    for placed in placing.lattices:
        found |= _of_lattice(chips, placed)
    return dict(sorted(found.items()))


def _of_lattice(chips: Sequence[str], placed: Placed) -> dict[str, str]:
    names = [chips[at] for at in placed.places.tolist()]
    parsed = parse_cell(names[0])
    assert parsed is not None  # else it would be among the others
    lattice, _ = parsed
    every, rest = divmod(lattice.chip_px, lattice.stride_px)
    if rest or every <= 1:
        return {name: name for name in names}
    whole = replace(lattice, stride_px=lattice.chip_px)
    columns, rows = columns_of(placed.keys), rows_of(placed.keys)
    kept = np.flatnonzero((columns % every == 0) & (rows % every == 0))
    return {
        whole.cell(int(columns[at]) // every, int(rows[at]) // every): names[at]
        for at in kept.tolist()
    }
