"""One suite for every index; the one that looks at everything in memory is the oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import pytest
from contract.indexes import DIM, KINDS, block, chip, opened, scene, units

from satseek.errors import (
    ChipNotFound,
    InvalidFilter,
    InvalidK,
    InvalidRequest,
    ModelMismatch,
)
from satseek.index import bbox_area
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.indexes import Filling

    from satseek.index import Index
    from satseek.index.protocol import QueryKind
    from satseek.types import Vectors

DAY = timedelta(days=1)
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(params=list(KINDS))
def index(request: pytest.FixtureRequest) -> Iterator[Filling]:
    with opened(request.param) as made:
        yield made


def ids(index: Index, query: Vectors, k: int = 10, where: Filter | None = None) -> list[str]:
    found = index.search(query, k=k, where=where or Filter())
    return [found_chip.id for found_chip in index.chips(found.rows[0][found.rows[0] >= 0])]


def test_an_empty_index_answers_with_padding(index: Index) -> None:
    found = index.search(units(0, 2), k=3, where=Filter())
    assert len(index) == 0
    assert found.rows.tolist() == [[-1, -1, -1]] * 2
    assert found.cosines.tolist() == [[-np.inf] * 3] * 2
    assert (found.rows.dtype, found.cosines.dtype) == (np.int64, np.float32)
    assert index.extent() is None
    assert index.dates() is None
    assert index.sample(5).shape == (0, DIM)


def test_each_vector_finds_itself_first(index: Index) -> None:
    vectors = units(1, 20)
    index.add([chip(f"{n:02d}") for n in range(20)], vectors)
    found = index.search(vectors, k=1, where=Filter())
    assert found.rows[:, 0].tolist() == list(range(20))
    assert found.cosines[:, 0] == pytest.approx(np.ones(20), abs=1e-6)
    assert "exact scan" in found.plan or "Flat" in found.plan  # both look at every vector


def test_no_queries_give_no_lines(index: Index) -> None:
    assert index.search(units(0, 0), k=3, where=Filter()).rows.shape == (0, 3)


def test_cosines_descend_and_ties_go_by_chip_id(index: Index) -> None:
    same = np.repeat(units(2, 1), 30, axis=0)
    names = [f"{n:02d}" for n in np.random.default_rng(0).permutation(30)]
    index.add([chip(name) for name in names], same)
    index.add([chip("other")], units(3, 1))
    assert ids(index, same[:1], k=7) == [f"one/{n:02d}" for n in range(7)]
    cosines = index.search(same[:1], k=31, where=Filter()).cosines[0]
    assert (np.diff(cosines) <= 0).all()


def test_a_chip_added_again_is_replaced(index: Index) -> None:
    first, second = units(4, 1), units(5, 1)
    index.add([chip("a")], first)
    before = index.generation
    index.add([chip("a", valid_fraction=1.0)], second)
    assert len(index) == 1
    assert index.generation > before
    row = index.row_of("one/a")
    assert index.vectors([row]) == pytest.approx(second, abs=1e-3)
    assert index.chips([row])[0].valid_fraction == 1.0
    assert ids(index, first) == ["one/a"]


def test_rows_of_replaced_chips_stay_readable(index: Index, request: pytest.FixtureRequest) -> None:
    old = units(4, 1)
    index.add([chip("a")], old)
    row = index.row_of("one/a")
    index.add([chip("a")], units(5, 1))
    if KINDS[request.node.callspec.params["index"]].forgets:
        with pytest.raises(ChipNotFound):
            index.chips([row])
        return
    assert index.chips([row])[0].id == "one/a"
    assert index.vectors([row]) == pytest.approx(old, abs=1e-3)


def test_removed_chips_are_gone(index: Index) -> None:
    index.add([chip("a"), chip("b")], units(6, 2))
    assert index.remove(["one/a", "one/missing", "one/a"]) == 1
    assert len(index) == 1
    assert ids(index, units(6, 1)) == ["one/b"]
    with pytest.raises(ChipNotFound):
        index.row_of("one/a")
    assert index.remove(["one/a"]) == 0


def test_a_chip_comes_back_as_it_was(index: Index) -> None:
    moment = datetime(2021, 6, 1, 12, 30, 1, 999_999, tzinfo=timezone(timedelta(hours=2)))
    given_chip = chip("a", datetime=moment, footprint=bbox_area(0.1, 0.2, 0.3, 0.4))
    index.add([given_chip], units(7, 1))
    assert index.chips([index.row_of("one/a")]) == [given_chip]


@pytest.mark.parametrize("row", [-1, 5, 10**12])
def test_unknown_rows_are_refused(index: Index, row: int) -> None:
    index.add([chip("a")], units(8, 1))
    with pytest.raises(ChipNotFound):
        index.chips([row])
    with pytest.raises(ChipNotFound):
        index.vectors([row])


@pytest.mark.parametrize("k", [0, -1, 10_001])
def test_k_out_of_range_is_refused(index: Index, k: int) -> None:
    with pytest.raises(InvalidK, match=str(k)):
        index.search(units(0, 1), k=k, where=Filter())


@pytest.mark.parametrize(
    ("vectors", "error"),
    [
        (np.full((1, DIM), np.nan, dtype=np.float32), InvalidRequest),
        (np.full((1, DIM), np.inf, dtype=np.float32), InvalidRequest),
        (np.zeros((1, DIM), dtype=np.float32), InvalidRequest),
        (np.ones((1, DIM), dtype=np.float32), InvalidRequest),
        (units(0, 1)[0], InvalidRequest),
        (units(0, 2), InvalidRequest),
        (units(0, 1, DIM + 1), ModelMismatch),
    ],
)
def test_wrong_vectors_are_refused_and_nothing_is_kept(
    index: Index, vectors: Vectors, error: type[Exception]
) -> None:
    with pytest.raises(error):
        index.add([chip("a")], vectors)
    assert len(index) == 0


def test_wrong_queries_are_refused(index: Index) -> None:
    with pytest.raises(ModelMismatch):
        index.search(units(0, 1, DIM - 1), k=1, where=Filter())
    with pytest.raises(InvalidRequest):
        index.search(units(0, 1) * 2, k=1, where=Filter())


def test_wrong_chips_are_refused_and_nothing_is_kept(index: Index) -> None:
    naive = datetime(2024, 1, 1)  # noqa: DTZ001 - that it has no zone is the point
    for wrong in (
        [chip("a"), chip("a")],
        [chip("a"), chip("b", footprint={"type": "Polygon", "coordinates": "none"})],
        [chip("a"), chip("b", footprint={"type": "Polygon", "coordinates": []})],
        [chip("a"), chip("b", datetime=naive)],
    ):
        with pytest.raises(InvalidRequest):
            index.add(wrong, units(0, 2))
    assert len(index) == 0
    index.add([chip("a")], units(0, 1))
    assert ids(index, units(0, 1)) == ["one/a"]


def test_filters_by_time_are_inclusive_and_drop_chips_without_a_date(index: Index) -> None:
    dated = [chip(f"{n}", datetime=NEW_YEAR + n * DAY) for n in range(5)]
    index.add([*dated, chip("undated")], units(9, 6))
    query = units(9, 1)
    within = Filter(start=NEW_YEAR + DAY, end=NEW_YEAR + 3 * DAY)
    assert sorted(ids(index, query, where=within)) == ["one/1", "one/2", "one/3"]
    assert sorted(ids(index, query, where=Filter(end=NEW_YEAR))) == ["one/0"]
    assert len(ids(index, query)) == 6
    assert index.dates() == (NEW_YEAR, NEW_YEAR + 4 * DAY)


def test_filters_by_scene(index: Index) -> None:
    index.add([chip("a", scene_id=f"s{n}") for n in range(4)], units(10, 4))
    where = Filter(scene_ids=("s1", "s3", "none"))
    assert sorted(ids(index, units(10, 1), where=where)) == ["s1/a", "s3/a"]


def test_filters_by_level(index: Index) -> None:
    index.add([chip(f"{n}", level=level) for n, level in enumerate((1, 2, 4, 1))], units(10, 4))
    query = units(10, 1)
    assert sorted(ids(index, query, where=Filter(levels=(1,)))) == ["one/0", "one/3"]
    assert sorted(ids(index, query, where=Filter(levels=(2, 4)))) == ["one/1", "one/2"]
    assert ids(index, query, where=Filter(levels=(3,))) == []
    assert [2] == [found.level for found in index.chips([index.row_of("one/1")])]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, ["cloudy/a", "clear/a", "bare/a", "one/lone"]),
        ({"platform": "sentinel-2a"}, ["cloudy/a", "clear/a"]),
        ({"platform": ["sentinel-2a", "landsat-8"]}, ["cloudy/a", "clear/a"]),
        ({"platform": {"in": ["landsat-8"]}}, []),
        ({"platform": {"ne": "sentinel-2a"}}, []),
        ({"eo:cloud_cover": {"lte": 20}}, ["clear/a"]),
        ({"eo:cloud_cover": {"lt": 20.0}}, []),
        ({"eo:cloud_cover": {"gt": 20, "lte": 80}}, ["cloudy/a"]),
        ({"eo:cloud_cover": {"ne": 20}}, ["cloudy/a"]),
        ({"eo:cloud_cover": 20.0}, ["clear/a"]),
        ({"eo:cloud_cover": "20"}, []),
        ({"eo:cloud_cover": {"gte": "0"}}, []),
        ({"created": {"gte": "2024-01-01", "lt": "2025-01-01"}}, ["cloudy/a"]),
        ({"view.off_nadir": {"lt": 10}}, ["clear/a"]),
        ({"night": False}, ["clear/a"]),
        ({"night": 0}, []),
        ({"platform": "sentinel-2a", "eo:cloud_cover": {"gt": 50}}, ["cloudy/a"]),
        ({"nothing": {"ne": 1}}, []),
    ],
)
def test_filters_by_the_properties_of_scenes(
    index: Filling, attributes: dict[str, object], expected: list[str]
) -> None:
    known = {
        "cloudy": scene(
            "cloudy",
            platform="sentinel-2a",
            created="2024-06-01T00:00:00Z",
            **{"eo:cloud_cover": 80},
        ),
        "clear": scene(
            "clear",
            platform="sentinel-2a",
            night=False,
            view={"off_nadir": 4.5},
            **{"eo:cloud_cover": 20},
        ),
        "bare": scene("bare"),
    }
    index.add_blocks(
        [
            block(one, [chip("a", scene_id=name)], units(n, 1))
            for n, (name, one) in enumerate(known.items())
        ]
    )
    index.add([chip("lone")], units(9, 1))
    where = Filter(attributes=attributes)
    assert sorted(ids(index, units(10, 1), where=where)) == sorted(expected)


def test_a_scene_that_changed_answers_by_its_new_properties(index: Filling) -> None:
    where = Filter(attributes={"eo:cloud_cover": {"lte": 20}})
    for cover, expected in ((10, ["s/a"]), (30, []), (20, ["s/a"])):
        changed = scene("s", **{"eo:cloud_cover": cover})
        index.add_blocks([block(changed, [chip("a", scene_id="s")], units(1, 1))])
        assert ids(index, units(1, 1), where=where) == expected


def test_an_area_is_met_by_footprints_not_by_their_boxes(index: Index) -> None:
    triangle = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [0, 10], [0, 0]]]}
    far_corner = {"type": "Polygon", "coordinates": [[[9, 9], [10, 9], [10, 10], [9, 9]]]}
    index.add(
        [
            chip("in", footprint=bbox_area(1, 1, 2, 2)),
            chip("edge", footprint=bbox_area(4, 4, 7, 7)),
            chip("corner", footprint=far_corner),
            chip("touching", footprint=bbox_area(10, 0, 11, 1)),
            chip("nowhere"),
        ],
        units(11, 5),
    )
    found = ids(index, units(11, 1), where=Filter(area=triangle))
    assert sorted(found) == ["one/edge", "one/in", "one/touching"]


def test_an_area_across_the_antimeridian(index: Index) -> None:
    places = {"fiji": 178.0, "samoa": -172.0, "greenwich": 0.0, "hawaii": -157.0}
    crossing = bbox_area(179.5, -18, -179.5, -17)
    chips = [chip(name, footprint=bbox_area(x, -18, x + 1, -17)) for name, x in places.items()]
    index.add([*chips, chip("across", footprint=crossing)], units(12, 5))
    where = Filter(area=bbox_area(170, -30, -170, 0))
    assert sorted(ids(index, units(12, 1), where=where)) == ["one/across", "one/fiji", "one/samoa"]
    assert index.extent() == (-180, -18, 180, -17)


@pytest.mark.parametrize(
    "where",
    [
        Filter(area={"type": "Point", "coordinates": [0, 0]}),
        Filter(area={"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}),
        Filter(area={}),
        Filter(start=NEW_YEAR, end=NEW_YEAR - DAY),
        Filter(start=NEW_YEAR.replace(tzinfo=None)),
        Filter(levels=(0,)),
        Filter(attributes={"": 1}),
        Filter(attributes={"a": {"like": "x"}}),
        Filter(attributes={"a": None}),
        Filter(attributes={"a": {"lt": True}}),
        Filter(attributes={"a": float("nan")}),
        Filter(attributes={"a": []}),
        Filter(attributes={"a": {"in": "abc"}}),
        Filter(attributes={"a": [["b"]]}),
        Filter(attributes={f"a{n}": 1 for n in range(33)}),
    ],
)
def test_wrong_filters_are_refused(index: Index, where: Filter) -> None:
    with pytest.raises(InvalidFilter) as caught:
        index.search(units(0, 1), k=1, where=where)
    assert "\n" not in str(caught.value)


def test_samples_are_distinct_and_stable(index: Index) -> None:
    vectors = units(13, 40)
    index.add([chip(f"{n}") for n in range(40)], vectors)
    index.remove(["one/3"])
    drawn = index.sample(10, seed=5)
    assert np.array_equal(drawn, index.sample(10, seed=5))
    assert not np.array_equal(drawn, index.sample(10, seed=6))
    assert len(np.unique(drawn, axis=0)) == 10
    assert index.sample(100).shape == (39, DIM)
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(np.ones(10), abs=1e-6)


def test_the_chips_of_a_changed_scene_go_with_its_first_new_block(index: Filling) -> None:
    chips = [chip(f"{n}", scene_id="s") for n in range(3)]
    index.add_blocks([block(scene("s", cover=1), chips, units(14, 3))])
    index.add_blocks([block(scene("s", cover=2), chips[:1], units(15, 1))])
    assert ids(index, units(14, 1)) == ["s/0"]
    assert len(index) == 1


@pytest.mark.parametrize("kind", ["text", "image", "mixed"])
def test_an_exact_answer_is_the_same_whatever_was_asked(index: Index, kind: QueryKind) -> None:
    index.add([chip(f"{n:02d}") for n in range(30)], units(16, 30))
    plain = index.search(units(17, 3), k=5, where=Filter())
    told = index.search(units(17, 3), k=5, where=Filter(), kind=kind)
    assert np.array_equal(plain.rows, told.rows)
    assert np.array_equal(plain.cosines, told.cosines)


def test_what_is_pinned_answers_as_it_did_and_the_index_as_it_is(index: Index) -> None:
    index.add([chip("a"), chip("b")], units(18, 2))
    query = units(18, 1)
    with index.pinned() as pinned:
        found = pinned.search(query, k=3, where=Filter())
        assert [one.id for one in pinned.chips(found.rows[0][:2])] == ["one/a", "one/b"]
        assert pinned.generation == index.generation
    index.remove(["one/a"])
    assert ids(index, query) == ["one/b"]
