from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from satseek.imagery.dates import acquisition_date, date_in_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2017-09-13.tif", datetime(2017, 9, 13, tzinfo=UTC)),
        ("naip_20090818.tif", datetime(2009, 8, 18, tzinfo=UTC)),
        ("a_2017_09_13_b.tif", datetime(2017, 9, 13, tzinfo=UTC)),
        ("mosaic_2021_07.tif", datetime(2021, 7, 1, tzinfo=UTC)),
        ("S2A_MSIL2A_20170913T114349_N0205.jp2", datetime(2017, 9, 13, 11, 43, 49, tzinfo=UTC)),
        ("20200831_101530_ssc1.tif", datetime(2020, 8, 31, 10, 15, 30, tzinfo=UTC)),
        (
            "LC08_L1TP_168052_20180705_20180717_01_T1.tif",
            datetime(2018, 7, 5, tzinfo=UTC),
        ),
        ("tile_32524-5137.tif", None),
        ("tile_1361-10160.tif", None),
        ("part_20171345.tif", None),
        ("part_2017-13.tif", None),
        ("IMG_2048.jpg", None),
        ("18500101.tif", None),
        ("1234520170913.tif", None),
    ],
)
def test_a_name_gives_its_first_sensible_date(name: str, expected: datetime | None) -> None:
    assert expected == date_in_name(name)


def test_a_stac_item_beside_wins_over_tag_and_name(tmp_path: Path) -> None:
    scene = tmp_path / "2001-01-01.tif"
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "properties": {"datetime": "2020-05-06T12:00:00+02:00"},
    }
    scene.with_suffix(".json").write_text(json.dumps(item))
    expected = datetime(2020, 5, 6, 10, tzinfo=UTC)
    assert expected == acquisition_date(scene, tag="2011:02:03 04:05:06")


def test_an_item_of_another_name_is_found_by_its_asset(tmp_path: Path) -> None:
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "properties": {"datetime": None, "start_datetime": "2019-03-04T00:00:00Z"},
        "assets": {"visual": {"href": "./visual%20band.tif"}, "odd": "not an asset"},
    }
    (tmp_path / "item.json").write_text(json.dumps(item))
    expected = datetime(2019, 3, 4, tzinfo=UTC)
    assert expected == acquisition_date(tmp_path / "visual band.tif", tag=None)
    assert acquisition_date(tmp_path / "other.tif", tag=None) is None


def test_the_tag_wins_over_the_name(tmp_path: Path) -> None:
    expected = datetime(2011, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert expected == acquisition_date(tmp_path / "2001-01-01.tif", tag="2011:02:03 04:05:06")


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "0000:00:00 00:00:00",
        "2011:13:40",
        "yesterday",
        "2020:99999999999:01",
        f"2020:{'1' * 5_000}:01",
        f"{'1' * 5_000}:01:01",
    ],
    ids=lambda tag: tag[:25],
)
def test_a_senseless_tag_leaves_the_name(tmp_path: Path, tag: str) -> None:
    expected = datetime(2001, 1, 1, tzinfo=UTC)
    assert expected == acquisition_date(tmp_path / "2001-01-01.tif", tag=tag)


@pytest.mark.parametrize(
    "content",
    ["", "[" * 100_000, "[]", '{"type": "Feature"}', '{"type": "Feature", "stac_version": "1"}'],
)
def test_what_is_no_item_is_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "2001-01-01.json").write_text(content)
    expected = datetime(2001, 1, 1, tzinfo=UTC)
    assert expected == acquisition_date(tmp_path / "2001-01-01.tif", tag=None)
