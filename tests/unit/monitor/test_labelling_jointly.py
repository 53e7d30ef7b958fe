"""Labels of all dates are decided together: evidence of change and another label, or neither."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from satseek.errors import InvalidRequest
from satseek.monitor.labels import jointly as labelling_jointly
from satseek.monitor.labels.jointly import NOT_SEEN, Stickiness, decide, turned_shares

UNSEEN = (np.nan, np.nan, np.nan)
USUAL = Stickiness(change=0.05, steepness=2.0, even=90.0)


def _shares(*dates: tuple[float, ...]) -> np.ndarray:
    """One cell at several dates."""
    return np.array(dates, dtype=np.float32)[:, None, :]


def _percentiles(*dates: float) -> np.ndarray:
    return np.array(dates, dtype=np.float32)[:, None]


@pytest.mark.parametrize(
    ("percentile", "expected"), [(20.0, [0, 0]), (80.0, [0, 0]), (99.9, [0, 1])]
)
def test_a_label_changes_only_where_the_pair_of_images_changed(
    percentile: float, expected: list[int]
) -> None:
    shares = _shares((0.8, 0.1, 0.1), (0.25, 0.65, 0.1))
    found = decide(shares, _percentiles(percentile), stickiness=USUAL)
    assert expected == found[:, 0].tolist()


def test_where_the_label_fits_alike_a_change_of_the_images_is_none_of_the_label() -> None:
    shares = _shares((0.8, 0.1, 0.1), (0.78, 0.12, 0.1))
    assert [0, 0] == decide(shares, _percentiles(100.0), stickiness=USUAL)[:, 0].tolist()


def test_a_flicker_is_no_change() -> None:
    shares = _shares((0.7, 0.3, 0), (0.3, 0.7, 0), (0.7, 0.3, 0))
    found = decide(shares, _percentiles(60, 60), stickiness=USUAL)
    assert [0, 0, 0] == found[:, 0].tolist()


def test_a_date_that_did_not_see_a_cell_says_nothing_and_loses_nothing() -> None:
    shares = _shares((0.9, 0.05, 0.05), UNSEEN, (0.1, 0.85, 0.05))
    changed = decide(shares, _percentiles(np.nan, 100.0), stickiness=USUAL)
    same = decide(shares, _percentiles(np.nan, 30.0), stickiness=USUAL)
    assert [[0, NOT_SEEN, 1], [0, NOT_SEEN, 0]] == [changed[:, 0].tolist(), same[:, 0].tolist()]


def test_where_no_change_is_dearer_than_another_each_date_speaks_for_itself() -> None:
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(np.ones(2), size=(5, 200)).astype(np.float32)
    percentiles = rng.uniform(0, 100, (4, 200)).astype(np.float32)
    indifferent = Stickiness(change=0.5, steepness=0)
    found = decide(shares, percentiles, stickiness=indifferent)
    np.testing.assert_array_equal(found, shares.argmax(axis=2))


def _most_likely(shares: np.ndarray, percentiles: np.ndarray, sticky: Stickiness) -> list[int]:
    """Compare all runs of one cell, as the oracle; only dates that saw it count."""
    dates = [date for date in range(len(shares)) if np.isfinite(shares[date]).all()]
    classes = shares.shape[1]
    chances = sticky.chances(percentiles)
    best, most = [], -np.inf
    for run in itertools.product(range(classes), repeat=len(dates)):
        logs = [np.log(shares[date, label]) for date, label in zip(dates, run, strict=True)]
        for date, (one, other) in zip(dates[1:], itertools.pairwise(run), strict=True):
            chance = chances[date - 1]
            moved = min(np.log(chance / (classes - 1)), np.log1p(-chance) + 1.5)
            logs.append(np.log1p(-chance) if one == other else moved)
        if sum(logs) > most:
            best, most = list(run), sum(logs)
    found = [NOT_SEEN] * len(shares)
    for date, label in zip(dates, best, strict=True):
        found[date] = label
    return found


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("sticky", [USUAL, Stickiness(change=0.7, steepness=4)])
def test_the_run_that_is_found_is_the_most_likely_of_all(classes: int, sticky: Stickiness) -> None:
    rng = np.random.default_rng(classes)
    shares = rng.dirichlet(np.full(classes, 0.5), size=(4, 60))
    shares = np.maximum(shares, 1e-6)
    shares[rng.random((4, 60)) < 0.25] = np.nan
    percentiles = rng.choice([5, 60, 95, 99, 100, np.nan], (3, 60))
    found = decide(shares.astype(np.float32), percentiles.astype(np.float32), stickiness=sticky)
    expected = [_most_likely(shares[:, at], percentiles[:, at], sticky) for at in range(60)]
    assert np.transpose(expected).tolist() == found.tolist()


def test_cells_are_decided_block_by_block_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.ones(3), size=(3, 50)).astype(np.float32)
    percentiles = rng.uniform(80, 100, (2, 50)).astype(np.float32)
    whole = decide(shares, percentiles)
    monkeypatch.setattr(labelling_jointly, "_CELLS_AT_ONCE", 7)
    np.testing.assert_array_equal(whole, decide(shares, percentiles))


def test_one_class_one_date_and_no_cell_are_decided() -> None:
    one_class = decide(np.ones((2, 3, 1), np.float32), np.full((1, 3), 100, np.float32))
    one_date = decide(_shares((0.2, 0.7, 0.1)), np.empty((0, 1), np.float32))
    nothing = decide(np.empty((2, 0, 3), np.float32), np.empty((1, 0), np.float32))
    assert [[0, 0, 0], [0, 0, 0]] == one_class.tolist()
    assert [[1], (2, 0)] == [one_date[0].tolist(), nothing.shape]


def test_shapes_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="dates - 1"):
        decide(np.ones((2, 3, 2), np.float32), np.ones((2, 3), np.float32))


@pytest.mark.parametrize(
    "wrong",
    [
        {"change": 0.0},
        {"change": 1.0},
        {"steepness": -0.5},
        {"even": 0.0},
        {"even": 100.0},
        {"turn_steepness": -1.0},
        {"turn_even": 0.0},
        {"turn_even": 1.0},
    ],
)
def test_a_stickiness_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidRequest):
        Stickiness(**wrong)


def test_chances_rise_with_the_change_and_are_the_prior_where_nothing_is_known() -> None:
    chances = USUAL.chances(np.array([0, 50, 90, 99, 100, np.nan], np.float32))
    assert sorted(chances[:5].tolist()) == chances[:5].tolist()
    odds = 0.05 / 0.95 * (99 / 9) ** 2  # odds of 99 % over those of the even percentile, squared
    expected = (0.05, odds / (1 + odds), 0.05)
    assert expected == pytest.approx(chances[[2, 3, 5]].tolist(), rel=1e-4)
    assert chances[0] < 1e-9


def test_turned_is_what_classes_gained_since_the_cell_was_seen_last() -> None:
    shares = np.array(
        [
            [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], UNSEEN[:2]],
            [UNSEEN[:2], [0.9, 0.1], [0.9, 0.1], UNSEEN[:2]],
            [[0.1, 0.9], [0.9, 0.1], [0.9, 0.1], [0.5, 0.5]],
        ]
    )
    # the roots of 0.9 and 0.1 are as 3 to 1: three quarters, which become a quarter
    assert [[0, 0, 0, 0], [pytest.approx(0.5), 0, 0, 0]] == turned_shares(np.log(shares)).tolist()
    assert (0, 4) == turned_shares(np.log(shares[:1])).shape


def test_what_all_cells_do_is_light_and_turns_nothing() -> None:
    rng = np.random.default_rng(7)
    before = rng.normal(0, 2, (1, 90, 4))
    light = before + np.array([1.5, -0.5, 0, 0.3])
    assert pytest.approx(np.zeros((1, 90))) == turned_shares(np.concatenate([before, light]))
    flooded = light.copy()
    flooded[0, :9, 2] += 8
    found = turned_shares(np.concatenate([before, flooded]))[0]
    assert found[:9].min() > 0.2
    assert found[9:].max() < 0.01


def test_a_little_turned_is_no_change_and_much_is_one() -> None:
    shares = _shares((0.8, 0.1, 0.1), (0.1, 0.8, 0.1))
    asked = Stickiness(change=0.5, steepness=0, turn_steepness=6, turn_even=0.2)
    found = [
        decide(shares, _percentiles(50), turned=np.array([[turned]]), stickiness=asked)[:, 0]
        for turned in (0.02, 0.8)
    ]
    assert found[0][0] == found[0][1]
    assert [0, 1] == found[1].tolist()
