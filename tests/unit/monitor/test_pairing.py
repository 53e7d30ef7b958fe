"""Two occasions: what changed stands out of what did not, by pair of scenes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from madeground import LATTICE, cell_at, collected, make_chip, make_land, seen_on, square

from satseek.errors import InvalidRequest, ModelMismatch
from satseek.monitor.pairing import OWN_BACKGROUND, pair_up
from satseek.monitor.pairing_background import FEWEST, Background
from satseek.monitor.pairing_rises import rise_towards
from satseek.monitor.series import read_series

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.pinned import Pinned
    from satseek.monitor.pairing import Pairs

DAYS = ("2024-06-02", "2024-07-02")


def _pairs(index: Pinned, **how: object) -> Pairs:
    return pair_up(index, *read_series(index).occasions, **how)  # type: ignore[arg-type]


def test_what_changed_stands_out(tmp_path: Path) -> None:
    land = make_land(400, changed=20, light=0.5, season=0.4)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        pairs = _pairs(index)
        assert land.before == pytest.approx(
            _by_square(pairs, pairs.vectors_before(index)), abs=1e-3
        )
        assert land.after == pytest.approx(_by_square(pairs, pairs.vectors_after(index)), abs=1e-3)
    told = _by_square(pairs, pairs.percentiles)
    assert told[land.changed].min() > 99.9
    assert (told[~land.changed] > 99.9).mean() <= 0.01
    (background,) = pairs.backgrounds
    assert background is not None
    assert (("scene 2024-06-02", "scene 2024-07-02"), 400) == (background.scenes, background.cells)
    expected = background.deviations(pairs.changes.astype(np.float64))
    assert expected == pytest.approx(pairs.deviations, abs=1e-3)


def test_the_same_scene_twice_is_quiet(tmp_path: Path) -> None:
    land = make_land(200)
    with collected(tmp_path, *seen_on(dict.fromkeys(DAYS, land.before))) as index:
        pairs = _pairs(index)
    assert pairs.percentiles.max() < 50


def test_a_change_alone_in_a_quiet_pair_is_found(tmp_path: Path) -> None:
    land = make_land(200, changed=1, noise=0.001)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        told = _by_square(pairs := _pairs(index), pairs.percentiles)
    assert 199 == told.argmax()
    assert told[199] > 99.9
    assert told[:199].max() < 50


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
        own = slice(start, start + width)
        lit = land.before[own] + np.float32(0.1 * (number + 1)) * np.roll(land.centres[0], number)
        after.append(lit / np.linalg.norm(lit, axis=1, keepdims=True))
        places = [(at, 0) for at in range(start, start + width)]
        chips += [make_chip(place, day=DAYS[1], scene=f"after {number}") for place in places]
    before = [make_chip((at, 0), day=DAYS[0], scene="before") for at in range(sum(widths))]
    vectors = np.concatenate([land.before, *after])
    with collected(tmp_path, [*before, *chips], vectors) as index:
        return _pairs(index, shift="mean")


@pytest.mark.parametrize(
    ("widths", "cells", "named"),
    [
        ((40, 50), [40, 50], [True, True]),
        ((40, 10, 10), [60], [True]),
        ((40, 20, 20), [40, 40], [True, False]),
        ((10, 10), [20], [False]),
        ((20,), [20], [True]),
    ],
)
def test_pairs_of_scenes_are_scored_apart_and_small_ones_together(
    tmp_path: Path, widths: tuple[int, ...], cells: list[int], named: list[bool]
) -> None:
    assert OWN_BACKGROUND == 30
    pairs = _stripes(tmp_path, *widths)
    assert cells == [len(own) for own in pairs.members()]
    known = [one for one in pairs.backgrounds if one is not None]
    assert cells == [one.cells for one in known]
    assert named == [one.scenes is not None for one in known]


def test_each_pair_of_scenes_has_its_own_light(tmp_path: Path) -> None:
    pairs = _stripes(tmp_path, 60, 60)
    first, second = pairs.members()
    assert pairs.changes[first].max() < 0.2 > pairs.changes[second].max()
    assert pairs.changes.max() < 0.2


def test_too_few_cells_tell_no_percentile(tmp_path: Path) -> None:
    land = make_land(FEWEST - 1, light=0.5)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        pairs = _pairs(index)
        known = Background(middle=0.01, spread=0.2, floor=0.01, cells=500)
        given = _pairs(index, background=known)
    assert (None,) == pairs.backgrounds
    assert np.isnan(pairs.percentiles).all()
    expected = np.linalg.norm(land.after - land.before, axis=1)
    assert expected == pytest.approx(_by_square(pairs, pairs.changes), abs=2e-3)
    assert (known,) == given.backgrounds
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


def test_cells_that_came_nearer_to_a_concept_rise(tmp_path: Path) -> None:
    land = make_land(400, changed=40, light=0.3)
    days = {DAYS[0]: land.before, DAYS[1]: land.after}
    with collected(tmp_path, *seen_on(days)) as index:
        pairs = _pairs(index)
        rises = rise_towards(index, pairs, land.centres)
        with pytest.raises(ModelMismatch):
            rise_towards(index, pairs, land.centres[:, :-1])
    assert (4, 400) == rises.steps.shape == rises.percentiles.shape
    cosines = land.after @ land.centres.T - land.before @ land.centres.T
    for cover in range(4):
        told = _by_square(pairs, rises.percentiles[cover])
        became = land.changed & ((land.covers + 1) % 4 == cover)
        left = land.changed & (land.covers == cover)
        assert told[became].min() > 99
        assert told[left].max() < 5
        steps = _by_square(pairs, rises.steps[cover])
        assert cosines[:, cover] == pytest.approx(steps, abs=2e-3)
        assert abs(np.median(_by_square(pairs, rises.deviations[cover])[~land.changed])) < 0.2


def test_nothing_rises_where_nothing_changed(tmp_path: Path) -> None:
    land = make_land(100)
    with collected(tmp_path, *seen_on(dict.fromkeys(DAYS, land.before))) as index:
        rises = rise_towards(index, _pairs(index), land.centres)
    assert 50 == pytest.approx(rises.percentiles.max(), abs=1)


def test_too_few_cells_tell_no_rise(tmp_path: Path) -> None:
    land = make_land(FEWEST - 1, light=0.5)
    with collected(tmp_path, *seen_on(dict.fromkeys(DAYS, land.before))) as index:
        rises = rise_towards(index, _pairs(index), land.centres[:1])
    assert np.isnan(rises.percentiles).all()
    assert (rises.steps == 0).all()


def _by_square(pairs: Pairs, values: np.ndarray) -> np.ndarray:
    """Bring values from the order of names into that of ``madeground.square``."""
    places = {cell: at for at, cell in enumerate(pairs.cells)}
    return values[[places[cell_at(*place)] for place in square(len(pairs))]]
