"""The same place at several dates: the same cells, and no change where nothing changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from satseek.assemble import Assembly
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.county import make_county
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.types import Pixels

RASTERS = Path(__file__).parents[4] / "shared" / "data" / "rasters"
collected = pytest.mark.skipif(
    not RASTERS.is_dir(), reason="the collected imagery (../shared/data) is not here"
)
GRID = GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None, levels=(1, 2))
ALIKE = 95.0
"""A cell counts as changed where its two dates are less alike than this percentile of the pairs of
different cells."""


def cells(path: Path, *, grid: GridSpec = GRID) -> dict[str, Pixels]:
    scene = describe_scene(path, root=path.parent)
    plan = plan_chips(scene, grid=grid)
    stretch = stretch_of(scene, recipe_named("auto"))
    return {
        one.chip.cell: one.pixels
        for one in read_chips(scene, plan=plan, stretch=stretch, min_valid=0.9)
        if one.chip is not None and one.pixels is not None
    }


@collected
@pytest.mark.parametrize(
    ("names", "grid", "expected"),
    [
        # their origins differ by 0.2 to 0.4 of a pixel of 5 m
        (("naip_20090818", "naip_20140720", "naip_20200831"), GRID, 150),
        (("landsat_1985", "landsat_2000", "landsat_2020"), GRID, 50),
        (
            ("landsat_1985", "landsat_2000", "landsat_2020"),
            GridSpec(crs="EPSG:3857", chip_px=64, stride_px=64, pixel_size=40.0, levels=(1, 2)),
            30,
        ),
    ],
)
def test_a_series_lies_on_one_grid(names: tuple[str, ...], grid: GridSpec, expected: int) -> None:
    found = [set(cells(RASTERS / f"{name}.tif", grid=grid)) for name in names]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > expected


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    county = make_county(folder, seed=0, width=1024, height=1024)
    return folder / county.scenes[0].path


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Assembly(Settings(data_dir=tmp_path_factory.mktemp("data"), model="starter")).embedder


def taken_again(scene: Path, path: Path, *, left: int, top: int, off_px: float) -> Path:
    """Write a scene anew: another extent, a noise of one grey level, JPEG at quality 90."""
    with rasterio.open(scene) as old:
        values = old.read([1, 2, 3])[:, top:, left:].astype(int)
        crs, t = old.crs, old.transform
    noise = np.random.default_rng(0).integers(-1, 2, values.shape)
    _, height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=3,
        dtype="uint8",
        height=height,
        width=width,
        crs=crs,
        transform=Affine(t.a, 0, t.c + t.a * (left + off_px), 0, t.e, t.f + t.e * (top - off_px)),
        compress="JPEG",
        photometric="YCBCR",
        jpeg_quality=90,
    ) as new:
        new.write(np.clip(values + noise, 0, 255).astype(np.uint8))
    return path


@pytest.mark.parametrize(
    ("left", "top", "off_px"), [(0, 0, 0.0), (37, 21, 0.0), (0, 0, 0.4), (5, 3, -0.3)]
)
def test_a_scene_taken_again_has_changed_nowhere(
    scene: Path, embedder: Embedder, tmp_path: Path, *, left: int, top: int, off_px: float
) -> None:
    before = cells(scene)
    after = cells(taken_again(scene, tmp_path / "b.tif", left=left, top=top, off_px=off_px))
    shared = sorted(before.keys() & after.keys())
    assert len(shared) > 60
    one, other = (
        embedder.embed_images([date[cell] for cell in shared]) for date in (before, after)
    )
    same = np.einsum("nd,nd->n", one, other)
    assert (same < usual(one)).mean() <= 0.01
    # what lies elsewhere is told apart by the same measure
    assert (np.einsum("nd,nd->n", one, np.roll(other, 17, axis=0)) < usual(one)).mean() > 0.8


def usual(vectors: NDArray[np.float32]) -> float:
    """How alike different cells are at most, usually."""
    apart = np.triu_indices(len(vectors), k=1)
    return float(np.percentile((vectors @ vectors.T)[apart], ALIKE))
