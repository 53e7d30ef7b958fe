"""Two occasions → how much each cell has changed, beside what its unchanged neighbours do.

Does not know labels, nor what a change means. Both dates of a cell are scored together, never each
for itself: what season, light and sensor do to all cells of a pair of scenes is taken out, and what
is left of a cell is compared with what is left of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.monitor.pairing_background import Background
    from satseek.monitor.pairing_shift import Shift
    from satseek.monitor.series import Occasion
    from satseek.types import Vectors


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
    """Shape (n,): number in ``backgrounds`` of the pair of scenes that the cell was seen by."""
    backgrounds: tuple[Background, ...]
    """What unchanged cells do, by pair of scenes; cells of small pairs share one."""
    changes: NDArray[np.float32]
    """Shape (n,): what is left of the step from before to after, 0 or more; comparable within one
    pair of scenes. For two unit vectors without shift it is their distance, at most 2."""
    deviations: NDArray[np.float32]
    """Shape (n,): the same in robust deviations above the middle of the background; comparable
    between pairs of scenes, and finer than a percentile far out. NaN: too few cells to tell."""
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rises:
    """How much nearer each cell has come to some concepts, from one date to the other."""

    steps: NDArray[np.float32]
    """Shape (concepts, n): cosine after less cosine before."""
    deviations: NDArray[np.float32]
    """Shape (concepts, n): the same in robust deviations above the middle of the cells of its pair
    of scenes; below 0 where it has moved away. NaN: too few cells to tell."""
    percentiles: NDArray[np.float32]
    """Shape (concepts, n), 0–100: percent of unchanged cells that would rise less. NaN: likewise."""


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
        shift: What of the step counts as season, light and sensor: see ``pairing_shift``.
        background: What unchanged cells do, known from elsewhere: another pair of dates of the
            same ground, say; None: estimated by pair of scenes.

    Raises:
        InvalidRequest: The two share no cell, or are in the wrong order.
        ChipNotFound: The collection was compacted since the occasions were read.
    """
    raise NotImplementedError


def rise_towards(index: Pinned, pairs: Pairs, concepts: Vectors) -> Rises:
    """Score how much nearer each cell has come to some concepts.

    Args:
        index: The generation that the pairs were read from.
        pairs: The cells.
        concepts: float32, shape (concepts, dim): directions, such as of ``directions.direct`` or
            label vectors.

    Raises:
        ModelMismatch: The concepts have another length than the vectors.
    """
    raise NotImplementedError
