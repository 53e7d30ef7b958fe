"""What neighbours changed alike counts as change; what each did for itself mostly does not."""

from __future__ import annotations

import numpy as np
import pytest
from madeground import unit

from satseek.monitor.change.agreeing import (
    AGREEMENT,
    FEWEST_TOLD,
    most_of_neighbours,
    shared_changes,
    told_directions,
)

EDGE = 12
COLUMNS, ROWS = (axis.ravel() for axis in np.meshgrid(np.arange(EDGE), np.arange(EDGE)))
FAR = np.maximum(
    np.abs(COLUMNS[:, None] - COLUMNS[None]), np.abs(ROWS[:, None] - ROWS[None])
)  # (cells, cells)
TOUCHING = np.argwhere(np.triu(FAR == 1))


def test_steps_of_one_direction_stand_out_of_equally_long_ones_of_many() -> None:
    rng = np.random.default_rng(0)
    left = unit(rng.normal(size=(EDGE * EDGE, 24))).astype(np.float32)
    alike = (COLUMNS < 5) & (ROWS < 5)
    left[alike] = unit(left[0] + 0.3 * unit(rng.normal(size=(alike.sum(), 24))))
    assert np.linalg.norm(left, axis=1) == pytest.approx(1, abs=1e-5)
    changes = shared_changes(left, TOUCHING)
    assert changes[alike].min() > changes[~alike].max()
    assert np.median(changes[alike]) > 1.3 * changes[~alike].max()


def test_steps_that_oppose_each_other_leave_what_each_has_for_itself() -> None:
    left = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    assert [0.0, 0.0] == shared_changes(left, np.array([[0, 1]])).tolist()
    across = np.array([[1, 0], [0, 2]], dtype=np.float32)
    own = (1 - AGREEMENT) ** 0.5
    assert [own, 2 * own] == pytest.approx(shared_changes(across, np.array([[0, 1]])).tolist())


def test_a_cell_without_neighbours_keeps_its_length() -> None:
    left = np.array([[3, 4], [0, 2], [0, 2]], dtype=np.float32)
    told = shared_changes(left, np.array([[1, 2]]))
    assert [5.0, 2.0, 2.0] == pytest.approx(told.tolist())
    alone = shared_changes(left, np.empty((0, 2), dtype=np.int64))
    assert [5.0, 2.0, 2.0] == pytest.approx(alone.tolist())


def test_of_many_neighbours_the_five_largest_count() -> None:
    star = np.array([[0, other] for other in range(1, 9)])
    values = np.arange(8.0)
    found = most_of_neighbours(values, star, otherwise=np.full(10, -1.0))
    assert [5.0, *values.tolist(), -1.0] == found.tolist()
    said = np.column_stack([values, -values])
    found = most_of_neighbours(said, star, otherwise=np.full(10, -1.0))
    assert [5.0, *(-values).tolist(), -1.0] == found.tolist()


def test_words_tell_the_directions_in_which_they_differ() -> None:
    rng = np.random.default_rng(1)
    held = np.linalg.qr(rng.normal(size=(64, 20)))[0]
    words = unit(5 * held[:, 0] + rng.normal(size=(40, 20)) @ held.T).astype(np.float32)
    told = told_directions(words)
    assert told is not None
    assert FEWEST_TOLD <= told.shape[1] <= 20
    assert np.eye(told.shape[1]) == pytest.approx(told.T @ told, abs=1e-6)
    apart = words - words.mean(axis=0)
    assert 0.95 <= np.square(apart @ told).sum() / np.square(apart).sum()
    assert np.abs(held @ (held.T @ told) - told).max() < 1e-5


@pytest.mark.parametrize("count", [1, 2, FEWEST_TOLD])
def test_few_words_leave_all_directions(count: int) -> None:
    words = unit(np.random.default_rng(2).normal(size=(count, 64))).astype(np.float32)
    assert told_directions(words) is None
