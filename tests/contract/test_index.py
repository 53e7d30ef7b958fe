"""One suite for every index; the one that looks at everything in memory is the oracle."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satseek.errors import (
    ChipNotFound,
    InvalidFilter,
    InvalidK,
    InvalidRequest,
    ModelMismatch,
)
from satseek.index import (
    Collection,
    CollectionSpec,
    ExactIndex,
    Index,
    PlanLimits,
    SceneBlock,
    bbox_area,
    create_collection,
)
from satseek.types import Chip, Filter, GridSpec, Recipe, Scene, Vectors, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

DIM = 16
DAY = timedelta(days=1)
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)

KINDS = {
    "exact": None,
    "collection, matrix in memory": PlanLimits(),
    "collection, from segments": PlanLimits(matrix_bytes=0),
    "collection, codes allowed": PlanLimits(matrix_bytes=0, codes_from=1, exact_rows=0),
}


def spec(dim: int = DIM) -> CollectionSpec:
    return CollectionSpec(
        name="contract",
        model_name="made-up",
        model_version="0" * 12,
        dim=dim,
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
        min_valid=0.5,
    )


def units(seed: int, n: int, dim: int = DIM) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def chip(name: str, **fields: object) -> Chip:
    scene_id = str(fields.get("scene_id", "one"))
    plain = Chip(
        id=f"{scene_id}/{name}",
        scene_id=scene_id,
        cell=name,
        scene_path=f"/scenes/{scene_id}.tif",
        window=Window(column=-3, row=64, width=64, height=64),
        footprint=None,
        datetime=None,
        valid_fraction=0.875,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


@contextmanager
def opened(kind: str, dim: int = DIM) -> Iterator[Index]:
    limits = KINDS[kind]
    if limits is None:
        yield ExactIndex(dim)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        create_collection(
            Path(folder) / "contract", spec(dim), rows_per_segment=7, limits=limits
        ) as collection,
    ):
        yield collection


@pytest.fixture(params=list(KINDS))
def index(request: pytest.FixtureRequest) -> Iterator[Index]:
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
    assert "exact scan" in found.plan


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


def test_rows_of_replaced_chips_stay_readable(index: Index) -> None:
    old = units(4, 1)
    index.add([chip("a")], old)
    row = index.row_of("one/a")
    index.add([chip("a")], units(5, 1))
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


def scene(name: str, **properties: object) -> Scene:
    return Scene(
        id=name,
        path=f"/scenes/{name}.tif",
        width=256,
        height=256,
        bands=3,
        dtype="uint8",
        crs=None,
        transform=(1, 0, 0, 0, 1, 0),
        nodata=None,
        datetime=None,
        digest=str(sorted(properties.items(), key=str)),
        properties=properties,
    )


def block(one: Scene, chips: list[Chip], vectors: Vectors) -> SceneBlock:
    return SceneBlock(
        scene=one,
        chips=tuple(chips),
        vectors=vectors,
        next_position=len(chips),
        skipped=0,
        finished=True,
    )


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
    index: Index, attributes: dict[str, object], expected: list[str]
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
    assert isinstance(index, Collection | ExactIndex)
    index.add_blocks(
        [
            block(one, [chip("a", scene_id=name)], units(n, 1))
            for n, (name, one) in enumerate(known.items())
        ]
    )
    index.add([chip("lone")], units(9, 1))
    where = Filter(attributes=attributes)
    assert sorted(ids(index, units(10, 1), where=where)) == sorted(expected)


def test_a_scene_that_changed_answers_by_its_new_properties(index: Index) -> None:
    assert isinstance(index, Collection | ExactIndex)
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


CORNERS = st.integers(-18, 17).map(lambda tens: tens * 10)
BOXES = st.builds(lambda x, y: bbox_area(x, y, x + 10, y + 10), CORNERS, st.integers(-8, 7))
FOOTPRINTS = st.one_of(st.none(), BOXES, st.just(bbox_area(175, -5, -175, 5)))
MOMENTS = st.one_of(st.none(), st.integers(0, 9).map(lambda days: NEW_YEAR + days * DAY))
CHIPS = st.builds(
    lambda n, scene, footprint, moment, level: chip(
        f"{n}", scene_id=scene, footprint=footprint, datetime=moment, level=level
    ),
    st.integers(0, 12),
    st.sampled_from(["s1", "s2"]),
    FOOTPRINTS,
    MOMENTS,
    st.sampled_from([1, 1, 2]),
)
BATCHES = st.lists(CHIPS, max_size=8, unique_by=lambda one: one.id)
SEEDS = st.integers(0, 3)
AREAS = st.one_of(
    st.none(),
    BOXES,
    st.just(bbox_area(170, -20, -170, 20)),
    st.just({"type": "Polygon", "coordinates": [[[-60, -60], [60, -60], [0, 70], [-60, -60]]]}),
)
FILTERS = st.builds(
    lambda area, first, last, scenes, attributes, levels: Filter(
        area=area,
        start=first,
        end=None if last is None or (first is not None and last < first) else last,
        scene_ids=scenes,
        attributes=attributes,
        levels=levels,
    ),
    AREAS,
    MOMENTS,
    MOMENTS,
    st.sampled_from([(), ("s1",), ("s2", "s9")]),
    st.sampled_from([{}, {}, {"cover": {"lte": 20}}, {"cover": {"gt": 20}, "kind": "b"}]),
    st.sampled_from([(), (), (1,), (2, 3)]),
)
PROPERTIES = {"s1": {"cover": 20, "kind": "a"}, "s2": {"cover": 60, "kind": "b"}}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "exact"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(
    batches=st.lists(st.tuples(BATCHES, SEEDS), max_size=4),
    removed=st.lists(st.integers(0, 12), max_size=3),
    filters=st.lists(FILTERS, min_size=1, max_size=4),
    k=st.integers(1, 30),
)
def test_every_index_answers_as_the_oracle(
    kind: str,
    batches: list[tuple[list[Chip], int]],
    removed: list[int],
    filters: list[Filter],
    k: int,
) -> None:
    oracle = ExactIndex(DIM)
    with opened(kind) as tested:
        for batch, seed in batches:
            vectors = units(seed, 4)[np.arange(len(batch)) % 4]  # so that many are equal
            blocks = [
                block(
                    scene(name, **properties),
                    [one for one in batch if one.scene_id == name],
                    vectors[[n for n, one in enumerate(batch) if one.scene_id == name]],
                )
                for name, properties in PROPERTIES.items()
            ]
            assert isinstance(tested, Collection)
            oracle.add_blocks(blocks)
            tested.add_blocks(blocks)
        names = [f"s1/{n}" for n in removed]
        assert oracle.remove(names) == tested.remove(names)
        assert len(oracle) == len(tested)
        assert oracle.extent() == tested.extent()
        assert oracle.dates() == tested.dates()
        assert np.array_equal(oracle.sample(5, seed=k), tested.sample(5, seed=k))
        for where in filters:
            expected = oracle.search(units(2, 3), k=k, where=where)
            actual = tested.search(units(2, 3), k=k, where=where)
            assert expected.rows.tolist() == actual.rows.tolist()
            assert expected.cosines.tolist() == actual.cosines.tolist()
            rows = expected.rows[expected.rows >= 0]
            assert oracle.chips(rows) == tested.chips(rows)


LARGE = 8_000
LARGE_DIM = 64
LARGE_LIMITS = PlanLimits(matrix_bytes=0, codes_from=1_000, exact_rows=100)


@pytest.fixture(scope="module")
def large() -> Iterator[tuple[Index, ExactIndex, Vectors]]:
    """A collection in clusters, large enough for codes, its oracle, and queries."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((40, LARGE_DIM))
    values = centres[rng.integers(0, 40, LARGE)] + rng.standard_normal((LARGE, LARGE_DIM))
    vectors = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    away = rng.standard_normal(LARGE_DIM) * 3  # queries lie off the vectors, as words do off images
    asked = centres[:20] + rng.standard_normal((20, LARGE_DIM)) + away
    queries = (asked / np.linalg.norm(asked, axis=1, keepdims=True)).astype(np.float32)
    chips = [chip(f"{n}", datetime=NEW_YEAR + n * DAY, scene_id=f"s{n % 10}") for n in range(LARGE)]
    oracle = ExactIndex(LARGE_DIM)
    with (
        tempfile.TemporaryDirectory() as folder,
        create_collection(
            Path(folder) / "large", spec(LARGE_DIM), rows_per_segment=2_500, limits=LARGE_LIMITS
        ) as collection,
    ):
        for index in (oracle, collection):
            index.add(chips, vectors)
        yield collection, oracle, queries


