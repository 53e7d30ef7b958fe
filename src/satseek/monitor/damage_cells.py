"""Imagery of one moment around parcels → the cells that were seen, and how labels fit them.

Does not know parcels but for the box around them. Vectors are read some at a time: of a cell only
the cosines with the labels are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.errors import ModelMismatch
from satseek.index.filters import bbox_area
from satseek.model.scores import logits
from satseek.monitor.series import see

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.monitor.damage import Moment, OnProgress
    from satseek.monitor.findings import Side
    from satseek.monitor.labelling import LabelVectors
    from satseek.types import BBox, Chip, Filter

CELLS_AT_ONCE: Final = 16_384
"""Vectors that are read at a time: 64 MB at 1,024 numbers."""

AROUND_DEG: Final = 0.02
"""Degrees around the parcels whose cells are read as well, some 2 km: the background of what cells
do that nothing happened to."""

_LONGITUDE, _LATITUDE = 180.0, 90.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenCells:
    """What was seen at one moment."""

    cells: tuple[str, ...]
    """Names, ascending, none twice."""
    rows: Rows
    """Shape (n,): row of the chip that counts for each."""
    valid_fractions: NDArray[np.float32]
    """Shape (n,): share that was measured, 0–1."""
    logits: NDArray[np.float64]
    """Shape (n, classes): of the label vectors that they were compared with."""
    dates: tuple[datetime | None, ...]
    """Of each scene: acquisition, UTC; None: not known."""
    sources: NDArray[np.int32]
    """Shape (n,): number in ``dates`` of the scene that shows each cell."""

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.cells)


def seen_cells(
    moment: Moment, *, side: Side, box: BBox, labels: LabelVectors, on_progress: OnProgress
) -> SeenCells:
    """Read what was seen around parcels at one moment.

    Args:
        moment: Which imagery.
        side: Before or after, for people.
        box: Around the parcels, degrees.
        labels: Labels in the space of the model.
        on_progress: Told cells compared.

    Raises:
        ModelMismatch: the collection was made by another model than the label vectors.
        InvalidFilter: the moment's area or dates cannot be.
    """
    index = moment.index
    if index.model != (labels.card.name, labels.card.version):
        raise ModelMismatch(
            f"{moment.collection}: expected vectors of {labels.card.ref}, came those of "
            f"{'@'.join(index.model)}"
        )
    found = see(index, name=side, where=_around(moment.where, box))
    compared = np.empty((len(found), len(labels.names)))
    for at in range(0, len(found), CELLS_AT_ONCE):
        part = slice(at, at + CELLS_AT_ONCE)
        cosines = labels.cosines(index.vectors(found.rows[part]))
        compared[part] = logits(cosines, labels.card)
        on_progress(f"cells {side}", min(at + CELLS_AT_ONCE, len(found)), len(found))
    return SeenCells(
        cells=found.cells,
        rows=found.rows,
        valid_fractions=found.valid_fractions,
        logits=compared,
        dates=_dates(index, found.rows, found.sources),
        sources=found.sources,
    )


def chips_of(index: Pinned, rows: Rows) -> list[Chip]:
    """Give the chips of rows, in their order, however many."""
    return index.chips(rows.tolist())


def _around(where: Filter, box: BBox) -> Filter:
    """Keep to the surroundings of the parcels, unless the moment has an area of its own."""
    if where.area is not None:
        return where
    west, south, east, north = box
    area = bbox_area(
        max(west - AROUND_DEG, -_LONGITUDE),
        max(south - AROUND_DEG, -_LATITUDE),
        min(east + AROUND_DEG, _LONGITUDE),
        min(north + AROUND_DEG, _LATITUDE),
    )
    return replace(where, area=area)


def _dates(
    index: Pinned, rows: Rows, sources: NDArray[np.int32]
) -> tuple[datetime | None, ...]:
    """Give the date of each scene, by one of its chips."""
    _, firsts = np.unique(sources, return_index=True)
    return tuple(chip.datetime for chip in index.chips(rows[firsts].tolist()))
