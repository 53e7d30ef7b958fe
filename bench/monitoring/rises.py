"""Pairs of cells and concepts → how much nearer each cell has come to each concept.

Does not know what the concepts are called: only their directions among the vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.checks import check_vectors
from satseek.monitor.change.background import NORMAL_MAD, find_alike, percentiles
from satseek.monitor.change.shift import FEWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.change.pairing import Pairs
    from satseek.types import Vectors

_LEAST_SPREAD = 1e-4
"""Of cosines: what is left of the rounding to half precision."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rises:
    """How much nearer each cell has come to some concepts, from one date to the other."""

    steps: NDArray[np.float32]
    """Shape (concepts, n): cosine after less cosine before."""
    deviations: NDArray[np.float32]
    """Shape (concepts, n): the same in robust deviations above the middle of the cells of its
    group; below 0 where it has moved away. NaN: too few cells to tell."""
    percentiles: NDArray[np.float32]
    """Shape (concepts, n), 0–100: percent of unchanged cells that rise less. NaN: likewise."""


def rise_towards(index: Pinned, pairs: Pairs, concepts: Vectors) -> Rises:
    """Score how much nearer each cell has come to some concepts.

    What all cells of a pair of scenes share is taken out, by their median step; the spread is the
    median absolute deviation of their steps, or of the differences between most alike places of one
    date where those are larger, so that a pair without change stays quiet.

    Args:
        index: The generation that the pairs were read from.
        pairs: The cells.
        concepts: float32, shape (concepts, dim), unit rows: directions of a query, or label
            vectors.

    Raises:
        ModelMismatch: The concepts have another length than the vectors.
        ChipNotFound: The collection was compacted since the pairs were read.
    """
    asked = check_vectors(concepts, dim=index.spec.dim)
    before, after = (
        index.vectors(rows) @ asked.T for rows in (pairs.rows_before, pairs.rows_after)
    )
    steps = (after - before).T
    found = np.full(steps.shape, np.nan, dtype=np.float32)
    if len(pairs) >= FEWEST:
        level = steps - _middles(steps, pairs)
        spread = NORMAL_MAD * np.median(np.abs(level), axis=1)
        one, other = find_alike(pairs.vectors_before(index))
        usual = NORMAL_MAD * np.median(np.abs(before[one] - before[other]), axis=0)
        widths = np.maximum(np.maximum(spread, usual), _LEAST_SPREAD)
        found = (level / widths[:, None]).astype(np.float32)
    return Rises(steps=steps, deviations=found, percentiles=percentiles(found))


def _middles(steps: NDArray[np.float32], pairs: Pairs) -> NDArray[np.float32]:
    """Give each cell the median step of its group; of a small group that of all: (concepts, n)."""
    middles = np.repeat(np.median(steps, axis=1, keepdims=True), len(pairs), axis=1)
    for own in pairs.members():
        if own.size >= FEWEST:
            middles[:, own] = np.median(steps[:, own], axis=1, keepdims=True)
    return middles
