"""A watch and looks of which the truth is known → sensitivity, specificity, alerts by area.

Does not know where the truth comes from. Each part of the ground is judged by a probe and a cut
that were learnt from the others, and by all rules of the watch: what counts is who would be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.evaluate.intervals import wilson
from satseek.export.areas import shape_areas_ha
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.watch.ground import WITHIN, odd_footprints, shares_within
from satseek.monitor.watch.holding_out import FOLDS, Looks, cut_without, held_scores, hold_out
from satseek.monitor.watch.marks import mark_cells, patches_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.evaluate.intervals import Interval
    from satseek.index.pinned import Pinned
    from satseek.monitor.watch.ground import WatchedGround
    from satseek.monitor.watch.holding_out import Fold, Learning
    from satseek.types import GeoJSON

_HA_PER_KM2 = 100.0

_AREA_KM2 = 1_000.0
"""Ground that alerts are counted by: some days of an inspector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How well a watch does on ground that it has not learnt from."""

    right: int
    """Looks that show what is watched for."""
    wrong: int
    """Looks that do not."""
    sensitivity: float | None
    """Share of the first that lie in an alert, 0–1; None: there are none."""
    sensitivity_95: Interval | None
    """Its 95 % interval (Wilson); wider in truth, as cells beside each other are alike."""
    specificity: float | None
    """Share of the second that lie in no alert, 0–1; None: there are none."""
    specificity_95: Interval | None
    """Its 95 % interval (Wilson); likewise."""
    alerts: int
    """Patches, all dates together: one that is seen at two dates counts twice."""
    area_km2: float
    """Ground that was looked at, equal-area, all dates together."""
    alerts_per_1000_km2: float | None
    """At one date; None: the ground has no extent."""
    days: tuple[str, ...]
    """Dates that were judged."""
    folds: int
    """Parts of the ground."""


def truth_looks(
    index: Pinned, ground: WatchedGround, truth: GeoJSON, *, day: str | None = None
) -> Looks:
    """Tell from polygons which cells show what is watched for on a day.

    Cells that lie in them for the larger part do, those that touch none do not; what is between
    is left out: nobody would agree on it.

    Args:
        index: The generation that the ground was read from.
        ground: What the watch looks at.
        truth: Polygons of what is there, on WGS 84.
        day: Which day; None: the latest one.

    Raises:
        InvalidRequest: there is no such day.
    """
    named = day or (ground.days[-1] if ground.days else "")
    if named not in ground.days:
        told = ", ".join(ground.days) or "no date at all"
        raise InvalidRequest(f"expected one of the dates {told:.400}, came {named!r}")
    date = ground.days.index(named)
    places = np.flatnonzero(ground.table.rows[date] >= 0)
    cells = [ground.table.cells[place] for place in places.tolist()]
    footprints = odd_footprints(index, cells, ground.table.rows[date, places])
    shares = shares_within(cells, truth, footprints=footprints)
    clear = (shares >= WITHIN) | (shares == 0)
    return Looks(
        dates=np.full(int(clear.sum()), date, dtype=np.int64),
        places=places[clear],
        right=shares[clear] >= WITHIN,
    )


def measure(learning: Learning, looks: Looks, *, folds: int = FOLDS) -> HeldOut:
    """Judge each part of the ground by what was learnt from the others.

    Args:
        learning: What there is to learn from.
        looks: Of which the truth is known.
        folds: Parts of the ground.

    Raises:
        InvalidRequest: no looks, or what is left without a part does not do to draw a cut.
    """
    if not looks.right.size:
        raise InvalidRequest(
            "nothing to measure on: answer findings of the watch, or name polygons of what is there"
        )
    parts = hold_out(learning, looks, folds=folds)
    scores = held_scores(parts, looks, learning.ground.days)
    dates = np.unique(looks.dates)
    days = [learning.ground.days[date] for date in dates.tolist()]
    alerted = np.zeros(looks.right.size, dtype=np.bool_)
    footprints, alerts = _footprints(learning), 0
    for fold in parts:
        if not fold.held.any():
            continue
        cut = cut_without(fold, watch=learning.watch, scores=scores, looks=looks)
        marked = mark_cells(fold.scored, cut, watch=learning.watch)
        for date, day in zip(dates.tolist(), days, strict=True):
            at = fold.scored.days.index(day)
            found = patches_at(at, fold.scored, marked, watch=learning.watch, footprints=footprints)
            told = {cell for patch in found for cell in patch.cells}
            own = (looks.dates == date) & fold.held[looks.places]
            for number in np.flatnonzero(own).tolist():
                alerted[number] = fold.scored.cells[looks.places[number]] in told
            held = {fold.scored.cells[place] for place in np.flatnonzero(fold.held).tolist()}
            alerts += sum(patch.peak_cell in held for patch in found)
    return _counted(alerted, looks, alerts=alerts, days=days, learning=learning, parts=parts)


def _counted(
    alerted: NDArray[np.bool_],
    looks: Looks,
    *,
    alerts: int,
    days: list[str],
    learning: Learning,
    parts: list[Fold],
) -> HeldOut:
    right, wrong = int(looks.right.sum()), int((~looks.right).sum())
    hits, quiet = int((alerted & looks.right).sum()), int((~alerted & ~looks.right).sum())
    table = learning.ground.table
    shapes = outline_cells(table.cells, footprints=_footprints(learning))
    areas = np.nan_to_num(shape_areas_ha(shapes)) / _HA_PER_KM2
    dates = [learning.ground.days.index(day) for day in days]
    area = float(((table.rows[dates] >= 0) * areas).sum())
    return HeldOut(
        right=right,
        wrong=wrong,
        sensitivity=hits / right if right else None,
        sensitivity_95=wilson(hits, right) if right else None,
        specificity=quiet / wrong if wrong else None,
        specificity_95=wilson(quiet, wrong) if wrong else None,
        alerts=alerts,
        area_km2=area,
        alerts_per_1000_km2=alerts / area * _AREA_KM2 if area > 0 else None,
        days=tuple(days),
        folds=len(parts),
    )


def _footprints(learning: Learning) -> dict[str, GeoJSON | None]:
    table = learning.ground.table
    rows = table.rows[table.seen.argmax(axis=0), np.arange(len(table.cells))]
    return odd_footprints(learning.index, table.cells, rows)
