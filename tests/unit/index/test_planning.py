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

COSTS = Costs(row_us=1.0, code_us=0.016, fetched_us=0.08, refined_us=1.4)
LIMITS = PlanLimits(exact_rows=1_000)


def plan(k: int, passing: int, covered: int, **fields: int | bool) -> Plan:
    return choose(
        name="codes",
        wanted=untuned(k, covered=covered),
        standing=Standing(
            passing=passing, living=int(fields.pop("living", covered)), covered=covered, **fields
        ),
        costs=COSTS,
        limits=LIMITS,
    )


@pytest.mark.parametrize(
    ("k", "passing", "covered", "expected"),
    [
        (10, 100_000, 100_000, Fetch(count=640, most=640, least=320)),
        (1, 100_000, 100_000, Fetch(count=640, most=640, least=320)),
        (100, 100_000, 100_000, Fetch(count=6_400, most=6_400, least=3_200)),
        (10, 1_000_000, 1_000_000, Fetch(count=2_024, most=2_024, least=1_012)),
        (10, 15_000, 1_000_000, None),  # 15 ms as against 16 for the codes alone
        (10, 1_000, 100_000, None),  # few rows are scanned
        (10_000, 100_000, 100_000, None),  # more candidates than a scan is worth
    ],
)
def test_plans(k: int, passing: int, covered: int, expected: Fetch | None) -> None:
    assert expected == plan(k, passing, covered).fetch


@given(
    covered=st.integers(50_000, 5_000_000),
    kept=st.floats(0.0001, 1),
    k=st.integers(1, 200),
    masked=st.booleans(),
)
def test_the_cheaper_way_is_taken(covered: int, kept: float, k: int, *, masked: bool) -> None:
    found = plan(k, int(covered * kept), covered, masked=masked)
    expected = [way.expected_ms for way in found.ways]
    assert sorted(expected) == expected or found.ways[0].rows <= LIMITS.exact_rows
    assert (found.fetch is None) == (found.ways[0].name == SCAN)
    if found.fetch is not None:
        assert found.fetch.least <= found.fetch.count <= found.fetch.most


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


def test_what_is_dead_is_not_taken_for_a_filter() -> None:
    few_dead = plan(10, 95_000, 100_000, living=95_000).fetch
    filtered = plan(10, 95_000, 100_000).fetch
    assert few_dead is not None
    assert filtered is not None
    assert (674, True) == (few_dead.count, filtered.count > 2 * few_dead.count)


def test_codes_that_leave_out_what_does_not_pass_fetch_no_more() -> None:
    masked = plan(10, 20_000, 1_000_000, masked=True).fetch
    assert masked is not None
    assert masked.count <= 2_024


def test_rows_without_codes_are_paid_for() -> None:
    without, with_tail = plan(10, 60_000, 60_000), plan(10, 60_000, 60_000, tail=1_000)
    added = with_tail.ways[0].expected_ms - without.ways[0].expected_ms
    assert pytest.approx(1.0) == added
