"""Two occasions → how much each cell has changed, beside what its unchanged neighbours do.

Does not know labels, nor what a change means. Both dates of a cell are scored together, never each
for itself: what season, light and sensor do to all cells of a pair of scenes is taken out, and what
is left of a cell is compared with what is left of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.index.checks import check_vectors
from satseek.monitor.change.agreeing import most_of_neighbours, shared_changes, told_directions
from satseek.monitor.change.background import alikeness, fit_background, percentiles
from satseek.monitor.change.outlining import find_touching
from satseek.monitor.change.shift import SHIFTS, find_left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.monitor.change.background import Background
    from satseek.monitor.change.series import Occasion
    from satseek.monitor.change.shift import Shift
    from satseek.types import Vectors

    Floats = NDArray[np.float64]

CELLS_AT_ONCE = 8_192
"""Cells that are scored at a time: some 400 MB at 768 numbers."""

OWN_LIGHT = 30
"""Cells from which a pair of scenes has a light of its own; those of smaller pairs share one."""

NEIGHBOURS = 0.5
"""Weight of its neighbours in a cell's deviation: what changes is mostly larger than a cell, and
what only seems to change is not. See docs/concepts/change.md for what it gives."""

_LEAST_SAID, _MOST_SAID = -5.0, 3.0
"""What a cell can say to its neighbours, in deviations: that it lies below the floor, and that it
has changed. How far out it lies is its own, else a new roof would be seen beside where it is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """The cells seen on two occasions, and how much each of them has changed."""

    before: Occasion
    """The earlier one."""
    after: Occasion
    """The later one."""
    cells: tuple[str, ...]
    """Names of the cells seen on both, ascending."""
    rows_before: Rows
    """Shape (n,): row of each cell's chip before."""
    rows_after: Rows
    """Shape (n,): row of its chip after."""
    valid_fractions: NDArray[np.float32]
    """Shape (n,): share measured on the date that shows less of the cell, 0–1."""
    groups: NDArray[np.int32]
    """Shape (n,): number of the pair of scenes that shows the cell; small pairs share a number."""
    background: Background | None
    """What unchanged cells do; None of fewer than eight cells: nobody can say."""
    changes: NDArray[np.float32]
    """Shape (n,): what is left of the step from before to after and shared by the neighbours, 0 or
    more. Without any shift, words and neighbours it is the distance of two unit vectors, at most
    2."""
    deviations: NDArray[np.float32]
    """Shape (n,): the same in robust deviations above the middle of the background, blended with
    the neighbours'; comparable between pairs of dates, and finer than a percentile far out. NaN:
    too few cells to tell."""
    percentiles: NDArray[np.float32]
    """Shape (n,), 0–100: percent of unchanged cells that change less. NaN: likewise."""

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.cells)

    def vectors_before(self, index: Pinned) -> Vectors:
        """Give the vectors before, in the order of the cells: float32, shape (n, dim)."""
        return index.vectors(self.rows_before)

    def vectors_after(self, index: Pinned) -> Vectors:
        """Give the vectors after, in the order of the cells: float32, shape (n, dim)."""
        return index.vectors(self.rows_after)

    def members(self) -> Iterator[NDArray[np.int64]]:
        """Give the places of the cells of each group, ascending by number."""
        for group in np.unique(self.groups).tolist():
            yield np.flatnonzero(self.groups == group)


