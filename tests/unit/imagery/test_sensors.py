from __future__ import annotations

from typing import Any

import pytest

from satseek.imagery.sensors import (
    LANDSAT_OLI,
    LANDSAT_TM,
    NAIP,
    SENTINEL_2,
    Sensor,
    baseline_offset,
    named_properties,
    offset_is_applied,
    plain,
    product_of,
    sensor_meant,
    sensor_of,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("B04", "b4"),
        ("b4", "b4"),
        ("SR_B4", "b4"),
        ("OLI_B4", "b4"),
        ("band 4", "b4"),
        ("B8A", "b8a"),
        ("B10", "b10"),
        ("SCL", "scl"),
        ("blue", "blue"),
        ("Band", "band"),
    ],
)
def test_names_of_bands_are_compared_however_they_are_spelt(name: str, expected: str) -> None:
    assert expected == plain(name)


@pytest.mark.parametrize(
    ("sensor", "asked", "expected"),
    [
        (SENTINEL_2, "red", ("red", "B04")),
        (SENTINEL_2, "B4", ("B4", "B04", "red")),
        (SENTINEL_2, "nir08", ("nir08", "B8A")),
        (LANDSAT_OLI, "nir", ("nir", "B5", "nir08")),
        (LANDSAT_TM, "red", ("red", "B3")),
        (NAIP, "nir", ("nir",)),
        (SENTINEL_2, "temperature", ("temperature",)),
    ],
)
def test_a_sensor_knows_every_name_of_a_band(
    sensor: Sensor, asked: str, expected: tuple[str, ...]
) -> None:
    assert expected == sensor.names_of(asked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a/S2B_MSIL2A_20230111T121649_N0509_R066_T27PTS_20230117T211543.SAFE/R10m/stack.tif",
            {
                "platform": "sentinel-2b",
                "processing:level": "L2A",
                "s2:processing_baseline": "05.09",
            },
        ),
        ("S2A_MSIL1C_20190101T101411_R022", {"platform": "sentinel-2a", "processing:level": "L1C"}),
        ("S2B_52SFA_20220126_0_L2A", {"platform": "sentinel-2b", "processing:level": "L2A"}),
        (
            "LC08_L2SP_196024_20210905_20210910_02_T1_SR_stack.tif",
            {
                "platform": "landsat-8",
                "landsat:correction": "L2SP",
                "landsat:collection_number": "02",
            },
        ),
        ("naip/m_4709958_se_14_1_20140720.tif", {"mission": "naip"}),
        ("Spain_7370579_S2Hand.tif", {}),
        ("XS2B_MSIL2A_20230111T121649_N0509", {}),
        ("LC08_L1TP_196024_20210905_20210910_02_T1.tif", {}),
    ],
)
def test_a_product_name_tells_what_a_scene_is(text: str, expected: dict[str, Any]) -> None:
    assert expected == named_properties(text)


@pytest.mark.parametrize(
    ("properties", "sensor", "product"),
    [
        ({"platform": "Sentinel-2A", "s2:product_type": "S2MSI2A"}, SENTINEL_2, "sentinel2-l2a"),
        (
            {"constellation": "sentinel-2", "processing:level": "L1C"},
            SENTINEL_2,
            "sentinel2-l1c",
        ),
        ({"platform": "sentinel-2b"}, SENTINEL_2, ""),
        (
            {
                "platform": "landsat-9",
                "landsat:correction": "L2SP",
                "landsat:collection_number": "02",
            },
            LANDSAT_OLI,
            "landsat-c2-l2",
        ),
        (
            {"platform": "LANDSAT_5", "landsat:correction": "L2SP"},
            LANDSAT_TM,
            "",
        ),
        (
            {
                "platform": "landsat-5",
                "landsat:correction": "L1TP",
                "landsat:collection_number": "02",
            },
            LANDSAT_TM,
            "",
        ),
        ({"naip:state": "nd"}, NAIP, "naip"),
        ({"platform": "sentinel-1a"}, None, ""),
        ({}, None, ""),
    ],
)
def test_properties_tell_sensor_and_product(
    properties: dict[str, Any], sensor: Sensor | None, product: str
) -> None:
    assert (sensor, product) == (sensor_of(properties), product_of(properties))


def test_a_recipe_means_a_sensor() -> None:
    assert SENTINEL_2 is sensor_meant("sentinel2-l2a-false", ())
    assert NAIP is sensor_meant("naip", ())
    assert LANDSAT_OLI is sensor_meant("landsat-c2-l2", ("SR_B2", "SR_B6"))
    assert LANDSAT_OLI is sensor_meant("landsat-c2-l2", ("",) * 7)
    assert LANDSAT_TM is sensor_meant("landsat-c2-l2", ("SR_B1", "SR_B5", "SR_B7"))
    assert sensor_meant("mine", ()) is None


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"s2:processing_baseline": "04.00"}, (-0.1, "s2:processing_baseline")),
        ({"s2:processing_baseline": "05.11"}, (-0.1, "s2:processing_baseline")),
        ({"s2:processing_baseline": "03.01"}, (0.0, "s2:processing_baseline")),
        ({"processing:version": "02.14"}, (0.0, "processing:version")),
        ({"processing:version": "unknown"}, (None, "")),
        ({}, (None, "")),
    ],
)
def test_the_baseline_tells_the_offset(
    properties: dict[str, Any], expected: tuple[float | None, str]
) -> None:
    assert expected == baseline_offset(properties)


def test_an_archive_says_that_it_took_the_offset_off() -> None:
    name = "earthsearch:boa_offset_applied"
    assert name == offset_is_applied({name: True})
    assert offset_is_applied({name: False}) == ""
    assert offset_is_applied({}) == ""
