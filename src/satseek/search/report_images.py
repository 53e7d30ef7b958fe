"""An image file → a small JPEG inside the page.

Knows no page. A file that is gone or broken by now becomes a grey square: the figures still stand.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image

from satseek.errors import UnreadableImage
from satseek.imagery.decode import decode_image
from satseek.search.plotting import safe

if TYPE_CHECKING:
    from pathlib import Path

EDGE = 192
"""Longer edge in pixels: sharp in a column of 150 on most screens, about 8 KB."""

QUALITY = 80
"""JPEG; nothing is measured on it."""


def inline_image(path: Path, *, name: str) -> str:
    """An ``img`` element that holds the image."""
    out = io.BytesIO()
    image = _small(path)
    image.save(out, format="JPEG", quality=QUALITY, optimize=True)
    content = base64.b64encode(out.getvalue()).decode("ascii")
    return (
        f'<img alt="{safe(name)}" width="{image.width}" height="{image.height}" '
        f'src="data:image/jpeg;base64,{content}">'
    )


def _small(path: Path) -> Image.Image:
    try:
        pixels = decode_image(path.read_bytes(), name=str(path), edge=2 * EDGE).pixels
    except (UnreadableImage, OSError):
        return Image.new("RGB", (EDGE, EDGE), (128, 128, 128))
    image = Image.fromarray(pixels)
    image.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
    return image
