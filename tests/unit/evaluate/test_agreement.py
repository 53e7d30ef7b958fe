from __future__ import annotations

import numpy as np
import pytest

from satseek.errors import InvalidK, InvalidRequest
from satseek.evaluate.agreement import (
    mean_shift,
    overlap_at_k,
    row_cosines,
    spearman,
    spread_shift,
    top1_agreement,
)


def test_cosines_are_those_of_rows_with_their_counterparts() -> None:
    one = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    other = np.array([[5.0, 0.0], [0.0, -1.0], [1.0, 0.0]])
    assert row_cosines(one, other) == pytest.approx([1, -1, 0.5**0.5])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40], 1),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1),
        ([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826816681233),  # Wikipedia's and SciPy's example
        ([1, 1, 1, 2], [1, 1, 1, 2], 1),
        ([0, 0, 0, 0], [0, 0, 0, 0], 1),
        ([0, 0, 0, 0], [1, 2, 3, 4], 0),
    ],
)
def test_rank_correlation_of_one_row(one: list[int], other: list[int], expected: float) -> None:
    found = spearman(np.array([one], float), np.array([other], float))
    assert found == pytest.approx(expected)


def test_rank_correlation_is_the_mean_over_queries() -> None:
    one, other = np.array([[1.0, 2, 3], [1, 2, 3]]), np.array([[1.0, 2, 3], [3, 2, 1]])
    assert 0 == pytest.approx(spearman(one, other))


def test_agreement_counts_rows_with_the_same_first_column() -> None:
    one = np.array([[0.9, 0.1], [0.4, 0.5], [0.3, 0.2], [0.1, 0.2]])
    other = np.array([[0.8, 0.7], [0.6, 0.5], [0.9, 0.2], [0.1, 0.2]])
    assert 0.75 == top1_agreement(one, other)


def test_overlap_does_not_ask_for_the_order() -> None:
    one = np.array([[5.0, 4, 3, 2, 1]])
    assert 1.0 == overlap_at_k(one, np.array([[3.0, 4, 5, 2, 1]]), k=3)
    assert 2 / 3 == pytest.approx(overlap_at_k(one, np.array([[3.0, 4, 0, 5, 1]]), k=3))
    assert 0.0 == overlap_at_k(one, np.array([[0.0, 0, 1, 2, 3]]), k=2)


def test_shifts_are_in_units_of_the_spread() -> None:
    old = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    assert (0, 0) == (mean_shift(old, old), spread_shift(old, old))
    assert 0.5 == pytest.approx(mean_shift(old + 0.5 * old.std(axis=0), old), rel=1e-3)
    assert 0.2 == pytest.approx(spread_shift(old * 1.2, old), rel=1e-3)
    assert 0.2 == pytest.approx(spread_shift(old * 0.8, old), rel=1e-3)


@pytest.mark.parametrize("figure", [row_cosines, spearman, top1_agreement, mean_shift])
def test_tables_of_two_shapes_are_refused(figure: object) -> None:
    assert callable(figure)
    with pytest.raises(InvalidRequest, match="one shape"):
        figure(np.ones((2, 3)), np.ones((3, 3)))


def test_more_hits_than_chips_are_refused() -> None:
    with pytest.raises(InvalidK, match="from 1 to 3"):
        overlap_at_k(np.ones((2, 3)), np.ones((2, 3)), k=4)
