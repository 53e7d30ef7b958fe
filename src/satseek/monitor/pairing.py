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
from satseek.monitor.pairing_background import FEWEST, alikeness, fit_background, percentiles
from satseek.monitor.pairing_shift import SHIFTS, find_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.monitor.pairing_background import Background
    from satseek.monitor.pairing_shift import Shift
    from satseek.monitor.series import Occasion
    from satseek.types import Vectors

CELLS_AT_ONCE = 8_192
"""Cells that are scored at a time: some 400 MB at 768 numbers."""

OWN_BACKGROUND = 30
"""Cells from which a pair of scenes is scored by itself; those of smaller pairs are joined."""


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
    """Shape (n,): number in ``backgrounds`` of what the cell was compared with."""
    backgrounds: tuple[Background | None, ...]
    """What unchanged cells do, by pair of scenes; cells of small pairs are joined, and None is said
    of fewer than eight cells in all."""
    changes: NDArray[np.float32]
    """Shape (n,): what is left of the step from before to after, 0 or more; comparable within one
    group. Without any shift it is the distance of two unit vectors, at most 2."""
    deviations: NDArray[np.float32]
    """Shape (n,): the same in robust deviations above the middle of the background; comparable
    between groups, and finer than a percentile far out. NaN: too few cells to tell."""
    percentiles: NDArray[np.float32]
    """Shape (n,), 0–100: percent of unchanged cells that would change less. NaN: likewise."""

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
        """Give the places of the cells of each group, in the order of the backgrounds."""
        for group in range(len(self.backgrounds)):
            yield np.flatnonzero(self.groups == group)


def pair_up(
    index: Pinned,
    before: Occasion,
    after: Occasion,
    *,
    shift: Shift = "fitted",
    background: Background | None = None,
) -> Pairs:
    """Score the change of every cell seen on both occasions.

    Args:
        index: The generation that the occasions were read from.
        before: The earlier occasion.
        after: The later one.
        shift: What of the step counts as season, light and sensor; see ``Shift``. A group of fewer
            than eight cells is taken as it is: its mean step would be the change itself.
        background: What unchanged cells do, known from elsewhere: another pair of dates of the same
            ground, say; None: estimated for each pair of scenes.

    Raises:
        InvalidRequest: The two share no cell, are in the wrong order, or an unknown shift.
        ChipNotFound: The collection was compacted since the occasions were read.
    """
    if shift not in SHIFTS:
        raise InvalidRequest(f"shift: expected one of {', '.join(SHIFTS)}, came {shift!r}")
    cells, at_before, at_after = _common(before, after)
    sources = before.sources[at_before], after.sources[at_after]
    groups, scenes = _grouped(*sources, names=(before.scenes, after.scenes))
    changes, deviations = np.empty(len(cells)), np.empty(len(cells), dtype=np.float32)
    backgrounds: list[Background | None] = []
    for group, pair in enumerate(scenes):
        own = np.flatnonzero(groups == group)
        rows = before.rows[at_before[own]], after.rows[at_after[own]]
        changes[own], floor = _changes(index, *rows, shift=shift)
        fitted = background or fit_background(changes[own], floor=floor, scenes=pair)
        deviations[own] = np.nan if fitted is None else fitted.deviations(changes[own])
        backgrounds.append(fitted)
    return Pairs(
        before=before,
        after=after,
        cells=cells,
        rows_before=before.rows[at_before],
        rows_after=after.rows[at_after],
        valid_fractions=np.minimum(
            before.valid_fractions[at_before], after.valid_fractions[at_after]
        ),
        groups=groups,
        backgrounds=tuple(backgrounds),
        changes=changes.astype(np.float32),
        deviations=deviations,
        percentiles=percentiles(deviations),
    )


def _changes(
    index: Pinned, before: Rows, after: Rows, *, shift: Shift
) -> tuple[NDArray[np.float64], float]:
    """Score the cells of one group, in parts where they are many; also gives the floor."""
    chosen = shift if before.size >= FEWEST else "none"
    parts = -(-before.size // CELLS_AT_ONCE)
    changes = np.empty(before.size)
    floors = []
    for part in range(parts):
        own = slice(part, None, parts)  # each part has cells from everywhere
        x, y = index.vectors(before[own]), index.vectors(after[own])
        changes[own] = find_changes(x, y, shift=chosen)
        floors += [alikeness(x), alikeness(y)]
    return changes, float(np.mean(floors))


def _common(
    before: Occasion, after: Occasion
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Find the cells of both, ascending, and their places in either."""
    if before.first is not None and after.first is not None and before.first > after.first:
        message = f"before begins on {before.first:%Y-%m-%d} and after on {after.first:%Y-%m-%d}"
        raise InvalidRequest(f"expected the earlier date first, but {message}: exchange them")
    names = (np.array(one.cells, dtype=np.str_) for one in (before, after))
    shared, at_before, at_after = np.intersect1d(
        *names, assume_unique=True, return_indices=True
    )
    if not shared.size:
        raise InvalidRequest(
            f"{before.name} ({len(before)} cells) and {after.name} ({len(after)} cells) share no "
            "cell: expected imagery of the same ground on one grid; where CRS or pixel size "
            "differ, index both into a collection with --crs and --pixel-size"
        )
    return tuple(shared.tolist()), at_before, at_after


def _grouped(
    before: NDArray[np.int32],
    after: NDArray[np.int32],
    *,
    names: tuple[tuple[str, ...], tuple[str, ...]],
) -> tuple[NDArray[np.int32], list[tuple[str, str] | None]]:
    """Group cells by their pair of scenes, and name the pairs.

    Cells of pairs with few are joined; where all of them together are few beside a large pair, they
    are taken into the largest.
    """
    codes = before.astype(np.int64) * len(names[1]) + after
    pairs, group, counts = np.unique(codes, return_inverse=True, return_counts=True)
    scenes = [(names[0][pair // len(names[1])], names[1][pair % len(names[1])]) for pair in pairs]
    is_large = counts >= OWN_BACKGROUND
    named: list[tuple[str, str] | None] = [
        pair for pair, large in zip(scenes, is_large, strict=True) if large
    ]
    numbers = np.cumsum(is_large, dtype=np.int32) - 1
    few = counts[~is_large].sum() < OWN_BACKGROUND
    if is_large.any() and few:
        numbers[~is_large] = numbers[counts.argmax()]
    elif not is_large.all():
        numbers[~is_large] = len(named)
        named.append(scenes[0] if len(scenes) == 1 else None)
    return numbers[group.reshape(-1)], named
