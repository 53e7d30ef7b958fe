"""What becomes of every raster of the collected imagery, file by file, looked at by eye."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from satseek.errors import SatseekError
from satseek.imagery._sources import open_source
from satseek.imagery.chips import plan_chips, read_chip, read_chips
from satseek.imagery.recipes import recipe_named, resolve, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.imagery.stretching import apply, read_under
from satseek.types import GridSpec, Window

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "rasters"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the collected imagery (../shared/data) is not here"
)
GRID = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None)
RGB, GREY = (1, 2, 3), (1,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """A file that is read: chips are cells of at least half of which something was measured."""

    bands: tuple[int, ...] = RGB
    low: tuple[float, ...] = (0.0, 0.0, 0.0)
    high: tuple[float, ...] = (255.0, 255.0, 255.0)
    chips: int
    cells: int
    crs: str
    palette: bool = False
    brightest: int = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A file that is refused, in words that follow its path."""

    kind: str
    words: str


TABLE: dict[str, Indexed | Refused] = {
    "B01.tif": Indexed(
        bands=GREY, low=(327.0,), high=(5032.76,), chips=1, cells=1, crs="EPSG:32634"
    ),
    "B09.tif": Indexed(bands=GREY, low=(81.0,), high=(8773.0,), chips=1, cells=1, crs="EPSG:32634"),
    "RGB.byte.tif": Indexed(chips=6, cells=12, crs="EPSG:32618"),
    # as RGB.byte.tif, but zeros are not declared nodata
    "RGB2.byte.tif": Indexed(chips=9, cells=12, crs='PROJCS["UTM Zone 18,'),
    # every sample is 10000
    "RGBA.uint16.tif": Indexed(
        bands=(3, 2, 1),
        low=(9999.5, 9999.5, 9999.5),
        high=(10000.5, 10000.5, 10000.5),
        chips=2,
        cells=12,
        crs="EPSG:32612",
        brightest=128,
    ),
    "Spain_7370579_S1Hand.tif": Refused(
        kind="UnsupportedRaster",
        words="2 bands (VV, VH) without known colours; "
        "name the bands to show as red, green and blue",
    ),
    "Spain_7370579_S2Hand.tif": Indexed(
        bands=(4, 3, 2),
        low=(571.0, 717.0, 909.0),
        high=(2425.0, 2103.0, 1932.0),
        chips=4,
        cells=6,
        crs="EPSG:4326",
    ),
    "TCI.tif": Indexed(chips=16, cells=25, crs="EPSG:32634"),
    "all-nodata.tif": Refused(kind="NoValidPixels", words="no pixel was measured, all are nodata"),
    "cog_cmap.tif": Indexed(
        bands=GREY, low=(0.0,), high=(255.0,), chips=513, cells=1015, crs="EPSG:3857", palette=True
    ),
    # quality bits: 1 is fill, 21824 clear; nothing says so
    "cog_dateline.tif": Indexed(
        bands=GREY, low=(1.0,), high=(23888.0,), chips=81, cells=100, crs="EPSG:32660"
    ),
    "cog_gcps.tif": Indexed(
        bands=GREY, low=(0.0,), high=(176.0,), chips=15, cells=30, crs="EPSG:4326"
    ),
    "cog_int16.tif": Indexed(
        bands=GREY, low=(69.0,), high=(176.0,), chips=55, cells=121, crs="EPSG:32621"
    ),
    "cog_nodata_nan.tif": Indexed(
        bands=GREY, low=(0.05,), high=(0.44,), chips=2, cells=9, crs="EPSG:32610"
    ),
    "cog_nonearth.tif": Refused(
        kind="UnsupportedRaster", words="not on Earth, its CRS has an ellipsoid of 1561 km"
    ),
    "cog_rgb_mask.tif": Indexed(chips=1, cells=1, crs="EPSG:26913", brightest=254),
    "cog_rgba.tif": Indexed(chips=1, cells=1, crs="EPSG:26913", brightest=254),
    # land is 1, sea is nodata
    "cog_world.tif": Indexed(
        bands=GREY, low=(0.0,), high=(255.0,), chips=57, cells=10224, crs="EPSG:4326", brightest=1
    ),
    "corrupt.tif": Refused(
        kind="UnreadableImage",
        words="cut short, a block ends at byte 307086 and the file at 298232",
    ),
    "goes.tif": Indexed(chips=4, cells=16, crs='PROJCS["unnamed",GEO', brightest=198),
    "image_colormap.tif": Indexed(
        bands=GREY,
        low=(0.0,),
        high=(255.0,),
        chips=8,
        cells=20,
        crs='PROJCS["WGS_1984_Lam',
        palette=True,
        brightest=232,
    ),
    # 43 % of it was measured
    "image_float.tif": Indexed(
        bands=GREY, low=(0.0,), high=(0.35,), chips=0, cells=1, crs="EPSG:4326", brightest=0
    ),
    "image_geos.tif": Indexed(chips=12, cells=24, crs='PROJCS["unknown",GEO'),
    # holds zeros alone
    "image_web_z5_z11.tif": Indexed(chips=1089, cells=1156, crs="EPSG:3857", brightest=0),
    "image_webp.tif": Indexed(chips=4, cells=9, crs="EPSG:3857", brightest=243),
    # holds its nodata value alone
    "inverted_lat.tif": Refused(
        kind="NoValidPixels", words="no pixel was measured, all are nodata"
    ),
    "landsat_1985.tif": Indexed(chips=3, cells=8, crs="EPSG:4326"),
    "landsat_2000.tif": Indexed(chips=3, cells=8, crs="EPSG:4326"),
    "landsat_2020.tif": Indexed(chips=3, cells=8, crs="EPSG:4326"),
    # its neighbour mosaic_cog2.tif gets other numbers: fit a recipe to both
    "mosaic_cog1.tif": Indexed(
        low=(6410.0, 7085.0, 8407.0),
        high=(14821.0, 14356.0, 14956.86),
        chips=6,
        cells=16,
        crs="EPSG:32618",
    ),
    "mosaic_cog2.tif": Indexed(
        low=(6377.0, 7232.0, 8292.0),
        high=(12686.0, 12002.5, 12054.5),
        chips=8,
        cells=16,
        crs="EPSG:32618",
    ),
    "naip_20090818.tif": Indexed(chips=9, cells=20, crs="EPSG:26914", brightest=220),
    "naip_20140720.tif": Indexed(chips=9, cells=20, crs="EPSG:26914", brightest=236),
    "naip_20200831.tif": Indexed(chips=9, cells=20, crs="EPSG:26914", brightest=219),
    "oem_koeln_50.tif": Indexed(chips=16, cells=20, crs="EPSG:25832"),
    "scene_band1.tif": Indexed(
        bands=GREY, low=(2797.0,), high=(4590.0,), chips=4, cells=12, crs="EPSG:32629"
    ),
    "scene_band2.tif": Indexed(
        bands=GREY, low=(2760.0,), high=(4529.0,), chips=4, cells=12, crs="EPSG:32629"
    ),
    # zeros on an eighth of it, else nodata
    "shade.tif": Indexed(
        bands=GREY, low=(0.0,), high=(255.0,), chips=0, cells=25, crs="EPSG:3857", brightest=0
    ),
    "slc.tif": Refused(
        kind="UnsupportedRaster",
        words="complex samples (complex_int16); convert to amplitude first",
    ),
}
"""By file. Where 8 bits are delivered they are shown as they are; all else is stretched between the
scene's 2nd and 98th percentile; what has no honest picture is refused by name."""