def recall(index: Index, oracle: Index, queries: Vectors, where: Filter) -> float:
    expected = oracle.search(queries, k=10, where=where).rows
    actual = index.search(queries, k=10, where=where).rows
    kept = [len(set(e) & set(a)) / len(e) for e, a in zip(expected, actual, strict=True)]
    return float(np.mean(kept))


NINE_SCENES = Filter(scene_ids=tuple(f"s{n}" for n in range(9)))
ONE_SCENE = Filter(scene_ids=("s4",))
SIXTY_DAYS = Filter(start=NEW_YEAR + 100 * DAY, end=NEW_YEAR + 159 * DAY)


@pytest.mark.parametrize(
    ("where", "way"),
    [
        (Filter(), "PQ32x4fs over all 8000 chips, 640 candidates refined"),
        (NINE_SCENES, "PQ32x4fs over 7200 chips left by the filter, 640 candidates refined"),
        (ONE_SCENE, "exact scan of 800 chips left by the filter"),
        (SIXTY_DAYS, "exact scan of 60 chips left by the filter"),
    ],
)
def test_recall_with_codes_and_filters(
    large: tuple[Index, ExactIndex, Vectors], where: Filter, way: str
) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    index, oracle, queries = large
    assert index.search(queries, k=10, where=where).plan.startswith(way)
    assert recall(index, oracle, queries, where) >= (0.95 if "PQ" in way else 1.0)


@pytest.mark.parametrize("where", [Filter(), NINE_SCENES, ONE_SCENE, SIXTY_DAYS])
def test_without_faiss_every_search_is_exact(
    large: tuple[Index, ExactIndex, Vectors], where: Filter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    index, oracle, queries = large
    found = index.search(queries, k=10, where=where)
    expected = oracle.search(queries, k=10, where=where)
    assert found.plan.startswith("exact scan")
    assert expected.rows.tolist() == found.rows.tolist()
    assert expected.cosines.tolist() == found.cosines.tolist()
