"""The shipped model and real files: no-change pairs give no patch, changes do.

One scene of the made-up county is written again as other sensors, other compression and another
season would show it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import shapely
from counties import seen_county
from PIL import Image
from rasterio import Affine
from rasterio.transform import array_bounds
from rasterio.warp import Resampling, reproject, transform_bounds
from rasterio.windows import Window

from satseek.assemble import Assembly, Layout
from satseek.imagery.county.writing import ORIGIN_M
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.change.pairing import pair_up
from satseek.monitor.change.patches import find_patches
from satseek.monitor.change.series import read_series
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.monitor.change.pairing import Pairs

SIZE = 512
"""Rows and columns of the county's north-west that are seen: 64 cells."""
FIRST = "2024-05-03"
GRID = GridSpec(crs="EPSG:32633", chip_px=64, stride_px=64, pixel_size=1.0)


def _as_jpeg(pixels: np.ndarray) -> np.ndarray:
    room = io.BytesIO()
    Image.fromarray(pixels).save(room, format="JPEG", quality=60)
    return np.asarray(Image.open(room))


def _shaded(gains: tuple[float, float, float], gamma: float) -> Callable[[np.ndarray], np.ndarray]:
    def shade(pixels: np.ndarray) -> np.ndarray:
        return np.clip(255 * (pixels / 255) ** gamma * gains, 1, 255).astype(np.uint8)

    return shade


def _turned_yellow(pixels: np.ndarray) -> np.ndarray:
    """What is green loses its green, as in a dry summer."""
    red, green, blue = (pixels[..., band].astype(np.float32) for band in range(3))
    leafy = np.clip((green - np.maximum(red, blue)) / 20, 0, 1)[..., None]
    dry = np.stack([red * 1.35 + 12, green * 1.1 + 6, blue * 0.9], axis=-1)
    return np.clip(pixels * (1 - leafy) + dry * leafy, 1, 255).astype(np.uint8)


LOOKS = {
    "2024-06-03": _as_jpeg,
    "2024-06-04": _shaded((1.15, 1.15, 1.15), 1.0),
    "2024-06-05": _shaded((1.0, 1.0, 1.0), 1.3),
    "2024-06-06": _shaded((1.1, 1.0, 0.85), 0.9),
    "2024-06-07": _turned_yellow,
}


BUILT_ON = "2024-06-09"
BOX = (128, 256, 320, 448)
"""Left, top, right and bottom in pixels: nine cells."""


def _built(pixels: np.ndarray) -> np.ndarray:
    """Show rows of bright roofs where there was open ground, under another light."""
    left, top, right, bottom = BOX
    built = pixels.copy()
    rows, columns = np.mgrid[top:bottom, left:right]
    roofs = ((rows % 24) < 14) & ((columns % 16) < 11)
    built[top:bottom, left:right] = np.where(roofs[..., None], (190, 150, 135), (120, 122, 118))
    return _shaded((1.1, 1.1, 1.1), 1.0)(built)


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """Take the county's north-west before it changes: its pixels, and which were measured."""
    (path,) = seen_county().scenes.glob(f"*-nw_{FIRST}.tif")
    with rasterio.open(path) as raster:
        part = Window(0, 0, SIZE, SIZE)
        pixels = raster.read(window=part)
        return np.moveaxis(pixels, 0, 2), raster.dataset_mask(window=part) > 0


def _write(path: Path, pixels: np.ndarray, profile: dict[str, Any]) -> None:
    kept = {"driver": "GTiff", "dtype": "uint8", "count": 3, "nodata": 0}
    whereabouts = {name: profile[name] for name in ("crs", "transform", "width", "height")}
    with rasterio.open(path, "w", **kept, **whereabouts) as raster:
        raster.write(np.moveaxis(pixels, 2, 0))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Pairs]]:
    """Give the pairs of the first date with each of the looks."""
    home = tmp_path_factory.mktemp("quiet")
    pixels, valid = _scene()
    height, width = valid.shape
    there = Affine(1, 0, ORIGIN_M[0], 0, -1, ORIGIN_M[1])
    profile = {"crs": "EPSG:32633", "transform": there, "width": width, "height": height}
    folder = home / "scenes"
    folder.mkdir()
    for day, look in {FIRST: lambda one: one, **LOOKS, BUILT_ON: _built}.items():
        _write(folder / f"{day}.tif", np.where(valid[..., None], look(pixels), 0), profile)
    _write_elsewhere(folder / "2024-06-08.tif", np.where(valid[..., None], pixels, 0), profile)
    parts = Assembly(Settings(data_dir=home, model="starter"))
    with parts.writer("quiet", Layout(grid=GRID)) as collection:
        index_folder(folder, collection=collection, embedder=parts.embedder, batch=parts.batch)
        with collection.pinned() as index:
            series = read_series(index)
            first = series.occasion(FIRST)
            yield lambda day: pair_up(index, first, series.occasion(day))
    parts.close()


def _write_elsewhere(path: Path, pixels: np.ndarray, profile: dict[str, Any]) -> None:
    """Write the scene in degrees, as another provider would hand it over."""
    width, height = profile["width"], profile["height"]
    bounds = array_bounds(height, width, profile["transform"])
    west, south, east, north = transform_bounds(profile["crs"], "EPSG:4326", *bounds)
    across, down = (east - west) / width, (north - south) / height
    there = Affine(across, 0, west, 0, -down, north)
    turned = np.zeros((3, height, width), dtype=np.uint8)
    reproject(
        np.moveaxis(pixels, 2, 0),
        turned,
        src_transform=profile["transform"],
        src_crs=profile["crs"],
        dst_transform=there,
        dst_crs="EPSG:4326",
        src_nodata=0,
        dst_nodata=0,
        resampling=Resampling.cubic,
    )
    kept = profile | {"crs": "EPSG:4326", "transform": there}
    _write(path, np.moveaxis(turned, 0, 2), kept)


@pytest.mark.parametrize("day", LOOKS)
def test_a_pair_without_change_gives_no_patch(quiet: Callable[[str], Pairs], day: str) -> None:
    pairs = quiet(day)
    assert len(pairs) > 50
    assert [] == find_patches(pairs.cells, pairs.percentiles)


def test_scenes_of_two_crs_meet_on_one_grid(quiet: Callable[[str], Pairs]) -> None:
    pairs = quiet("2024-06-08")
    assert len(pairs) > 50
    assert [] == find_patches(pairs.cells, pairs.percentiles)


def test_what_was_built_over_is_found_in_another_light(quiet: Callable[[str], Pairs]) -> None:
    pairs = quiet(BUILT_ON)
    patches = find_patches(pairs.cells, pairs.percentiles)
    found = {cell for patch in patches for cell in patch.cells}
    outlines = outline_cells(pairs.cells)
    inside = np.array([_built_over(outline) for outline in outlines])
    hits = np.array([cell in found for cell in pairs.cells])
    assert hits[inside >= 0.99].mean() >= 0.8
    assert not hits[inside == 0].any()


def _built_over(outline: shapely.Polygon) -> float:
    """Share of a cell that lies in the box that was built over."""
    left, top, right, bottom = BOX
    corners = (ORIGIN_M[0] + left, ORIGIN_M[1] - bottom, ORIGIN_M[0] + right, ORIGIN_M[1] - top)
    box = shapely.box(*transform_bounds("EPSG:32633", "EPSG:4326", *corners))
    return float(outline.intersection(box).area / outline.area)
