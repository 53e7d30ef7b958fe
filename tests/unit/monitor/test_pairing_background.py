"""What unchanged cells do, estimated from all of them; and percentiles against it."""

from __future__ import annotations

import numpy as np
import pytest
from madeground import make_land

from satseek.errors import InvalidRequest
from satseek.monitor.change.background import (
    LEAST_SPREAD,
    ROUNDING,
    Background,
    alikeness,
    find_alike,
    fit_background,
    percentiles,
)
from satseek.monitor.change.shift import FEWEST


def _quiet(count: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 0.1, count)


def test_unchanged_cells_give_their_own_law() -> None:
    found = fit_background(_quiet(4_000), floor=0.2)
    assert found is not None
    assert 0.5 == pytest.approx(found.middle, rel=0.02)
    assert 0.1 == pytest.approx(found.spread, rel=0.05)
    assert (4_000, 0.2) == (found.cells, found.floor)


def test_percentiles_of_unchanged_cells_are_even() -> None:
    found = fit_background(_quiet(4_000), floor=0.0)
    assert found is not None
    told = np.sort(percentiles(found.deviations(_quiet(4_000, seed=1))))
    assert np.abs(told - np.linspace(0, 100, 4_000)).max() < 3


def test_cells_that_hardly_change_say_nothing_of_the_others() -> None:
    still = np.random.default_rng(2).uniform(0, 0.05, 2_000)
    upper = _quiet(4_000)
    found, other = (
        fit_background(np.where(upper < 0.45, quiet, upper), floor=0.0)
        for quiet in (upper, np.resize(still, 4_000))
    )
    assert found is not None
    assert other is not None
    assert (found.middle, found.spread) == (other.middle, other.spread)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_what_changed_does_not_make_the_others_louder(share: float) -> None:
    quiet = _quiet(1_000)
    loud = np.full(int(1_000 * share), 1.2)
    found = fit_background(np.concatenate([quiet, loud]), floor=0.0)
    assert found is not None
    assert (percentiles(found.deviations(quiet)) > 99).mean() <= 0.01
    assert percentiles(found.deviations(loud)).min() > 99


def test_a_pair_without_any_change_is_quiet_below_the_floor() -> None:
    steps = _quiet(500) / 100
    found = fit_background(steps, floor=0.2)
    assert found is not None
    assert percentiles(found.deviations(steps)).max() < 1
    assert percentiles(found.deviations(np.array([0.19, 0.23]))).tolist() == [
        pytest.approx(15.9, abs=0.1),
        pytest.approx(99.9, abs=0.1),
    ]


def test_equal_vectors_are_no_change_whatever_rounding_makes_of_them() -> None:
    found = fit_background(np.zeros(50), floor=0.0)
    assert found is not None
    assert (pytest.approx(ROUNDING), pytest.approx(LEAST_SPREAD * ROUNDING)) == (
        found.middle,
        found.spread,
    )
    assert percentiles(found.deviations(np.full(3, ROUNDING / 2))).max() < 1


def test_too_few_cells_tell_nothing() -> None:
    assert fit_background(_quiet(FEWEST - 1), floor=0.1) is None
    assert fit_background(_quiet(FEWEST), floor=0.1) is not None


@pytest.mark.parametrize(("percentile", "z"), [(50, 0.0), (97.5, 1.959964), (99.9, 3.090232)])
def test_a_percentile_is_that_of_the_normal_law(percentile: float, z: float) -> None:
    background = Background(middle=0.5, spread=0.1, floor=0.1, cells=100)
    deviations = background.deviations(np.array([0.5 + 0.1 * z]))
    assert z == pytest.approx(float(deviations[0]), abs=1e-5)
    assert percentile == pytest.approx(float(percentiles(deviations)[0]), abs=1e-3)


def test_what_is_not_known_stays_so() -> None:
    told = percentiles(np.array([[np.nan, 0.0]], dtype=np.float32))
    assert [True, False] == np.isnan(told)[0].tolist()
    assert (1, 2) == told.shape


def test_most_alike_places_are_others() -> None:
    vectors = make_land(60).before
    one, other = find_alike(vectors)
    assert sorted(one.tolist()) == list(range(60))
    assert (one != other).all()
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    distances[np.arange(60), np.arange(60)] = np.inf
    nearest = distances.min(axis=1)
    assert np.linalg.norm(vectors[one] - vectors[other], axis=1) == pytest.approx(
        nearest[one], abs=1e-5
    )


def test_one_place_is_like_none() -> None:
    assert 0.0 == alikeness(make_land(1).before)


@pytest.mark.parametrize(("middle", "spread"), [(0.0, 1.0), (1.0, 0.0), (float("nan"), 1.0)])
def test_a_background_that_cannot_be_is_refused(middle: float, spread: float) -> None:
    with pytest.raises(InvalidRequest, match="positive"):
        Background(middle=middle, spread=spread, floor=0.0, cells=10)
