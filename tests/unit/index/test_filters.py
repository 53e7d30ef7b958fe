from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from satseek.errors import InvalidFilter
from satseek.index import bbox_area, check_area, check_filter
from satseek.index.filters import prepare_area
from satseek.types import Filter

if TYPE_CHECKING:
    from satseek.types import GeoJSON

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((0, 0, 2, 1), [(0, 0, 2, 1)]),
        ((-180, -90, 180, 90), [(-180, -90, 180, 90)]),
        ((170, -10, -170, 10), [(-180, -10, -170, 10), (170, -10, 180, 10)]),
        ((180, -10, -170, 10), [(-180, -10, -170, 10)]),
        ((91, -10, -90, 10), [(-180, -10, -90, 10), (91, -10, 180, 10)]),
    ],
)
def test_boxes_become_areas(
    sides: tuple[float, float, float, float], expected: list[tuple[float, ...]]
) -> None:
    area = bbox_area(*sides)
    parts = shapely.get_parts(shapely.from_geojson(json.dumps(area)))
    assert expected == sorted(part.bounds for part in parts)
    assert check_area(area) == area


@pytest.mark.parametrize(
    "sides",
    [
        (0, 1, 2, 0),
        (0, 1, 2, 1),
        (2, 0, 0, 1),
        (1, 0, 1, 1),
        (10, 0, -10, 1),
        (89, 0, -90, 1),
        (-170, 0, -175, 1),
        (float("nan"), 0, 1, 1),
        (0, 0, float("inf"), 1),
        (0, 0, 181, 1),
        (0, -91, 1, 1),
    ],
)
def test_wrong_boxes_are_refused_on_one_line(sides: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidFilter, match=r"^bbox: expected .* came ") as caught:
        bbox_area(*sides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrapping",
    [
        {"type": "Feature", "properties": {}, "geometry": SQUARE},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": SQUARE}]},
        {"type": "GeometryCollection", "geometries": [SQUARE]},
        {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]]},
    ],
)
def test_wrapped_areas_are_unwrapped(wrapping: dict[str, object]) -> None:
    shape = shapely.from_geojson(json.dumps(check_area(wrapping)))
    assert shape.equals(shapely.box(0, 0, 2, 2))


def test_overlapping_features_are_united() -> None:
    other = bbox_area(1, 1, 3, 3)
    features = [{"type": "Feature", "geometry": one} for one in (SQUARE, other)]
    area = check_area({"type": "FeatureCollection", "features": features})
    assert shapely.from_geojson(json.dumps(area)).area == 7


@pytest.mark.parametrize(
    ("west", "east", "expected"),
    [
        (175, 185, [(-180, 0, -175, 1), (175, 0, 180, 1)]),
        (-190, -175, [(-180, 0, -175, 1), (170, 0, 180, 1)]),
        (190, 200, [(-170, 0, -160, 1)]),
    ],
)
def test_longitudes_of_repeating_maps_are_wrapped(
    west: float, east: float, expected: list[tuple[float, ...]]
) -> None:
    ring = [[west, 0], [east, 0], [east, 1], [west, 1], [west, 0]]
    area = check_area({"type": "Polygon", "coordinates": [ring]})
    parts = shapely.get_parts(shapely.from_geojson(json.dumps(area)))
    assert expected == sorted(part.bounds for part in parts)


@pytest.mark.parametrize(
    "area",
    [
        None,
        [],
        "Polygon",
        {},
        {"type": None},
        {"type": ["x"]},
        {"type": {"type": "Polygon"}},
        {"type": "a\nb"},
        {"type": "Feature", "geometry": {"type": ["Polygon"]}},
        {"type": "GeometryCollection", "geometries": [{"type": []}, SQUARE]},
        {"type": "Polygon", "coordinates": [[[0, 0], [10**400, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [None, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[], []]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[["a", 0], [1, 1], [0, 1], ["a", 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [float("nan"), 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [5e5, 0], [5e5, 4e6], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 91], [0, 0]]]},
        {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        {"type": "Feature"},
        {"type": "FeatureCollection", "features": []},
        {"type": "FeatureCollection", "features": 5},
        {"type": "FeatureCollection"},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [0, 0]}]},
    ],
)
def test_wrong_areas_are_refused_on_one_line(area: object) -> None:
    with pytest.raises(InvalidFilter, match=r"^area: expected ") as caught:
        check_area(area)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_collections_nested_without_end_are_refused() -> None:
    area: dict[str, object] = SQUARE
    for _ in range(50):
        area = {"type": "GeometryCollection", "geometries": [area]}
    with pytest.raises(InvalidFilter, match="GeometryCollection"):
        check_area(area)


def test_coordinates_nested_without_end_are_refused() -> None:
    coordinates: list[object] = []
    for _ in range(5_000):
        coordinates = [coordinates]
    with pytest.raises(InvalidFilter, match="expected GeoJSON coordinates"):
        check_area({"type": "Polygon", "coordinates": coordinates})


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.sampled_from(["Polygon", "MultiPolygon", "Feature", "GeometryCollection", "a\nb"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "geometry", "geometries", "features"]), inner
        )
    ),
)