def pair_up(
    index: Pinned,
    before: Occasion,
    after: Occasion,
    *,
    shift: Shift = "fitted",
    neighbours: float = NEIGHBOURS,
    words: Vectors | None = None,
    background: Background | None = None,
) -> Pairs:
    """Score the change of every cell seen on both occasions.

    Args:
        index: The generation that the occasions were read from.
        before: The earlier occasion.
        after: The later one.
        shift: What of the step counts as season, light and sensor; see ``Shift``. Fewer than eight
            cells are taken as they are: their mean step would be the change itself.
        neighbours: Weight of the neighbouring cells in the deviation of a cell, 0–1; 0: each cell
            for itself, where what changes is smaller than a cell.
        words: float32, shape (prompts, dim), unit rows: only what these words can tell apart counts
            as change. None, or too few of them: whatever the vectors show, for which 8 · dim bytes
            a cell are held.
        background: What unchanged cells do, known from elsewhere: another pair of dates of the same
            ground, say; None: estimated from these cells.

    Raises:
        InvalidRequest: The two share no cell, are in the wrong order, or shift or neighbours
            cannot be.
        ChipNotFound: The collection was compacted since the occasions were read.
    """
    if shift not in SHIFTS:
        raise InvalidRequest(f"shift: expected one of {', '.join(SHIFTS)}, came {shift!r}")
    if not 0 <= neighbours <= 1:
        raise InvalidRequest(f"neighbours: expected a weight of 0 to 1, came {neighbours}")
    cells, at_before, at_after = _common(before, after)
    rows = before.rows[at_before], after.rows[at_after]
    groups = _grouped(before.sources[at_before], after.sources[at_after])
    along = None if words is None else told_directions(check_vectors(words, dim=index.spec.dim))
    left, floor = _left(index, *rows, shift=shift, groups=groups, along=along)
    touching = find_touching(cells) if neighbours else np.empty((0, 2), dtype=np.int64)
    changes = shared_changes(left, touching)
    fitted = background or fit_background(changes, floor=floor)
    nothing = np.full(len(cells), np.nan, dtype=np.float32)
    deviations = nothing if fitted is None else fitted.deviations(changes)
    if fitted is not None and neighbours:
        deviations = _with_neighbours(deviations, touching, weight=neighbours)
    return Pairs(
        before=before,
        after=after,
        cells=cells,
        rows_before=rows[0],
        rows_after=rows[1],
        valid_fractions=np.minimum(
            before.valid_fractions[at_before], after.valid_fractions[at_after]
        ),
        groups=groups,
        background=fitted,
        changes=changes.astype(np.float32),
        deviations=deviations,
        percentiles=percentiles(deviations),
    )


def _left(
    index: Pinned,
    before: Rows,
    after: Rows,
    *,
    shift: Shift,
    groups: NDArray[np.int32],
    along: Floats | None,
) -> tuple[NDArray[np.float32], float]:
    """Find what is left of each step, there beside back, and the floor; in parts of many cells."""
    parts = -(-before.size // CELLS_AT_ONCE)
    directions = index.spec.dim if along is None else along.shape[1]
    left = np.empty((before.size, 2 * directions), dtype=np.float32)
    floors = []
    for part in range(parts):
        own = slice(part, None, parts)  # each part has cells from everywhere
        x, y = index.vectors(before[own]), index.vectors(after[own])
        both = find_left(x, y, shift=shift, groups=groups[own])
        kept = both if along is None else tuple(one @ along for one in both)
        left[own] = np.concatenate(kept, axis=1) / np.sqrt(2)
        floors += [alikeness(x, along=along), alikeness(y, along=along)]
    return left, float(np.mean(floors))


def _with_neighbours(
    deviations: NDArray[np.float32], touching: NDArray[np.int64], *, weight: float
) -> NDArray[np.float32]:
    """Blend the deviation of each cell with the mean of its neighbours that changed most.

    A cell without neighbours keeps its own.
    """
    own = np.maximum(deviations, _LEAST_SAID).astype(np.float64)
    said = np.minimum(own, _MOST_SAID)
    around = most_of_neighbours(said[touching[:, ::-1]], touching, otherwise=own)
    return ((1 - weight) * own + weight * around).astype(np.float32)


def _common(
    before: Occasion, after: Occasion
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Find the cells of both, ascending, and their places in either."""
    if before.first is not None and after.first is not None and before.first > after.first:
        message = f"before begins on {before.first:%Y-%m-%d} and after on {after.first:%Y-%m-%d}"
        raise InvalidRequest(f"expected the earlier date first, but {message}: exchange them")
    one, other = (np.array(seen.cells, dtype=np.str_) for seen in (before, after))
    shared, at_before, at_after = np.intersect1d(
        one, other, assume_unique=True, return_indices=True
    )
    if not shared.size:
        raise InvalidRequest(
            f"{before.name} ({len(before)} cells) and {after.name} ({len(after)} cells) share no "
            "cell: expected imagery of the same ground on one grid; where CRS or pixel size "
            "differ, index both into a collection with --crs and --pixel-size"
        )
    return tuple(shared.tolist()), at_before, at_after


def _grouped(before: NDArray[np.int32], after: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number cells by the pair of scenes that shows them; those of small pairs together."""
    codes = before.astype(np.int64) * (int(after.max()) + 1) + after
    _, group, counts = np.unique(codes, return_inverse=True, return_counts=True)
    is_large = counts >= OWN_LIGHT
    numbers = np.where(is_large, np.cumsum(is_large) - 1, is_large.sum()).astype(np.int32)
    return np.asarray(numbers[group.reshape(-1)])
