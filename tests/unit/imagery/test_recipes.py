from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from satseek.errors import InvalidRequest, NoValidPixels, UnsupportedRaster
from satseek.imagery.recipes import Stretch, apply, recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.types import Recipe


def resolved(path: Path, recipe: Recipe | str = "auto") -> Stretch:
    asked = recipe_named(recipe) if isinstance(recipe, str) else recipe
    return stretch_of(describe_scene(path, root=path.parent), asked)


def ramp(dtype: str, low: float, high: float) -> np.ndarray:
    values = np.linspace(low, high, 100 * 100).reshape(100, 100)
    return np.stack([values, values, values]).astype(dtype)


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no recipe 'best'; there are auto"):
        recipe_named("best")


def test_eight_bits_stay_as_they_are(make_raster, noise) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    path = make_raster("a.tif", noise)
    for recipe in ("auto", "rgb8"):
        stretch = resolved(path, recipe)
        assert Stretch(bands=(1, 2, 3), low=(0.0,) * 3, high=(255.0,) * 3) == stretch
    np.testing.assert_array_equal(np.moveaxis(noise, 0, 2), apply(noise, stretch))


def test_eight_bits_can_be_stretched(make_raster) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    stretch = resolved(make_raster("a.tif", ramp("uint8", 50, 150)), "percentile16")
    assert (52.0,) * 3 == pytest.approx(stretch.low, abs=1)
    assert (148.0,) * 3 == pytest.approx(stretch.high, abs=1)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "float64", "int32"])
def test_everything_else_lies_between_its_percentiles(make_raster, dtype: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    values = ramp(dtype, 1, 1001)
    stretch = resolved(make_raster("a.tif", values))
    assert (21.0,) * 3 == pytest.approx(stretch.low, abs=1.5)
    assert (981.0,) * 3 == pytest.approx(stretch.high, abs=1.5)
    pixels = apply(values, stretch)
    assert (0, 255) == (pixels.min(), pixels.max())
    assert 128 == pytest.approx(pixels[50, 0, 0], abs=2)


def test_nodata_infinity_and_16_bit_fill_do_not_stretch(make_raster) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    floats = ramp("float32", 1, 101)
    floats[:, :50] = np.nan
    floats[:, 60] = np.inf
    assert resolved(make_raster("nan.tif", floats)).low[0] > 50
    declared = ramp("int16", 1, 101)
    declared[:, :50] = -999
    assert resolved(make_raster("nodata.tif", declared, nodata=-999)).low[0] > 50
    fill = ramp("uint16", 1, 101)
    fill[:, :50] = 0
    stretch = resolved(make_raster("fill.tif", fill))
    assert stretch.low[0] > 50
    assert 0.0 == stretch.nodata


def test_fixed_means_the_same_in_every_scene(make_raster) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    stretch = resolved(make_raster("a.tif", ramp("uint16", 1, 9000)), "fixed16")
    assert ((0.0,) * 3, (3000.0,) * 3) == (stretch.low, stretch.high)
    samples = np.full((3, 1, 1), 1500, np.uint16)
    assert [128, 128, 128] == apply(samples, stretch)[0, 0].tolist()


@pytest.mark.parametrize(("recipe", "dtype"), [("rgb8", "uint16"), ("fixed16", "float32")])
def test_samples_a_recipe_does_not_take_are_refused(make_raster, recipe: str, dtype: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    path = make_raster("a.tif", ramp(dtype, 1, 100))
    with pytest.raises(UnsupportedRaster, match=f"recipe {recipe} takes"):
        resolved(path, recipe)


def test_named_bands_make_radar_readable(make_raster) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    path = make_raster("sar.tif", ramp("float32", -30, 0)[:2])
    with pytest.raises(UnsupportedRaster, match="2 bands"):
        resolved(path)
    assert (2,) == resolved(path, replace(recipe_named("auto"), bands=(2,))).bands


def test_a_palette_gives_its_colours(make_raster) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    values = np.array([[[1, 2], [2, 3]]], np.uint8)
    palette = {1: (255, 0, 0, 255), 2: (0, 128, 0, 255), 3: (1, 2, 3, 255)}
    path = make_raster("a.tif", values, palette=palette, photometric="palette")
    pixels = apply(values, resolved(path))
    assert [[[255, 0, 0], [0, 128, 0]], [[0, 128, 0], [1, 2, 3]]] == pixels.tolist()


def test_grey_is_three_times_the_same() -> None:
    stretch = Stretch(bands=(1,), low=(0.0,), high=(255.0,))
    assert [[[7, 7, 7]]] == apply(np.array([[[7]]], np.uint8), stretch).tolist()


def test_what_is_not_finite_becomes_black_or_white() -> None:
    stretch = Stretch(bands=(1,), low=(0.0,), high=(1.0,))
    samples = np.array([[[np.nan, np.inf, -np.inf, 0.5]]], np.float32)
    assert [0, 255, 0, 128] == apply(samples, stretch)[0, :, 0].tolist()


def test_a_flat_scene_is_grey(make_raster) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    values = np.full((3, 20, 20), 700, np.uint16)
    pixels = apply(values, resolved(make_raster("a.tif", values)))
    assert (128, 128) == (pixels.min(), pixels.max())


def test_nothing_measured_is_refused(make_raster) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    path = make_raster("a.tif", np.full((3, 20, 20), np.nan, np.float32))
    with pytest.raises(NoValidPixels, match="all are nodata"):
        resolved(path)


def test_16_bit_png_is_stretched_too(tmp_path: Path) -> None:
    values = ramp("uint16", 10_000, 20_000)[0]
    Image.fromarray(values).save(tmp_path / "a.png")
    stretch = resolved(tmp_path / "a.png")
    assert (1,) == stretch.bands
    assert (10_200.0, 19_800.0) == pytest.approx((stretch.low[0], stretch.high[0]), abs=2)
