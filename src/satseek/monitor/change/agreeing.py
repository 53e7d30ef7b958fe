"""What is left of the steps of cells, and which cells touch → how much of it neighbours share.

Does not know dates or percentiles. Fields look new from one year to the next, each in its own way;
a flood, a pit or a quarter that is built changes neighbouring cells alike. So the steps of
neighbours are compared as directions, not only by their lengths: what they share is change, what
each has for itself is mostly chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Vectors

    Floats = NDArray[np.float64]

ASKED = 5
"""Of up to eight neighbours: those that agree most. A cell at a straight edge has five in it."""

AGREEMENT = 0.7
"""Weight of what the neighbours share in the square of a cell's change. On five made-up counties
recall at precision 0.7 is 0.75, 0.76 and 0.79 with 0.5, 0.6 and 0.7, and 0.77 with 0.85."""

TOLD_SHARE = 0.95
"""Of what prompts differ in, the share that the directions kept must hold: 20 of the 35 of the
planning labels. Of the made-up counties' changes 0.79 are found at precision 0.7 with them, 0.77
with all directions of the vectors."""

FEWEST_TOLD = 12
"""Directions that words must tell to be asked alone; with 8 of the planning labels' recall falls
to 0.72, with 12 it is as with all."""


def told_directions(words: Vectors) -> Floats | None:
    """Find the directions in which words differ: orthonormal, float64, shape (dim, directions).

    What changes in no direction that any word tells is nothing that words could name.

    Args:
        words: float32, shape (prompts, dim), unit rows.

    Returns:
        None where they tell fewer than `FEWEST_TOLD`: all directions count.
    """
    apart = words.astype(np.float64) - words.mean(axis=0, dtype=np.float64)
    _, sizes, directions = np.linalg.svd(apart, full_matrices=False)
    held = np.cumsum(sizes**2)
    if not held.size or held[-1] <= 0:
        return None
    count = int(np.searchsorted(held, TOLD_SHARE * held[-1])) + 1
    return np.asarray(directions[:count].T) if count >= FEWEST_TOLD else None


def shared_changes(left: NDArray[np.float32], touching: NDArray[np.int64]) -> Floats:
    """Measure how large a cell's step is in its own eyes and its neighbours'.

    Args:
        left: Shape (n, directions): what is left of each step.
        touching: Shape (pairs, 2): of ``find_touching``.

    Returns:
        float64, shape (n,), 0 or more: the root of the blend of the step's square and of its
        products with those of the neighbours that agree most. A cell without neighbours keeps its
        own length.
    """
    own = np.einsum("ij,ij->i", left, left).astype(np.float64)
    products = np.einsum("ij,ij->i", left[touching[:, 0]], left[touching[:, 1]])
    around = most_of_neighbours(products, touching, otherwise=own)
    return np.asarray(np.sqrt(np.maximum((1 - AGREEMENT) * own + AGREEMENT * around, 0)))


def most_of_neighbours(
    values: NDArray[np.floating], touching: NDArray[np.int64], *, otherwise: Floats
) -> Floats:
    """Give each cell the mean of the largest values that it has with its neighbours.

    Args:
        values: Shape (pairs,), of both cells of a pair; or (pairs, 2): what the second says to the
            first, and the first to the second.
        touching: Shape (pairs, 2).
        otherwise: Shape (n,): of cells without neighbours.
    """
    both = values if values.ndim == touching.ndim else np.column_stack([values, values])
    asking, said = np.concatenate([touching[:, 0], touching[:, 1]]), both.T.ravel()
    order = np.lexsort((-said, asking))
    asking, said = asking[order], said[order]
    first = np.arange(asking.size) - np.searchsorted(asking, asking) < ASKED
    sums = np.bincount(asking[first], weights=said[first], minlength=otherwise.size)
    counts = np.bincount(asking[first], minlength=otherwise.size)
    return np.where(counts > 0, sums / np.maximum(counts, 1), otherwise)
