"""What was seen of each cell on each date: the best view of it, once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from madeground import cell_at, collected, make_chip, make_land, seen_on

from satseek.errors import InvalidFilter, InvalidRequest
from satseek.index import open_collection
from satseek.monitor.change.series import read_series, see
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from satseek.types import Chip, Vectors

NEAR, FAR = (0, 0), (1, 0)


def _vectors(chips: Sequence[Chip]) -> Vectors:
    return make_land(len(chips)).before


def test_occasions_come_by_date_with_each_cell_once(tmp_path: Path) -> None:
    chips = [
        make_chip(NEAR, day="2024-06-03T10:00", scene="b"),
        make_chip(FAR, day="2024-06-02T10:00", scene="a"),
        make_chip(NEAR, day="2024-06-02T10:01", scene="c"),
        make_chip(FAR, day=None, scene="d"),
    ]
    vectors = _vectors(chips)
    with collected(tmp_path, chips, vectors) as index:
        series = read_series(index)
        first, second = series.occasions
        assert vectors[[2, 1]] == pytest.approx(first.vectors(index), abs=1e-3)
    assert (2, 1) == (len(series), series.undated)
    assert ("2024-06-02", "2024-06-03") == (first.name, second.name)
    assert (cell_at(*NEAR), cell_at(*FAR)) == first.cells
    assert (("a", "c"), [1, 0]) == (first.scenes, first.sources.tolist())
    assert datetime(2024, 6, 2, 10, 0, tzinfo=UTC) == first.first
    assert datetime(2024, 6, 2, 10, 1, tzinfo=UTC) == first.last
    assert (("b",), [0]) == (second.scenes, second.rows.tolist())


@pytest.mark.parametrize(
    ("views", "best"),
    [
        ({"a": 0.6, "b": 0.9}, "b"),
        ({"a": 0.9, "b": 0.6}, "a"),
        ({"a": 0.951, "b": 0.955}, "b"),
        ({"a": 0.955, "b": 0.951}, "b"),
    ],
)
def test_the_scene_that_shows_most_of_a_cell_counts_and_among_equals_the_newest(
    tmp_path: Path, views: dict[str, float], best: str
) -> None:
    chips = [
        make_chip(NEAR, day=f"2024-06-02T10:0{number}", scene=scene, valid=valid)
        for number, (scene, valid) in enumerate(views.items())
    ]
    with collected(tmp_path, chips, _vectors(chips)) as index:
        (occasion,) = read_series(index).occasions
    assert ((best,), 1) == (occasion.scenes, len(occasion))
    assert views[best] == pytest.approx(occasion.valid_fractions[0])


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("day", ["2023-12-31", "2024-01-01", "2024-01-31"]),
        ("month", ["2023-12", "2024-01"]),
        ("year", ["2023", "2024"]),
    ],
)
def test_days_months_and_years(tmp_path: Path, by: str, names: list[str]) -> None:
    days = ("2024-01-31T23:59", "2023-12-31T23:59", "2024-01-01T00:00")
    chips = [make_chip(NEAR, day=day, scene=f"s{at}") for at, day in enumerate(days)]
    with collected(tmp_path, chips, _vectors(chips)) as index:
        series = read_series(index, by=by)  # type: ignore[arg-type]
    assert names == [one.name for one in series.occasions]
    assert [1] * len(names) == [len(one) for one in series.occasions]


def test_cells_that_were_hardly_measured_were_not_seen(tmp_path: Path) -> None:
    chips = [
        make_chip(NEAR, day="2024-06-02", scene="a", valid=0.3),
        make_chip(FAR, day="2024-06-02", scene="a", valid=0.8),
        make_chip(NEAR, day="2024-06-03", scene="b", valid=0.3),
    ]
    with collected(tmp_path, chips, _vectors(chips)) as index:
        (occasion,) = read_series(index, least_valid=0.5).occasions
    assert (cell_at(*FAR),) == occasion.cells


def test_a_table_has_a_row_a_date_and_a_column_a_cell(tmp_path: Path) -> None:
    chips = [
        make_chip(FAR, day="2024-06-02", scene="a", valid=0.75),
        make_chip(NEAR, day="2024-06-03", scene="b"),
        make_chip(FAR, day="2024-06-03", scene="b"),
    ]
    with collected(tmp_path, chips, _vectors(chips)) as index:
        table = read_series(index).table()
    assert (cell_at(*NEAR), cell_at(*FAR)) == table.cells
    assert [[-1, 0], [1, 2]] == table.rows.tolist()
    assert [[0, 0.75], [1, 1]] == table.valid_fractions.tolist()
    assert [[False, True], [True, True]] == table.seen.tolist()


def test_filters_choose_and_undated_scenes_can_be_one_occasion(tmp_path: Path) -> None:
    chips = [
        make_chip(NEAR, day=None, scene="pre"),
        make_chip(FAR, day=None, scene="pre"),
        make_chip(NEAR, day="2024-06-02", scene="post"),
    ]
    with collected(tmp_path, chips, _vectors(chips)) as index:
        before = see(index, name="before", where=Filter(scene_ids=("pre",)))
        series = read_series(index, where=Filter(scene_ids=("post",)))
    assert ("before", None, None, 2) == (before.name, before.first, before.last, len(before))
    assert (1, 0) == (len(series), series.undated)


def test_nothing_that_passes_is_no_occasion(tmp_path: Path) -> None:
    chips, vectors = seen_on({"2024-06-02": make_land(4).before})
    with collected(tmp_path, chips, vectors) as index:
        where = Filter(scene_ids=("none",))
        series, occasion = read_series(index, where=where), see(index, name="x", where=where)
    assert (0, (), (0, 0)) == (len(series), series.table().cells, series.table().rows.shape)
    assert (0, (), None) == (len(occasion), occasion.scenes, occasion.first)


def test_removed_chips_were_not_seen(tmp_path: Path) -> None:
    chips, vectors = seen_on({"2024-06-02": make_land(4).before})
    with collected(tmp_path, chips, vectors):
        pass
    with open_collection(tmp_path / "made", mode="write") as collection:
        collection.remove([chips[2].id])
        with collection.pinned() as index:
            (occasion,) = read_series(index).occasions
    assert [0, 1, 3] == sorted(occasion.rows.tolist())


def test_an_occasion_is_found_by_its_name(tmp_path: Path) -> None:
    days = {"2024-06-02": make_land(2).before, "2024-07-02": make_land(2).before}
    with collected(tmp_path, *seen_on(days)) as index:
        series = read_series(index)
    assert "2024-07-02" == series.occasion("2024-07-02").name
    with pytest.raises(InvalidRequest, match="2024-06-02, 2024-07-02, came '2024'"):
        series.occasion("2024")


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with collected(tmp_path, *seen_on({"2024-06-02": make_land(2).before})) as index:
        with pytest.raises(InvalidRequest, match="day, month or year"):
            read_series(index, by="week")  # type: ignore[arg-type]
        for least in (-0.1, 1.1, np.nan):
            with pytest.raises(InvalidRequest, match="0 to 1"):
                read_series(index, least_valid=least)
        with pytest.raises(InvalidFilter):
            read_series(index, where=Filter(area={"type": "Point", "coordinates": [1, 2]}))
