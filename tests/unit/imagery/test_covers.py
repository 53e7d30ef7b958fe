from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from satseek.imagery.covers import read_cover
from satseek.imagery.scenes import describe_scene
from satseek.types import Window

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.types import Scene

OPAQUE, CIRRUS = 1 << 10, 1 << 11
EDGE = 40


def written(path: Path, band: np.ndarray, *, name: str) -> Scene:
    """Write a scene of red, green, blue and a band that may tell its clouds."""
    profile = {"driver": "GTiff", "count": 4, "dtype": band.dtype, "crs": "EPSG:32633"}
    profile |= {"width": band.shape[1], "height": band.shape[0]}
    with rasterio.open(
        path, "w", transform=Affine(10, 0, 500_000, 0, -10, 5_200_000), **profile
    ) as target:
        target.write(np.stack([np.ones_like(band)] * 3 + [band]))
        for at, told in enumerate(("B4", "B3", "B2", name), start=1):
            target.set_band_description(at, told)
    return describe_scene(path, root=path.parent)


@pytest.mark.parametrize(
    ("name", "covered", "clear"),
    [("QA60", OPAQUE, 0), ("QA60", CIRRUS, 1), ("SCL", 9, 4), ("QA_PIXEL", 1 << 3, 1 << 6)],
)
def test_a_band_tells_which_part_of_a_window_clouds_hide(
    tmp_path: Path, name: str, covered: int, clear: int
) -> None:
    band = np.full((EDGE, EDGE), clear, dtype=np.uint16)
    band[:, : EDGE // 2] = covered
    cover = read_cover(written(tmp_path / "a.tif", band, name=name))
    assert cover is not None
    windows = [Window(column=at, row=4, width=8, height=8) for at in (0, 16, 20)]
    assert [1.0, 0.5, 0.0] == [cover.share(one) for one in windows]
    outside = Window(column=-6, row=-6, width=8, height=8)
    assert 1.0 == cover.share(outside)


def test_what_is_no_number_was_not_seen(tmp_path: Path) -> None:
    band = np.zeros((EDGE, EDGE), dtype=np.float32)
    band[:4] = np.nan
    cover = read_cover(written(tmp_path / "a.tif", band, name="QA60"))
    assert cover is not None
    assert [1.0, 0.0] == [
        cover.share(Window(column=0, row=row, width=8, height=4)) for row in (0, 4)
    ]


def test_a_scene_without_such_a_band_tells_nothing(tmp_path: Path) -> None:
    band = np.zeros((EDGE, EDGE), dtype=np.uint16)
    assert read_cover(written(tmp_path / "a.tif", band, name="B8")) is None
