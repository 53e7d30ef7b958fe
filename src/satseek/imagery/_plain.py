"""A JPEG, PNG, WebP, BMP or GIF → its samples, decoded whole.

Does not know ground coordinates, chips or recipes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from satseek.imagery._open import MAX_PLAIN_PIXELS, open_plain, refusing
from satseek.imagery._samples import BandLayout, Samples, measured, reduced

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.imagery._samples import Reducing
    from satseek.types import Window

_EXIF_ORIENTATION = 0x0112

_AVERAGED = frozenset({"L", "RGB", "CMYK"})
"""Pillow modes whose neighbouring pixels are averaged where an image is thinned out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSource:
    """A `Source` over an image that was decoded whole."""

    name: str
    width: int
    height: int
    layout: BandLayout
    samples: Samples

    def read(
        self, window: Window, *, bands: tuple[int, ...], step: int = 1, by: Reducing = "average"
    ) -> Samples:
        """See `Source.read`."""
        rows = slice(window.row, window.row + window.height)
        columns = slice(window.column, window.column + window.width)
        samples = self._cut(bands, rows, columns)
        return samples if step == 1 else reduced(samples, step=step, by=by)

    def sample(self, *, bands: tuple[int, ...], edge: int) -> Samples:
        """See `Source.sample`."""
        step = slice(None, None, -(-max(self.width, self.height) // edge))
        return self._cut(bands, step, step)

    def _cut(self, bands: tuple[int, ...], rows: slice, columns: slice) -> Samples:
        values = self.samples.values[[band - 1 for band in bands], rows, columns]
        return Samples(values=values, valid=self.samples.valid[rows, columns])


def read_plain(
    file: Path | IO[bytes],
    *,
    name: str,
    max_pixels: int = MAX_PLAIN_PIXELS,
    edge: int | None = None,
) -> PlainSource:
    """Decode a plain image: first frame, EXIF orientation applied, RGB or 16-bit grey.

    Args:
        file: The file, or its bytes.
        name: For messages alone.
        max_pixels: Limit on width times height.
        edge: Rows and columns above which it is thinned out before it is copied; None: never.

    Raises:
        UnreadableImage: broken or cut short.
        ImageTooLarge: more than ``max_pixels`` pixels; refused before decoding.
    """
    with open_plain(file, name=name, max_pixels=max_pixels) as image, refusing(name):
        upright = ImageOps.exif_transpose(_thinned(image, edge))
        samples = _deep_grey(upright) if is_deep(upright) else _colours(upright)
    count, height, width = samples.values.shape
    layout = plain_layout(count=count, dtype=str(samples.values.dtype))
    return PlainSource(name=name, width=width, height=height, layout=layout, samples=samples)


def thinning(width: int, height: int, *, edge: int) -> int:
    """Every how many-th row and column are kept so that at most ``edge`` are left."""
    return max(1, -(-max(width, height) // edge))


def _thinned(image: Image.Image, edge: int | None) -> Image.Image:
    """Decode, at a smaller size where the format can; what is no plain colour is not averaged."""
    if edge is not None and (step := thinning(image.width, image.height, edge=edge)) > 1:
        image.draft(None, (-(-image.width // step), -(-image.height // step)))  # JPEG alone
    image.load()
    step = 1 if edge is None else thinning(image.width, image.height, edge=edge)
    if step == 1:
        return image
    if image.mode in _AVERAGED and not image.has_transparency_data:
        return image.reduce(step)
    size = (-(-image.width // step), -(-image.height // step))
    return image.resize(size, Image.Resampling.NEAREST)


def is_deep(image: Image.Image) -> bool:
    """Whether an image holds more than 8 bits a sample."""
    return image.mode.startswith("I") or image.mode == "F"


def plain_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) after EXIF orientation; orientations 5 to 8 lie on their side."""
    if image.getexif().get(_EXIF_ORIENTATION) in {5, 6, 7, 8}:
        return image.height, image.width
    return image.width, image.height


def plain_layout(*, count: int, dtype: str) -> BandLayout:
    """The bands of a decoded plain image: RGB or grey; its mask is no band."""
    return BandLayout(
        count=count,
        dtype=dtype,
        colours=("gray",) if count == 1 else ("red", "green", "blue"),
        descriptions=("",) * count,
        palette=(),
        masked=True,
    )


def _deep_grey(image: Image.Image) -> Samples:
    values = np.asarray(image)[np.newaxis]  # (1, h, w)
    return Samples(values=values, valid=measured(values, nodata=None))


def _colours(image: Image.Image) -> Samples:
    if not image.has_transparency_data:
        rgb = np.asarray(image.convert("RGB"))
        return Samples(values=np.moveaxis(rgb, 2, 0), valid=np.ones(rgb.shape[:2], bool))
    rgba = np.asarray(image.convert("RGBA"))
    return Samples(values=np.moveaxis(rgba[..., :3], 2, 0), valid=rgba[..., 3] > 0)
