"""Which batch pays, told from calls whose cost is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from satseek.embed.pacing import LOOK_AGAIN, Pace

if TYPE_CHECKING:
    from collections.abc import Callable


def _gpu(rows: int) -> float:
    """A call costs the same, whatever is in it, up to 16 rows."""
    return 0.01 * max(1.0, rows / 16)


def _cpu(rows: int) -> float:
    """Rows cost the same in company."""
    return 0.02 * rows


def _crowded(rows: int) -> float:
    """Four rows are best; more do not fit into the processor's cache."""
    return {1: 0.02, 2: 0.03, 4: 0.04, 8: 0.1, 16: 0.25, 32: 0.6}[rows]


def _learnt(seconds: Callable[[int], float], *, calls: int = 60, most: int = 32) -> Pace:
    pace = Pace(most)
    for _ in range(calls):
        rows = pace.next_rows()
        pace.note(rows, seconds(rows))
    return pace


@pytest.mark.parametrize(("seconds", "best"), [(_gpu, 16), (_cpu, 1), (_crowded, 4)])
def test_the_smallest_batch_whose_rows_cost_least_is_found(
    seconds: Callable[[int], float], best: int
) -> None:
    assert best == _learnt(seconds).best_rows()


def test_nothing_is_known_at_first() -> None:
    pace = Pace(12)
    assert (12, 12) == (pace.best_rows(), pace.next_rows())
    assert (0.0, None) == (pace.seconds(100), pace.saved_s())


def test_a_batch_is_never_larger_than_allowed() -> None:
    pace = Pace(12)
    for _ in range(3 * LOOK_AGAIN):
        rows = pace.next_rows()
        assert 1 <= rows <= 12
        pace.note(rows, _gpu(rows))
    assert Pace(1).next_rows() == 1


def test_what_changed_is_noticed() -> None:
    pace = _learnt(_gpu)
    for _ in range(40 * LOOK_AGAIN):
        rows = pace.next_rows()
        pace.note(rows, _crowded(rows))
    assert pace.best_rows() == 4


def test_one_slow_call_changes_nothing() -> None:
    pace = _learnt(_gpu)
    pace.note(16, 30.0)
    assert pace.best_rows() == 16
    assert pace.seconds(32) == pytest.approx(0.02)


def test_waiting_rows_take_as_long_as_their_batches() -> None:
    assert _learnt(_cpu).seconds(50) == pytest.approx(1.0)
    assert _learnt(_gpu).seconds(160) == pytest.approx(0.1)


def test_company_saves_what_a_row_alone_costs_more() -> None:
    gpu, cpu = _learnt(_gpu), _learnt(_cpu)
    gpu.note(1, _gpu(1))
    assert gpu.saved_s() == pytest.approx(0.01 - 0.01 / 16)
    assert cpu.saved_s() == 0.0
