"""Vectors of the same cells on two dates → what is left of their steps once the shift is out.

Does not know which cells they are.

The fitted shift is the chronochrome of Schaum and Stocker (Long-interval chronochrome target
detection, International Symposium on Spectral Sensing Research, 1997): each date is predicted from
the other by linear regression, and what the regression cannot explain is the change. As in
iteratively reweighted multivariate alteration detection (Nielsen, IEEE Transactions on Image
Processing 16, 2007), cells that seem to have changed count less in the next round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Vectors

    Floats = NDArray[np.float64]

Shift: TypeAlias = Literal["none", "mean", "fitted"]
"""What of the step from one date to the other counts as season, light and sensor. ``none``:
nothing; ``mean``: what all cells share; ``fitted``: besides, what follows from how a cell looks, so
that fields may turn yellow while forests do not. Where most of the ground has changed, as in a
flood, a fitted shift learns that: take ``mean`` or ``none`` then."""

SHIFTS: tuple[Shift, ...] = ("none", "mean", "fitted")
"""All there are."""

CELLS_PER_DIRECTION = 10
"""Cells for each direction of the regression, at least: ten observations a variable."""

MOST_DIRECTIONS = 64
"""Directions of the regression, at most."""

_ROUNDS = 5
"""Of weighting: the weights then change by less than a hundredth."""

_RIDGE = 1e-3
"""Of the mean variance along the directions, against directions without any."""

_LIKELY = 2.0
"""Changes so many times the median count half in the next round, larger ones ever less."""


def find_changes(before: Vectors, after: Vectors, *, shift: Shift) -> Floats:
    """Measure what is left of each cell's step.

    Args:
        before: float32, shape (n, dim), unit rows; n is positive.
        after: Likewise, of the same cells in the same order.
        shift: What of it is taken out.

    Returns:
        float64, shape (n,), 0 or more.
    """
    if shift == "none":
        return _lengths(after.astype(np.float64) - before)
    x, y = (_centred(vectors.astype(np.float64)) for vectors in (before, after))
    directions = min(len(x) // CELLS_PER_DIRECTION, MOST_DIRECTIONS, x.shape[1])
    if shift == "mean" or not directions:
        return _lengths(_centred(y - x))
    basis = _main_directions(x, y, directions)
    weights = np.ones(len(x))
    changes = np.zeros(len(x))
    for _ in range(_ROUNDS):
        there, back = _left(x, y, basis, weights), _left(y, x, basis, weights)
        changes = np.sqrt((there**2 + back**2) / 2)
        usual = max(float(np.median(changes)), np.finfo(np.float64).tiny)
        weights = 1 / (1 + (changes / (_LIKELY * usual)) ** 4)
    return changes


def _centred(vectors: Floats) -> Floats:
    """Take the median of each number out: up to half of the cells may have changed."""
    return np.asarray(vectors - np.median(vectors, axis=0))


def _main_directions(x: Floats, y: Floats, count: int) -> Floats:
    """Give the directions along which cells differ most, on both dates: (dim, count)."""
    covariance = x.T @ x + y.T @ y
    return np.asarray(np.linalg.eigh(covariance).eigenvectors[:, -count:])


def _left(x: Floats, y: Floats, basis: Floats, weights: Floats) -> Floats:
    """Predict y from x and give the lengths of what is left, as if each cell had been left out."""
    along = x @ basis
    design = np.column_stack([np.ones(len(x)), along])  # (n, 1 + directions)
    weighted = design * weights[:, None]
    gram = design.T @ weighted
    ridge = _RIDGE * float(np.mean(np.diag(gram)[1:]))
    gram[np.arange(1, len(gram)), np.arange(1, len(gram))] += ridge
    inverse = np.linalg.pinv(gram, hermitian=True)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, weighted)
    left = y - design @ (inverse @ (weighted.T @ y))
    rest = x - along @ basis.T
    left -= _slope(rest, left, weights) * rest
    return np.asarray(_lengths(left) / np.maximum(1 - leverage, 0.1))


def _slope(rest: Floats, left: Floats, weights: Floats) -> float:
    """How much of what a cell has beside the main directions it keeps: one number, 0 to 1."""
    power = float((weights * np.einsum("ij,ij->i", rest, rest)).sum())
    shared = float((weights * np.einsum("ij,ij->i", rest, left)).sum())
    return min(max(shared / power, 0.0), 1.0) if power > 0 else 0.0


def _lengths(vectors: Floats) -> Floats:
    return np.asarray(np.linalg.norm(vectors, axis=1))
