"""Cells of parcels → the chips that a person should look at to believe what is said.

Does not read pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.monitor.damage.assessment import Shown
from satseek.monitor.damage.cells import chips_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.monitor.damage.assessment import Moment
    from satseek.monitor.damage.joining import Joined, Sight
    from satseek.monitor.damage.overlaps import Overlaps
    from satseek.monitor.findings.finding import Side
    from satseek.types import Chip

MOST: Final = 3
"""Cells of a parcel that are shown: two would not tell whether all of it looks so."""


def shown_chips(
    joined: Joined, pieces: Overlaps, *, after: Moment, before: Moment | None
) -> list[tuple[Shown, ...]]:
    """Choose chips of each parcel: those of most affected ground, else those of most ground.

    Returns:
        One a parcel: of each cell chosen what was seen after, then before; cells of which nothing
        was seen at a moment have no chip of it.
    """
    chosen = [_chosen(joined, pieces, place) for place in range(pieces.count)]
    sights = [_Sighted.of("after", after, joined.after, chosen)]
    if before is not None and joined.before is not None:
        sights.append(_Sighted.of("before", before, joined.before, chosen))
    affected = joined.decided.shares
    return [
        tuple(
            one.shown(cell, affected=float(affected[cell]))
            for cell in cells
            for one in sights
            if one.sight.rows[cell] >= 0
        )
        for cells in chosen
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sighted:
    """The chips of one moment that are to be shown."""

    side: Side
    collection: str
    sight: Sight
    chips: dict[int, Chip]

    @classmethod
    def of(cls, side: Side, moment: Moment, sight: Sight, chosen: list[list[int]]) -> _Sighted:
        rows = np.unique([sight.rows[cell] for cells in chosen for cell in cells]).astype(np.int64)
        rows = rows[rows >= 0]
        chips = chips_of(moment.index, rows)
        found = dict(zip(rows.tolist(), chips, strict=True))
        return cls(side=side, collection=moment.collection, sight=sight, chips=found)

    def shown(self, cell: int, *, affected: float) -> Shown:
        chip = self.chips[int(self.sight.rows[cell])]
        return Shown(
            side=self.side,
            chip_id=chip.id,
            collection=self.collection,
            scene=chip.scene_id,
            datetime=chip.datetime,
            cell=chip.cell,
            affected=affected if self.side == "after" else 0.0,
        )


def _chosen(joined: Joined, pieces: Overlaps, place: int) -> list[int]:
    """Give the places of a parcel's cells to be shown, the most telling first."""
    part = pieces.of(place)
    cells, hectares = pieces.cells[part], pieces.hectares[part]
    judged = joined.judged[cells]
    order: NDArray[np.intp] = np.lexsort(
        (cells, -hectares, -hectares * judged, -hectares * judged * joined.decided.shares[cells])
    )
    return [int(cells[at]) for at in order[:MOST]]
