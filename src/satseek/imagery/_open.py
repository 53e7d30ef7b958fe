"""A file or its bytes → an open raster or decoded image, under one set of safe settings.

Does not know scenes, chips or recipes. No other module opens a raster or an image.
"""

from __future__ import annotations

import re
import threading
import uuid
import warnings
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

import rasterio
from PIL import Image, UnidentifiedImageError
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.session import DummySession
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT

from satseek.errors import ImageTooLarge, UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import RawIOBase
    from pathlib import Path
    from typing import BinaryIO

MAX_PLAIN_PIXELS = 100_000_000
"""Pixels of an image that is decoded whole; 100 million are 300 MB as RGB."""

MAX_BLOCK_BYTES = 512 * 1024**2
"""Bytes of one raster block: GDAL decodes a block at a time, however small the window."""

CACHE_BYTES = 128 * 1024**2
"""Bytes of decoded blocks that GDAL keeps, of all open rasters together."""

_PLAIN_FORMATS = [
    str(plugin.format)
    for plugin in (JpegImageFile, PngImageFile, WebPImageFile, BmpImageFile, GifImageFile)
]
"""Pillow formats that may open a file."""

_RASTER_MAGICS = {
    b"II*\x00": "GTiff",  # TIFF, little endian
    b"MM\x00*": "GTiff",  # TIFF, big endian
    b"II+\x00": "GTiff",  # BigTIFF, little endian
    b"MM\x00+": "GTiff",  # BigTIFF, big endian
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JP2OpenJPEG",  # JPEG 2000, ISO/IEC 15444-1 I.5.1
    b"\xff\x4f\xff\x51": "JP2OpenJPEG",  # JPEG 2000 codestream
    b"CDF\x01": "netCDF",  # classic, NUG appendix B
    b"CDF\x02": "netCDF",  # 64-bit offset
    b"CDF\x05": "netCDF",  # 64-bit data
    b"\x89HDF\r\n\x1a\n": "netCDF",  # HDF5, of which netCDF-4 is made
}
"""First bytes of the files that GDAL shall open, and the only driver that may open them."""

_SETTINGS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no side files
    "GDAL_PAM_ENABLED": "NO",  # no .aux.xml, neither read nor written
    "GDAL_GEOREF_SOURCES": "INTERNAL",  # no world files
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",  # no network
    "PROJ_NETWORK": "OFF",
    "GDAL_CACHEMAX": CACHE_BYTES,  # as rasterio hands it on; else 5 % of the machine
}

_OBJECTS = {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff,.jp2,.j2k"}
"""Set from the first object of a bucket on, as GDAL has one setting for all threads; still no file
names another, and no driver but the one that is asked for opens any."""

_IN_MEMORY = "image"
"""What GDAL calls a file that lies in memory, in its messages; each lies in a folder of its own."""

_opening = threading.Lock()
"""Held while Python's process-wide warning filters are changed."""


def raster_driver(head: bytes) -> str | None:
    """Name the GDAL driver for a file that begins with ``head``; None where Pillow reads it."""
    fitting = (driver for magic, driver in _RASTER_MAGICS.items() if head.startswith(magic))
    return next(fitting, None)


def shown(name: str) -> str:
    """``name`` as it may stand in a one-line message: control characters are escaped."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Turn what Pillow and the file system raise into `UnreadableImage` naming the file."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"{shown(name)}: {_one_line(error)}") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{shown(name)}: not an image of a known format") from error
    except (OSError, SyntaxError, ValueError, EOFError, OverflowError) as error:
        # Pillow raises SyntaxError for broken PNG chunks and ValueError for broken EXIF.
        raise UnreadableImage(f"{shown(name)}: {_one_line(error)}") from error


@contextmanager
def open_raster(path: Path, *, driver: str) -> Iterator[Any]:
    """Open a GeoTIFF or JPEG 2000 for reading; one with ground control points comes north-up.

    What GDAL raises inside becomes `UnreadableImage` too.

    Yields:
        A rasterio dataset (``DatasetReader`` or ``WarpedVRT``); to be used by one thread.

    Raises:
        UnreadableImage: not readable.
        ImageTooLarge: one block would take more than `MAX_BLOCK_BYTES`.
    """
    with _refusing_raster(str(path)), ExitStack() as stack:
        with _safe_environment():
            dataset = stack.enter_context(rasterio.open(path.absolute(), driver=driver))
            _check_blocks(dataset, str(path))
            upright = _north_up(dataset, stack)
        yield upright


@contextmanager
def open_variable(path: Path, variable: str) -> Iterator[Any]:
    """Open one variable of a netCDF or HDF5 file; as `open_raster`."""
    name = f"{path}#{variable}"
    if '"' in name or not name.isprintable():
        raise UnreadableImage(f"{shown(name)}: a name with quotes cannot be asked for")
    with _refusing_raster(name), ExitStack() as stack:
        with _safe_environment():
            dataset = stack.enter_context(
                rasterio.open(f'NETCDF:"{path.absolute()}":{variable}', driver="netCDF")
            )
            _check_blocks(dataset, name)
        yield dataset


@contextmanager
def open_handles(
    opened: Callable[[], BinaryIO | RawIOBase], *, name: str, driver: str
) -> Iterator[Any]:
    """Open a GeoTIFF or JPEG 2000 that Python reads, by windows; as `open_raster`.

    Args:
        opened: Opens the file once more; must not raise while it is read.
        name: For messages alone.
        driver: GDAL's.
    """
    inner = f"{uuid.uuid4().hex}.raster"

    def opener(path: str, _mode: str = "rb", **_more: Any) -> Any:
        if path == "test" or path.endswith(inner):  # rasterio asks for the former first
            return opened() if path != "test" else BytesIO()
        raise FileNotFoundError(path)

    with _refusing_raster(name), ExitStack() as stack:
        with _safe_environment():
            dataset = stack.enter_context(rasterio.open(inner, driver=driver, opener=opener))
            _check_blocks(dataset, name)
            upright = _north_up(dataset, stack)
        yield upright


@contextmanager
def open_object(address: str, *, driver: str) -> Iterator[Any]:
    """Open ``s3://BUCKET/KEY``; GDAL takes endpoint and credentials from ``AWS_…`` variables."""
    _SETTINGS.update(_OBJECTS)
    with _refusing_raster(address), ExitStack() as stack:
        with _safe_environment():
            path = f"/vsis3/{address.removeprefix('s3://')}"
            dataset = stack.enter_context(rasterio.open(path, driver=driver))
            _check_blocks(dataset, address)
            upright = _north_up(dataset, stack)
        yield upright


@contextmanager
def open_raster_bytes(content: bytes, *, name: str, driver: str) -> Iterator[Any]:
    """Open a GeoTIFF or JPEG 2000 that lies in memory; as `open_raster`."""
    with _refusing_raster(name), ExitStack() as stack:
        with _safe_environment():
            memory = stack.enter_context(MemoryFile(content, filename=_IN_MEMORY))
            dataset = stack.enter_context(memory.open(driver=driver))
            _check_blocks(dataset, name)
        yield dataset


@contextmanager
def open_warped(
    dataset: Any,
    *,
    crs: str,
    transform: tuple[float, float, float, float, float, float],
    width: int,
    height: int,
    resampling: str,
) -> Iterator[Any]:
    """Look at ``dataset`` through another raster; ``resampling`` is ``nearest`` or ``bilinear``."""
    with _safe_environment():
        warped = WarpedVRT(
            dataset,
            crs=crs,
            resampling=Resampling[resampling],
            transform=Affine(*transform),
            width=width,
            height=height,
            add_alpha=_lacks_mask(dataset),
        )
    with warped:
        yield warped


@contextmanager
def open_plain(
    file: Path | IO[bytes], *, name: str, max_pixels: int = MAX_PLAIN_PIXELS
) -> Iterator[Image.Image]:
    """Open a JPEG, PNG, WebP, BMP or GIF; nothing is decoded yet.

    Raises:
        UnreadableImage: not readable.
        ImageTooLarge: more than ``max_pixels`` pixels.
    """
    with refusing(name), _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(file, formats=_PLAIN_FORMATS)
    with image:
        check_pixels(image.width, image.height, name=name, max_pixels=max_pixels)
        yield image


def check_pixels(width: int, height: int, *, name: str, max_pixels: int) -> None:
    """Refuse by the header alone what would be too much to decode whole."""
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"{shown(name)}: {width} x {height} pixels, at most {max_pixels} can be decoded whole; "
            "a tiled GeoTIFF has no such limit"
        )


