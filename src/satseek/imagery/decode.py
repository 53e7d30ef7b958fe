"""Bytes of an uploaded image → RGB pixels, by content and never by name.

Does not know files, grids or dates.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from satseek.errors import NoValidPixels, UnreadableImage
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedImage:
    """A decoded image."""

    pixels: Pixels
    """RGB; what was not measured is black."""
    valid_fraction: float
    """Share of measured pixels, above 0, at most 1; transparent pixels are not measured."""


def decode_image(content: bytes, *, name: str, max_pixels: int = MAX_PLAIN_PIXELS) -> DecodedImage:
    """Decode a JPEG, PNG, WebP, BMP, GIF, GeoTIFF or JPEG 2000.

    EXIF orientation is applied, CMYK and palettes become RGB, 16-bit samples are stretched
    (recipe ``auto``), of an animation the first frame is taken.

    Args:
        content: The file's bytes.
        name: For messages alone.
        max_pixels: Limit on width times height, checked before decoding.

    Raises:
        UnreadableImage: not an image, broken or cut short.
        ImageTooLarge: more than ``max_pixels`` pixels.
        UnsupportedRaster: complex samples or no honest choice of bands.
        NoValidPixels: nothing measured.
    """
    if not content:
        raise UnreadableImage(f"{shown(name)}: empty file (0 bytes)")
    driver = raster_driver(content[:16])
    if driver is None:
        return _render(read_plain(io.BytesIO(content), name=name, max_pixels=max_pixels))
    with open_raster_bytes(content, name=name, driver=driver) as dataset:
        check_pixels(dataset.width, dataset.height, name=name, max_pixels=max_pixels)
        return _render(RasterSource.of(dataset, name=name))


def _render(source: Source) -> DecodedImage:
    stretch = resolve(source, recipe_named("auto"))
    whole = Window(column=0, row=0, width=source.width, height=source.height)
    samples = source.read(whole, bands=stretch.bands)
    valid = valid_under(samples, stretch)
    if not valid.any():
        raise NoValidPixels(f"{shown(source.name)}: no pixel was measured, all are nodata")
    pixels = apply(samples.values, stretch)
    pixels[~valid] = 0
    return DecodedImage(pixels=pixels, valid_fraction=float(valid.mean()))
