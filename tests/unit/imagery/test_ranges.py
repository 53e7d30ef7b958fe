"""A scene's cells, divided into ranges, are read as they are read in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rasterio.transform import Affine

from satseek.errors import NoValidPixels
from satseek.imagery import chips
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

GRID = GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None, levels=(1, 2))
PLACE = Affine(10.0, 0.0, 390 * 1280.0, 0.0, -10.0, 4000 * 1280.0)


@pytest.mark.parametrize("set_bytes", [1, 12 * 64 * 64 * 3, chips.SET_BYTES])
@pytest.mark.parametrize("cells", [7, 30, 1000])
def test_ranges_are_read_as_the_whole_is(
    make_raster: Callable[..., Path],
    noise: NDArray[Any],
    monkeypatch: pytest.MonkeyPatch,
    set_bytes: int,
    cells: int,
) -> None:
    monkeypatch.setattr(chips, "SET_BYTES", set_bytes)
    path = make_raster("a.tif", noise, transform=PLACE)
    scene = describe_scene(path, root=path.parent)
    plan, stretch = plan_chips(scene, grid=GRID), stretch_of(scene, recipe_named("auto"))
    ranges = plan.ranges(cells)
    assert (0, len(plan)) == (ranges[0][0], ranges[-1][1])
    assert [stop for _, stop in ranges[:-1]] == [start for start, _ in ranges[1:]]
    assert all(0 < stop - start <= 2 * cells for start, stop in ranges)
    parts = [
        read
        for start, stop in ranges
        for read in read_chips(scene, plan=plan, stretch=stretch, start=start, stop=stop)
    ]
    whole = list(read_chips(scene, plan=plan, stretch=stretch))
    assert [(one.position, one.chip) for one in whole] == [
        (one.position, one.chip) for one in parts
    ]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_ranges_begin_where_nothing_is_decoded_twice(
    make_raster: Callable[..., Path], noise: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chips, "SET_BYTES", 11 * 64 * 64 * 3)  # one row of cells
    path = make_raster("a.tif", noise, transform=PLACE)
    plan = plan_chips(describe_scene(path, root=path.parent), grid=GRID)
    across = len(plan.layout.columns)
    level_1 = across * len(plan.layout.rows)
    starts = [start for start, _ in plan.ranges(2 * across) if start < level_1]
    assert [0] == [start % across for start in starts][:1]
    assert {0} == {start % across for start in starts}


def test_a_range_without_a_measured_pixel_says_so(make_raster: Callable[..., Path]) -> None:
    samples = np.zeros((3, 512, 512), np.uint8)
    samples[:, :, 256:] = 90
    path = make_raster("half.tif", samples, transform=PLACE, nodata=0)
    scene = describe_scene(path, root=path.parent)
    grid = GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None)
    plan, stretch = plan_chips(scene, grid=grid), stretch_of(scene, recipe_named("auto"))
    every = list(read_chips(scene, plan=plan, stretch=stretch))
    assert 32 == sum(one.chip is not None for one in every)
    samples[:] = 0
    empty = make_raster("empty.tif", samples, transform=PLACE, nodata=0)
    nothing = describe_scene(empty, root=empty.parent)
    with pytest.raises(NoValidPixels):
        list(read_chips(nothing, plan=plan_chips(nothing, grid=grid), stretch=stretch, stop=5))
    with pytest.raises(NoValidPixels):
        list(
            read_chips(
                nothing, plan=plan_chips(nothing, grid=grid), stretch=stretch, start=5, stop=9
            )
        )
