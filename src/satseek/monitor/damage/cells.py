"""Imagery of one moment around parcels → the cells that were seen, and how labels fit them.

Does not know parcels but for the box around them. Vectors are read some at a time: of a chip only
its logits are kept. Where several scenes show a cell, one that shows its ground counts before one
that shows a cloud, and among those the nearest to the event: water runs off, fields are ploughed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.errors import ModelMismatch
from satseek.index.cells import UNDATED
from satseek.index.filters import bbox_area, check_filter
from satseek.index.records import from_microseconds, microseconds
from satseek.index.sightings import read_sightings
from satseek.model.scores import logits
from satseek.monitor.change.series import on_one_level
from satseek.monitor.damage.deciding import hidden_cells

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.index.sightings import Sightings
    from satseek.monitor.damage.assessment import Moment, OnProgress
    from satseek.monitor.damage.deciding import Kinds
    from satseek.monitor.findings.finding import Side
    from satseek.monitor.labels.labelling import LabelVectors
    from satseek.types import BBox, Chip, Filter

CELLS_AT_ONCE: Final = 16_384
"""Vectors that are read at a time: 64 MB at 1,024 numbers."""

AROUND_DEG: Final = 0.02
"""Degrees around the parcels whose cells are read as well, some 2 km: the background of what cells
do that nothing happened to."""

SHOWN_WELL: Final = 9
"""Tenths of a cell from which it counts as shown as well as any: a swath's edge cuts off pixels."""

_TENTHS: Final = 10
_DAY_US: Final = 86_400_000_000
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
    hidden: NDArray[np.bool_]
    """Shape (n,): True where a cloud was measured, not the ground."""
    dates: tuple[datetime | None, ...]
    """Acquisition dates, UTC; None: not known."""
    sources: NDArray[np.int64]
    """Shape (n,): number in ``dates`` of when each cell was seen."""

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.cells)


def seen_cells(
    moment: Moment,
    *,
    side: Side,
    box: BBox,
    labels: LabelVectors,
    kinds: Kinds,
    event: date | None = None,
    on_progress: OnProgress,
) -> SeenCells:
    """Read what was seen around parcels at one moment.

    Args:
        moment: Which imagery.
        side: Before or after the event.
        box: Around the parcels, degrees.
        labels: Labels in the space of the model.
        kinds: What their classes mean.
        event: Date of the event; None: not told. Imagery from its other side, such as of a folder
            of the whole month, counts only where there is no other.
        on_progress: Told chips compared.

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
    where = check_filter(_around(moment.where, box))
    found = read_sightings(index, on_one_level(where, index))
    compared = np.empty((len(found), len(labels.names)))
    for at in range(0, len(found), CELLS_AT_ONCE):
        part = slice(at, at + CELLS_AT_ONCE)
        cosines = labels.cosines(index.vectors(found.rows[part]))
        compared[part] = logits(cosines, labels.card)
        on_progress(f"chips {side}", min(at + CELLS_AT_ONCE, len(found)), len(found))
    hidden = hidden_cells(compared, kinds) | moment.skies.hidden(index, found)
    best = _best(found, hidden, side, event)
    moments, sources = np.unique(found.taken[best], return_inverse=True)
    return SeenCells(
        cells=tuple(found.cells[at] for at in best.tolist()),
        rows=found.rows[best],
        valid_fractions=found.valid_fractions[best],
        logits=compared[best],
        hidden=hidden[best],
        dates=tuple(None if one == UNDATED else from_microseconds(one) for one in moments.tolist()),
        sources=sources.reshape(-1),
    )


def chips_of(index: Pinned, rows: Rows) -> list[Chip]:
    """Give the chips of rows, in their order, however many."""
    return index.chips(rows.tolist())


def _best(
    found: Sightings, hidden: NDArray[np.bool_], side: Side, event: date | None
) -> NDArray[np.intp]:
    """Choose a chip for each cell: places in ``found``, ascending by the cells' names."""
    shown = np.floor(np.where(hidden, 0.0, found.valid_fractions) * _TENTHS)
    well = np.minimum(shown, SHOWN_WELL)
    nearest = found.taken if side == "after" else -found.taken
    last = np.where(found.taken == UNDATED, np.iinfo(np.int64).max, nearest)
    names = np.array(found.cells, dtype=np.str_)
    order = np.lexsort((-found.rows, last, -well, _amiss(found.taken, side, event), names))
    begins = np.append(True, names[order][1:] != names[order][:-1])[: order.size]
    return np.asarray(order[begins])


def _amiss(taken: NDArray[np.int64], side: Side, event: date | None) -> NDArray[np.bool_]:
    """Tell what was taken before the event though it is to show what came of it, or after it."""
    if event is None:
        return np.zeros(len(taken), dtype=np.bool_)
    day = microseconds(datetime.combine(event, time.min, tzinfo=UTC))
    older, newer = taken < day, taken >= day + _DAY_US
    return np.asarray((older if side == "after" else newer) & (taken != UNDATED))


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
