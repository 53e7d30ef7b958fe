"""Answered looks and blocks of ground → how well a watch does on ground it has not learnt from.

Does not know findings. Neighbouring cells are alike, so that whole blocks are held out: a cell left
out alone would be judged by a probe that has learnt from the ground beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.monitor.watch.probe import probe_of
from satseek.monitor.watch.scores import score_cells
from satseek.monitor.watch.thresholds import background_cut, check_answers, learnt_cut
from satseek.search.mapping_cells import columns_of, place, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.watch.answers import Answers
    from satseek.monitor.watch.ground import WatchedGround
    from satseek.monitor.watch.probe import Words
    from satseek.monitor.watch.scores import Scored
    from satseek.monitor.watch.thresholds import Cut
    from satseek.monitor.watch.watch import Watch
    from satseek.types import Vectors

FOLDS = 5
"""Parts of the ground, each held out once (Hastie, Tibshirani, Friedman: The Elements of
Statistical Learning, 2009, 7.10: five or ten)."""

_BLOCKS_A_FOLD = 4
"""Blocks that a fold has at least, where there are cells enough: one of them is one landscape."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looks:
    """Cells at dates of which it is known whether they show what is looked for."""

    dates: NDArray[np.int64]
    """Shape (n,): number of the date in the table."""
    places: NDArray[np.int64]
    """Shape (n,): number of the cell in the table."""
    right: NDArray[np.bool_]
    """Shape (n,): True where it shows it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """One part of the ground, judged by a probe that has learnt from the others."""

    held: NDArray[np.bool_]
    """Shape (cells,): the part."""
    scored: Scored
    """All cells, by that probe."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learning:
    """What it takes to learn a probe again with part of the answers."""

    index: Pinned
    """The generation that the ground was read from."""
    watch: Watch
    """Which."""
    ground: WatchedGround
    """What it looks at."""
    words: Words
    """What it is told."""
    answers: Answers
    """What people said."""
    sample: Vectors
    """Vectors of the collection, any of them: what a probe is compared with."""


def blocks_of(cells: Sequence[str], *, folds: int = FOLDS) -> NDArray[np.int64]:
    """Put cells into folds, whole blocks of neighbouring cells at a time: shape (n,), 0 … folds−1.

    Blocks are squares of the lattice, no two beside each other in one of five folds; cells on no
    lattice are a block each.
    """
    edge = max(1, math.isqrt(len(cells) // (folds * _BLOCKS_A_FOLD)))
    found = np.zeros(len(cells), dtype=np.int64)
    placing = place(cells)
    for placed in placing.lattices:
        columns, rows = columns_of(placed.keys) // edge, rows_of(placed.keys) // edge
        found[placed.places] = (2 * columns + rows) % folds
    found[placing.others] = np.arange(placing.others.size) % folds
    return found


def place_answers(index: Pinned, ground: WatchedGround, answers: Answers) -> Looks:
    """Find the cells and dates of those answers that lie on a watch's ground."""
    places = {cell: at for at, cell in enumerate(ground.table.cells)}
    days = {day: at for at, day in enumerate(ground.days)}
    found = []
    for chip, right in zip(answers.chips, answers.right.tolist(), strict=True):
        collection, _, own = chip.partition("/")
        cell = places.get(own.rpartition("/")[2])
        if collection != index.spec.name or cell is None:
            continue
        date = days.get(_day_of(index, own))
        if date is not None and ground.table.rows[date, cell] >= 0:
            found.append((date, cell, right))
    dates, cells, rights = zip(*found, strict=True) if found else ((), (), ())
    return Looks(
        dates=np.array(dates, dtype=np.int64),
        places=np.array(cells, dtype=np.int64),
        right=np.array(rights, dtype=np.bool_),
    )


def hold_out(learning: Learning, looks: Looks, *, folds: int = FOLDS) -> list[Fold]:
    """Score all cells once for each part of the ground, by a probe that has not learnt from it.

    Args:
        learning: What probes learn from.
        looks: Says which dates are scored.
        folds: Parts.
    """
    table = learning.ground.table
    parts = blocks_of(table.cells, folds=folds)
    held_cells = dict(zip(table.cells, parts.tolist(), strict=True))
    own = np.array(
        [held_cells.get(chip.rpartition("/")[2], -1) for chip in learning.answers.chips],
        dtype=np.int64,
    )
    dates = np.zeros(len(learning.ground.days), dtype=np.bool_)
    dates[looks.dates] = True
    found = []
    for fold in range(folds):
        probe = probe_of(
            learning.words,
            examples=learning.answers.examples(own != fold),
            background=learning.sample,
        )
        scored = score_cells(
            learning.index,
            table,
            probe,
            watch=learning.watch,
            days=learning.ground.days,
            new=dates,
        )
        found.append(Fold(held=parts == fold, scored=scored))
    return found


def held_scores(folds: Sequence[Fold], looks: Looks, days: Sequence[str]) -> NDArray[np.float64]:
    """Give the score of each look, by the probe that has not learnt from its ground: (n,)."""
    found = np.full(looks.dates.size, np.nan)
    for fold in folds:
        at = {day: number for number, day in enumerate(fold.scored.days)}
        for number in np.flatnonzero(fold.held[looks.places]).tolist():
            date = at[days[looks.dates[number]]]
            found[number] = fold.scored.scores[date, looks.places[number]]
    return found


def cut_without(fold: Fold, *, watch: Watch, scores: NDArray[np.float64], looks: Looks) -> Cut:
    """Draw the cut from all ground but a fold's, by the same operating point.

    Raises:
        InvalidRequest: what is left does not do for it.
    """
    point, rest = watch.operating_point, ~fold.held
    scored = fold.scored
    only = scored.background & rest
    ground, own = (values[only].astype(np.float64) for values in (scored.scores, scored.own))
    if point.aim == "background_quantile":
        return background_cut(
            ground, own=own, quantile=point.value, grow_quantile=point.grow_quantile
        )
    others = rest[looks.places]
    check_answers(looks.right[others], point.aim)
    return learnt_cut(
        ground,
        own=own,
        scores=scores[others],
        right=looks.right[others],
        aim=point.aim,
        value=point.value,
        grow_quantile=point.grow_quantile,
    )


def above_without(
    folds: Sequence[Fold], *, watch: Watch, scores: NDArray[np.float64], looks: Looks
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which looks lie above the cut that was drawn without their ground.

    Returns:
        Both (n,): which lie above it, and of which that can be told: not of those without which
        the others do not do to draw a cut.
    """
    above = np.zeros(scores.size, dtype=np.bool_)
    judged = np.zeros(scores.size, dtype=np.bool_)
    for fold in folds:
        own = fold.held[looks.places]
        if not own.any():
            continue
        try:
            cut = cut_without(fold, watch=watch, scores=scores, looks=looks)
        except InvalidRequest:
            continue
        above[own] = scores[own] >= cut.seed
        judged[own] = True
    return above, judged


def _day_of(index: Pinned, chip_id: str) -> str:
    """Name the day of a chip; empty without a date."""
    chip = index.chips([index.row_of(chip_id)])[0]
    return "" if chip.datetime is None else chip.datetime.date().isoformat()
