"""Dates, boxes and areas as written → a filter."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from satseek.errors import InvalidFilter
from satseek.search.filtering import read_filter, read_moment
from satseek.types import Filter

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}


def test_nothing_restricts_nothing() -> None:
    assert read_filter() == Filter()


def test_an_end_day_is_whole() -> None:
    where = read_filter(start="2024-05-01", end="2024-05-01")
    assert where.start == datetime(2024, 5, 1, tzinfo=UTC)
    assert where.end == datetime(2024, 5, 1, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01T10:30:00Z", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        ("2024-05-01T10:30", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        ("2024-05-01T10:30:00+02:00", datetime.fromisoformat("2024-05-01T08:30:00+00:00")),
    ],
)
def test_times_keep_their_zone_or_are_utc(text: str, expected: datetime) -> None:
    assert read_moment(text, day_at=time.max) == expected


@pytest.mark.parametrize("text", ["yesterday", "2024-13-01", "20240", "2024-05-01T99:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter, match="expected a date"):
        read_filter(start=text)


def test_box_and_area_become_the_same_polygon() -> None:
    from_box = read_filter(bbox=(0, 0, 1, 1)).area
    from_area = read_filter(area={"type": "Feature", "properties": {}, "geometry": SQUARE}).area
    assert from_box is not None
    assert from_area is not None
    assert {tuple(point) for point in from_box["coordinates"][0]} == {
        tuple(point) for point in from_area["coordinates"][0]
    }


def test_box_and_area_together_are_refused() -> None:
    with pytest.raises(InvalidFilter, match="not both"):
        read_filter(bbox=(0, 0, 1, 1), area=SQUARE)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["eo:cloud_cover<=20"], {"eo:cloud_cover": {"lte": 20.0}}),
        (["a>=1", "a < 5"], {"a": {"gte": 1.0, "lt": 5.0}}),
        (["platform = sentinel-2b"], {"platform": {"eq": "sentinel-2b"}}),
        (["tile=044"], {"tile": {"in": [44.0, "044"]}}),
        (["tile='044'"], {"tile": {"eq": "044"}}),
        (["platform != landsat-8"], {"platform": {"ne": "landsat-8"}}),
        (["platform in a, b"], {"platform": {"in": ["a", "b"]}}),
        (["clear=true"], {"clear": {"in": [True, "true"]}}),
        (["datetime>2024-05-01"], {"datetime": {"gt": "2024-05-01"}}),
    ],
)
def test_conditions_are_read(texts: list[str], expected: dict[str, object]) -> None:
    assert expected == read_filter(where=texts).attributes


def test_conditions_may_be_a_mapping() -> None:
    asked = {"eo:cloud_cover": {"lte": 20}, "platform": "a"}
    assert asked == read_filter(where=asked).attributes


@pytest.mark.parametrize(
    "where",
    [["cloudy"], ["<=20"], ["a=1", "a=2"], ["a in "], {"a": {"like": 1}}, {"a": {"lt": None}}],
)
def test_conditions_that_cannot_be_are_refused(where: object) -> None:
    with pytest.raises(InvalidFilter):
        read_filter(where=where)  # type: ignore[arg-type]


def test_an_area_may_have_a_crs_of_its_own() -> None:
    wkt = "POLYGON((500000 5800000, 510000 5800000, 510000 5810000, 500000 5800000))"
    area = read_filter(area=wkt, area_crs="EPSG:32633").area
    assert area is not None
    assert "Polygon" == area["type"]
    with pytest.raises(InvalidFilter, match="goes with area"):
        read_filter(bbox=(0, 0, 1, 1), area_crs="EPSG:32633")


def test_levels_are_sizes_from_one_on() -> None:
    assert (1, 4) == read_filter(levels=[4, 1, 4]).levels
    with pytest.raises(InvalidFilter):
        read_filter(levels=[0])
