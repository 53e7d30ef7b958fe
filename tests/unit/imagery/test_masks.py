from __future__ import annotations

import numpy as np
import pytest

from satseek.imagery._sources import BandLayout
from satseek.imagery.masks import mask_band, uncovered


def layout(*names: str) -> BandLayout:
    return BandLayout(
        count=len(names),
        dtype="uint16",
        colours=("undefined",) * len(names),
        descriptions=names,
        palette=(),
        masked=False,
    )


def test_the_mask_is_found_by_its_name() -> None:
    assert mask_band(layout("B04", "SCL"), "scl") == 2
    assert mask_band(layout("scl", "red"), "scl") == 1
    assert mask_band(layout("SR_B4", "QA_PIXEL"), "qa_pixel") == 2
    assert mask_band(layout("sr_band4", "pixel_qa"), "qa_pixel") == 0  # of Collection 1
    assert mask_band(layout("B04", "SCL"), "none") == 0


def test_clouds_shadows_and_defects_of_the_scene_classification_cover_the_ground() -> None:
    seen = uncovered(np.arange(12, dtype=np.uint8)[np.newaxis], "scl")
    assert np.flatnonzero(seen).tolist() == [2, 4, 5, 6, 7, 11]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (21824, True),  # clear land, as USGS lists it
        (21952, True),  # clear water
        (30048, True),  # snow
        (1, False),  # fill
        (21826, False),  # dilated cloud
        (54596, False),  # cirrus
        (22280, False),  # cloud
        (23888, False),  # cloud shadow
    ],
)
def test_bits_of_qa_pixel_cover_the_ground(value: int, *, expected: bool) -> None:
    assert expected == uncovered(np.array([[value]], np.uint16), "qa_pixel")[0, 0]


def test_numbers_that_no_mask_has_cover_the_ground() -> None:
    odd = np.array([[-1, 4, 70_000]], np.int32)
    assert uncovered(odd, "scl").tolist() == [[False, True, False]]
    floats = np.array([[4.0, 9.0]], np.float32)
    assert uncovered(floats, "scl").tolist() == [[True, False]]
