from __future__ import annotations

import pytest

from satseek.errors import UnsupportedRaster
from satseek.imagery._sources import BandLayout
from satseek.imagery.bands import choose_bands


def layout(
    count: int,
    *,
    colours: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    dtype: str = "uint16",
    palette: tuple[tuple[int, int, int, int], ...] = (),
) -> BandLayout:
    return BandLayout(
        count=count,
        dtype=dtype,
        colours=colours or ("gray",) + ("undefined",) * (count - 1),
        descriptions=names or ("",) * count,
        palette=palette,
        masked=False,
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