LARGE = {"cog_world.tif": 200}
"""Only the last so many cells are read, so that this suite stays fast."""


def test_the_table_is_complete() -> None:
    with (FOLDER / "manifest.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["file"] for row in csv.DictReader(file)}
    assert listed == set(TABLE)
    assert {path.name for path in FOLDER.glob("*.tif")} == set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_rasters_are_read_or_refused(name: str) -> None:
    expected = TABLE[name]
    assert expected == (refused(name) if isinstance(expected, Refused) else indexed(name))


def refused(name: str) -> Refused:
    with pytest.raises(SatseekError) as caught:
        indexed(name)
    words = str(caught.value)
    assert "\n" not in words
    return Refused(kind=type(caught.value).__name__, words=words.removeprefix(f"{FOLDER / name}: "))


def indexed(name: str) -> Indexed:
    scene = describe_scene(FOLDER / name, root=FOLDER)
    plan = plan_chips(scene, grid=GRID)
    stretch = stretch_of(scene, recipe_named("auto"))
    assert stretch_of(scene, recipe_named("auto@1")) == stretch  # none says what product it is
    start = len(plan) - LARGE.get(name, len(plan))
    cells = list(read_chips(scene, plan=plan, stretch=stretch, start=start))
    found = [cell for cell in cells if cell.chip is not None and cell.pixels is not None]
    for first in found[:1]:
        assert first.chip is not None
        assert first.pixels is not None
        again = read_chip(first.chip, stretch=stretch)
        assert np.abs(first.pixels.astype(int) - again).mean() < 1
    return Indexed(
        bands=stretch.bands,
        low=tuple(round(low, 2) for low in stretch.low),
        high=tuple(round(high, 2) for high in stretch.high),
        chips=len(found),
        cells=len(plan),
        crs=(scene.crs or "")[:20],
        palette=bool(stretch.palette),
        brightest=max(
            (int(one.pixels.max()) for one in found if one.pixels is not None), default=0
        ),
    )


SERIES = {
    "naip": ("naip_20090818.tif", "naip_20140720.tif", "naip_20200831.tif"),
    "naip-false": ("naip_20090818.tif", "naip_20140720.tif", "naip_20200831.tif"),
    "rgb8": ("landsat_1985.tif", "landsat_2000.tif", "landsat_2020.tif"),
}


def colours(name: str, recipe: str) -> np.ndarray:
    """Median colour of what was measured."""
    with open_source(FOLDER / name) as source:
        stretch = resolve(source, recipe_named(recipe))
        whole = Window(column=0, row=0, width=source.width, height=source.height)
        read = read_under(source, whole, stretch)
    return np.median(apply(read.values, stretch)[read.valid], axis=0)


@pytest.mark.parametrize("recipe", SERIES)
def test_a_series_is_stretched_by_the_same_numbers(recipe: str) -> None:
    found = []
    for name in SERIES[recipe]:
        with open_source(FOLDER / name) as source:
            found.append(resolve(source, recipe_named(recipe)))
    assert [found[0]] * len(found) == found


@pytest.mark.parametrize("recipe", ["naip", "rgb8"])
def test_colours_of_a_series_compare(recipe: str) -> None:
    """Percentiles of each date would move the colours of the same place further apart."""

    def apart(recipe: str, names: tuple[str, ...]) -> float:
        return float(np.ptp([colours(name, recipe) for name in names], axis=0).max())

    names = SERIES[recipe]
    assert apart(recipe, names) < apart("percentile16", names)


def test_reflectance_is_shown_by_its_product() -> None:
    """Sen1Floods11's optical chips are Level-1C in 13 named bands, reflectance × 10000."""
    path = FOLDER / "Spain_7370579_S2Hand.tif"
    with open_source(path) as source:
        true = resolve(source, recipe_named("sentinel2-l1c"))
        false = resolve(source, recipe_named("sentinel2-l2a-false"))
    assert ((4, 3, 2), (3558.0,) * 3) == (true.bands, true.high)
    assert ((8, 4, 3), (4000.0,) * 3) == (false.bands, false.high)


@pytest.mark.parametrize(
    ("name", "recipe", "words"),
    [
        ("RGB.byte.tif", "sentinel2-l2a", "recipe sentinel2-l2a takes samples of 16 bits"),
        ("image_float.tif", "fixed16", "recipe fixed16 takes integers from 0 to 3000"),
        ("mosaic_cog1.tif", "naip", "recipe naip takes uint8 samples, these are uint16"),
        ("scene_band1.tif", "landsat-c2-l2", "no band red, green, blue in 1 band;"),
        ("RGB.byte.tif", "panchromatic", "no band pan in 3 bands"),
    ],
)
def test_other_products_are_refused(name: str, recipe: str, words: str) -> None:
    scene = describe_scene(FOLDER / name, root=FOLDER)
    with pytest.raises(SatseekError, match=words):
        stretch_of(scene, recipe_named(recipe))
