"""Bytes of an uploaded image → RGB pixels, by content and never by name.

Does not know files, grids or dates.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import ImageTooLarge, NoValidPixels, UnreadableImage
from satseek.imagery._open import (
    MAX_PLAIN_PIXELS,
    check_pixels,
    open_raster_bytes,
    raster_driver,
    shown,
)
from satseek.imagery._sources import RasterSource, Source, read_plain
from satseek.imagery.recipes import apply, recipe_named, resolve, valid_under
from satseek.types import Pixels, Window

if TYPE_CHECKING:
    from satseek.imagery._sources import Samples


WHOLE_EDGE = 2048
"""Rows and columns up to which an image keeps every pixel; image towers take at most 512."""

MAX_DECODED_BYTES = 512 * 1024**2
"""Bytes of a raster's samples: its blocks are decoded one by one, yet all of them are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedImage:
    """A decoded image."""

    pixels: Pixels
    """RGB, thinned out where the image was larger than asked; what was not measured is black."""
    valid_fraction: float
    """Share of measured pixels, above 0, at most 1; transparent pixels are not measured."""


def decode_image(
    content: bytes,
    *,
    name: str,
    max_pixels: int = MAX_PLAIN_PIXELS,
    edge: int | None = WHOLE_EDGE,
) -> DecodedImage:
    """Decode a JPEG, PNG, WebP, BMP, GIF, GeoTIFF or JPEG 2000.

    EXIF orientation is applied, CMYK and palettes become RGB, 16-bit samples are stretched
    (recipe ``auto``), of an animation the first frame is taken.

    Args:
        content: The file's bytes.
        name: For messages alone.
        max_pixels: Limit on width times height, checked before decoding.
        edge: Rows and columns above which it is thinned out; None keeps every pixel.

    Raises:
        UnreadableImage: not an image, broken or cut short.
        ImageTooLarge: more than ``max_pixels`` pixels or `MAX_DECODED_BYTES` of samples.
        UnsupportedRaster: complex samples or no honest choice of bands.
        NoValidPixels: nothing measured.
    """
    if not content:
        raise UnreadableImage(f"{shown(name)}: empty file (0 bytes)")
    driver = raster_driver(content[:16])
    if driver is None:
        plain = read_plain(io.BytesIO(content), name=name, max_pixels=max_pixels, edge=edge)
        return _render(plain, edge)
    with open_raster_bytes(content, name=name, driver=driver) as dataset:
        check_pixels(dataset.width, dataset.height, name=name, max_pixels=max_pixels)
        source = RasterSource.of(dataset, name=name)
        _check_bytes(source)
        return _render(source, edge)


def _check_bytes(source: Source) -> None:
    layout = source.layout
    if layout.dtype.startswith("complex"):
        return  # refused by what it is
    size = source.width * source.height * layout.count * np.dtype(layout.dtype).itemsize
    if size > MAX_DECODED_BYTES:
        raise ImageTooLarge(
            f"{shown(source.name)}: {source.width} x {source.height} pixels of {layout.count} "
            f"{layout.dtype} bands, {size // 1024**2} MiB; "
            f"at most {MAX_DECODED_BYTES // 1024**2} MiB can be decoded whole"
        )


def _render(source: Source, edge: int | None) -> DecodedImage:
    stretch = resolve(source, recipe_named("auto"))
    samples = _samples(source, stretch.bands, edge)
    valid = valid_under(samples, stretch)
    if not valid.any():
        raise NoValidPixels(f"{shown(source.name)}: no pixel was measured, all are nodata")
    pixels = apply(samples.values, stretch)
    pixels[~valid] = 0
    return DecodedImage(pixels=pixels, valid_fraction=float(valid.mean()))


def _samples(source: Source, bands: tuple[int, ...], edge: int | None) -> Samples:
    if edge is not None and isinstance(source, RasterSource):
        return source.thinned(bands=bands, edge=edge)
    whole = Window(column=0, row=0, width=source.width, height=source.height)
    return source.read(whole, bands=bands)
