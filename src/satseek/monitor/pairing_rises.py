"""Pairs of cells and concepts → how much nearer each cell has come to each concept.

Does not know what the concepts are called: only their directions among the vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.checks import check_vectors
from satseek.monitor.pairing_background import FEWEST, NORMAL_MAD, find_alike, percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.pairing import Pairs
    from satseek.types import Vectors

    Floats = NDArray[np.float64]

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
    """Shape (concepts, n), 0–100: percent of unchanged cells that would rise less. NaN: likewise."""


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
    steps = np.empty((len(asked), len(pairs)), dtype=np.float64)
    deviations = np.full(steps.shape, np.nan)
    for own in pairs.members():
        before, after = (
            index.vectors(rows[own]) @ asked.T for rows in (pairs.rows_before, pairs.rows_after)
        )
        steps[:, own] = (after - before).T
        if own.size >= FEWEST:
            vectors = index.vectors(pairs.rows_before[own])
            deviations[:, own] = _standing(steps[:, own], before, find_alike(vectors))
    found = deviations.astype(np.float32)
    return Rises(
        steps=steps.astype(np.float32), deviations=found, percentiles=percentiles(found)
    )


def _standing(
    steps: Floats, cosines: NDArray[np.float32], alike: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Floats:
    """Give steps (concepts, n) in robust deviations above their middle."""
    middle = np.median(steps, axis=1, keepdims=True)
    spread = NORMAL_MAD * np.median(np.abs(steps - middle), axis=1, keepdims=True)
    one, other = alike
    usual = NORMAL_MAD * np.median(np.abs(cosines[one] - cosines[other]), axis=0)[:, None]
    return np.asarray((steps - middle) / np.maximum(np.maximum(spread, usual), _LEAST_SPREAD))
