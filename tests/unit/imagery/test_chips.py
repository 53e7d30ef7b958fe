from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from rasterio.transform import Affine
from shapely.geometry import shape

from satseek.errors import NoValidPixels, UnreadableImage
from satseek.imagery import chips
from satseek.imagery.chips import ReadChip, plan_chips, read_chip, read_chips
from satseek.imagery.ground import scene_footprint
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.types import GridSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GRID = GridSpec(crs=None, chip_px=128, stride_px=128, pixel_size=None)
ON_LATTICE = Affine(10.0, 0.0, 390 * 1280.0, 0.0, -10.0, 4000 * 1280.0)


def read(
    path: Path, *, grid: GridSpec = GRID, min_valid: float = 0.5, start: int = 0
) -> list[ReadChip]:
    scene = describe_scene(path, root=path.parent)
    plan = plan_chips(scene, grid=grid)
    stretch = stretch_of(scene, recipe_named("auto"))
    found = list(read_chips(scene, plan=plan, stretch=stretch, min_valid=min_valid, start=start))
    assert list(range(start, len(plan))) == [one.position for one in found]
    for one in found:
        if one.chip is not None:
            again = read_chip(one.chip, stretch=stretch)
            if plan.layout.frame.warped:
                assert one.pixels is not None
                assert np.abs(one.pixels.astype(int) - again).mean() < 1
            else:
                np.testing.assert_array_equal(one.pixels, again)
    return found


def kept(found: list[ReadChip]) -> list[ReadChip]:
    return [one for one in found if one.chip is not None]


def by_cell(found: list[ReadChip]) -> dict[str, NDArray[np.uint8]]:
    return {one.chip.cell: one.pixels for one in found if one.chip and one.pixels is not None}


def test_chips_on_the_lattice_are_the_scene_cut_up(make_raster: Any, noise: NDArray[Any]) -> None:
    found = kept(read(make_raster("a.tif", noise, transform=ON_LATTICE)))
    assert 5 * 5 == len(found)  # 700 x 600 pixels; the last column and row fill half a chip or more
    pixels = found[6].pixels
    np.testing.assert_array_equal(np.moveaxis(noise[:, 128:256, 128:256], 0, 2), pixels)
    chip = found[6].chip
    assert chip is not None
    assert "a.tif/epsg32633_10_128_x391y3998" == chip.id
    assert 1.0 == chip.valid_fraction


def test_overhanging_chips_are_padded_with_black(make_raster: Any, noise: NDArray[Any]) -> None:
    found = read(make_raster("a.tif", noise, transform=ON_LATTICE), min_valid=0.0)
    corner = found[-1]
    assert corner.chip is not None
    assert corner.pixels is not None
    assert (128, 128, 3) == corner.pixels.shape
    assert (600 - 512) * (700 - 640) / 128**2 == corner.chip.valid_fraction
    assert 0 == corner.pixels[88:].max() == corner.pixels[:, 60:].max()
    assert 0 < corner.pixels[:88, :60].min()
    west, south, east, north = shape(corner.chip.footprint).bounds
    assert 600 / 76_000 == pytest.approx(east - west, rel=0.05)  # what it shows, not the padding
    assert 880 / 111_000 == pytest.approx(north - south, rel=0.05)


def test_the_same_place_gives_the_same_cell_and_pixels(
    make_raster: Any, noise: NDArray[Any]
) -> None:
    moved = Affine(10.0, 0.0, ON_LATTICE.c + 770, 0.0, -10.0, ON_LATTICE.f - 330)
    one = by_cell(read(make_raster("a.tif", noise, transform=ON_LATTICE)))
    other = by_cell(read(make_raster("b.tif", noise[:, 33:, 77:], transform=moved)))
    shared = one.keys() & other.keys()
    whole = [cell for cell in shared if other[cell].min() > 0 and one[cell].min() > 0]
    assert 9 < len(whole)
    for cell in whole:
        np.testing.assert_array_equal(one[cell], other[cell])


def test_a_south_up_scene_comes_north_up(make_raster: Any, noise: NDArray[Any]) -> None:
    bottom = ON_LATTICE.f - 6000
    south_up = Affine(10.0, 0.0, ON_LATTICE.c, 0.0, 10.0, bottom)
    one = by_cell(read(make_raster("a.tif", noise, transform=ON_LATTICE)))
    other = by_cell(read(make_raster("b.tif", noise[:, ::-1], transform=south_up)))
    assert one.keys() == other.keys()
    for cell in one:
        np.testing.assert_array_equal(one[cell], other[cell])


