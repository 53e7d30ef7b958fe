"""Two occasions: what changed stands out of what did not, by pair of scenes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from madeground import LATTICE, cell_at, collected, make_chip, make_land, seen_on, square, unit

from satseek.errors import InvalidRequest, ModelMismatch
from satseek.monitor.change.background import Background
from satseek.monitor.change.pairing import OWN_LIGHT, pair_up
from satseek.monitor.change.series import read_series
from satseek.monitor.change.shift import FEWEST

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.pinned import Pinned
    from satseek.monitor.change.pairing import Pairs

DAYS = ("2024-06-02", "2024-07-02")


def _pairs(index: Pinned, **how: object) -> Pairs:
    return pair_up(index, *read_series(index).occasions, **how)  # type: ignore[arg-type]


def test_what_changed_stands_out(tmp_path: Path) -> None:
    land = make_land(400, changed=20, light=0.5)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        pairs = _pairs(index, neighbours=0)
        assert land.before == pytest.approx(
            _by_square(pairs, pairs.vectors_before(index)), abs=1e-3
        )
        assert land.after == pytest.approx(_by_square(pairs, pairs.vectors_after(index)), abs=1e-3)
    told = _by_square(pairs, pairs.percentiles)
    assert told[land.changed].min() > 99.9
    assert (told[~land.changed] > 99).mean() <= 0.01
    assert pairs.background is not None
    assert 400 == pairs.background.cells
    expected = pairs.background.deviations(pairs.changes.astype(np.float64))
    assert expected == pytest.approx(pairs.deviations, abs=1e-3)


def test_neighbours_that_changed_make_a_change_and_a_lone_cell_less_of_one(tmp_path: Path) -> None:
    land = make_land(100, changed=30)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        half, full = (_pairs(index, neighbours=weight) for weight in (0.5, 1))
        half_told, full_told = (_by_square(one, one.deviations) for one in (half, full))
    assert half.background is not None
    own = half.background.deviations(_by_square(half, half.changes).astype(np.float64))
    own = np.maximum(own, -5)
    assert (own + full_told) / 2 == pytest.approx(half_told, abs=5e-2)
    said = np.minimum(own, 3)
    around = [said[1], said[10], said[11]]  # the corner's three
    assert np.mean(around) == pytest.approx(full_told[0], abs=5e-2)
    edge = sorted((said[at] for at in (58, 59, 68, 78, 79)), reverse=True)  # all five of the margin
    assert np.mean(edge) == pytest.approx(full_told[69], abs=5e-2)


def test_a_change_is_not_seen_beside_where_it_is(tmp_path: Path) -> None:
    land = make_land(100, changed=10)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        told = _by_square(pairs := _pairs(index), pairs.percentiles)
    assert told[land.changed].min() > 90
    assert told[~land.changed].max() < 75


def test_a_step_that_no_word_tells_is_no_change(tmp_path: Path) -> None:
    land = make_land(100)
    dim = land.before.shape[1]
    directions = np.linalg.qr(np.random.default_rng(3).normal(size=(dim, dim)))[0]
    told, untold = directions[:, : dim // 2], directions[:, -1]
    words = unit(np.random.default_rng(4).normal(size=(30, dim // 2)) @ told.T).astype(np.float32)
    moved = np.arange(100) < 10
    after = {
        name: unit(np.where(moved[:, None], land.before + 2 * way, land.before))
        for name, way in (("told", told[:, 0]), ("untold", untold))
    }
    found = {}
    for name, vectors in after.items():
        days = {DAYS[0]: land.before, DAYS[1]: vectors.astype(np.float32)}
        with collected(tmp_path / name, *seen_on(days)) as index:
            for asked in (None, words):
                pairs = _pairs(index, words=asked)
                told_by = "all" if asked is None else "words"
                found[name, told_by] = np.median(_by_square(pairs, pairs.percentiles)[moved])
            with pytest.raises(ModelMismatch):
                _pairs(index, words=words[:, :-1])
    seen = {key for key, percentile in found.items() if percentile > 95}
    assert {("told", "all"), ("told", "words"), ("untold", "all")} == seen


def test_a_cell_without_neighbours_keeps_its_own_change(tmp_path: Path) -> None:
    land = make_land(20, changed=5, noise=0.3)
    chips = [make_chip((3 * at, 0), day=day, scene=day) for day in DAYS for at in range(20)]
    with collected(tmp_path, chips, np.concatenate([land.before, land.after])) as index:
        own, with_neighbours = (_pairs(index, neighbours=weight) for weight in (0, 0.5))
    assert np.maximum(own.deviations, -5) == pytest.approx(with_neighbours.deviations)
    assert own.deviations.max() > -5


def test_the_same_scene_twice_is_quiet(tmp_path: Path) -> None:
    land = make_land(200)
    with collected(tmp_path, *seen_on(dict.fromkeys(DAYS, land.before))) as index:
        pairs = _pairs(index)
    assert pairs.percentiles.max() < 1


def test_a_change_alone_in_a_quiet_pair_is_found(tmp_path: Path) -> None:
    land = make_land(200, changed=1, noise=0.001)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        told = _by_square(pairs := _pairs(index, neighbours=0), pairs.percentiles)
    assert 199 == told.argmax()
    assert told[199] > 99.9
    assert told[:199].max() < 1


def test_only_cells_seen_on_both_dates_are_pairs(tmp_path: Path) -> None:
    land = make_land(60)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    chips, vectors = seen_on(days)
    with collected(tmp_path, chips[:-20], vectors[:-20]) as index:
        pairs = _pairs(index)
        rows = zip(index.chips(pairs.rows_before), index.chips(pairs.rows_after), strict=True)
        assert [(cell, cell) for cell in pairs.cells] == [(one.cell, two.cell) for one, two in rows]
    assert 40 == len(pairs)
    assert sorted(pairs.cells) == list(pairs.cells)


def _stripes(tmp_path: Path, *widths: int) -> Pairs:
    """See one piece of ground after the other, each by its own scene after; lights differ."""
    land = make_land(sum(widths))
    after, chips = [], []
    for number, width in enumerate(widths):
        start = sum(widths[:number])
        lit = land.before[start : start + width] + np.float32(0.5) * land.centres[number]
        after.append(lit / np.linalg.norm(lit, axis=1, keepdims=True))
        places = [(at, 0) for at in range(start, start + width)]
        chips += [make_chip(place, day=DAYS[1], scene=f"after {number}") for place in places]
    before = [make_chip((at, 0), day=DAYS[0], scene="before") for at in range(sum(widths))]
    vectors = np.concatenate([land.before, *after])
    with collected(tmp_path, [*before, *chips], vectors) as index:
        return _pairs(index, neighbours=0)


@pytest.mark.parametrize(
    ("widths", "cells"),
    [
        ((40, 50), [40, 50]),
        ((40, 10, 10), [40, 20]),
        ((10, 10), [20]),
        ((20,), [20]),
    ],
)
def test_cells_are_grouped_by_pairs_of_scenes_and_small_pairs_together(
    tmp_path: Path, widths: tuple[int, ...], cells: list[int]
) -> None:
    assert OWN_LIGHT == 30
    pairs = _stripes(tmp_path, *widths)
    assert cells == [len(own) for own in pairs.members()]
    assert pairs.background is not None
    assert sum(widths) == pairs.background.cells


def test_each_pair_of_scenes_has_its_own_light(tmp_path: Path) -> None:
    apart, together = _stripes(tmp_path / "a", 60, 60), _stripes(tmp_path / "b", 29, 29)
    assert np.median(apart.changes) < 0.2
    assert np.median(together.changes) > 0.25


def test_too_few_cells_tell_no_percentile(tmp_path: Path) -> None:
    land = make_land(FEWEST - 1, light=0.5)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        pairs = _pairs(index)
        known = Background(middle=0.01, spread=0.005, floor=0.01, cells=500)
        given = _pairs(index, background=known)
    assert pairs.background is None
    assert np.isnan(pairs.percentiles).all()
    assert known is given.background
    assert given.percentiles.min() > 99.9


def test_the_worse_view_of_a_cell_is_told(tmp_path: Path) -> None:
    chips = [
        make_chip((at, 0), day=day, scene=day, valid=valid)
        for day, valids in zip(DAYS, ((1.0, 0.5), (0.75, 1.0)), strict=True)
        for at, valid in enumerate(valids)
    ]
    with collected(tmp_path, chips, make_land(4).before) as index:
        assert [0.75, 0.5] == _pairs(index).valid_fractions.tolist()


def test_dates_that_share_no_cell_are_refused_with_a_way_out(tmp_path: Path) -> None:
    other = replace(LATTICE, crs="EPSG:32634")
    chips = [
        make_chip((0, 0), day=DAYS[0], scene="a"),
        make_chip((0, 0), day=DAYS[1], scene="b", lattice=other),
    ]
    with (
        collected(tmp_path, chips, make_land(2).before) as index,
        pytest.raises(InvalidRequest, match=r"share no cell.*--crs and --pixel-size"),
    ):
        _pairs(index)


def test_the_later_date_comes_second_and_shifts_have_names(tmp_path: Path) -> None:
    land = make_land(10)
    with collected(tmp_path, *seen_on(dict.fromkeys(DAYS, land.before))) as index:
        first, second = read_series(index).occasions
        with pytest.raises(InvalidRequest, match="2024-07-02 and after on 2024-06-02"):
            pair_up(index, second, first)
        with pytest.raises(InvalidRequest, match="none, mean, fitted"):
            pair_up(index, first, second, shift="season")  # type: ignore[arg-type]
        for weight in (-0.1, 1.1, float("nan")):
            with pytest.raises(InvalidRequest, match="weight of 0 to 1"):
                pair_up(index, first, second, neighbours=weight)


def _by_square(pairs: Pairs, values: np.ndarray) -> np.ndarray:
    """Bring values from the order of names into that of ``madeground.square``."""
    places = {cell: at for at, cell in enumerate(pairs.cells)}
    return values[[places[cell_at(*place)] for place in square(len(pairs))]]
