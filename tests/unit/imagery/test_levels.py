"""Chips of several sizes on one lattice."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import Resampling
from rasterio.transform import Affine
from shapely import union_all
from shapely.geometry import shape

from satseek.errors import InvalidRequest
from satseek.imagery import chips
from satseek.imagery.chips import ReadChip, plan_chips, read_chip, read_chips
from satseek.imagery.grid import lay_out_levels, parse_cell
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.types import GridSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.types import Chip, Pixels

GRID = GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None, levels=(1, 2, 4))
ON_LATTICE = Affine(10.0, 0.0, 392 * 640.0, 0.0, -10.0, 4000 * 640.0)


def moved_by(columns: int, rows: int) -> Affine:
    return Affine(10, 0, ON_LATTICE.c + 10 * columns, 0, -10, ON_LATTICE.f - 10 * rows)


def read(
    path: Path, *, grid: GridSpec = GRID, min_valid: float = 0.5, start: int = 0
) -> list[ReadChip]:
    scene = describe_scene(path, root=path.parent)
    plan = plan_chips(scene, grid=grid)
    stretch = stretch_of(scene, recipe_named("auto"))
    found = list(read_chips(scene, plan=plan, stretch=stretch, min_valid=min_valid, start=start))
    assert list(range(start, len(plan))) == [one.position for one in found]
    return found


def by_level(found: list[ReadChip], level: int) -> dict[str, tuple[Chip, Pixels]]:
    return {
        one.chip.cell: (one.chip, one.pixels)
        for one in found
        if one.chip is not None and one.pixels is not None and one.chip.level == level
    }


def means(pixels: NDArray[Any], step: int) -> NDArray[np.float64]:
    """Mean of each ``step`` x ``step`` pixels of (h, w, 3)."""
    height, width, _ = pixels.shape
    blocks = pixels.reshape(height // step, step, width // step, step, 3)
    return np.asarray(blocks.mean(axis=(1, 3)))


def test_large_chips_show_the_small_ones_reduced(make_raster: Any, noise: NDArray[Any]) -> None:
    found = read(make_raster("a.tif", noise[:, :512, :512], transform=ON_LATTICE))
    small, middle, large = (by_level(found, level) for level in (1, 2, 4))
    assert (64, 16, 4) == (len(small), len(middle), len(large))
    assert "epsg32633_10_64_x392y3999" in small
    chip, pixels = middle["epsg32633_10_64l2_x196y1999"]
    assert (64, 64, 3) == pixels.shape
    assert (128, 128) == (chip.window.width, chip.window.height)
    scene = np.moveaxis(noise, 0, 2)
    assert np.abs(means(scene[:128, :128], 2) - pixels).max() <= 1
    assert np.abs(means(scene[:256, :256], 4) - large["epsg32633_10_64l4_x98y999"][1]).max() <= 1
    parts = [shape(one.footprint) for one, _ in small.values() if one.window.column < 128]
    within = [part for part in parts if shape(chip.footprint).buffer(1e-7).covers(part)]
    assert len(within) == 4
    assert shape(chip.footprint).symmetric_difference(union_all(within)).area < 1e-8


@pytest.mark.parametrize("moved", [(0, 0), (1, 0), (3, 5), (7, 2)])
def test_a_shifted_scene_has_the_same_cells_and_pixels_at_every_level(
    make_raster: Any, noise: NDArray[Any], moved: tuple[int, int]
) -> None:
    x, y = moved
    shifted = moved_by(x, y)
    one = read(make_raster("a.tif", noise, transform=ON_LATTICE), min_valid=1.0)
    other = read(make_raster("b.tif", noise[:, y:, x:], transform=shifted), min_valid=1.0)
    for level in GRID.levels:
        here, there = by_level(one, level), by_level(other, level)
        assert there
        assert there.keys() <= here.keys()
        for cell, (chip, pixels) in there.items():
            np.testing.assert_array_equal(here[cell][1], pixels)
            assert here[cell][0].footprint == chip.footprint


def test_a_south_up_scene_has_the_same_large_chips(make_raster: Any, noise: NDArray[Any]) -> None:
    south_up = Affine(10.0, 0.0, ON_LATTICE.c, 0.0, 10.0, ON_LATTICE.f - 6000)
    one = by_level(read(make_raster("a.tif", noise, transform=ON_LATTICE), min_valid=1.0), 2)
    other = by_level(
        read(make_raster("b.tif", noise[:, ::-1], transform=south_up), min_valid=1.0), 2
    )
    assert one.keys() == other.keys()
    for cell in one:
        assert np.abs(one[cell][1].astype(int) - other[cell][1]).max() <= 1  # halves round up


def test_chips_of_all_levels_are_read_again_as_they_were(
    make_raster: Any, noise: NDArray[Any], tmp_path: Path
) -> None:
    plain = tmp_path / "plain.png"
    Image.fromarray(np.moveaxis(noise, 0, 2)).save(plain)
    odd = moved_by(3, 5)
    degrees = Affine(1e-4, 0.0, 15.0, 0.0, -1e-4, 47.0)
    on_utm = replace(GRID, crs="EPSG:32633", pixel_size=10.0)
    cases = [
        (make_raster("a.tif", noise, transform=odd), GRID, 0.0),
        (make_raster("b.tif", noise, crs="EPSG:4326", transform=degrees), on_utm, 4.0),
        (plain, GRID, 0.0),
    ]
    for path, grid, off in cases:
        found = read(path, grid=grid)
        stretch = stretch_of(describe_scene(path, root=path.parent), recipe_named("auto"))
        for level in GRID.levels:
            kept = by_level(found, level)
            assert len(kept) > 3, (path, level)
            for chip, pixels in list(kept.values())[:4]:
                again = read_chip(chip, stretch=stretch)
                assert np.abs(again.astype(int) - pixels).mean() <= off, chip.id


def test_plain_images_are_covered_at_every_level(tmp_path: Path, noise: NDArray[Any]) -> None:
    path = tmp_path / "plain.png"
    scene = np.moveaxis(noise, 0, 2)
    Image.fromarray(scene).save(path)
    middle = by_level(read(path), 2)
    assert len(middle) == 6 * 5
    pixels = middle["px_64l2_x128y0"][1]
    np.testing.assert_allclose(means(scene[:128, 128:256], 2), pixels, atol=0.51)
    last = middle["px_64l2_x572y472"][0].window
    assert (700, 600) == (last.column + last.width, last.row + last.height)


@pytest.mark.parametrize("start", [1, 110, 111, 130, 150])
def test_reading_goes_on_where_it_stopped(
    make_raster: Any, noise: NDArray[Any], start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chips, "SET_BYTES", 3 * 64 * 64 * 10)
    path = make_raster("a.tif", noise)
    whole, rest = read(path), read(path, start=start)
    assert len(whole) - start == len(rest)
    for one, other in zip(whole[start:], rest, strict=True):
        assert one.chip == other.chip
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_window_sets_change_no_pixel(
    make_raster: Any, noise: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_raster("a.tif", noise)
    together = read(path)
    monkeypatch.setattr(chips, "SET_BYTES", 1)
    for one, other in zip(together, read(path), strict=True):
        assert one.chip == other.chip
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_what_was_not_measured_is_left_out_of_the_mean(
    make_raster: Any, noise: NDArray[Any]
) -> None:
    half = noise[:, :512, :512].copy()
    half[:, :, 1::2] = 0  # every other column
    found = by_level(read(make_raster("a.tif", half, transform=ON_LATTICE, nodata=0)), 2)
    chip, pixels = found["epsg32633_10_64l2_x196y1999"]
    assert chip.valid_fraction == 1.0
    scene = np.moveaxis(half[:, :128, :128], 0, 2)
    kept = scene[:, ::2].reshape(64, 2, 64, 3).mean(axis=1)
    assert np.abs(kept - pixels).max() <= 1


def test_overviews_are_used_where_there_are_any(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", np.full((3, 512, 512), 50, np.uint8), transform=ON_LATTICE)
    with rasterio.open(path, "r+") as scene:
        scene.build_overviews([2], Resampling.nearest)
    with rasterio.open(path, "r+") as scene:
        scene.write(noise[:, :512, :512])  # the overview stays what it was
    found = read(path)
    assert all((pixels == 50).all() for _, pixels in by_level(found, 2).values())
    assert by_level(found, 2)
    assert any(pixels.max() > 200 for _, pixels in by_level(found, 1).values())


def test_classes_are_not_averaged(make_raster: Any) -> None:
    numbers = np.indices((512, 512)).sum(axis=0, keepdims=True).astype(np.uint8) % 2
    palette = {0: (255, 0, 0, 255), 1: (0, 0, 255, 255)}
    path = make_raster("a.tif", numbers, transform=ON_LATTICE, palette=palette)
    for _, pixels in by_level(read(path), 2).values():
        assert {(255, 0, 0), (0, 0, 255)} >= {tuple(one) for one in pixels.reshape(-1, 3).tolist()}


def test_no_chip_is_larger_than_its_scene(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise[:, :130, :400], transform=ON_LATTICE)
    assert {1, 2} == {one.chip.level for one in read(path) if one.chip}
    whole = make_raster("b.tif", noise[:, :80, :80], transform=ON_LATTICE)
    assert [1] == [one.chip.level for one in read(whole) if one.chip]


def test_one_level_is_what_it_always_was(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise)
    alone = read(path, grid=replace(GRID, levels=(1,)))
    among = read(path)
    for one, other in zip(alone, among, strict=False):
        assert one.chip == other.chip
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_a_large_cells_name_reads_back(make_raster: Any, noise: NDArray[Any]) -> None:
    grid = replace(GRID, stride_px=32)
    scene = describe_scene(make_raster("a.tif", noise), root=make_raster("a.tif", noise).parent)
    for layout in lay_out_levels(scene, grid):
        cell = layout.cell(layout.columns[3], layout.rows[2])
        parsed = parse_cell(cell)
        assert parsed is not None
        lattice, frame = parsed
        assert (layout.lattice, layout.level) == (lattice, lattice.level)
        assert (64, 64, layout.level) == (frame.width, frame.height, frame.step)
        left = layout.columns[3].label * 32 * layout.level * 10.0
        assert (left, 10.0 * layout.level) == (frame.transform[2], frame.transform[0])
        assert all(b.start - a.start == 32 for a, b in pairwise(layout.columns))


@pytest.mark.parametrize("levels", [(), (2,), (2, 1), (1, 1), (1, 128), (1, 2, 3, 4, 5, 6, 7)])
def test_levels_that_cannot_be_are_refused(
    make_raster: Any, noise: NDArray[Any], levels: tuple[int, ...]
) -> None:
    path = make_raster("a.tif", noise)
    with pytest.raises(InvalidRequest, match="levels"):
        read(path, grid=replace(GRID, levels=levels))