@pytest.mark.parametrize("start", [1, 7, 24, 35])
def test_reading_goes_on_where_it_stopped(
    make_raster: Any, noise: NDArray[Any], start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chips, "SET_BYTES", 3 * 128 * 128 * 3)  # sets of three cells
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
    together = by_cell(read(path))
    monkeypatch.setattr(chips, "SET_BYTES", 1)
    apart = by_cell(read(path))
    assert together.keys() == apart.keys()
    for cell in together:
        np.testing.assert_array_equal(together[cell], apart[cell])


def test_overlapping_strides_give_overlapping_chips(make_raster: Any, noise: NDArray[Any]) -> None:
    grid = GridSpec(crs=None, chip_px=128, stride_px=64, pixel_size=None)
    cells = by_cell(read(make_raster("a.tif", noise, transform=ON_LATTICE), grid=grid))
    one = cells["epsg32633_10_128s64_x780y7996"]
    other = cells["epsg32633_10_128s64_x781y7996"]
    np.testing.assert_array_equal(one[:, 64:], other[:, :64])


def test_nodata_alpha_and_mask_are_not_valid(make_raster: Any, noise: NDArray[Any]) -> None:
    half = np.zeros((600, 700), np.uint8)
    half[:256] = 255
    dark = noise * (half > 0)
    rgba = np.concatenate([noise, half[np.newaxis]])
    colours = ("red", "green", "blue", "alpha")
    files = [
        make_raster("nodata.tif", dark, transform=ON_LATTICE, nodata=0),
        make_raster("alpha.tif", rgba, transform=ON_LATTICE, colours=colours),
        make_raster("mask.tif", noise, transform=ON_LATTICE, mask=half),
    ]
    expected = by_cell(read(files[0]))
    assert 2 * 5 == len(expected)
    for path in files[1:]:
        found = by_cell(read(path))
        assert expected.keys() == found.keys()
        for cell in expected:
            np.testing.assert_array_equal(expected[cell], found[cell])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.ones((3, 90, 90), np.uint8), "a window at 512, 384 lies outside"),
        (np.ones((3, 600, 512), np.uint8), "a window at 512, 384 lies outside"),
        (np.ones((1, 600, 700), np.uint8), "expected band 3, it has 1"),
    ],
)
@pytest.mark.parametrize("transform", [ON_LATTICE, None])
def test_a_chip_of_a_file_that_was_replaced_is_refused(
    make_raster: Any,
    noise: NDArray[Any],
    transform: Affine | None,
    values: NDArray[Any],
    reason: str,
) -> None:
    crs = "EPSG:32633" if transform else None
    path = make_raster("a.tif", noise, transform=transform, crs=crs)
    chips = [one.chip for one in read(path) if one.chip]
    (chip,) = [one for one in chips if (one.window.column, one.window.row) == (512, 384)]
    stretch = stretch_of(describe_scene(path, root=path.parent), recipe_named("auto"))
    make_raster("a.tif", values, transform=transform, crs=crs)
    with pytest.raises(UnreadableImage, match=rf"a\.tif: changed since .*, {reason}"):
        read_chip(chip, stretch=stretch)


def test_a_chip_of_a_palette_scene_that_became_another_is_refused(make_raster: Any) -> None:
    palette = {value: (9, 9, value, 255) for value in range(4)}
    path = make_raster("a.tif", np.ones((1, 200, 200), np.uint8), palette=palette)
    (chip, *_) = [one.chip for one in read(path) if one.chip]
    stretch = stretch_of(describe_scene(path, root=path.parent), recipe_named("auto"))
    make_raster("a.tif", np.full((1, 200, 200), 0.5, np.float32))
    with pytest.raises(
        UnreadableImage, match=r"a\.tif: changed since .* a palette's numbers, it has float32"
    ):
        read_chip(chip, stretch=stretch)


def test_a_palette_scene_shows_colours(make_raster: Any) -> None:
    values = np.full((1, 300, 300), 2, np.uint8)
    palette = {0: (0, 0, 0, 255), 1: (9, 9, 9, 255), 2: (10, 200, 30, 255)}
    path = make_raster("a.tif", values, palette=palette, photometric="palette")
    found = kept(read(path, min_valid=0.9))
    assert found[0].pixels is not None
    assert [10, 200, 30] == found[0].pixels[64, 64].tolist()


