"""A folder → its scenes, each described from its header alone.

Does not read pixels.
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import FolderNotFound, ImageTooLarge, UnreadableImage, UnsupportedRaster
from satseek.imagery._open import (
    open_plain,
    open_raster,
    open_variable,
    raster_driver,
    refusing,
    shown,
)
from satseek.imagery._sources import head_of, is_deep, plain_size, split_variable
from satseek.imagery.dates import acquisition_date, forget_items, item_beside
from satseek.imagery.ground import check_bounds, crs_name
from satseek.imagery.sensors import named_properties
from satseek.imagery.stac_items import kept_properties
from satseek.types import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from PIL import Image

IMAGE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("tif", "tiff", "gtiff", "geotiff", "btf", "jp2", "j2k"),
        *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "gif"),
        *("svg", "heic", "heif", "avif", "jxl", "tga", "ppm", "pgm", "psd", "nitf", "ntf"),
        *("nc", "nc4", "cdf", "h5", "he5", "hdf5", "hdf", "grib", "grb", "grib2"),
    )
)
"""Files that claim to be images; those that cannot be read are refused by name."""

MAX_SCENE_PIXELS = 10**11
"""Pixels of one scene; 316,000 x 316,000. A header can claim anything in a few bytes."""

_EXIF_DATES = (0x9003, 0x0132)
"""DateTimeOriginal (in the Exif directory) and DateTime."""

_EXIF_DIRECTORY = 0x8769

_COORDINATES = frozenset({"lat", "lon", "latitude", "longitude", "x", "y", "crs"})
"""Variables that say where the others lie."""

_log = logging.getLogger(__name__)


def find_scenes(folder: Path) -> list[Path]:
    """List the files below ``folder`` that claim to be images, sorted by path.

    Links that lead out of the folder are not followed, nor are linked folders; hidden folders and
    hidden files are passed over (a name that begins with two dots is not hidden). Folders that
    cannot be read are left out and logged as warnings.

    Args:
        folder: A folder, or a single file, which is then the only one.

    Raises:
        FolderNotFound: not there.
    """
    forget_items()
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise FolderNotFound(f"no folder or file at {shown(str(folder))}")
    return sorted(_images_below(folder), key=lambda path: path.relative_to(folder).as_posix())


def describe_scene(path: Path, *, root: Path) -> Scene:
    """Read a scene's header: size, bands, georeference, date.

    Args:
        path: The file, or ``FILE#VARIABLE`` of a netCDF; what it is is told by its content, not by
            its name.
        root: Folder below which the path is the scene's id.

    Raises:
        UnreadableImage: missing, broken, cut short, or no image.
        ImageTooLarge: too large for its format.
        UnsupportedRaster: complex samples, another planet, impossible coordinates, or several
            variables of which none is named.
    """
    file, variable = split_variable(path)
    head = _checked_head(file)
    driver = raster_driver(head)
    if driver is None:
        return _describe_plain(path, root, head)
    opened = open_variable(file, variable) if variable else open_raster(path, driver=driver)
    with opened as dataset:
        return _describe_raster(dataset, path, root, head)


def is_there(scene: Scene) -> bool:
    """Tell whether the file of a scene is still there; of a scene with assets, the item's."""
    return split_variable(Path(scene.path))[0].is_file()


def list_variables(path: Path) -> tuple[str, ...]:
    """List the variables of a netCDF file that are scenes of their own.

    Returns:
        Names that ``FILE#NAME`` takes; none where the file is one scene, or no netCDF.

    Raises:
        UnreadableImage: broken.
    """
    if raster_driver(head_of(path)) != "netCDF":
        return ()
    with open_raster(path, driver="netCDF") as dataset:
        names = [name.rpartition(":")[2] for name in dataset.subdatasets]
    return tuple(name for name in names if name.lower() not in _COORDINATES)


def _images_below(folder: Path) -> Iterator[Path]:
    home = folder.resolve()
    for place, folders, files in os.walk(folder, onerror=_warn_of, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place, name)
            if _claims_image(name) and _may_be_file(path) and path.resolve().is_relative_to(home):
                yield path


def _warn_of(error: OSError) -> None:
    _log.warning(
        "left out a folder that cannot be read path=%s reason=%s",
        shown(str(error.filename)),
        error.strerror,
    )


def _may_be_file(path: Path) -> bool:
    """Tell whether a path is a file; what cannot be asked is refused when it is read."""
    try:
        return path.is_file()
    except OSError:
        return True


def _claims_image(name: str) -> bool:
    hidden = name.startswith((".", "~")) and not name.startswith("..")
    return not hidden and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 ("..a.tif" has a suffix)


def _checked_head(path: Path) -> bytes:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise UnreadableImage(f"{shown(str(path))}: its name is not valid UTF-8") from error
    head = head_of(path)
    if not head:
        raise UnreadableImage(f"{shown(str(path))}: empty file (0 bytes)")
    return head


