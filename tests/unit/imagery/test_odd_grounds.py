"""Scenes that lie oddly on the Earth: laid on the grid, or refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC
from rasterio.transform import Affine
from shapely.geometry import shape

from satseek.errors import UnsupportedRaster
from satseek.imagery.chips import plan_chips, read_chip, read_chips
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.types import GridSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.types import Chip, Pixels

GRID = GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None, levels=(1, 2))
DEGREES = GridSpec(crs="EPSG:4326", chip_px=64, stride_px=64, pixel_size=0.001, levels=(1, 2))


def read(path: Path, grid: GridSpec = GRID) -> dict[str, tuple[Chip, Pixels]]:
    scene = describe_scene(path, root=path.parent)
    plan = plan_chips(scene, grid=grid)
    stretch = stretch_of(scene, recipe_named("auto"))
    found = read_chips(scene, plan=plan, stretch=stretch, min_valid=0.2)
    return {
        one.chip.cell: (one.chip, one.pixels)
        for one in found
        if one.chip is not None and one.pixels is not None
    }


def test_a_scene_across_the_antimeridian_is_parted_there(
    make_raster: Any, noise: NDArray[Any]
) -> None:
    # 700 x 600 pixels of 100 m around 180° E on the equator, in zone 60 N (177° E)
    path = make_raster(
        "a.tif", noise, crs="EPSG:32660", transform=Affine(100, 0, 8e5, 0, -100, 3e4)
    )
    found = read(path, DEGREES)
    sides = {1: [0, 0], 2: [0, 0]}
    for chip, pixels in found.values():
        west, south, east, north = shape(chip.footprint).bounds
        assert -0.3 < south < north < 0.3
        assert 179.6 < west < east <= 180 or -180 <= west < east < -179.6
        assert pixels.max() > 0
        sides[chip.level][int(west > 0)] += 1
    assert min(sides[1]) > 20
    assert min(sides[2]) > 4
    # the far side has the same cells as seen from zone 1 N (177° W)
    west_of_1 = make_raster(
        "b.tif", noise, crs="EPSG:32601", transform=Affine(100, 0, 1.68e5, 0, -100, 3e4)
    )
    assert len({cell for cell in read(west_of_1, DEGREES) if cell in found}) > 20


def test_chips_at_the_antimeridian_are_read_again(make_raster: Any, noise: NDArray[Any]) -> None:
    smooth = np.broadcast_to(np.linspace(20, 220, 700).astype(np.uint8), (3, 600, 700))
    path = make_raster(
        "a.tif", smooth, crs="EPSG:32660", transform=Affine(100, 0, 8e5, 0, -100, 3e4)
    )
    stretch = stretch_of(describe_scene(path, root=path.parent), recipe_named("auto"))
    chips = [pair for pair in read(path, DEGREES).values() if pair[0].valid_fraction == 1.0]
    assert {shape(chip.footprint).bounds[0] > 0 for chip, _ in chips} == {True, False}
    for chip, pixels in chips[::7]:
        again = read_chip(chip, stretch=stretch)
        assert np.abs(again.astype(int) - pixels).mean() < 1.5
    del noise


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:3413", Affine(1000, 0, -3.5e5, 0, -1000, 3e5)),  # around the north pole
        ("EPSG:3031", Affine(1000, 0, -3.5e5, 0, -1000, 3e5)),  # around the south pole
        ("EPSG:32633", Affine(8.66, -5, 5e5, -5, -8.66, 5.2e6)),  # rotated
        ("EPSG:32633", Affine(10, 0, 5e5, 0, 10, 5.2e6)),  # south-up
        ("EPSG:32633", Affine(-10, 0, 5e5, 0, -10, 5.2e6)),  # east-left
        ("EPSG:4326", Affine(0.01, 0, 178, 0, -0.01, 3)),  # beyond 180° E
    ],
)
def test_odd_scenes_are_laid_on_the_grid(
    make_raster: Any, noise: NDArray[Any], crs: str, transform: Affine
) -> None:
    path = make_raster("a.tif", noise, crs=crs, transform=transform)
    found = read(path)
    assert {1, 2} == {chip.level for chip, _ in found.values()}
    for chip, pixels in found.values():
        assert (64, 64, 3) == pixels.shape
        outline = shape(chip.footprint)
        assert outline.is_valid
        west, south, east, north = outline.bounds
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90


def test_control_points_place_a_scene(tmp_path: Path, noise: NDArray[Any]) -> None:
    corners = [(0, 0, 15.0, 47.0), (0, 700, 15.07, 47.0), (600, 0, 15.0, 46.94)]
    corners.append((600, 700, 15.07, 46.94))
    points = [GroundControlPoint(row=row, col=col, x=x, y=y) for row, col, x, y in corners]
    path = tmp_path / "a.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=3,
        height=600,
        width=700,
        dtype="uint8",
        gcps=points,
        crs="EPSG:4326",
    ) as scene:
        scene.write(noise)
    found = read(path)
    assert {1, 2} == {chip.level for chip, _ in found.values()}
    assert all(cell.startswith("epsg4326_0.0001_64") for cell in found)


def test_rational_polynomials_alone_are_refused_by_name(
    make_raster: Any, noise: NDArray[Any]
) -> None:
    ones = [1.0] + [0.0] * 19
    polynomials = RPC(
        height_off=100,
        height_scale=500,
        lat_off=47,
        lat_scale=0.1,
        line_den_coeff=ones,
        line_num_coeff=ones,
        line_off=300,
        line_scale=300,
        long_off=15,
        long_scale=0.1,
        samp_den_coeff=ones,
        samp_num_coeff=ones,
        samp_off=350,
        samp_scale=350,
    )
    path = make_raster("a.tif", noise, crs=None, transform=None, rpcs=polynomials)
    with pytest.raises(UnsupportedRaster, match=r"a\.tif: placed by rational polynomials \(RPC\)"):
        describe_scene(path, root=path.parent)


def test_another_planet_is_refused_by_name(make_raster: Any, noise: NDArray[Any]) -> None:
    mars = "+proj=eqc +lat_ts=0 +lon_0=0 +x_0=0 +y_0=0 +R=3396190 +units=m +no_defs"
    path = make_raster("a.tif", noise, crs=mars)
    with pytest.raises(UnsupportedRaster, match=r"a\.tif: not on Earth"):
        describe_scene(path, root=path.parent)