def colour_names(dataset: Any) -> tuple[str, ...]:
    """Colour interpretation of each band such as ``red``, ``gray``, ``alpha``."""
    return tuple(colour.name for colour in dataset.colorinterp)


@contextmanager
def reading() -> Iterator[None]:
    """Hold GDAL to the safe settings; what it warns of goes to the log, not to stderr."""
    with rasterio.Env(session=DummySession(), **_SETTINGS):
        yield


@contextmanager
def _safe_environment() -> Iterator[None]:
    with _opening, warnings.catch_warnings(), reading():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@contextmanager
def _refusing_raster(name: str) -> Iterator[None]:
    try:
        yield
    except (RasterioError, CPLE_BaseError, OSError, UnicodeError) as error:
        # rasterio raises UnicodeDecodeError for band names that are not UTF-8
        raise UnreadableImage(f"{shown(name)}: {_one_line(error)}") from error


def _north_up(dataset: Any, stack: ExitStack) -> Any:
    points, crs = dataset.gcps
    if not points or crs is None or not dataset.transform.is_identity or _complex(dataset):
        return dataset
    warped = WarpedVRT(dataset, src_crs=crs, crs=crs, add_alpha=_lacks_mask(dataset))
    return stack.enter_context(warped)


def _complex(dataset: Any) -> bool:
    return any(dtype.startswith("complex") for dtype in dataset.dtypes)


def _lacks_mask(dataset: Any) -> bool:
    return dataset.nodata is None and "alpha" not in colour_names(dataset)


def _check_blocks(dataset: Any, name: str) -> None:
    if not dataset.count:  # it holds variables, each of which is opened by itself
        return
    rows, columns = dataset.block_shapes[0]
    together = dataset.interleaving is not None and dataset.interleaving.name == "pixel"
    size = rows * columns * (dataset.count if together else 1) * _bytes_of(dataset.dtypes[0])
    if size > MAX_BLOCK_BYTES:
        raise ImageTooLarge(
            f"{shown(name)}: one block is {columns} x {rows} pixels, {size // 1024**2} MiB; "
            f"at most {MAX_BLOCK_BYTES // 1024**2} MiB are taken, rewrite it with tiles"
        )


def _bytes_of(dtype: str) -> int:
    bits = re.search(r"\d+$", dtype)
    return int(bits[0]) // 8 if bits else 1


def _one_line(error: BaseException) -> str:
    reason = error.__cause__ if isinstance(error, RasterioError) and error.__cause__ else error
    return shown(" ".join(str(reason).split())) or type(error).__name__
