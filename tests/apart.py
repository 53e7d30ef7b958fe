"""Scenes of all kinds that indexing in partitions has to bear, and what came of indexing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio import Affine
from serving import make_scenes, png

from satseek.index.collection import open_collection

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.index.collection import Collection

EDGE = 512


def hostile_scenes(folder: Path) -> Path:
    """Write sound scenes, and such as are refused, before and while their pixels are read."""
    make_scenes(folder)
    rng = np.random.default_rng(3)
    blocks = rng.integers(1, 4000, (3, 8, 8)).repeat(EDGE // 8, 1).repeat(EDGE // 8, 2)
    deep = (blocks + rng.integers(0, 200, blocks.shape)).astype(np.uint16)
    _write(folder / "deep.tif", deep)
    _write(folder / "damaged.tif", (deep // 16).astype(np.uint8))
    damage(folder / "damaged.tif")
    _write(folder / "empty.tif", np.zeros_like(deep))
    corner = np.zeros_like(deep)
    corner[:, 400:, 400:] = deep[:, 400:, 400:]
    _write(folder / "corner.tif", corner)
    png(folder / "plain.png", width=300, height=200)
    return folder


def damage(path: Path) -> None:
    """Spoil the middle of a file whose header stays sound."""
    content = bytearray(path.read_bytes())
    first, last = len(content) // 2, len(content) * 3 // 4
    content[first:last] = b"\xff" * (last - first)
    path.write_bytes(content)


def _write(path: Path, samples: NDArray[Any]) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=EDGE,
        height=EDGE,
        count=3,
        dtype=samples.dtype,
        crs="EPSG:32633",
        transform=Affine(5, 0, 530_000, 0, -5, 5_799_680),
        nodata=0,
        photometric="RGB",
        tiled=True,
        blockxsize=128,
        blockysize=128,
        compress="deflate",
    ) as raster:
        raster.write(samples)


def account(collection: Collection) -> dict[str, Any]:
    """Say all that indexing leaves behind, but how it came there."""
    assert collection.verify() == []
    known = [collection.find_known(scene.id) for scene in collection.scenes()]
    return {
        "digest": collection.digest(),
        "chips": len(collection),
        "refusals": collection.refusals(),
        "scenes": [(one.scene, one.progress) for one in known if one is not None],
    }


def account_of(folder: Path) -> dict[str, Any]:
    """Say the same of a collection's folder."""
    with open_collection(folder, mode="read") as collection:
        return account(collection)
