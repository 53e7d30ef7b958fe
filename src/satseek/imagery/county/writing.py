"""Turns scenes and a manifest into files: cloud-optimised GeoTIFFs and JSON.

It does not know how the pixels came about.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import rasterio
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine

from satseek.errors import DamagedData, FolderNotFound
from satseek.imagery.county.inventory import PIXEL_SIZE_M

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from satseek.imagery.county.sensing import Sighting

CRS: Final = "EPSG:32633"
"""UTM zone 33 north; the county is made up and lies where there is room."""
ORIGIN_M: Final = (499_712.0, 5_401_600.0)
"""Easting and northing of the county's north-west corner; multiples of 256 m."""
_JPEG_QUALITY: Final = 88
"""No visible blocks at a quarter of the bytes of lossless compression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneEntry:
    """One written scene."""

    name: str
    """File name without its ending."""
    path: str
    """Relative to the county's folder."""
    acquired: str
    """Acquisition time, ISO 8601, UTC."""
    width: int
    """Columns."""
    height: int
    """Rows."""
    left: int
    """First column in the county."""
    top: int
    """First row in the county."""
    pixels_sha256: str
    """Digest of the RGB bytes before compression: the same on every machine."""
    file_sha256: str
    """Digest of the file; compression libraries may differ between machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyManifest:
    """What a county's folder holds."""

    seed: int
    """Seed it was drawn from."""
    generator_version: int
    """Version of the generator; another version may draw another county."""
    crs: str
    """CRS of the scenes."""
    pixel_size_m: float
    """Metres per pixel."""
    width: int
    """County width in pixels."""
    height: int
    """County height in pixels."""
    origin_m: tuple[float, float]
    """Easting and northing of the north-west corner."""
    dates: tuple[str, ...]
    """Acquisition dates, ISO 8601, earliest first."""
    scenes: tuple[SceneEntry, ...]
    """Scenes by date, then by quarter."""
    truth: Mapping[str, str]
    """Date -> truth file relative to the folder."""
    covers: tuple[str, ...] = field(default=())
    """Land covers that occur."""


def write_scene(folder: Path, sighting: Sighting, acquired: datetime, seed: int) -> SceneEntry:
    """Write one scene as a cloud-optimised GeoTIFF with overviews, nodata 0 and a mask."""
    name = f"county{seed}-{sighting.name}_{acquired:%Y-%m-%d}"
    path = folder / "scenes" / f"{name}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = sighting.valid.shape
    left, top = sighting.window.left, sighting.window.top
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=width,
            height=height,
            count=3,
            dtype="uint8",
            photometric="RGB",
            tiled=True,
            nodata=0,
            crs=CRS,
            transform=Affine(
                PIXEL_SIZE_M,
                0,
                ORIGIN_M[0] + left * PIXEL_SIZE_M,
                0,
                -PIXEL_SIZE_M,
                ORIGIN_M[1] - top * PIXEL_SIZE_M,
            ),
        ) as raster:
            raster.write(np.moveaxis(sighting.pixels, 2, 0))
            # A mask beside nodata=0, because lossy compression blurs zeros at the swath's edge.
            raster.write_mask(sighting.valid)
            raster.update_tags(TIFFTAG_DATETIME=f"{acquired:%Y:%m:%d %H:%M:%S}")
        with memory.open() as raster:
            copy_raster(
                raster,
                str(path),
                driver="COG",
                COMPRESS="JPEG",
                QUALITY=_JPEG_QUALITY,
                BLOCKSIZE=512,
                OVERVIEW_RESAMPLING="AVERAGE",
            )
    return SceneEntry(
        name=name,
        path=f"scenes/{name}.tif",
        acquired=acquired.isoformat(),
        width=width,
        height=height,
        left=left,
        top=top,
        pixels_sha256=sha256(sighting.pixels.tobytes()).hexdigest(),
        file_sha256=sha256(path.read_bytes()).hexdigest(),
    )


def write_manifest(folder: Path, manifest: CountyManifest) -> None:
    """Write `county.json`."""
    text = json.dumps(asdict(manifest), indent=1) + "\n"
    (folder / "county.json").write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> CountyManifest:
    """Read a county's manifest.

    Raises:
        FolderNotFound: there is no `county.json` in the folder.
        DamagedData: the file is no manifest.
    """
    path = folder / "county.json"
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        scenes = tuple(SceneEntry(**entry) for entry in read.pop("scenes"))
        read |= {name: tuple(read[name]) for name in ("origin_m", "dates", "covers")}
        return CountyManifest(scenes=scenes, **read)
    except FileNotFoundError as error:
        raise FolderNotFound(f"{folder}: expected a county with county.json in it") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedData(f"{path}: expected a county manifest, got {error!r}") from error
