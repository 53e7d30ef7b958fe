"""Scores of cells by date and a cut → which cells show it, and which of them make an alert.

Does not know findings. A cell shows it where it looks like it now, did not at first, and has risen
by more than ground does where nothing happens: both dates are judged together.
Neighbours count in what begins an alert, not in how far it reaches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.monitor.change.patches import PatchRule, find_patches
from satseek.monitor.change.persisting import persist
from satseek.monitor.watch.thresholds import rise_cut
from satseek.monitor.watch.watch import BACKGROUND_QUANTILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from satseek.monitor.change.patches import Patch
    from satseek.monitor.watch.scores import Scored
    from satseek.monitor.watch.thresholds import Cut
    from satseek.monitor.watch.watch import Watch
    from satseek.types import GeoJSON

_SEED, _GROWN = 100.0, 50.0
"""What seeds and other marked cells are to the rule of patches, which knows percentiles."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marked:
    """Cells that show what is watched for, by date."""

    seeds: NDArray[np.bool_]
    """Shape (dates, cells): reaches the upper cut, beside its neighbours."""
    grown: NDArray[np.bool_]
    """Shape (dates, cells): reaches the lower one by itself; seeds are among them."""
    lasting: NDArray[np.bool_]
    """Shape (dates, cells): of these, seen on as many of the latest dates as the watch wants."""


def mark_cells(scored: Scored, cut: Cut, *, watch: Watch) -> Marked:
    """Mark the cells that show what is watched for.

    Args:
        scored: Their scores.
        cut: Where the operating point lies.
        watch: Says what is an alert of what was there at first, and how often it must be seen.
    """
    seeds, grown = scored.scores >= cut.seed, scored.own >= cut.grow  # false for NaN
    if watch.existing == "known":
        point = watch.operating_point
        upper = point.value if point.aim == "background_quantile" else BACKGROUND_QUANTILE
        seeds &= _risen(scored.rises(scored.scores), upper)
        grown &= _risen(scored.rises(scored.own), min(point.grow_quantile, upper))
        grown &= scored.first(scored.own) < cut.known
    seeds &= grown
    rule = watch.persistence
    lasting = persist(grown, scored.seen, n=rule.seen, m=rule.of).confirmed
    return Marked(seeds=seeds, grown=grown, lasting=lasting)


def patches_at(
    date: int,
    scored: Scored,
    marked: Marked,
    *,
    watch: Watch,
    footprints: Mapping[str, GeoJSON | None],
) -> list[Patch]:
    """Join the lasting cells of a date to patches, each with a seed among its latest looks.

    Args:
        date: Number of the date.
        scored: Scores of cells.
        marked: Which of them show it.
        watch: Says how large a patch must be.
        footprints: Of cells that lie on no lattice, by name.
    """
    places = np.flatnonzero(marked.lasting[date])
    seeds = recent_seeds(date, scored, marked, of=watch.persistence.of)[places]
    rule = PatchRule(
        seed=_SEED, grow=_GROWN, least_cells=watch.least_cells, least_ha=watch.least_area_ha
    )
    return find_patches(
        [scored.cells[place] for place in places.tolist()],
        np.where(seeds, _SEED, _GROWN).astype(np.float32),
        rule=rule,
        footprints=footprints,
    )


def recent_seeds(date: int, scored: Scored, marked: Marked, *, of: int) -> NDArray[np.bool_]:
    """Tell which cells were seeds at one of their latest looks, this date included: (cells,)."""
    found = np.zeros(len(scored.cells), dtype=np.bool_)
    for one, counts in latest_looks(date, scored.seen, of=of):
        found |= marked.seeds[one] & counts
    return found


def latest_looks(
    date: int, seen: NDArray[np.bool_], *, of: int
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Walk back from a date: numbers of dates, and at which cells they are among the latest looks.

    Args:
        date: Number of the date, which is given first.
        seen: Shape (dates, cells): where cells were seen.
        of: Latest looks at a cell that count.
    """
    looks = np.zeros(seen.shape[1], dtype=np.int64)
    for one in range(date, -1, -1):
        counts = seen[one] & (looks < of)
        looks += seen[one]
        if counts.any():
            yield one, counts


def _risen(rises: NDArray[np.float32], quantile: float) -> NDArray[np.bool_]:
    """Tell which cells have risen by more than ground does where nothing happens."""
    risen = np.zeros(rises.shape, dtype=np.bool_)
    for date, own in enumerate(rises):
        known = np.isfinite(own)
        if known.any():
            risen[date, known] = own[known] > rise_cut(own[known].astype(np.float64), quantile)
    return risen
