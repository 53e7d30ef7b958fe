"""A series of occasions and labels → the class of every cell at every date.

Does not know files, nor what becomes of the classes. Vectors are read block by block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from satseek.model.scores import share
from satseek.monitor.change.pairing import pair_up
from satseek.monitor.labels.jointly import NOT_SEEN, decide

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
    near: Around,
    stickiness: Stickiness,
    on_progress: OnProgress,
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Decide the class of each cell at each date, block by block.

    Args:
        index: The generation that the table was read from.
        table: Cells and dates.
        looked: Labels in the space of its model.
        changes: Of ``changes_since``.
        near: Neighbours of the cells: those whose chips overlap with a cell's own count as well,
            for which 4 · dates · classes bytes a cell are held.
        stickiness: What a change of label takes.
        on_progress: Called at each block.

    Returns:
        The classes, `NOT_SEEN` where a cell was not seen, and their shares at that date alone, NaN
        there: both of shape (dates, cells).
    """
    classes = np.full(table.rows.shape, NOT_SEEN, dtype=np.int16)
    shares = np.full(table.rows.shape, np.nan, dtype=np.float32)
    blended = _blended(index, table, looked, near) if near.overlap else None
    for start in range(0, len(table.cells), CELLS_AT_ONCE):
        on_progress("deciding labels", start, len(table.cells))
        part = slice(start, start + CELLS_AT_ONCE)
        cosines = (
            np.stack([_cosines(index, rows, looked) for rows in table.rows[:, part]])
            if blended is None
            else blended[:, part]
        )
        fits = share(cosines, looked.card).astype(np.float32)
        classes[:, part] = decide(fits, changes[1:, part], stickiness=stickiness)
        chosen = np.maximum(classes[:, part], 0)[:, :, None].astype(np.intp)
        shares[:, part] = np.take_along_axis(fits, chosen, axis=2)[:, :, 0]
    on_progress("deciding labels", len(table.cells), len(table.cells))
    return classes, shares


def _blended(
    index: Pinned, table: Table, looked: LabelVectors, near: Around
) -> NDArray[np.float32]:
    """Give the cosines of all cells, blended with what overlapping chips make of their ground."""
    found = np.empty((*table.rows.shape, len(looked.names)), dtype=np.float32)
    for date, rows in enumerate(table.rows):
        for start in range(0, rows.size, CELLS_AT_ONCE):
            part = slice(start, start + CELLS_AT_ONCE)
            found[date, part] = _cosines(index, rows[part], looked)
        for one in found[date].T:
            one[:] = near.blend(one.astype(np.float64))
    return found


def _cosines(index: Pinned, rows: NDArray[np.int64], looked: LabelVectors) -> NDArray[np.float32]:
    """Compare rows with classes, (rows, classes); NaN where a row is −1."""
    found = np.full((rows.size, len(looked.names)), np.nan, dtype=np.float32)
    seen = rows >= 0
    if seen.any():
        found[seen] = looked.cosines(index.vectors(rows[seen]))
    return found
