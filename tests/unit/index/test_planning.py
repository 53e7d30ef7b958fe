"""What is looked at, and what it is expected to cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.index.costs import Costs
from satseek.index.planning import (
    SCAN,
    Fetch,
    Plan,
    PlanLimits,
    Standing,
    candidates_for,
    choose,
    untuned,
)

COSTS = Costs(row_us=0.65, code_us=0.0032, masked_us=0.0046, refined_us=0.6)
LIMITS = PlanLimits(exact_rows=1_000)


def plan(k: int, passing: int, covered: int, *, dead: int = 0, tail: int = 0) -> Plan:
    return choose(
        name="codes",
        wanted=untuned(k, covered=covered),
        standing=Standing(passing=passing, living=covered - dead, covered=covered, tail=tail),
        costs=COSTS,
        limits=LIMITS,
    )


@pytest.mark.parametrize(
    ("k", "passing", "covered", "expected"),
    [
        (10, 100_000, 100_000, Fetch(count=640)),
        (1, 100_000, 100_000, Fetch(count=640)),
        (100, 100_000, 100_000, Fetch(count=6_400)),
        (10, 1_000_000, 1_000_000, Fetch(count=2_024)),
        (10, 500_000, 1_000_000, Fetch(count=3_001)),  # within 1.45 times the cost of no filter
        (10, 50_000, 1_000_000, Fetch(count=2_784)),
        (10, 10_000, 1_000_000, Fetch(count=2_276)),
        (10, 5_000, 1_000_000, None),  # 3 ms as against 5
        (10, 1_000, 100_000, None),  # few rows are scanned
        (10_000, 100_000, 100_000, None),  # more candidates than there are chips
    ],
)
def test_plans(k: int, passing: int, covered: int, expected: Fetch | None) -> None:
    assert expected == plan(k, passing, covered).fetch


@given(
    covered=st.integers(50_000, 5_000_000),
    kept=st.floats(0.0001, 1),
    k=st.integers(1, 200),
)
def test_the_cheaper_way_is_taken(covered: int, kept: float, k: int) -> None:
    found = plan(k, int(covered * kept), covered)
    expected = [way.expected_ms for way in found.ways]
    assert sorted(expected) == expected or found.ways[0].rows <= LIMITS.exact_rows
    assert (found.fetch is None) == (found.ways[0].name == SCAN)
    if found.fetch is not None:
        assert found.fetch.count < covered * kept


@pytest.mark.parametrize("covered", [50_000, 100_000, 1_000_000, 10_000_000])
@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.001, 0.0001])
def test_a_filter_costs_half_as_much_again_at_most(covered: int, share: float) -> None:
    filtered = plan(10, int(covered * share), covered).ways[0].expected_ms
    assert filtered <= 1.5 * plan(10, covered, covered).ways[0].expected_ms


def test_candidates_for_hits_grow_with_hits_and_with_the_root_of_the_codes() -> None:
    assert 500 == candidates_for(10, covered=1_000, per_ten=500, at=1_000)
    assert 500 == candidates_for(3, covered=10, per_ten=500, at=1_000)
    assert 1_000 == candidates_for(20, covered=1_000, per_ten=500, at=1_000)
    assert 1_000 == candidates_for(10, covered=4_000, per_ten=500, at=1_000)


def test_what_is_dead_takes_no_candidates_away() -> None:
    few_dead, filtered = plan(10, 95_000, 100_000, dead=5_000), plan(10, 50_000, 100_000)
    assert few_dead.fetch == Fetch(count=640)
    assert filtered.fetch is not None
    assert filtered.fetch.count > 640
    assert few_dead.ways[0].expected_ms > plan(10, 100_000, 100_000).ways[0].expected_ms


def test_rows_without_codes_are_paid_for() -> None:
    without, with_tail = plan(10, 60_000, 60_000), plan(10, 60_000, 60_000, tail=1_000)
    added = with_tail.ways[0].expected_ms - without.ways[0].expected_ms
    assert pytest.approx(0.65) == added


def test_few_rows_are_scanned_whatever_it_costs() -> None:
    standing = Standing(passing=9_000, living=100_000, covered=100_000)
    for exact_rows, expected in ((8_999, "codes"), (9_000, SCAN)):
        limits = PlanLimits(exact_rows=exact_rows)
        found = choose(name="codes", wanted=640, standing=standing, costs=COSTS, limits=limits)
        assert expected == found.ways[0].name
