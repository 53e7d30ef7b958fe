"""A series of occasions and labels → the class of every cell at every date.

Does not know files, nor what becomes of the classes. Vectors are read block by block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from satseek.model.scores import logits, share
from satseek.monitor.change.blending import around
from satseek.monitor.change.pairing import pair_up
from satseek.monitor.labels.jointly import NOT_SEEN, decide, turned_shares
from satseek.monitor.landuse.spacing import spaced

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.change.blending import Around
    from satseek.monitor.change.series import Series, Table
    from satseek.monitor.change.shift import Shift
    from satseek.monitor.labels.jointly import Stickiness
    from satseek.monitor.labels.labelling import LabelVectors
    from satseek.types import Vectors

OnProgress: TypeAlias = "Callable[[str, int, int], None]"
"""Takes a note, what is done, and what there is in all."""

CELLS_AT_ONCE = 8_192
"""Cells whose vectors are held at a time: 25 MB of 768 numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sights:
    """Chips that overlap, so that several of them show the ground of one cell."""

    rows: NDArray[np.int64]
    """Shape (dates, chips): row of each; −1 where it was not seen."""
    near: Around
    """Which of them have ground in common, and how much of it."""
    cells: NDArray[np.int64]
    """Shape (cells,): which of them are the cells of the map, in their order."""


def sights_of(chips: Table) -> Sights | None:
    """Find what the chips show in common; None: nothing.

    Args:
        chips: All dates, of all chips: of ``Ground.chips``.
    """
    near = around(chips.cells)
    if not near.overlap:
        return None
    places = {chip: place for place, chip in enumerate(chips.cells)}
    cells = [places[chip] for chip in spaced(chips.cells).values()]
    return Sights(rows=chips.rows, near=near, cells=np.array(cells, dtype=np.int64))


def last_seen(seen: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Give of each date and cell the date at which the cell was seen before; −1: never."""
    dates = np.arange(len(seen), dtype=np.int16)[:, None]
    latest = np.maximum.accumulate(np.where(seen, dates, np.int16(-1)), axis=0)
    none = np.full((1, seen.shape[1]), -1, dtype=np.int16)
    return np.concatenate([none, latest[:-1]])


def changes_since(
    index: Pinned,
    series: Series,
    table: Table,
    previous: NDArray[np.int16],
    *,
    words: Vectors,
    shift: Shift,
    on_progress: OnProgress,
) -> NDArray[np.float32]:
    """Score the change of each cell since it was last seen, whichever date that was.

    Args:
        index: The generation that the series was read from.
        series: The dates.
        table: The same as a table.
        previous: Of ``last_seen``.
        words: Vectors of all prompts, (prompts, dim): a change is one that they can tell.
        shift: What of the step between two dates is season, light and sensor.
        on_progress: Called at each date.

    Returns:
        float32, shape (dates, cells): percentile, 0–100; NaN where nothing was compared.
    """
    changes = np.full(table.rows.shape, np.nan, dtype=np.float32)
    places = {cell: place for place, cell in enumerate(table.cells)}
    for date in range(1, len(series)):
        on_progress(f"comparing {series.occasions[date].name}", date - 1, len(series) - 1)
        since = np.where(table.seen[date], previous[date], -1)
        for former in np.unique(since[since >= 0]).tolist():
            occasions = series.occasions[former], series.occasions[date]
            pairs = pair_up(index, *occasions, shift=shift, words=words)
            at = np.array([places[cell] for cell in pairs.cells], dtype=np.int64)
            own = since[at] == former
            changes[date, at[own]] = pairs.percentiles[own]
    return changes


def decided(
    index: Pinned,
    table: Table,
    looked: LabelVectors,
    changes: NDArray[np.float32],
    *,
    sights: Sights | None,
    stickiness: Stickiness,
    on_progress: OnProgress,
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Decide the class of each cell at each date, block by block.

    Args:
        index: The generation that the table was read from.
        table: Cells and dates.
        looked: Labels in the space of its model.
        changes: Of ``changes_since``.
        sights: Of ``sights_of``; None: each cell is seen by its own chip alone.
        stickiness: What a change of label takes.
        on_progress: Called at each block.

    Returns:
        The classes, `NOT_SEEN` where a cell was not seen, and their shares at that date alone, NaN
        there: both of shape (dates, cells).
    """
    classes = np.full(table.rows.shape, NOT_SEEN, dtype=np.int16)
    shares = np.full(table.rows.shape, np.nan, dtype=np.float32)
    together = None if sights is None else blended(index, table.rows, looked, sights)
    turned = None if together is None else turned_shares(logits(together, looked.card))
    for start in range(0, len(table.cells), CELLS_AT_ONCE):
        on_progress("deciding labels", start, len(table.cells))
        part = slice(start, start + CELLS_AT_ONCE)
        cosines = (
            np.stack([_cosines(index, rows, looked) for rows in table.rows[:, part]])
            if together is None
            else together[:, part]
        )
        fits = share(cosines, looked.card).astype(np.float32)
        classes[:, part] = decide(
            fits,
            changes[1:, part],
            turned=None if turned is None else turned[:, part],
            stickiness=stickiness,
        )
        chosen = np.maximum(classes[:, part], 0)[:, :, None].astype(np.intp)
        shares[:, part] = np.take_along_axis(fits, chosen, axis=2)[:, :, 0]
    on_progress("deciding labels", len(table.cells), len(table.cells))
    return classes, shares


def blended(
    index: Pinned, rows: NDArray[np.int64], looked: LabelVectors, sights: Sights
) -> NDArray[np.float32]:
    """Give the cosines of cells, blended with what overlapping chips make of their ground.

    4 · classes bytes a cell and date are held for it, and 8 · classes a chip.

    Args:
        index: The generation that the rows are of.
        rows: Shape (dates, cells): of the cells; −1 where one was not seen.
        looked: Labels in the space of its model.
        sights: Of ``sights_of``.

    Returns:
        float32, shape (dates, cells, classes); NaN where a cell was not seen.
    """
    found = np.empty((*rows.shape, len(looked.names)), dtype=np.float32)
    compared = np.empty((sights.rows.shape[1], len(looked.names)))
    for date, chips in enumerate(sights.rows):
        for start in range(0, chips.size, CELLS_AT_ONCE):
            part = slice(start, start + CELLS_AT_ONCE)
            compared[part] = _cosines(index, chips[part], looked)
        for at, one in enumerate(compared.T):
            found[date, :, at] = sights.near.blend(one)[sights.cells]
        found[date, rows[date] < 0] = np.nan
    return found


def _cosines(index: Pinned, rows: NDArray[np.int64], looked: LabelVectors) -> NDArray[np.float32]:
    """Compare rows with classes, (rows, classes); NaN where a row is −1."""
    found = np.full((rows.size, len(looked.names)), np.nan, dtype=np.float32)
    seen = rows >= 0
    if seen.any():
        found[seen] = looked.cosines(index.vectors(rows[seen]))
    return found
