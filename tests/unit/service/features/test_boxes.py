"""Boxes become areas; geometries become boxes, across the antimeridian, too."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from shapely.geometry import mapping, shape

from satseek.errors import InvalidFilter
from satseek.service.features.boxes import box_area, box_around, read_box
from satseek.service.features.moments import read_span, written
from satseek.service.features.projecting import ALWAYS, box_in, offered, projected, uri_of


@pytest.mark.parametrize(
    ("box", "area"),
    [
        ((1, 2, 3, 4), shapely.box(1, 2, 3, 4)),
        ((-180, -90, 180, 90), shapely.box(-180, -90, 180, 90)),
        ((-400, -95, 400, 95), shapely.box(-180, -90, 180, 90)),
        ((361, 2, 363, 4), shapely.box(1, 2, 3, 4)),
        (
            (179, 2, 181, 4),
            shapely.union(shapely.box(179, 2, 180, 4), shapely.box(-180, 2, -179, 4)),
        ),
        (
            (179, 2, -179, 4),
            shapely.union(shapely.box(179, 2, 180, 4), shapely.box(-180, 2, -179, 4)),
        ),
    ],
)
def test_a_box_becomes_an_area(box: tuple[float, ...], area: Any) -> None:
    assert shapely.equals(shape(box_area(box)), area)  # type: ignore[arg-type]


def test_a_box_without_extent_is_a_point_or_line() -> None:
    assert shape(box_area((1, 2, 1, 2))).contains(shapely.Point(1, 2))
    assert shape(box_area((0, 90, 1, 90))).bounds[3] == 90


@pytest.mark.parametrize(
    "numbers",
    [[], [1], [1, 2, 3], [1, 2, 3, 4, 5], [1, 5, 3, 4], [1, 2, 3, float("inf")], [True, 2, 3, 4]],
)
def test_what_is_no_box_is_refused(numbers: list[Any]) -> None:
    with pytest.raises(InvalidFilter):
        read_box(numbers)


def test_heights_are_passed_over() -> None:
    assert (1, 2, 3, 4) == read_box([1, 2, -100, 3, 4, 900])


@pytest.mark.parametrize(
    ("geometry", "box"),
    [
        (shapely.box(1, 2, 3, 4), (1, 2, 3, 4)),
        (
            shapely.MultiPolygon([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -178, 1)]),
            (179, 0, -178, 1),
        ),
        (
            shapely.MultiPolygon([shapely.box(-180, 80, 180, 90), shapely.box(0, 0, 1, 1)]),
            (-180, 0, 180, 90),
        ),
    ],
)
def test_a_geometry_lies_in_its_box(geometry: Any, box: tuple[float, ...]) -> None:
    assert box == box_around(mapping(geometry))


def test_the_grid_of_a_collection_is_offered_where_its_axes_are_known() -> None:
    assert ALWAYS == offered(None)
    assert ALWAYS == offered("EPSG:4326")
    assert ALWAYS == offered("EPSG:27700")
    assert (*ALWAYS, uri_of("EPSG:32634")) == offered("EPSG:32634")
    assert (*ALWAYS, uri_of("EPSG:4548")) == offered("EPSG:4548")


@pytest.mark.parametrize(
    ("code", "point"),
    [
        # PROJ's own: cs2cs EPSG:4326 EPSG:CODE, in the authority's order of axes
        ("EPSG:32650", (500000.0, 4427757.219)),
        ("EPSG:4548", (4429529.030, 500000.0)),
        ("EPSG:4490", (40.0, 117.0)),
        ("EPSG:3857", (13024380.422, 4865942.280)),
    ],
)
def test_coordinates_follow_the_authority(code: str, point: tuple[float, float]) -> None:
    place = {"type": "Point", "coordinates": [117.0, 40.0]}
    (found,) = projected([place], uri_of(code))
    assert point == pytest.approx(found["coordinates"], abs=0.002)
    x, y = point
    reach = 0.001 if code == "EPSG:4490" else 100
    area = box_in([x - reach, y - reach, x + reach, y + reach], uri_of(code))
    assert shape(area).contains(shapely.Point(117, 40))
    assert shape(area).area < 0.0001


def test_what_has_no_place_has_none_in_any_system() -> None:
    assert [None] == projected([None], uri_of("EPSG:3857"))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z"),
        ("2024-05-01t00:00:00.1234567+02:00/..", "2024-04-30T22:00:00.123456Z", None),
        ("/2024-05-01T00:00:00z", None, "2024-05-01T00:00:00Z"),
    ],
)
def test_times_are_read(text: str, start: str | None, end: str | None) -> None:
    assert (start, end) == tuple(one and written(one) for one in read_span(text))


@pytest.mark.parametrize(
    "text", ["", "/", "../..", "2024-05-01", "2024-05-01T00:00:00", "٢٠٢٤-05-01T00:00:00Z", "a/b/c"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter):
        read_span(text)