def _describe_raster(dataset: Any, path: Path, root: Path, head: bytes) -> Scene:
    file, _ = split_variable(path)
    if not dataset.count:
        found = ", ".join(name.rpartition(":")[2] for name in dataset.subdatasets) or "none"
        raise UnsupportedRaster(
            f"{shown(str(path))}: holds no raster itself, but variables: {shown(found[:200])}; "
            "name one as FILE#VARIABLE"
        )
    check_samples(dataset, str(path))
    _check_length(dataset, file)
    moment = acquisition_date(file, tag=dataset.tags().get("TIFFTAG_DATETIME"))
    return Scene(
        id=_id(path, root),
        path=str(path),
        datetime=moment,
        digest=_digest(file, head, moment),
        properties=_properties_of(file),
        **placed(dataset, str(path)),
    )


def check_samples(dataset: Any, path: str) -> None:
    """Refuse what is no image: complex samples, or more pixels than a scene may have."""
    dtype = dataset.dtypes[0]
    if dtype.startswith("complex"):
        raise UnsupportedRaster(
            f"{shown(path)}: complex samples ({dtype}); convert to amplitude first"
        )
    if dataset.width * dataset.height > MAX_SCENE_PIXELS:
        raise ImageTooLarge(
            f"{shown(path)}: {dataset.width} x {dataset.height} pixels, at most {MAX_SCENE_PIXELS}"
        )
    if dataset.crs is None and dataset.rpcs is not None:
        raise UnsupportedRaster(
            f"{shown(path)}: placed by rational polynomials (RPC) alone, which need heights of "
            "the ground; orthorectify it first, with gdalwarp -rpc -to RPC_DEM=FILE"
        )


def placed(dataset: Any, path: str) -> dict[str, Any]:
    """What an open raster says of itself, as fields of a `Scene`.

    Raises:
        UnsupportedRaster: another planet, or impossible coordinates.
    """
    transform = tuple(dataset.transform)[:6]
    crs = crs_name(dataset.crs, transform=transform, name=shown(path))
    width, height = dataset.width, dataset.height
    if crs is not None:
        check_bounds(crs, transform=transform, width=width, height=height, name=shown(path))
    names = tuple(text or "" for text in dataset.descriptions)
    return {
        "width": width,
        "height": height,
        "bands": dataset.count,
        "dtype": dataset.dtypes[0],
        "crs": crs,
        "transform": transform,
        "nodata": dataset.nodata,
        "band_names": names if any(names) else (),
    }


def _properties_of(file: Path) -> dict[str, Any]:
    try:
        item = item_beside(file)
    except OSError as error:
        raise UnreadableImage(f"{shown(str(file))}: {error.strerror}") from error
    return named_properties(str(file)) | ({} if item is None else kept_properties(item))


def _describe_plain(path: Path, root: Path, head: bytes) -> Scene:
    with open_plain(path, name=str(path)) as image, refusing(str(path)):
        width, height = plain_size(image)
        moment = acquisition_date(path, tag=_exif_date(image))
        deep = is_deep(image)
        return Scene(
            id=_id(path, root),
            path=str(path),
            width=width,
            height=height,
            bands=1 if deep else 3,
            dtype=str(np.dtype(_DEEP_TYPES.get(image.mode, "uint8"))),
            crs=None,
            transform=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
            nodata=None,
            datetime=moment,
            digest=_digest(path, head, moment),
            properties=_properties_of(path),
        )


_DEEP_TYPES = {"I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "I": "int32", "F": "float32"}
"""Sample type by Pillow mode."""


def _check_length(dataset: Any, path: Path) -> None:
    """Refuse a TIFF that ends before its last row of blocks, without reading it."""
    if dataset.driver != "GTiff":
        return
    size = path.stat().st_size
    rows, columns = dataset.block_shapes[0]
    last = -(-dataset.height // rows) - 1
    for column in range(-(-dataset.width // columns)):
        start = dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{last}", "TIFF", bidx=1)
        length = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{last}", "TIFF", bidx=1)
        if start and length and int(start) + int(length) > size:
            raise UnreadableImage(
                f"{shown(str(path))}: cut short, a block ends at byte {int(start) + int(length)} "
                f"and the file at {size}"
            )


def _exif_date(image: Image.Image) -> str | None:
    exif = image.getexif()
    for value in (exif.get_ifd(_EXIF_DIRECTORY).get(_EXIF_DATES[0]), exif.get(_EXIF_DATES[1])):
        if isinstance(value, str) and value.strip():
            return value
    return None


def _id(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _digest(path: Path, head: bytes, moment: datetime | None) -> str:
    """Digest what chips are made of; the date may come from a STAC Item beside the file."""
    stat = path.stat()
    facts = f"{stat.st_size} {stat.st_mtime_ns} {moment.isoformat() if moment else ''} ".encode()
    return hashlib.sha256(facts + head).hexdigest()[:32]
