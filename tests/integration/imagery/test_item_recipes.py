"""STAC items whose bands are files of their own are stretched by what they say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from stacmaking import EDGE, make_item, write_band

from satseek.imagery.candidates import find_candidates
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.reach import Reach
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.types import GridSpec

if TYPE_CHECKING:
    from pathlib import Path

    import pystac

    from satseek.types import Recipe, Scene

GRID = GridSpec(crs=None, chip_px=128, stride_px=128, pixel_size=None)


def scene_of(item: pystac.Item, folder: Path, recipe: Recipe) -> Scene:
    path = folder / "item.json"
    item.save_object(dest_href=str(path), include_self_link=False)
    candidates = find_candidates(str(path), reach=Reach().and_named(str(path)))
    (candidate,) = candidates
    return candidate.describe(recipe)


@pytest.mark.parametrize("recipe", ["auto", "sentinel2-l2a"])
def test_bands_offset_and_clouds_of_an_item(tmp_path: Path, recipe: str) -> None:
    item = make_item(tmp_path, "day1", day=1)
    item.properties["processing:level"] = "L2A"
    clouds = np.full((EDGE // 2, EDGE // 2), 4, np.uint8)
    clouds[: EDGE // 4, : EDGE // 4] = 9  # 20 m: the upper left quarter
    write_band(tmp_path / "SCL.tif", clouds, pixel=20)

    asked = recipe_named(recipe)
    scene = scene_of(item, tmp_path, asked)
    stretch = stretch_of(scene, asked)

    assert stretch.recipe == "sentinel2-l2a@1"
    shown = tuple(scene.band_names[band - 1] for band in stretch.bands)
    assert ("B04", "B03", "B02", "SCL") == (*shown, scene.band_names[stretch.mask_band - 1])
    assert ((1000.0,) * 3, (4000.0,) * 3) == (stretch.low, stretch.high)
    assert "offset as its bands declare" in stretch.why
    cells = list(read_chips(scene, plan=plan_chips(scene, grid=GRID), stretch=stretch))
    hidden = {(i % 4, i // 4) for i, cell in enumerate(cells) if cell.chip is None}
    assert {(0, 0), (1, 0), (0, 1), (1, 1)} == hidden


def test_false_colour_of_an_item(tmp_path: Path) -> None:
    item = make_item(tmp_path, "day1", day=1)
    asked = recipe_named("sentinel2-l2a-false")
    scene = scene_of(item, tmp_path, asked)
    stretch = stretch_of(scene, asked)
    assert ["B08", "B04", "B03"] == [scene.band_names[band - 1] for band in stretch.bands]
    assert (5000.0,) * 3 == stretch.high


def test_assets_named_after_colours(tmp_path: Path) -> None:
    """Earth Search names assets so, and says whether it took the offset off."""
    item = make_item(tmp_path, "S2B_33UXP_20250302_0_L2A", day=1)
    said: dict[str, Any] = {
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": "05.11",
        "earthsearch:boa_offset_applied": True,
    }
    item.properties |= said
    for name, common in (("B02", "blue"), ("B03", "green"), ("B04", "red"), ("SCL", "scl")):
        item.assets[common] = item.assets.pop(name)
        item.assets[common].extra_fields.pop("eo:bands", None)
    asked = recipe_named("auto")
    scene = scene_of(item, tmp_path, asked)
    stretch = stretch_of(scene, asked)
    assert stretch.recipe == "sentinel2-l2a@1"
    names = [scene.band_names[band - 1] for band in (*stretch.bands, stretch.mask_band)]
    assert names == ["red", "green", "blue", "scl"]
    assert ((0.0,) * 3, (3000.0,) * 3) == (stretch.low, stretch.high)


def test_an_item_that_names_no_product_is_stretched_as_ever(tmp_path: Path) -> None:
    item = make_item(tmp_path, "day1", day=1)
    item.properties.pop("platform")
    asked = recipe_named("auto")
    scene = scene_of(item, tmp_path, asked)
    stretch = stretch_of(scene, asked)
    assert ("auto@2", 0) == (stretch.recipe, stretch.mask_band)
    assert recipe_named("auto@1").stretch == "auto"
    assert stretch_of(scene, recipe_named("auto@1")) == stretch