@given(area=JUNK)
def test_junk_is_refused_on_one_line(area: object) -> None:
    with pytest.raises(InvalidFilter) as caught:
        check_area(area)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_filter_without_area_is_given_back() -> None:
    where = Filter(start=datetime(2024, 1, 1, tzinfo=UTC), scene_ids=("a",))
    assert check_filter(where) is where


@given(
    west=st.integers(-20, 19),
    south=st.integers(-20, 19),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
)
def test_boxes_are_sorted_as_geometry_sorts_them(
    west: int, south: int, width: int, height: int
) -> None:
    shape = shapely.box(west, south, west + width, south + height)
    for area in (
        bbox_area(-5, -5, 5, 5),
        {"type": "Polygon", "coordinates": [[[-9, -9], [9, -9], [0, 9], [-9, -9]]]},
        {
            "type": "MultiPolygon",
            "coordinates": [
                bbox_area(-9, -9, -4, -4)["coordinates"],
                bbox_area(4, 4, 9, 9)["coordinates"],
            ],
        },
    ):
        prepared = prepare_area(area)
        inside, maybe = prepared.touches(np.array([shape.bounds]))
        whole = shapely.from_geojson(json.dumps(area))
        assert bool(inside[0]) == whole.covers(shape)
        assert bool(maybe[0]) == whole.intersects(shape)
        assert bool(prepared.meets([shapely.to_geojson(shape)])[0]) == whole.intersects(shape)


def test_an_invalid_footprint_is_mended_before_it_is_compared() -> None:
    bow = '{"type":"Polygon","coordinates":[[[0,0],[2,2],[2,0],[0,2],[0,0]]]}'
    assert prepare_area(bbox_area(1.8, 0.9, 3, 1.1)).meets([bow]).tolist() == [True]
    assert prepare_area(bbox_area(0.9, 1.5, 1.1, 3)).meets([bow]).tolist() == [False]


def test_footprints_of_any_shape_are_read() -> None:
    square = bbox_area(0, 0, 1, 1)
    triangle = {"type": "Polygon", "coordinates": [[[5, 5], [6, 5], [5, 6], [5, 5]]]}
    both = {"type": "MultiPolygon", "coordinates": [square["coordinates"], triangle["coordinates"]]}
    area = prepare_area(bbox_area(5, 5, 7, 7))
    for footprints, expected in (
        ([square, square], [False, False]),
        ([square, triangle], [False, True]),
        ([both, square], [True, False]),
        ([triangle, triangle], [True, True]),
        (
            [square | {"coordinates": [[[5e0, 5e0], [5.5e0, 5e-05], [6, 6], [4, 6], [5, 5]]]}],
            [True],
        ),
        ([], []),
    ):
        for separators in (None, (",", ":")):
            texts = [json.dumps(one, separators=separators) for one in footprints]
            assert expected == area.meets(texts).tolist()


WEDGE = {"type": "Polygon", "coordinates": [[[-9, -9], [9, -7], [1, 9], [0, 0], [-9, -9]]]}
HOLED = {
    "type": "Polygon",
    "coordinates": [
        [[-8, -8], [8, -8], [8, 8], [-8, 8], [-8, -8]],
        [[-3, -3], [-3, 4], [4, 4], [4, -3], [-3, -3]],
    ],
}
APART = {
    "type": "MultiPolygon",
    "coordinates": [
        [[[-9, -9], [-4, -9], [-6, -2], [-9, -9]]],
        [[[2, 2], [9, 3], [5, 9], [2, 2]]],
    ],
}

ROUND = json.loads(shapely.to_geojson(shapely.Point(0, 0).buffer(7.5, quad_segs=16)))
"""Of 64 sides, more than are compared one by one."""

AREAS = {"wedge": WEDGE, "holed": HOLED, "apart": APART, "round": ROUND}


@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS)
@pytest.mark.parametrize("edge", [0.05, 1.0, 7.0])
def test_many_boxes_are_sorted_as_geometry_sorts_them(area: GeoJSON, edge: float) -> None:
    rng = np.random.default_rng(0)
    corners = np.round(rng.uniform(-12, 12, (6_000, 2)), 1)  # many touch the area's corners
    boxes = np.concatenate([corners, corners + edge * rng.choice([0.5, 1, 2], (6_000, 2))], axis=1)
    prepared = prepare_area(area)
    assert not prepared.plain
    inside, maybe = prepared.touches(boxes)
    whole = shapely.from_geojson(json.dumps(area))
    shapes = shapely.box(*boxes.T)
    assert shapely.covers(whole, shapes).tolist() == inside.tolist()
    assert shapely.intersects(whole, shapes).tolist() == maybe.tolist()
    assert 0 < maybe.sum() < len(boxes)
