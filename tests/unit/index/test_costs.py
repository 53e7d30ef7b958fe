"""What looking at things costs."""

from __future__ import annotations

import time

import pytest

from satseek.index.costs import Costs, _least

MADE_US = 20_000


def burn(us: float) -> None:
    until = time.thread_time_ns() + us * 1_000
    while time.thread_time_ns() < until:
        pass


def test_what_is_made_once_is_not_counted() -> None:
    waits = iter([MADE_US, 0, 0, 0])
    assert _least(lambda: burn(next(waits))) < MADE_US / 2


def test_what_takes_long_is_timed_once() -> None:
    waits = iter([MADE_US, MADE_US])
    assert _least(lambda: burn(next(waits))) >= MADE_US


def test_costs_add_up() -> None:
    costs = Costs(row_us=2, code_us=0.5, masked_us=1, refined_us=4)
    assert 0.2 == costs.scanning(100)
    assert pytest.approx(0.5 + 0.04 + 0.006) == costs.coding(
        codes=1_000, masked=False, compared=10, tail=3
    )
    assert pytest.approx(1.0) == costs.coding(codes=1_000, masked=True, compared=0, tail=0)
