"""Season, light and sensor come out of the steps; what changed stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from madeground import Land, make_land, unit

from satseek.monitor.change.shift import FEWEST, SHIFTS, find_changes


def _parted(land: Land, changes: np.ndarray) -> float:
    """Least change of what changed over the largest of what did not."""
    return float(changes[land.changed].min() / changes[~land.changed].max())


@pytest.mark.parametrize("shift", SHIFTS)
def test_what_stays_the_same_changes_nothing(shift: str) -> None:
    land = make_land(200)
    assert find_changes(land.before, land.before, shift=shift).max() < 0.02  # type: ignore[arg-type]


def test_without_shift_a_change_is_the_distance() -> None:
    land = make_land(50, changed=5, light=0.3)
    expected = np.linalg.norm(land.after - land.before, axis=1)
    assert expected == pytest.approx(find_changes(land.before, land.after, shift="none"), abs=1e-6)


def test_light_comes_out_by_the_mean() -> None:
    land = make_land(100, changed=20, light=0.6)
    assert _parted(land, find_changes(land.before, land.after, shift="none")) < 2.5
    assert _parted(land, find_changes(land.before, land.after, shift="mean")) > 4


def test_a_season_that_each_cover_has_of_its_own_comes_out_by_the_fit() -> None:
    land = make_land(300, changed=20, light=0.4, season=0.8)
    told = {
        shift: _parted(land, find_changes(land.before, land.after, shift=shift)) for shift in SHIFTS
    }
    assert told["fitted"] > 4
    assert told["mean"] < 2


def test_a_cell_that_looks_like_no_other_cannot_explain_itself() -> None:
    rng = np.random.default_rng(9)
    before = unit(rng.normal(size=(1, 48)) + 0.05 * rng.normal(size=(12, 48)))
    after = unit(before + 0.01 * rng.normal(size=(12, 48)))
    before[0], after[0] = unit(rng.normal(size=(2, 48)))
    changes = find_changes(before, after, shift="fitted")
    assert 0 == changes.argmax()
    assert changes[0] > 5 * np.median(changes)


def test_the_direction_of_time_does_not_matter() -> None:
    land = make_land(120, changed=10, season=0.5)
    there = find_changes(land.before, land.after, shift="fitted")
    back = find_changes(land.after, land.before, shift="fitted")
    assert there == pytest.approx(back, rel=1e-6)


def test_the_order_of_cells_does_not_matter() -> None:
    land = make_land(120, changed=10, season=0.5)
    order = np.random.default_rng(1).permutation(120)
    straight = find_changes(land.before, land.after, shift="fitted")
    mixed = find_changes(land.before[order], land.after[order], shift="fitted")
    assert straight[order] == pytest.approx(mixed, rel=1e-6)


@pytest.mark.parametrize("cells", [1, 7, 8, 9, 10, 11])
def test_few_cells_are_fitted_by_their_mean_and_fewer_by_nothing(cells: int) -> None:
    land = make_land(cells, light=0.5)
    changes = find_changes(land.before, land.after, shift="fitted")
    assert np.isfinite(changes).all()
    if cells < 10:
        plain = "none" if cells < FEWEST else "mean"
        assert changes == pytest.approx(find_changes(land.before, land.after, shift=plain))


def test_each_group_has_its_own_light_and_a_small_one_that_of_all() -> None:
    land = make_land(100, noise=0.001)
    groups = np.repeat(np.arange(3, dtype=np.int32), (50, 45, 5))
    lights = 0.3 * unit(np.random.default_rng(5).normal(size=(3, land.before.shape[1])))
    after = land.before + lights[groups]
    apart = find_changes(land.before, after, shift="mean", groups=groups)
    assert apart[:95].max() < 1e-6
    assert apart[95:].min() > 0.1
    assert find_changes(land.before, after, shift="mean")[:95].max() > 0.1


def test_cells_that_are_all_alike_are_no_reason_to_fail() -> None:
    same = np.repeat(make_land(1).before, 40, axis=0)
    assert np.zeros(40) == pytest.approx(find_changes(same, same, shift="fitted"), abs=1e-9)


def test_up_to_a_third_of_the_cells_may_have_changed() -> None:
    land = make_land(300, changed=100, light=0.3, season=0.3, seed=4)
    changes = find_changes(land.before, land.after, shift="fitted")
    assert _parted(land, changes) > 1
    shuffled = replace(land, after=land.after[::-1])
    assert np.median(find_changes(shuffled.before, shuffled.after, shift="fitted")) > np.median(
        changes
    )
