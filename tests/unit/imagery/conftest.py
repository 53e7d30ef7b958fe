"""Small rasters, made where they are needed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest
import rasterio
from hypothesis import settings
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

settings.register_profile("no deadline", deadline=None)  # a busy machine is no failure
settings.load_profile("no deadline")

UTM = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0)


class MakeRaster(Protocol):
    def __call__(
        self,
        name: str,
        values: NDArray[Any],
        *,
        crs: str | None = "EPSG:32633",
        transform: Affine | None = UTM,
        colours: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
        tags: dict[str, str] | None = None,
        palette: dict[int, tuple[int, int, int, int]] | None = None,
        mask: NDArray[Any] | None = None,
        **profile: Any,
    ) -> Path: ...


@pytest.fixture
def make_raster(tmp_path: Path) -> MakeRaster:
    def make(
        name: str,
        values: NDArray[Any],
        *,
        crs: str | None = "EPSG:32633",
        transform: Affine | None = UTM,
        colours: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
        tags: dict[str, str] | None = None,
        palette: dict[int, tuple[int, int, int, int]] | None = None,
        mask: NDArray[Any] | None = None,
        **profile: Any,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        count, height, width = values.shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            scene = rasterio.open(
                path,
                "w",
                driver="GTiff",
                count=count,
                height=height,
                width=width,
                dtype=values.dtype,
                crs=crs,
                transform=transform,
                **profile,
            )
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), scene:
            scene.write(values)
            if colours:
                scene.colorinterp = [ColorInterp[colour] for colour in colours]
            for band, text in enumerate(names, 1):
                scene.set_band_description(band, text)
            if palette:
                scene.write_colormap(1, palette)
            if mask is not None:
                scene.write_mask(mask)
            scene.update_tags(**(tags or {}))
        return path

    return make


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    """RGB noise without zeros, shape (3, 600, 700)."""
    return np.random.default_rng(0).integers(1, 256, (3, 600, 700), dtype=np.uint8)
