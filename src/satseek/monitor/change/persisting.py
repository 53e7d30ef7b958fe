"""Marks of cells, date by date → which of them persist: n of the last m dates on which it was seen.

Does not know what was marked. A date on which a cell was not seen (cloud, another swath) counts
neither for nor against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Persistence:
    """What stayed."""

    confirmed: NDArray[np.bool_]
    """Shape (dates, cells): the cell is marked on this date, and on n of the last m dates that saw
    it, this one among them."""
    first: NDArray[np.int64]
    """Shape (cells,): number of the date of the first mark of those that confirmed the cell first;
    −1 where it never was."""
    counts: NDArray[np.int64]
    """Shape (cells,): marked dates from ``first`` on; 0 where it never was."""


def persist(
    marked: NDArray[np.bool_], seen: NDArray[np.bool_], *, n: int = 2, m: int = 3
) -> Persistence:
    """Find what stayed marked.

    Args:
        marked: Shape (dates, cells), earliest first; a mark where a cell was not seen is none.
        seen: Shape (dates, cells).
        n: Marks needed; positive. 1: one mark is enough.
        m: Among so many dates on which the cell was seen; at least ``n``.

    Raises:
        InvalidRequest: ``n`` and ``m`` cannot be, or shapes differ.
    """
    if not 1 <= n <= m:
        raise InvalidRequest(f"persistence of n of m dates: expected 1 <= n <= m, came {n} of {m}")
    if marked.ndim != 2 or marked.shape != seen.shape:  # noqa: PLR2004 -- dates, cells
        raise InvalidRequest(
            f"expected marks and sightings of shape (dates, cells), came {marked.shape} and "
            f"{seen.shape}"
        )
    marked = marked & seen
    dates, cells = marked.shape
    last = np.full((m, cells), -1, dtype=np.int64)
    """Of the last m dates that saw the cell, newest first: the date where marked, else −1."""
    confirmed = np.zeros(marked.shape, dtype=np.bool_)
    first = np.full(cells, -1, dtype=np.int64)
    for date in range(dates):
        here = seen[date]
        last[1:, here] = last[:-1, here]
        last[0, here] = np.where(marked[date, here], date, -1)
        confirmed[date] = marked[date] & ((last >= 0).sum(axis=0) >= n)
        new = confirmed[date] & (first < 0)
        first[new] = np.where(last[:, new] >= 0, last[:, new], dates).min(axis=0)
    since = np.arange(dates)[:, None] >= np.where(first < 0, dates, first)
    return Persistence(confirmed=confirmed, first=first, counts=(marked & since).sum(axis=0))
