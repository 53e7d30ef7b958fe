from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from satseek.imagery import _blocks
from satseek.imagery._blocks import KEPT_BYTES, KeepingSource, decoding_once
from satseek.imagery._sources import RasterSource, open_source
from satseek.types import Window

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import MakeRaster

EDGE, WIDE, HIGH = 32, 150, 100


def raster() -> bytes:
    """Tiles of 32 px, three bands, nodata here and there."""
    rng = np.random.default_rng(1)
    values = rng.integers(0, 4, (3, HIGH, WIDE)).astype(np.uint16)
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=3,
            height=HIGH,
            width=WIDE,
            dtype="uint16",
            nodata=0,
            crs="EPSG:32633",
            transform=rasterio.Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0),
            tiled=True,
            blockxsize=EDGE,
            blockysize=EDGE,
        ) as scene:
            scene.write(values)
        return bytes(memory.read())


CONTENT = raster()


@given(
    st.lists(
        st.tuples(
            st.integers(0, WIDE - 1),
            st.integers(0, HIGH - 1),
            st.integers(1, 90),
            st.integers(1, 90),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([(1,), (3, 1, 2)]),
)
def test_what_is_kept_is_what_is_read(
    corners: list[tuple[int, int, int, int]], bands: tuple[int, ...]
) -> None:
    with MemoryFile(CONTENT) as memory, memory.open() as dataset:
        source = RasterSource.of(dataset, name="a.tif")
        keeping = KeepingSource(source=source, edges=(EDGE, EDGE))
        for column, row, width, height in corners:
            window = Window(
                column=column,
                row=row,
                width=min(width, WIDE - column),
                height=min(height, HIGH - row),
            )
            expected, found = (one.read(window, bands=bands) for one in (source, keeping))
            np.testing.assert_array_equal(expected.values, found.values)
            np.testing.assert_array_equal(expected.valid, found.valid)


def test_what_is_reduced_and_sampled_is_the_rasters_own(make_raster: MakeRaster) -> None:
    path = make_raster("a.tif", np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64))
    window = Window(column=0, row=0, width=64, height=32)
    with open_source(path) as source:
        assert isinstance(source, RasterSource)
        keeping = KeepingSource(source=source, edges=(16, 64))
        for read in (
            lambda one: one.read(window, bands=(1,), step=4),
            lambda one: one.sample(bands=(1,), edge=8),
        ):
            np.testing.assert_array_equal(read(source).values, read(keeping).values)


def wide(path: Path, *, width: int, bands: int) -> None:
    """Write no block at all: a sparse file says how it would be laid out."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=bands,
        height=512,
        width=width,
        dtype="uint16",
        crs="EPSG:32633",
        transform=rasterio.Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0),
        tiled=True,
        blockxsize=512,
        blockysize=512,
        interleave="pixel",
        sparse_ok=True,
    ):
        pass


def test_blocks_are_kept_where_a_row_of_them_is_too_much_for_gdal(tmp_path: Path) -> None:
    kinds = {}
    for width, bands in ((2048, 13), (10_980, 3), (10_980, 13), (40_000, 13)):
        path = tmp_path / f"{width}-{bands}.tif"
        wide(path, width=width, bands=bands)
        with open_source(path) as source:
            kinds[width, bands] = type(decoding_once(source, bands=3))
    assert {
        (2048, 13): RasterSource,  # GDAL keeps a row itself
        (10_980, 3): RasterSource,
        (10_980, 13): KeepingSource,  # Sentinel-2
        (40_000, 13): RasterSource,  # three bands of a row are too much for us, too
    } == kinds


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    wide(path, width=10_980, bands=13)
    most = 0
    with open_source(path) as source:
        keeping = decoding_once(source, bands=3)
        assert isinstance(keeping, KeepingSource)
        for bands in ((4, 3, 2), (8, 4, 3), (1, 2, 3)):
            keeping.read(Window(column=0, row=0, width=10_980, height=8), bands=bands)
            kept = sum(_blocks._size(block) for block in keeping._kept.values())
            assert kept == keeping._bytes
            most = max(most, kept)
    assert KEPT_BYTES / 2 < most <= KEPT_BYTES
