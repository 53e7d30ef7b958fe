from __future__ import annotations

import pytest

from satseek.errors import UnsupportedRaster
from satseek.imagery._sources import BandLayout
from satseek.imagery.bands import choose_bands, find_band
from satseek.imagery.sensors import LANDSAT_OLI, LANDSAT_TM, NAIP, SENTINEL_2, Sensor


def layout(
    count: int,
    *,
    colours: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    dtype: str = "uint16",
    palette: tuple[tuple[int, int, int, int], ...] = (),
    common_names: tuple[str, ...] = (),
) -> BandLayout:
    return BandLayout(
        count=count,
        dtype=dtype,
        colours=colours or ("gray",) + ("undefined",) * (count - 1),
        descriptions=names or ("",) * count,
        palette=palette,
        masked=False,
        common_names=common_names,
    )


S2 = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        (layout(1), (1,)),
        (layout(3), (1, 2, 3)),
        (layout(4), (1, 2, 3)),
        (layout(4, colours=("blue", "green", "red", "alpha")), (3, 2, 1)),
        (layout(2, colours=("gray", "alpha")), (1,)),
        (layout(1, colours=("palette",), palette=((0, 0, 0, 255),)), (1,)),
        (layout(6), (3, 2, 1)),
        (layout(13), (4, 3, 2)),
        (layout(12), (4, 3, 2)),
        (layout(15, names=(*S2, "QA60", "probability")), (4, 3, 2)),
        (layout(4, names=("blue", "green", "red", "nir")), (3, 2, 1)),
        (layout(7, names=("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "x", "y")), (4, 3, 2)),
        (layout(3, names=("B04", "B03", "B02")), (1, 2, 3)),
    ],
)
def test_bands_are_chosen_by_colour_name_and_number(
    bands: BandLayout, expected: tuple[int, ...]
) -> None:
    assert expected == choose_bands(bands, asked=(), name="a.tif")


def test_bands_asked_for_win() -> None:
    assert (2,) == choose_bands(layout(2), asked=(2,), name="a.tif")
    colours = ("red", "green", "blue", "undefined")
    assert (4, 1, 2) == choose_bands(layout(4, colours=colours), asked=(4, 1, 2), name="a.tif")


@pytest.mark.parametrize("asked", [(4, 3, 2), (0, 1, 2), (1, 2)])
def test_bands_that_are_not_there_are_refused(asked: tuple[int, ...]) -> None:
    with pytest.raises(
        UnsupportedRaster, match=r"a\.tif: bands .* expected one or three of 1 to 3"
    ):
        choose_bands(layout(3), asked=asked, name="a.tif")


def test_two_bands_are_refused_by_their_names() -> None:
    with pytest.raises(UnsupportedRaster, match=r"2 bands \(VV, VH\) .* name the bands"):
        choose_bands(layout(2, names=("VV", "VH")), asked=(), name="a.tif")


def test_complex_samples_are_refused() -> None:
    with pytest.raises(UnsupportedRaster, match="complex"):
        choose_bands(layout(1, dtype="complex64"), asked=(1,), name="a.tif")


@pytest.mark.parametrize(
    ("asked", "bands", "sensor", "expected"),
    [
        ("B04", layout(13, names=S2), None, 4),
        ("b4", layout(13, names=S2), None, 4),
        ("B8A", layout(13, names=S2), None, 9),
        ("red", layout(13, names=S2), None, 4),
        ("nir", layout(13, names=S2), None, 0),
        ("nir", layout(13, names=S2), SENTINEL_2, 8),
        ("swir16", layout(13, names=S2), SENTINEL_2, 12),
        ("nir", layout(12), SENTINEL_2, 8),
        ("nir", layout(10), SENTINEL_2, 7),
        ("cirrus", layout(12), SENTINEL_2, 0),
        ("nir", layout(4), SENTINEL_2, 0),
        ("red", layout(4, names=("B02", "B03", "B04", "B08")), SENTINEL_2, 3),
        ("red", layout(4, names=("blue", "green", "red", "nir")), SENTINEL_2, 3),
        ("B08", layout(4, names=("blue", "green", "red", "nir")), SENTINEL_2, 4),
        ("nir", layout(2, names=("a", "b"), common_names=("red", "nir")), None, 2),
        ("red", layout(7), LANDSAT_OLI, 4),
        ("nir", layout(1, names=("nir08",)), LANDSAT_OLI, 1),
        ("red", layout(6), LANDSAT_TM, 3),
        ("red", layout(3, names=("SR_B3", "SR_B2", "SR_B1")), LANDSAT_TM, 1),
        ("red", layout(3), LANDSAT_OLI, 1),
        ("nir", layout(4), NAIP, 4),
        ("green", layout(4, colours=("blue", "green", "red", "alpha")), SENTINEL_2, 2),
        ("pan", layout(1), None, 1),
        ("pan", layout(2, colours=("gray", "alpha")), None, 1),
        ("pan", layout(3), None, 0),
        ("pan", layout(2, names=("B8", "B9")), LANDSAT_OLI, 1),
        ("B8/B4", layout(13, names=S2), SENTINEL_2, 0),
    ],
)
def test_bands_are_found_by_name_and_common_name(
    asked: str, bands: BandLayout, sensor: Sensor | None, expected: int
) -> None:
    assert expected == find_band(asked, bands, sensor=sensor)


def test_names_and_numbers_can_be_asked_for_together() -> None:
    asked = ("nir", 4, "B03")
    chosen = choose_bands(layout(13, names=S2), asked=asked, name="a.tif", sensor=SENTINEL_2)
    assert (8, 4, 3) == chosen


def test_names_that_are_not_there_are_refused_by_name() -> None:
    with pytest.raises(
        UnsupportedRaster, match=r"a\.tif: no band swir16 in 3 bands; ask for others, or by number"
    ):
        choose_bands(layout(3), asked=("swir16", "green", "blue"), name="a.tif")
    with pytest.raises(UnsupportedRaster, match=r"no band red, green in 1 band \(B8\);"):
        choose_bands(layout(1, names=("B8",)), asked=("red", "green", 1), name="a.tif")


def test_common_names_are_chosen_from_where_nothing_is_asked() -> None:
    bands = layout(4, names=("a", "b", "c", "d"), common_names=("nir", "blue", "green", "red"))
    assert (4, 3, 2) == choose_bands(bands, asked=(), name="a.tif")
