"""What each place was at each date → patches that became something else, with both dates.

Does not know findings, files or scenes. A change is told where the label is another than when the
place was last seen *and* the pair of images says so: labels and pairs were decided together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.monitor.change.patches import find_patches
from satseek.monitor.labels.jointly import NOT_SEEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from satseek.monitor.change.patches import Patch
    from satseek.monitor.landuse.landuse import LandUse

_NOT_COMPARED = 100.0
"""Stands for the percentile of cells whose pair of scenes has too few cells to tell what is usual:
their labels alone speak for the change, and the patch says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandChange:
    """Neighbouring cells that became the same other class between two dates."""

    patch: Patch
    """Its cells, outline and hectares."""
    before: str
    """Class when its cells were last seen before."""
    after: str
    """Class from this date on."""
    date: int
    """Number of the date at which it was first seen."""
    since: int
    """Number of the date at which its strongest cell was last seen before."""
    cell: int
    """Place of its strongest cell among all cells."""
    percentile: float | None
    """Of the change of that cell, 0–100; None: too few cells to tell."""
    share: float
    """Share of the new class at that cell and date, 0–1."""
    seen: int
    """Dates at which that cell was the new class, from the first one on without a break."""
    last: int
    """Number of the last of these dates."""


def find_changes(found: LandUse) -> list[LandChange]:
    """Find the patches that became something else, the earliest first, within a date the largest.

    Their rule is the choices' own: hysteresis and minimum mapping unit over cells of one and the
    same change, and how many dates the new class must have been seen on.
    """
    lengths = runs(found.classes)
    lasting = found.changed() & (lengths >= found.choices.persist)
    changes = [
        change
        for date in range(1, len(found.dates))
        for change in _changes_at(found, date, lasting[date], lengths)
    ]
    return sorted(changes, key=order_of)


def order_of(change: LandChange) -> tuple[int, float, str]:
    """Give what changes are told by: the earliest first, within a date the largest."""
    return change.date, -change.patch.area_ha, change.patch.peak_cell


def runs(classes: NDArray[np.int16]) -> NDArray[np.int32]:
    """Count, from each date on, the dates that saw a cell as the same class, until it changes.

    Args:
        classes: Shape (dates, cells); `NOT_SEEN` where a cell was not seen, which ends nothing.

    Returns:
        int32, shape (dates, cells); 0 where the cell was not seen.
    """
    lengths = np.zeros(classes.shape, dtype=np.int32)
    later = np.full(classes.shape[1], NOT_SEEN, dtype=classes.dtype)
    count = np.zeros(classes.shape[1], dtype=np.int32)
    for date in range(len(classes) - 1, -1, -1):
        seen = classes[date] != NOT_SEEN
        count = np.where(seen, np.where(classes[date] == later, count + 1, 1), count)
        later = np.where(seen, classes[date], later)
        lengths[date] = np.where(seen, count, 0)
    return lengths


def _changes_at(
    found: LandUse, date: int, lasting: NDArray[np.bool_], lengths: NDArray[np.int32]
) -> Iterator[LandChange]:
    places = np.flatnonzero(lasting)
    former = found.classes[found.previous[date, places], places]
    kinds = former.astype(np.int64) * len(found.names) + found.classes[date, places]
    for kind in np.unique(kinds).tolist():
        own = places[kinds == kind]
        before, after = divmod(int(kind), len(found.names))
        yield from _patches(found, date, own, (before, after), lengths)


def _patches(
    found: LandUse,
    date: int,
    places: NDArray[np.int64],
    classes: tuple[int, int],
    lengths: NDArray[np.int32],
) -> Iterator[LandChange]:
    percentiles = found.changes[date, places]
    compared = np.where(np.isfinite(percentiles), percentiles, np.float32(_NOT_COMPARED))
    cells = [found.cells[at] for at in places.tolist()]
    rule, footprints = found.choices.patches, found.footprints
    for patch in find_patches(cells, compared, rule=rule, footprints=footprints):
        peak = int(places[patch.places[patch.cells.index(patch.peak_cell)]])
        percentile = float(found.changes[date, peak])
        yield LandChange(
            patch=patch,
            before=found.names[classes[0]],
            after=found.names[classes[1]],
            date=date,
            since=int(found.previous[date, peak]),
            cell=peak,
            percentile=percentile if np.isfinite(percentile) else None,
            share=float(found.shares[date, peak]),
            seen=int(lengths[date, peak]),
            last=_last(found.classes[date:, peak]) + date,
        )


def _last(classes: NDArray[np.int16]) -> int:
    """Give the place of the last date of the run that begins at the first."""
    other = (classes != NOT_SEEN) & (classes != classes[0])
    stop = int(other.argmax()) if other.any() else len(classes)
    return int(np.flatnonzero(classes[:stop] == classes[0])[-1])
