"""Scenes of known products become pixels by what they say of themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from satseek.errors import NoValidPixels, UnsupportedRaster
from satseek.imagery._sources import BandLayout
from satseek.imagery.calibration import calibrated
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.recipes import Stretch, apply, recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.types import GridSpec

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import MakeRaster

    from satseek.imagery.chips import ReadChip

L2A = "S2B_MSIL2A_20230111T121649_N{}_R066_T27PTS_20230117T211543.tif"
LANDSAT = "LC08_L2SP_196024_20210905_20210910_02_T1.tif"
ALIGNED = Affine(10.0, 0.0, 500_160.0, 0.0, -10.0, 5_200_000.0)
"""Puts chips of 32 pixels on the grid."""
NAMES = ("B02", "B03", "B04", "B08", "SCL")


def sentinel(edge: int = 64, *, shift: int = 0) -> np.ndarray:
    """Reflectances 0.03, 0.06, 0.15 of blue, green, red; classes of vegetation."""
    values = np.empty((5, edge, edge), np.uint16)
    for band, sample in enumerate((300, 600, 1500, 2000)):
        values[band] = sample + shift
    values[4] = 4
    return values


def resolved(path: Path, recipe: str = "auto", **properties: Any) -> Stretch:
    scene = describe_scene(path, root=path.parent)
    known = replace(scene, properties={**scene.properties, **properties})
    return stretch_of(known, recipe_named(recipe))


def chips(path: Path, recipe: str, *, grid: GridSpec | None = None) -> list[ReadChip]:
    scene = describe_scene(path, root=path.parent)
    cells = grid or GridSpec(crs=None, chip_px=32, stride_px=32, pixel_size=None)
    stretch = stretch_of(scene, recipe_named(recipe))
    return list(read_chips(scene, plan=plan_chips(scene, grid=cells), stretch=stretch))


def test_the_offset_of_newer_baselines_changes_no_pixel(make_raster: MakeRaster) -> None:
    before = make_raster(L2A.format("0301"), sentinel(), names=NAMES)
    after = make_raster(L2A.format("0400"), sentinel(shift=1000), names=NAMES)
    old, new = resolved(before), resolved(after)
    assert ("sentinel2-l2a@1",) * 2 == (old.recipe, new.recipe)
    assert ((0.0,) * 3, (3000.0,) * 3) == (old.low, old.high)
    assert ((1000.0,) * 3, (4000.0,) * 3) == (new.low, new.high)
    assert "offset -0.1 as s2:processing_baseline is 04.00" in new.why
    shades = [
        apply(values[[2, 1, 0]], stretch)
        for values, stretch in ((sentinel(), old), (sentinel(shift=1000), new))
    ]
    np.testing.assert_array_equal(*shades)
    assert [128, 51, 26] == shades[0][0, 0].tolist()


@pytest.mark.parametrize(
    ("properties", "low", "why"),
    [
        ({}, 0.0, "no processing baseline is known"),
        ({"s2:processing_baseline": "04.00"}, 1000.0, "s2:processing_baseline is 04.00"),
        (
            {"s2:processing_baseline": "04.00", "earthsearch:boa_offset_applied": True},
            0.0,
            "boa_offset_applied is true",
        ),
        (
            {"s2:processing_baseline": "04.00", "earthsearch:boa_offset_applied": False},
            1000.0,
            "s2:processing_baseline is 04.00",
        ),
    ],
)
def test_the_offset_is_the_scenes(
    make_raster: MakeRaster, properties: dict[str, Any], low: float, why: str
) -> None:
    path = make_raster("a.tif", sentinel(), names=NAMES)
    stretch = resolved(path, "sentinel2-l2a", **properties)
    assert (low,) * 3 == stretch.low
    assert why in stretch.why


def test_what_bands_declare_goes_before_the_baseline(make_raster: MakeRaster) -> None:
    path = make_raster("a.tif", sentinel(), names=NAMES)
    with rasterio.open(path, "r+") as scene:
        scene.scales, scene.offsets = (0.0002,) * 5, (-0.05,) * 5
    stretch = resolved(path, "sentinel2-l2a", **{"s2:processing_baseline": "03.01"})
    assert ((250.0,) * 3, (1750.0,) * 3) == (stretch.low, stretch.high)
    assert "offset as its bands declare" in stretch.why
    applied = {"earthsearch:boa_offset_applied": True}
    assert (0.0,) * 3 == resolved(path, "sentinel2-l2a", **applied).low
    assert (0.0,) * 3 == resolved(path, "fixed16").low  # whose numbers are samples


def test_only_a_recipe_that_says_so_looks_at_what_is_declared() -> None:
    layout = BandLayout(
        count=1,
        dtype="uint16",
        colours=("gray",),
        descriptions=("B04",),
        palette=(),
        masked=True,
        scales=(0.5,),
        offsets=(None,),
    )
    recipe = replace(recipe_named("landsat-c2-l2"), low=0.0, high=10.0, scale=0.25, offset=-1.0)
    assert calibrated(layout, recipe, bands=[1], properties={})[:2] == ((2.0,), (22.0,))
    own = replace(recipe, calibration="recipe", cuts=((1.0, 2.0),))
    assert calibrated(layout, own, bands=[1], properties={})[:2] == ((8.0,), (12.0,))


def test_landsat_is_found_by_its_product_name(make_raster: MakeRaster) -> None:
    values = np.full((7, 32, 32), 9000, np.uint16)
    stretch = resolved(make_raster(LANDSAT, values))
    assert ("landsat-c2-l2@1", (4, 3, 2)) == (stretch.recipe, stretch.bands)
    assert (7272.727273, 18181.818182) == (stretch.low[0], stretch.high[0])
    assert "no band qa_pixel: clouds are not masked" in stretch.why
    older = resolved(make_raster(LANDSAT.replace("LC08", "LT05"), values[:6]))
    assert ("landsat-c2-l2@1", (3, 2, 1)) == (older.recipe, older.bands)


def test_naip_stays_as_it_is(make_raster: MakeRaster) -> None:
    values = np.full((4, 32, 32), 90, np.uint8)
    stretch = resolved(make_raster("m_4709958_se_14_1_20140720.tif", values))
    assert ("naip@1", (1, 2, 3), (255.0,) * 3) == (stretch.recipe, stretch.bands, stretch.high)
    path = make_raster("b.tif", values, photometric="rgb", alpha="no")
    assert (4, 1, 2) == resolved(path, "naip-false").bands


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (sentinel()[2:3], ("B04",)),  # one band of a product's folder
        (sentinel()[:3].astype(np.uint8), ("red", "green", "blue")),  # its picture
        (sentinel()[:3].astype(np.float32), ("B02", "B03", "B04")),
    ],
)
def test_what_is_not_the_product_itself_is_stretched_as_ever(
    make_raster: MakeRaster, values: np.ndarray, names: tuple[str, ...]
) -> None:
    path = make_raster(L2A.format("0509"), values, names=names)
    stretch = resolved(path)
    assert resolved(path, "auto@1") == stretch
    assert stretch.recipe == "auto@2"
    assert "its bands or samples are not those of sentinel2-l2a" in stretch.why


def test_an_older_auto_looks_at_samples_alone(make_raster: MakeRaster) -> None:
    path = make_raster(L2A.format("0509"), sentinel(), names=NAMES)
    assert ("auto@1", "") == ((old := resolved(path, "auto@1")).recipe, old.why)


@pytest.mark.parametrize(
    ("recipe", "dtype", "reason"),
    [
        ("sentinel2-l2a", "uint8", "takes samples of 16 bits"),
        ("sentinel2-l1c", "float32", "takes integers as delivered"),
        ("naip", "uint16", "takes uint8 samples"),
    ],
)
def test_samples_that_are_not_the_products_are_refused(
    make_raster: MakeRaster, recipe: str, dtype: str, reason: str
) -> None:
    path = make_raster("a.tif", sentinel()[:3].astype(dtype))
    with pytest.raises(UnsupportedRaster, match=f"recipe {recipe} {reason}"):
        resolved(path, recipe)


def test_panchromatic_shows_one_band(make_raster: MakeRaster) -> None:
    pan = np.arange(32 * 32, dtype=np.uint16).reshape(1, 32, 32)
    assert (1,) == resolved(make_raster("a.tif", pan), "panchromatic").bands
    eight = resolved(make_raster("b.tif", pan.astype(np.uint8)), "panchromatic")
    assert (255.0,) == eight.high
    with pytest.raises(UnsupportedRaster, match="no band pan in 5 bands"):
        resolved(make_raster("c.tif", sentinel()), "panchromatic")


def test_gamma_brightens_what_is_dark() -> None:
    values = np.array([[[0, 64, 128, 255]]], np.uint8)
    one = Stretch(bands=(1,), low=(0.0,), high=(255.0,))
    assert [0, 64, 128, 255] == apply(values, one)[0, :, 0].tolist()
    brighter = replace(one, gamma=2.0)
    assert [0, 128, 181, 255] == apply(values, brighter)[0, :, 0].tolist()
    assert [0, 128, 181, 255] == apply(values.astype(np.float64), brighter)[0, :, 0].tolist()


def test_cloudy_chips_are_left_out(make_raster: MakeRaster) -> None:
    values = sentinel()
    values[4, :32, :32] = 9
    values[4, :8, 32:] = 3
    path = make_raster(L2A.format("0301"), values, names=NAMES, transform=ALIGNED)
    read = chips(path, "auto")
    assert [False, True, True, True] == [one.chip is not None for one in read]
    assert [0.75, 1.0, 1.0] == [one.chip.valid_fraction for one in read if one.chip is not None]
    shown = read[1].pixels
    assert shown is not None
    assert [[0, 0, 0], [128, 51, 26]] == [shown[0, 0].tolist(), shown[31, 0].tolist()]
    assert all(one.chip is not None for one in chips(path, "auto@1"))


def test_a_scene_under_clouds_is_refused(make_raster: MakeRaster) -> None:
    values = sentinel()
    values[4] = 8
    path = make_raster(L2A.format("0301"), values, names=NAMES)
    with pytest.raises(NoValidPixels, match="all are nodata or under clouds"):
        chips(path, "sentinel2-l2a")


def test_classes_are_not_blended_where_a_scene_is_warped(make_raster: MakeRaster) -> None:
    values = sentinel()
    values[4, :, 32:] = 8  # between 4 and 8 lie 5, 6 and 7, which are no clouds
    path = make_raster(L2A.format("0301"), values, names=NAMES)
    grid = GridSpec(crs="EPSG:32632", chip_px=64, stride_px=64, pixel_size=10.0)
    pixels = [
        one.pixels for one in chips(path, "sentinel2-l2a", grid=grid) if one.pixels is not None
    ]
    shades = {tuple(shade) for image in pixels for shade in image.reshape(-1, 3).tolist()}
    assert {(0, 0, 0), (128, 51, 26)} == shades


def test_clouds_do_not_count_among_percentiles(make_raster: MakeRaster) -> None:
    values = sentinel()
    values[:3, :, 32:] = 9000
    values[4, :, 32:] = 10
    path = make_raster("a.tif", values, names=NAMES)
    scene = describe_scene(path, root=path.parent)
    recipe = replace(recipe_named("generic16"), mask="scl")
    assert 1500.5 == stretch_of(scene, recipe).high[0]
    values[4] = 9
    path = make_raster("b.tif", values, names=NAMES)
    with pytest.raises(
        NoValidPixels, match="no pixel was measured, all are nodata or under clouds"
    ):
        stretch_of(describe_scene(path, root=path.parent), recipe)
