"""A generation's vectors and codes → what looking at them costs on this machine.

Does not know what is asked, nor which way is taken.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.scanning import look_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.index.codes import Codes
    from satseek.index.view import View

_ROWS = 1_024
"""Rows scanned to learn what one costs: a block, about 1 ms at 768 numbers each."""

_FEW = 64
"""Candidates fetched to learn what the codes themselves cost."""

_MANY = 1_024
"""Candidates compared to learn what one costs beside them."""

_MASKED = 8
"""One row in so many passes where the cost of leaving rows out is learnt."""

_TIMES = 3
"""How often each is timed; the least counts, as others only ever add to it."""

_LONG_US = 5_000.0
"""Codes that take longer are timed once: a few ms is what a first search may wait for this."""

_LEAST_US = 1e-5
"""What nothing costs less than: a clock that stands still must not make a way free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one query pays for each thing that is looked at, in microseconds of a processor."""

    row_us: float = 0.65
    """A row scanned, as the collection keeps it: in memory, or in segments."""
    code_us: float = 0.0032
    """A code scanned."""
    masked_us: float = 0.0046
    """A code scanned where some rows must be left out."""
    refined_us: float = 0.6
    """A candidate compared exactly."""

    def scanning(self, rows: int) -> float:
        """Milliseconds of an exact scan."""
        return rows * self.row_us / 1_000

    def coding(self, *, codes: int, masked: bool, compared: int, tail: int) -> float:
        """Milliseconds of a search by codes, with the rows behind them that have none."""
        spent = codes * (self.masked_us if masked else self.code_us)
        return (spent + compared * self.refined_us + tail * self.row_us) / 1_000


ASSUMED = Costs()
"""Measured on two cores of a server, 768 numbers a row; taken until they are measured here."""


def measure(view: View, codes: Codes) -> Costs:
    """Time a few rows, codes and candidates of a generation itself; takes some milliseconds.

    Args:
        view: Of one row or more.
        codes: Of its rows.
    """
    rows = np.linspace(0, view.segments.rows - 1, min(_ROWS, view.segments.rows), dtype=np.int64)
    rows = np.unique(rows)
    query = view.segments.gather(rows[:1])
    row_us = _least(lambda: look_at(view, query, rows, 10)) / rows.size
    few, many = (min(count, codes.covered) for count in (_FEW, _MANY))
    mask = np.zeros(view.segments.rows, dtype=np.bool_)
    mask[::_MASKED] = True
    scanned = _least(lambda: codes.candidates(query, few))
    masked = _least(lambda: codes.candidates(query, few, mask=mask))
    base, more = (
        _least(lambda count=count: codes.nearest(query, count, segments=view.segments))  # type: ignore[misc]
        for count in (few, many)
    )
    return Costs(
        row_us=max(row_us, _LEAST_US),
        code_us=max(scanned / max(codes.covered, 1), _LEAST_US),
        masked_us=max(masked / max(codes.covered, 1), _LEAST_US),
        refined_us=max((more - base) / max(many - few, 1), _LEAST_US),
    )


def _least(work: Callable[[], object]) -> float:
    """Microseconds of this thread's processor time that a piece of work takes at least.

    The first run does not count: what is made for good there, such as maps, is not paid for again.
    """
    work()
    least = np.inf
    for _ in range(_TIMES):
        begun = time.thread_time_ns()
        work()
        least = min(least, (time.thread_time_ns() - begun) / 1_000)
        if least > _LONG_US:
            break
    return float(least)
