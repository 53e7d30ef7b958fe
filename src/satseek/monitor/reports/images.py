"""Kept files and chips → images of a report, read only when their page is written.

Knows no page. What cannot be read any more is told by the page, not raised: the figures beside it
still stand.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image as Pillow

from satseek.errors import NotFound, UnreadableImage
from satseek.imagery.decode import decode_image
from satseek.monitor.reports.blocks import Image
from satseek.search.thumbnails import chip_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.types import Pixels

EDGE = 384
"""Longer edge in pixels of what is put into a document: 60 mm on paper at 160 dots an inch."""

QUALITY = 82
"""JPEG: visually lossless at this size; some 25 KB an image. Nothing is measured on it."""


def file_image(path: Path, *, alt: str, digest: str) -> Image:
    """Show a kept image file.

    Args:
        path: PNG or JPEG.
        alt: What it shows, for those who cannot see it.
        digest: Of its content, as it was kept.
    """

    def read() -> Pixels:
        return decode_image(path.read_bytes(), name=str(path), edge=2 * EDGE).pixels

    return Image(identity=f"file:{digest}", alt=alt, read=read)


def chip_image(chip_id: str, *, collection: Collection, alt: str) -> Image:
    """Show a chip of a collection, stretched as it was embedded.

    Raises:
        ChipNotFound: the collection has no such chip.
    """
    (chip,) = collection.chips([collection.row_of(chip_id)])
    digest = collection.scene(chip.scene_id).digest

    def read() -> Pixels:
        return chip_pixels(chip_id, collection=collection)

    return Image(identity=f"chip:{chip_id}@{digest}", alt=alt, read=read)


def jpeg_of(image: Image, *, edge: int = EDGE) -> tuple[bytes, int, int] | None:
    """Read an image and make a small JPEG of it.

    Returns:
        The file, its width and its height in pixels; None where the image is gone by now.
    """
    try:
        pixels = image.read()
    except (UnreadableImage, NotFound, OSError):
        return None
    if pixels is None:
        return None
    return encoded(pixels, edge=edge)


def encoded(pixels: Pixels, *, edge: int = EDGE) -> tuple[bytes, int, int]:
    """Make a JPEG of pixels, at most ``edge`` wide and high; gives width and height, too."""
    shown = Pillow.fromarray(pixels)
    shown.thumbnail((edge, edge), Pillow.Resampling.LANCZOS)
    out = io.BytesIO()
    shown.save(out, format="JPEG", quality=QUALITY, optimize=True)
    return out.getvalue(), shown.width, shown.height
