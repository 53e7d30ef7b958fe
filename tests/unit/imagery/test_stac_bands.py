"""Bands of items as archives write them: names, common names, calibration, which asset is taken."""

from __future__ import annotations

from typing import Any

import pytest

from satseek.errors import InvalidRequest, UnreadableImage
from satseek.imagery.recipes import recipe_named
from satseek.imagery.stac_bands import bands_of
from satseek.imagery.stac_items import current_item, item_id, kept_properties
from satseek.imagery.stac_scenes import asked_bands
from satseek.imagery.stac_search import read_conditions

COG = "image/tiff; application=geotiff; profile=cloud-optimized"


def item(assets: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": "a", "assets": assets, "properties": properties}


def names(found: dict[str, Any], **how: bool) -> list[str]:
    return [band.name for band in bands_of(found, **how)]


def eo(*bands: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "common_name": common} for name, common in bands]


EARTH_SEARCH = item(
    {
        "red-jp2": {"href": "B04.jp2", "type": "image/jp2", "eo:bands": eo(("red", "red"))},
        "red": {"href": "B04.tif", "type": COG, "eo:bands": eo(("red", "red"))},
        "green": {"href": "B03.tif", "type": COG, "eo:bands": eo(("green", "green"))},
        "blue": {"href": "B02.tif", "type": COG, "eo:bands": eo(("blue", "blue"))},
        "scl": {"href": "SCL.tif", "type": COG, "roles": ["data"]},
        "visual": {
            "href": "TCI.tif",
            "type": COG,
            "roles": ["visual"],
            "eo:bands": eo(("red", "red"), ("green", "green"), ("blue", "blue")),
        },
        "thumbnail": {"href": "preview.jpg", "type": "image/jpeg", "roles": ["thumbnail"]},
        "granule_metadata": {"href": "m.xml", "type": "application/xml", "roles": ["metadata"]},
    }
)


def test_measurements_come_before_pictures_and_tiff_before_jpeg_2000() -> None:
    bands = bands_of(EARTH_SEARCH)
    assert ["red", "green", "blue", "scl"] == [band.name for band in bands]
    assert "B04.tif" == bands[0].href
    assert [False, False, False, True] == [band.is_classes for band in bands]


def test_a_picture_is_taken_where_it_is_asked_for() -> None:
    assert ["TCI.tif"] * 3 == [band.href for band in bands_of(EARTH_SEARCH, rendered=True)][:3]


def test_stac_1_1_says_once_for_an_asset_what_holds_for_its_bands() -> None:
    found = item(
        {
            "data": {
                "href": "a.tif",
                "type": COG,
                "raster:scale": 0.0001,
                "bands": [
                    {"name": "B04", "eo:common_name": "red", "raster:offset": -0.1},
                    {"name": "B8A", "nodata": float("nan")},
                ],
            }
        }
    )
    red, nir = bands_of(found)
    assert ("B04", "red") == (red.name, red.common_name)
    assert {"raster:scale": 0.0001, "raster:offset": -0.1} == red.facts
    assert {"raster:scale": 0.0001, "nodata": "nan"} == nir.facts


def test_stac_1_0_says_the_same_in_two_lists() -> None:
    found = item(
        {
            "image": {
                "href": "naip.tif",
                "type": COG,
                "eo:bands": eo(("Red", "red"), ("Green", "green")),
                "raster:bands": [{"scale": 2, "nodata": 0}, {"unit": "DN"}],
            }
        }
    )
    red, green = bands_of(found)
    assert {"raster:scale": 2, "nodata": 0} == red.facts
    assert ("Green", {}) == (green.name, green.facts)


def test_before_that_an_asset_counted_into_the_items_bands() -> None:
    found = item(
        {"B4": {"href": "B4.tif", "type": COG, "eo:bands": [1]}},
        **{"eo:bands": eo(("B3", "green"), ("B4", "red"))},
    )
    assert [("B4", "red")] == [(band.name, band.common_name) for band in bands_of(found)]


@pytest.mark.parametrize(
    "assets",
    [
        None,
        [],
        {"a": None, "b": [], "c": {}, "d": {"href": 3}},
        {"a": {"href": "a.txt"}, "b": {"href": "a.tif", "type": "text/plain"}},
        {"thumbnail": {"href": "a.tif"}, "b": {"href": "a.tif", "roles": ["overview"]}},
    ],
)
def test_what_is_no_raster_gives_no_band(assets: Any) -> None:
    assert [] == bands_of({"type": "Feature", "id": "a", "assets": assets})


def test_odd_lists_of_bands_do_no_harm() -> None:
    for odd in (None, 3, "red", [None, 3, {"name": None}], [[]], {"red": 1}):
        found = item({"a": {"href": "a.tif", "eo:bands": odd, "bands": odd, "raster:bands": odd}})
        assert names(found)


def test_recipes_name_the_bands_that_decide() -> None:
    bands = bands_of(EARTH_SEARCH)

    def asked(recipe: str, **properties: Any) -> list[str]:
        found = asked_bands(bands, recipe=recipe_named(recipe), properties=properties)
        return [band.name for band in found]

    assert ["red", "green", "blue"] == asked("auto")
    assert ["red", "green", "blue"] == asked("sentinel2-l2a", platform="sentinel-2a")
    only = bands_of(item({"a": {"href": "a.tif"}, "SCL": {"href": "s.tif"}}))
    chosen = asked_bands(only, recipe=recipe_named("auto"), properties={})
    assert ["a"] == [band.name for band in chosen]


@pytest.mark.parametrize(
    "odd", [{}, {"type": "Feature"}, {"type": "Feature", "id": ""}, {"type": "Catalog", "id": "a"}]
)
def test_what_is_no_item_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(UnreadableImage, match="expected a STAC item"):
        item_id(odd)


def test_ids_are_those_of_the_collection() -> None:
    assert "s2/a" == item_id({"type": "Feature", "id": "a", "collection": "s2"})
    assert "a" == item_id({"type": "Feature", "id": "a", "collection": None})
    for odd in ("a\nb", "a" * 600):
        with pytest.raises(UnreadableImage, match="printable"):
            item_id({"type": "Feature", "id": odd})


def test_properties_are_kept_but_for_what_is_long_or_no_json() -> None:
    found = item({}, platform="landsat-8", wkt="x" * 3000, odd=float("nan"), none=None)
    assert {"platform": "landsat-8", "collection": "c"} == kept_properties(
        found | {"collection": "c"}
    )


def test_older_items_are_brought_up_to_date() -> None:
    pytest.importorskip("pystac", reason="pip install 'satseek[gis]'")
    old = {
        "type": "Feature",
        "stac_version": "0.9.0",
        "id": "a",
        "geometry": None,
        "links": [],
        "assets": {},
        "properties": {"datetime": "2020-01-01T00:00:00Z"},
    }
    assert current_item(old)["stac_version"] > "1"
    assert old["stac_version"] == "0.9.0"
    with pytest.raises(UnreadableImage, match=r"STAC 0\.1"):
        current_item({"stac_version": "0.1", "type": 3, "links": 7, "assets": None})


def test_conditions_compare_numbers_with_numbers() -> None:
    read = read_conditions(["eo:cloud_cover<20", "eo:cloud_cover >= 5.5", "platform='landsat-8'"])
    assert {
        "eo:cloud_cover": {"lt": 20, "gte": 5.5},
        "platform": {"eq": "landsat-8"},
    } == read
    for odd in ("", "<20", "eo:cloud_cover", "a b<3", "eo:cloud_cover<"):
        with pytest.raises(InvalidRequest, match="expected a condition"):
            read_conditions([odd])
