"""A generation's vectors and codes → what looking at them costs on this machine.

Does not know what is asked, nor which way is taken.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.ranking import exact_cosines, scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.index.codes import Codes
    from satseek.index.view import View

_ROWS = 1_024
"""Rows scanned to learn what one costs: a block, about 1 ms at 768 numbers each."""

_FEW = 64
"""Candidates fetched to learn what the codes themselves cost."""

_MANY_SHARE = 1 / 16
"""Share of the codes fetched to learn what a candidate costs beside them."""

_MANY = 16_384
"""The same, at most."""

_TIMES = 3
"""How often each is timed; the least counts, as others only ever add to it."""

_LONG_US = 5_000.0
"""Codes that take longer are timed once: a few ms is what a first search may wait for this."""

_LEAST_US = 1e-5
"""What nothing costs less than: a clock that stands still must not make a way free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one query pays for each thing that is looked at, in microseconds of a processor."""

    row_us: float = 1.0
    """A row scanned, as the collection keeps it: in memory, or in segments."""
    code_us: float = 0.016
    """A code scanned."""
    fetched_us: float = 0.08
    """A candidate fetched from the codes and held against the filter."""
    refined_us: float = 1.4
    """A candidate compared exactly."""

    def scanning(self, rows: int) -> float:
        """Milliseconds of an exact scan."""
        return rows * self.row_us / 1_000

    def coding(self, *, codes: int, fetched: int, refined: int, tail: int) -> float:
        """Milliseconds of a search by codes, with the rows behind them that have none."""
        spent = codes * self.code_us + fetched * self.fetched_us
        return (spent + refined * self.refined_us + tail * self.row_us) / 1_000


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
    row_us = _least(lambda: scan(query, view.blocks(rows), 10)) / rows.size
    refined_us = _least(lambda: _refine(view, rows)) / rows.size
    few = min(_FEW, codes.covered)
    many = max(min(int(codes.covered * _MANY_SHARE), _MANY), few)
    base = _least(lambda: codes.candidates(query, few))
    fetched = (_least(lambda: codes.candidates(query, many)) - base) / max(many - few, 1)
    return Costs(
        row_us=max(row_us, _LEAST_US),
        code_us=max(base / max(codes.covered, 1), _LEAST_US),
        fetched_us=max(fetched, _LEAST_US),
        refined_us=max(refined_us, _LEAST_US),
    )


def _refine(view: View, rows: np.ndarray) -> None:
    """Do what is done with candidates."""
    stored = view.segments.gather(rows)
    (kept,) = scan(stored[:1], [(np.arange(rows.size), stored)], 10)
    exact_cosines(stored[0], stored[kept])


def _least(work: Callable[[], object]) -> float:
    """Microseconds of this thread's processor time that a piece of work takes at least."""
    least = np.inf
    for _ in range(_TIMES):
        begun = time.thread_time_ns()
        work()
        least = min(least, (time.thread_time_ns() - begun) / 1_000)
        if least > _LONG_US:
            break
    return float(least)
