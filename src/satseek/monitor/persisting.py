"""Marks of cells, date by date → which of them persist: n of the last m dates on which it was seen.

Does not know what was marked. A date on which a cell was not seen (cloud, another swath) counts
neither for nor against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Persistence:
    """What stayed."""

    confirmed: NDArray[np.bool_]
    """Shape (dates, cells): on this date, n of the last m that saw the cell are marked, this one
    among them."""
    first: NDArray[np.int64]
    """Shape (cells,): number of the date of the first mark of those that confirmed the cell first;
    −1 where it never was."""
    counts: NDArray[np.int64]
    """Shape (cells,): marked dates from ``first`` on; 0 where never confirmed."""


def persist(
    marked: NDArray[np.bool_], seen: NDArray[np.bool_], *, n: int = 2, m: int = 3
) -> Persistence:
    """Find what stayed marked.

    Args:
        marked: Shape (dates, cells), earliest first; a mark where a cell was not seen is none.
        seen: Shape (dates, cells).
        n: Marks needed; positive.
        m: Among so many dates on which the cell was seen; at least ``n``.

    Raises:
        InvalidRequest: ``n`` and ``m`` cannot be, or shapes differ.
    """
    raise NotImplementedError
