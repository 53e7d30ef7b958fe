"""Scores of many rows, block by block → the k best rows, exact cosines, ties in order.

Does not know where the vectors lie, nor what a chip is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from satseek.index.protocol import Rows
    from satseek.types import Vectors

SLACK = 1.5 * 2.0**-10
"""How far apart scanned scores may lie from the exact cosines, both ways: rounding to half
precision moves a vector's length by at most 2⁻¹¹, float32 sums by far less."""

REFINED_AT_ONCE = 1024
"""Rows refined at a time: 6 MB of float64 at 768 numbers each."""

_SINGLY = 16
"""Queries up to which each is compared by itself: measured, 0.08 ms for 1,024 rows of 768 numbers,
as against 0.1 ms (idle machine) to 7 ms (all cores busy) by a matrix product of any number."""

_NO_ROWS: Rows = np.empty(0, dtype=np.int64)
_NO_SCORES: NDArray[np.float32] = np.empty(0, dtype=np.float32)


class Shortlist:
    """The rows of one query that may still be among its k best."""

    __slots__ = ("_floor", "_k", "_scores", "rows")

    def __init__(self, k: int) -> None:
        """Start empty."""
        self._k = k
        self._floor = -np.inf
        self.rows = _NO_ROWS
        self._scores = _NO_SCORES

    def offer(self, rows: Rows, scores: NDArray[np.float32]) -> None:
        """Take in the scores of some rows and forget those that cannot win any more."""
        kept = np.flatnonzero(scores >= self._floor)
        if not kept.size:
            return
        self.rows = np.concatenate([self.rows, rows[kept]])
        self._scores = np.concatenate([self._scores, scores[kept]])
        if self.rows.size > self._k:
            self._prune()

    def _prune(self) -> None:
        place = self.rows.size - self._k
        self._floor = float(np.partition(self._scores, place)[place]) - SLACK
        kept = self._scores >= self._floor
        self.rows = self.rows[kept]
        self._scores = self._scores[kept]


def scan(
    queries: Vectors, blocks: Iterable[tuple[Rows, NDArray[np.float32]]], k: int
) -> list[Rows]:
    """Score every row of the blocks; give each query the rows that may be among its k best.

    Args:
        queries: float32, shape (q, dim), unit rows.
        blocks: Rows and their vectors, float32, shape (rows, dim), as stored.
        k: How many are wanted.
    """
    shortlists = [Shortlist(k) for _ in queries]
    for rows, vectors in blocks:
        scores = products(queries, vectors)
        for shortlist, line in zip(shortlists, scores, strict=True):
            shortlist.offer(rows, line)
    return [shortlist.rows for shortlist in shortlists]


def products(queries: Vectors, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the inner product of each query with each vector, shape (q, rows).

    A matrix product wakes the threads of BLAS, which on a busy machine takes many times as long as
    the work; vectors by themselves are too short for that.
    """
    if len(queries) > _SINGLY:
        return np.asarray(queries @ vectors.T)
    found = np.empty((len(queries), len(vectors)), dtype=np.float32)
    for line, query in zip(found, queries, strict=True):
        np.vecdot(vectors, query, out=line)
    return found


def exact_cosines(query: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the cosine of a query (dim,) with each vector (n, dim), summed in float64.

    The same vector gives the same bits wherever it lies, so that equal vectors tie.
    """
    target = query.astype(np.float64)
    target /= np.sqrt((target * target).sum())
    found = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), REFINED_AT_ONCE):
        block = vectors[start : start + REFINED_AT_ONCE].astype(np.float64)
        lengths = np.sqrt((block * block).sum(axis=1))
        found[start : start + len(block)] = (block * target).sum(axis=1) / lengths
    return np.clip(found, -1, 1)


def best(
    rows: Rows,
    cosines: NDArray[np.float32],
    *,
    k: int,
    names: Callable[[Rows], Sequence[str]],
) -> tuple[Rows, NDArray[np.float32]]:
    """Give the k best rows and their cosines: descending, equal ones by name.

    Args:
        rows: Candidates.
        cosines: Theirs, exact.
        k: How many are wanted; fewer come back where there are fewer.
        names: Gives the chip ids of rows; asked only where cosines are equal.
    """
    if rows.size > k:
        place = rows.size - k
        kept = cosines >= np.partition(cosines, place)[place]
        rows, cosines = rows[kept], cosines[kept]
    order = np.argsort(-cosines, kind="stable")
    rows, cosines = rows[order], cosines[order]
    if cosines.size > 1 and bool((cosines[1:] == cosines[:-1]).any()):
        ids = names(rows)
        places = sorted(range(rows.size), key=lambda place: (-float(cosines[place]), ids[place]))
        rows, cosines = rows[places], cosines[places]
    return rows[:k], cosines[:k]


def padded(
    answers: Sequence[tuple[Rows, NDArray[np.float32]]], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Lay the answers of several queries into arrays (q, k), padded with −1 and −inf."""
    rows = np.full((len(answers), k), -1, dtype=np.int64)
    cosines = np.full((len(answers), k), -np.inf, dtype=np.float32)
    for line, (found, values) in enumerate(answers):
        rows[line, : found.size] = found
        cosines[line, : found.size] = values
    return rows, cosines