def test_nothing_valid_is_an_error_at_the_end(make_raster: Any) -> None:
    path = make_raster("a.tif", np.zeros((3, 300, 300), np.uint8), nodata=0)
    with pytest.raises(NoValidPixels, match="all are nodata"):
        read(path)


def test_small_scenes_and_photos_are_one_chip(tmp_path: Path, make_raster: Any) -> None:
    small = make_raster("small.tif", np.full((3, 30, 40), 7, np.uint8))
    Image.new("RGB", (256, 200), (1, 2, 3)).save(tmp_path / "a.png")
    for path, size in ((small, (30, 40, 3)), (tmp_path / "a.png", (200, 256, 3))):
        found = read(path)
        assert found[0].pixels is not None
        assert [size] == [one.pixels.shape for one in found if one.pixels is not None]


def test_a_large_photo_is_covered_to_its_edges(tmp_path: Path) -> None:
    shades = np.random.default_rng(2).integers(0, 256, (300, 700, 3), dtype=np.uint8)
    Image.fromarray(shades).save(tmp_path / "a.png")
    found = kept(read(tmp_path / "a.png"))
    assert 3 * 6 == len(found)
    assert found[-1].pixels is not None
    np.testing.assert_array_equal(shades[-128:, -128:], found[-1].pixels)
    assert all(one.chip and one.chip.footprint is None for one in found)


def test_a_narrow_strip_is_not_lost(make_raster: Any) -> None:
    path = make_raster("a.tif", np.full((3, 2000, 40), 9, np.uint8))
    assert 10 < len(kept(read(path)))


def checkered(height: int, width: int) -> NDArray[np.uint8]:
    """Fields of 50 pixels, each with its own shade."""
    row, column = np.mgrid[0:height, 0:width] // 50
    return np.stack([40 + 9 * row, 40 + 9 * column, 200 - 5 * row - 5 * column]).astype(np.uint8)


def test_another_crs_is_laid_on_the_same_cells(make_raster: Any) -> None:
    grid = GridSpec(crs="EPSG:32633", chip_px=128, stride_px=128, pixel_size=10.0)
    utm = make_raster("utm.tif", checkered(600, 700), transform=ON_LATTICE)
    # The same ground in the neighbouring zone, 6 degrees west: warped by GDAL itself.
    import rasterio  # noqa: PLC0415
    from rasterio.vrt import WarpedVRT  # noqa: PLC0415

    west = utm.with_name("west.tif")
    with rasterio.open(utm) as one, WarpedVRT(one, crs="EPSG:32632", add_alpha=True) as other:
        profile = other.profile | {"driver": "GTiff", "photometric": "rgb", "alpha": "yes"}
        for key in ("blockxsize", "blockysize", "tiled"):
            profile.pop(key, None)
        with rasterio.open(west, "w", **profile) as file:
            file.write(other.read())
            file.colorinterp = other.colorinterp
    native, warped = by_cell(read(utm, grid=grid)), by_cell(read(west, grid=grid))
    shared = native.keys() & warped.keys()
    assert 16 <= len(shared)
    for cell in shared:
        both = (native[cell] > 0).all(axis=2) & (warped[cell] > 0).all(axis=2)
        difference = np.abs(native[cell].astype(int) - warped[cell])[both]
        assert 2 > np.median(difference)
        assert 3 > difference.mean()


def test_a_rotated_scene_is_outlined_as_it_lies_and_cut_north_up(make_raster: Any) -> None:
    turned = Affine(8.66, -5.0, 5e5, -5.0, -8.66, 5.2e6)
    path = make_raster("a.tif", checkered(600, 700), transform=turned)
    outline = shape(scene_footprint(describe_scene(path, root=path.parent)))
    assert 0.9 > outline.area / outline.envelope.area
    found = kept(read(path))
    assert 10 < len(found)
    for one in found:
        assert one.chip is not None
        box = shape(one.chip.footprint)
        assert 0.95 < box.area / box.envelope.area
        assert outline.buffer(0.02).contains(box)


def test_a_damaged_tile_stops_the_scene(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster(
        "a.tif", noise, tiled=True, blockxsize=256, blockysize=256, compress="deflate"
    )
    content = bytearray(path.read_bytes())
    quarter = len(content) // 4
    content[quarter : 3 * quarter] = bytes(2 * quarter)
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match=r"a\.tif"):
        read(path)
