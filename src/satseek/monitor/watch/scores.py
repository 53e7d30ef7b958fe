"""A series of looks and a probe → the score of every cell at every date that matters, comparable.

Does not know thresholds. What a date's light, season and sensor do to all cells is taken out: the
median step of those cells that were seen before. Then a cell's neighbours count in its score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.monitor.change.outlining import find_touching

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.change.series import Table
    from satseek.monitor.watch.probe import Probe
    from satseek.monitor.watch.watch import Watch

    Scores = NDArray[np.float32]

LEAST_COMMON = 30
"""Cells seen before from which the step of a date is estimated: the median of so few normal values
is known within 0.23 of their spread (1.253 / √30); of fewer none is taken out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """Scores of cells by date, of a watch's ground."""

    cells: tuple[str, ...]
    """Names of cells, ascending."""
    days: tuple[str, ...]
    """Dates that were scored, such as ``2024-06-02``, ascending."""
    rows: NDArray[np.int64]
    """Shape (dates, cells): row of the chip in the collection; −1 where the cell was not seen."""
    own: Scores
    """Shape (dates, cells): the probe's scores, comparable between dates; NaN where the cell was
    not seen."""
    scores: Scores
    """Shape (dates, cells): the same with what its neighbours say mixed into it."""
    background: NDArray[np.bool_]
    """Shape (dates, cells): True at those dates that show the ground as it was at first."""

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Shape (dates, cells): True where the cell was seen."""
        return np.asarray(self.rows >= 0)

    def first(self, scores: Scores) -> Scores:
        """Give the highest score, ``own`` or mixed, of the ground as it was at first: (cells,)."""
        then = np.where(self.background, scores, np.float32(np.nan))
        highest: Scores = np.fmax.reduce(then, axis=0)
        return highest

    def rises(self, scores: Scores) -> Scores:
        """Give scores, ``own`` or mixed, less that at first; NaN at those dates: (dates, cells)."""
        risen: Scores = scores - self.first(scores)
        risen[self.background] = np.nan
        return risen

    def at_first(self, scores: Scores) -> NDArray[np.float64]:
        """Give all scores, ``own`` or mixed, of the ground as it was at first: (n,)."""
        return scores[self.background].astype(np.float64)


def wanted_dates(
    seen: NDArray[np.bool_], at_first: NDArray[np.bool_], *, new: NDArray[np.bool_], of: int
) -> NDArray[np.bool_]:
    """Tell which dates must be scored to judge the new ones.

    Args:
        seen: Shape (dates, cells): where cells were seen.
        at_first: Shape (dates, cells): what shows the ground as it was at first.
        new: Shape (dates,): dates that are to be judged.
        of: Latest looks at a cell that count, the newest included.

    Returns:
        Shape (dates,): new dates, the latest looks at each cell up to each of them, and those at
        first.
    """
    wanted = new | at_first.any(axis=1)
    for newest in np.flatnonzero(new).tolist():
        looks = np.zeros(seen.shape[1], dtype=np.int64)
        for date in range(newest, -1, -1):
            wanted[date] |= (seen[date] & (looks < of)).any()
            looks += seen[date]
            if (looks >= of).all():
                break
    return np.asarray(wanted)


def looks_at_first(
    seen: NDArray[np.bool_], days: Sequence[str], since: date | None
) -> NDArray[np.bool_]:
    """Tell which looks show the ground as it was at first: (dates, cells).

    Those until a day, or else, and of cells that were not seen until then, the first one.
    """
    until = np.array([since is not None and day <= since.isoformat() for day in days])
    at_first: NDArray[np.bool_] = seen & until[:, None]
    late = np.flatnonzero(seen.any(axis=0) & ~at_first.any(axis=0))
    at_first[seen[:, late].argmax(axis=0), late] = True
    return at_first


def score_cells(
    index: Pinned,
    table: Table,
    probe: Probe,
    *,
    watch: Watch,
    days: Sequence[str],
    new: NDArray[np.bool_],
) -> Scored:
    """Score what a watch has to look at.

    Args:
        index: The generation that the table was read from.
        table: All of the watch's cells and dates.
        probe: What is looked for.
        watch: Says which dates show the ground as it was, and what neighbours count.
        days: Names of the table's dates.
        new: Shape (dates,): those that are to be judged.
    """
    at_first = looks_at_first(table.seen, days, watch.since)
    wanted = np.flatnonzero(wanted_dates(table.seen, at_first, new=new, of=watch.persistence.of))
    raw = np.full((wanted.size, len(table.cells)), np.nan, dtype=np.float32)
    for place, date in enumerate(wanted.tolist()):
        here = np.flatnonzero(table.rows[date] >= 0)
        raw[place, here] = probe.scores(index.vectors(table.rows[date, here]))
    own = without_steps(raw)
    scores = beside_neighbours(own, find_touching(table.cells), weight=watch.neighbours)
    return Scored(
        cells=table.cells,
        days=tuple(days[date] for date in wanted.tolist()),
        rows=table.rows[wanted],
        own=own,
        scores=scores,
        background=at_first[wanted],
    )


def without_steps(raw: Scores) -> Scores:
    """Take out of each date the median step of its cells since they were first seen.

    Args:
        raw: Shape (dates, cells), ascending by date; NaN where a cell was not seen.
    """
    level = np.full(raw.shape[1], np.nan, dtype=np.float32)
    found = raw.copy()
    for date in range(len(raw)):
        steps = raw[date] - level
        common = np.isfinite(steps)
        if common.sum() >= LEAST_COMMON:
            found[date] -= np.median(steps[common])
        unknown = np.isnan(level)
        level[unknown] = found[date, unknown]
    return found


def beside_neighbours(scores: Scores, pairs: NDArray[np.int64], *, weight: float) -> Scores:
    """Mix the mean of a cell's neighbours into its score; of a cell without any it stays.

    Args:
        scores: Shape (dates, cells); NaN where a cell was not seen, which says nothing.
        pairs: Shape (n, 2): places of cells that touch, each pair once.
        weight: Of the neighbours' mean, 0–1; the cell's own score has the rest.
    """
    if not weight or not len(pairs):
        return scores
    both = np.concatenate([pairs, pairs[:, ::-1]])
    mixed = scores.copy()
    for date, own in enumerate(scores):
        known = np.isfinite(own)
        sources, targets = both[known[both[:, 0]]].T
        counts = np.bincount(targets, minlength=own.size)
        sums = np.bincount(targets, weights=own[sources], minlength=own.size)
        around = known & (counts > 0)
        means = sums[around] / counts[around]
        mixed[date, around] = (1 - weight) * own[around] + weight * means
    return mixed
