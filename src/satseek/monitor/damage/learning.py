"""Cells that labels decided → how much of each is affected, as the pair's own imagery tells it.

Does not know labels, models or parcels. What labels make of one chip scatters; what they make of
many chips of one pair says how damage looks in it: in this light, in these crops. Ridge regression
from the vectors of both moments to the shares that labels tell takes the mean of that. Each cell is
told by a fit to other ground than its own, so that none confirms itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from satseek.monitor.damage.deciding import LEAST_SOUND, WHOLE, middle_and_spread
from satseek.search.mapping_cells import columns_of, place, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from satseek.monitor.change.blending import Around
    from satseek.monitor.damage.deciding import Decided

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

PairVectors: TypeAlias = "Callable[[Places], NDArray[np.float32]]"
"""Places of cells seen at both moments → their vectors before and after side by side, shape
(n, 2 · dim)."""

FOLDS: Final = 5
"""Parts of the ground, of which each is told by a fit to the others."""

BLOCK: Final = 4
"""Cells along an edge of the squares that parts are made of: neighbours show the same ground."""

RIDGE: Final = 1.0
"""Penalty on squared weights; vectors have length 1. Between 0.3 and 10 made-up counties hardly
differ."""

DEVIATIONS: Final = 3.0
"""Robust deviations of sound cells from which a cell stands out from them."""

_AT_ONCE: Final = 4096
"""Cells whose vectors are held at a time: 64 MB at twice 1,024 numbers."""


def learn(decided: Decided, vectors: PairVectors, *, cells: Sequence[str], near: Around) -> Decided:
    """Tell shares anew by what the pair's vectors have in common where labels tell damage.

    Labels keep the last word on where damage is at all: a share is told of cells that they call
    affected and within two cells of those, never of ones that looked affected before. Where too few
    are, or affected cells do not stand out from sound ones, nothing is changed.

    Args:
        decided: By labels, at both moments.
        vectors: Gives the vectors of cells; asked for those seen at both.
        cells: Names of the cells.
        near: Their neighbours.
    """
    known = np.flatnonzero(np.isfinite(decided.margins))
    sound = np.isfinite(decided.margins) & (decided.shares == 0)
    if min(decided.affected.sum(), sound.sum()) < LEAST_SOUND:
        return decided
    told = np.full(len(cells), np.nan)
    told[known] = _told(known, decided.shares, vectors, _folds(cells))
    told = near.blend(told)
    level, spread = middle_and_spread(told[sound])
    whole = float(np.quantile(told[decided.affected], WHOLE))
    least = level + DEVIATIONS * spread
    if whole <= least:
        return decided
    reach = near.reach(near.reach(decided.affected)) & ~decided.before
    with np.errstate(invalid="ignore"):
        plain = reach & (told > least)
    parts = np.clip((np.nan_to_num(told) - level) / (whole - level), 0.0, 1.0)
    return replace(decided, shares=np.where(plain, parts, 0.0))


def _told(known: Places, shares: Floats, vectors: PairVectors, folds: Places) -> Floats:
    """Tell the share of each known cell by fits to the other parts."""
    sums: dict[int, Floats] = {}
    for part, read in _read(known, vectors):
        beside = np.column_stack([read, np.ones(len(part)), shares[part]])
        for fold in np.unique(folds[part]).tolist():
            its = beside[folds[part] == fold]
            sums[fold] = sums.get(fold, 0.0) + its.T @ its
    every = np.sum(list(sums.values()), axis=0)
    fits = {fold: _fit(every - own) for fold, own in sums.items()}
    told = np.empty(len(shares))
    for part, read in _read(known, vectors):
        for fold in np.unique(folds[part]).tolist():
            its = folds[part] == fold
            weights, level = fits[fold]
            told[part[its]] = read[its] @ weights + level
    return told[known]


def _fit(sums: Floats) -> tuple[Floats, float]:
    """Give weights and intercept by the products of vectors, a one and shares with each other."""
    count = max(float(sums[-2, -2]), 1.0)
    mean, share = sums[:-2, -2] / count, float(sums[-2, -1]) / count
    squares = sums[:-2, :-2] - count * np.outer(mean, mean) + RIDGE * np.eye(len(mean))
    weights = np.asarray(
        np.linalg.solve(squares, sums[:-2, -1] - count * share * mean), dtype=np.float64
    )
    return weights, float(share - mean @ weights)


def _read(known: Places, vectors: PairVectors) -> Iterator[tuple[Places, Floats]]:
    for at in range(0, len(known), _AT_ONCE):
        part = known[at : at + _AT_ONCE]
        yield part, vectors(part).astype(np.float64)


def _folds(cells: Sequence[str]) -> Places:
    """Deal squares of ground into parts, so that squares side by side are in different ones."""
    folds = np.arange(len(cells), dtype=np.int64) % FOLDS
    for placed in place(cells).lattices:
        columns, rows = columns_of(placed.keys) // BLOCK, rows_of(placed.keys) // BLOCK
        folds[placed.places] = (columns + 2 * rows) % FOLDS
    return folds
