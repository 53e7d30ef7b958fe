"""What each place was at each date, its hectares, what became of what, and where."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from landusing import (
    AFTER,
    BEFORE,
    DAYS,
    EDGE,
    EMBEDDER,
    KNOWN,
    LABELS,
    NAMES,
    ground,
    mapped,
    used,
)
from madeground import LATTICE, cell_at, collected

from satseek.errors import InvalidRequest
from satseek.monitor.change.patches import PatchRule
from satseek.monitor.labels.jointly import NOT_SEEN
from satseek.monitor.labels.labelling import label_vectors
from satseek.monitor.landuse import deciding as landuse_deciding
from satseek.monitor.landuse import landuse
from satseek.monitor.landuse.areas import areas_by_class, flow, flows, shares_of
from satseek.monitor.landuse.changes import find_changes, runs
from satseek.monitor.landuse.deciding import last_seen
from satseek.monitor.landuse.images import images_of
from satseek.monitor.landuse.landuse import Choices, read_ground
from satseek.monitor.landuse.sampling import sampling_frame
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from satseek.imagery.lattices import Lattice
    from satseek.monitor.landuse.landuse import LandUse

HALF = replace(LATTICE, stride_px=LATTICE.chip_px // 2)
"""Chips every half a chip."""

QUARRY, MEADOW, HARBOUR = range(3)
TURNED = sorted(cell_at(column, row) for column, row in ((3, 2), (4, 2), (3, 3), (4, 3)))


def _letters(found: LandUse, date: int) -> list[str]:
    """Lay the classes of a date out as the ground is written, a row of cells a line."""
    by_cell = dict(zip(found.cells, found.classes[date].tolist(), strict=True))
    shown = {NOT_SEEN: "?"} | {at: name[0] for at, name in enumerate(NAMES)}
    return [
        "".join(shown[by_cell[cell_at(column, row)]] for column in range(EDGE))
        for row in range(EDGE)
    ]


def _counts(rows: Sequence[str]) -> list[int]:
    return ["".join(rows).count(name[0]) for name in NAMES]


def test_every_place_is_what_it_is_at_every_date(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        assert list(map(list, DAYS.values())) == [_letters(found, date) for date in range(4)]
        assert ("2024-05", "2024-06", "2024-07", "2024-08") == found.dates
        assert pytest.approx(1.0, abs=0.01) == float(found.cell_ha.mean())
        assert NAMES == found.names
        assert (found.shares[found.seen] > 1 / 3).all()
        assert np.isnan(found.shares[~found.seen]).all()


@pytest.mark.parametrize("lattice", [LATTICE, HALF], ids=["beside", "overlapping"])
def test_blocks_of_cells_are_decided_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lattice: Lattice
) -> None:
    with collected(tmp_path, *ground(lattice=lattice)) as index:
        whole = mapped(index)
        for module in (landuse, landuse_deciding):
            monkeypatch.setattr(module, "CELLS_AT_ONCE", 7)
        parts = mapped(index)
    np.testing.assert_array_equal(whole.classes, parts.classes)
    np.testing.assert_allclose(whole.cell_ha, parts.cell_ha)
    np.testing.assert_array_equal(whole.changes, parts.changes)


def test_where_chips_overlap_one_that_scatters_is_outvoted(tmp_path: Path) -> None:
    """A chip alone that is taken for another class, whose ground eight others show as well."""
    odd = ("mmmmm", "mmmmm", "mmqmm", "mmmmm", "mmmmm")
    days = {"2024-05-03": odd, "2024-06-02": odd}
    classes = []
    for name, lattice in (("beside", LATTICE), ("overlapping", HALF)):
        with collected(tmp_path / name, *ground(days, lattice=lattice)) as index:
            classes.append((mapped(index).classes == QUARRY).sum(axis=1).tolist())
    assert [[1, 1], [0, 0]] == classes


def test_a_cell_that_was_not_seen_is_compared_with_when_it_was(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        at = found.cells.index(cell_at(4, 2))
        assert [-1, 0, 0, 2] == found.previous[:, at].tolist()
        assert np.isnan(found.changes[:2, at]).all()
        assert found.changes[2, at] > 99
        assert [False, False, True, False] == found.changed()[:, at].tolist()


def test_the_date_seen_before_is_told_for_every_date() -> None:
    seen = np.array([[True, False], [False, False], [True, True], [True, True]])
    assert [[-1, -1], [0, -1], [0, -1], [2, 2]] == last_seen(seen).tolist()


def test_areas_are_those_of_the_cells(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        areas = areas_by_class(found)
        assert _counts(BEFORE) == pytest.approx(areas[0].tolist(), rel=0.01)
        assert _counts(AFTER) == pytest.approx(areas[3].tolist(), rel=0.01)
        seen = float(found.cell_ha[found.seen[1]].sum())
        assert pytest.approx(seen) == float(areas[1].sum())
        assert [1.0] * 4 == pytest.approx(shares_of(areas).sum(axis=1).tolist())
    assert [0.0, 0.0] == shares_of([0.0, 0.0]).tolist()


def test_what_became_of_what_adds_up(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        whole = flow(found, 0, 3)
        areas = areas_by_class(found)
        np.testing.assert_allclose(whole.hectares.sum(axis=1), areas[0])
        np.testing.assert_allclose(whole.hectares.sum(axis=0), areas[3])
        assert pytest.approx(4, rel=0.01) == whole.changed_ha
        ((before, after, area),) = whole.largest(3)
        assert ("meadow", "quarry", pytest.approx(4, rel=0.01)) == (before, after, area)
        spans = [(one.before, one.after) for one in flows(found)]
        dates = found.dates
        pairs = [*pairwise(dates), (dates[0], dates[-1])]
        assert pairs == spans
        # the cell that June did not see counts neither as before nor as after
        assert pytest.approx(whole.total_ha - 1, rel=0.01) == flow(found, 0, 1).total_ha
        with pytest.raises(InvalidRequest, match="the earlier first"):
            flow(found, 3, 0)


def test_a_patch_is_told_once_with_both_dates(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        (change,) = find_changes(found)
        assert TURNED == list(change.patch.cells)
        assert ("meadow", "quarry", 2, 2, 3) == (
            change.before,
            change.after,
            change.date,
            change.seen,
            change.last,
        )
        assert change.since == found.previous[2, change.cell]
        assert change.percentile == pytest.approx(change.patch.peak)
        assert 4 == pytest.approx(change.patch.area_ha, rel=0.01)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (Choices(persist=2), 1),
        (Choices(persist=3), 0),
        (Choices(patches=PatchRule(seed=99, grow=90, least_cells=4)), 1),
        (Choices(patches=PatchRule(seed=99, grow=90, least_cells=5)), 0),
        (Choices(patches=PatchRule(seed=99, grow=90, least_ha=3.9)), 1),
        (Choices(patches=PatchRule(seed=99, grow=90, least_ha=4.1)), 0),
    ],
)
def test_small_and_short_changes_are_not_told(
    tmp_path: Path, choices: Choices, expected: int
) -> None:
    with used(tmp_path, choices=choices) as (found, _):
        assert expected == len(find_changes(found))


def test_a_change_of_the_last_date_waits_for_another_where_two_are_asked(tmp_path: Path) -> None:
    days = {day: DAYS[day] for day in ("2024-05-03", "2024-07-04")}
    for folder, persist, expected in ((tmp_path / "1", 1, 1), (tmp_path / "2", 2, 0)):
        folder.mkdir()
        with used(folder, days, choices=Choices(persist=persist)) as (found, _):
            assert expected == len(find_changes(found))


def test_where_too_few_cells_tell_what_is_usual_the_change_says_so(tmp_path: Path) -> None:
    with used(tmp_path, {"2024-05-03": ("qm",), "2024-06-02": ("qq",)}) as (found, _):
        (change,) = find_changes(found)
        assert change.percentile is None
        assert [cell_at(1, 0)] == list(change.patch.cells)


def test_runs_end_with_another_class_and_not_with_a_cloud() -> None:
    classes = np.array([[1, 0], [NOT_SEEN, 0], [1, 2], [0, 2], [0, NOT_SEEN]], dtype=np.int16)
    assert [[2, 2], [0, 1], [1, 2], [2, 1], [1, 0]] == runs(classes).tolist()


def test_scenes_of_one_month_are_one_date_unless_days_are_asked_for(tmp_path: Path) -> None:
    days = {"2024-05-03": BEFORE, "2024-05-20": BEFORE, "2024-06-02": BEFORE}
    with used(tmp_path, days) as (found, index):
        assert ("2024-05", "2024-06") == found.dates
        by_day = mapped(index, Choices(by="day"))
        assert tuple(days) == by_day.dates


def test_a_date_that_saw_much_less_of_a_cell_than_others_does_not_count(tmp_path: Path) -> None:
    days = dict.fromkeys(("2024-05-03", "2024-06-02", "2024-07-04"), ("qmh", "qmh", "qmh"))
    chips, vectors = ground(days)
    valid = {"2024-05-03": (1.0, 0.6), "2024-06-02": (0.7, 0.55), "2024-07-04": (0.85, 0.5)}
    hidden = []
    for chip in chips:
        day, cell = chip.scene_id.removesuffix(".tif"), chip.cell
        shown = {cell_at(0, 0): valid[day][0], cell_at(1, 0): valid[day][1]}.get(cell, 1.0)
        hidden.append(replace(chip, valid_fraction=shown))
    with collected(tmp_path, hidden, vectors) as index:
        found = mapped(index)
        everything = Choices(least_of_best=0)
        more = mapped(index, everything)
    clouded, at_the_edge = (found.cells.index(cell_at(column, 0)) for column in (0, 1))
    assert [True, False, True] == found.seen[:, clouded].tolist()
    assert [True, True, True] == found.seen[:, at_the_edge].tolist()
    assert [-1, 0, 0] == found.previous[:, clouded].tolist()
    assert more.seen.all()


def test_what_is_not_on_the_ground_or_has_no_date_is_told_and_left_out(tmp_path: Path) -> None:
    chips, vectors = ground({"2024-05-03": BEFORE})
    plain = [
        replace(chip, id=f"p/{at}", scene_id=f"p{at}", cell="px_whole", footprint=None)
        for at, chip in enumerate(chips[:3])
    ]
    undated = [replace(chips[3], id="u/0", scene_id="u", datetime=None)]
    more = np.concatenate([vectors, vectors[:4]])
    with collected(tmp_path, [*chips, *plain, *undated], more) as index:
        found = mapped(index)
        # three images share the name of their only cell: one sighting of it is left out
        assert (EDGE * EDGE, 1, 1) == (len(found.cells), found.groundless, found.series.undated)
        alone = Choices(where=Filter(scene_ids=("p0", "u")))
        assert read_ground(index, alone).is_nothing
        with pytest.raises(InvalidRequest, match="1 without a date, 1 without georeference"):
            mapped(index, alone)


def test_every_image_is_what_most_of_it_is(tmp_path: Path) -> None:
    chips, vectors = ground({"2024-05-03": ("qqq", "mmm", "mmm"), "2024-06-02": ("hhm",)})
    odd = replace(chips[0], id="p/0", scene_id="p", cell="px_whole", footprint=None, datetime=None)
    looked = label_vectors(LABELS, embedder=EMBEDDER, known=KNOWN)
    with collected(tmp_path, [*chips, odd], np.concatenate([vectors, vectors[:1]])) as index:
        images = images_of(index, looked)
    shares = looked.shares(vectors)
    means = shares[:9].mean(axis=0), shares[9:].mean(axis=0), shares[0]
    assert ["2024-05-03.tif", "2024-06-02.tif", "p"] == [one.image for one in images]
    assert ["meadow", "harbour", "quarry"] == [one.land_use for one in images]
    assert [one.max() for one in means] == pytest.approx([one.share for one in images], abs=2e-3)
    assert ["2024-05-03", "2024-06-02", None] == [
        None if one.date is None else f"{one.date:%Y-%m-%d}" for one in images
    ]


def test_what_was_hidden_counts_less_in_its_image(tmp_path: Path) -> None:
    chips, vectors = ground({"2024-05-03": ("qmm",)})
    hidden = [chips[0], *(replace(one, valid_fraction=0.1) for one in chips[1:])]
    looked = label_vectors(LABELS, embedder=EMBEDDER, known=KNOWN)
    with collected(tmp_path, hidden, vectors) as index:
        (image,) = images_of(index, looked)
    assert "quarry" == image.land_use


def test_a_sample_is_drawn_from_classes_or_from_changes(tmp_path: Path) -> None:
    with used(tmp_path) as (found, index):
        plain = sampling_frame(found, index=index, date="2024-08")
        assert sorted("".join(AFTER)) == sorted(one[0] for one in plain.strata)
        assert [f"2024-08-05.tif/{cell}" for cell in plain.cells] == [one[0] for one in plain.chips]
        changed = sampling_frame(found, index=index, date="2024-08", since="2024-06")
        turned = [
            cell
            for cell, stratum in zip(changed.cells, changed.strata, strict=True)
            if stratum == "meadow → quarry"
        ]
        assert [cell for cell in TURNED if cell != cell_at(4, 2)] == sorted(turned)
        assert all(2 == len(chips) for chips in changed.chips)
        assert pytest.approx(10_000, rel=0.01) == float(changed.areas_m2[0])
        for wrong in ({"date": "2024-09"}, {"date": "2024-05", "since": "2024-06"}):
            with pytest.raises(InvalidRequest):
                sampling_frame(found, index=index, **wrong)
