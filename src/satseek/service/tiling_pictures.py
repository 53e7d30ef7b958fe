"""RGBA → the bytes of a picture, in the format that an address or a header asks for.

Does not know what the picture shows.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from satseek.service.negotiating import preferred

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Picturing:
    """How a picture is written."""

    suffix: str
    """Of addresses, without the dot."""
    media_type: str
    """As in HTTP."""
    format: str
    """Pillow's name."""
    options: tuple[tuple[str, int], ...] = ()
    """What Pillow is told."""


PNG = Picturing(
    suffix="png",
    media_type="image/png",
    format="PNG",
    options=(("compress_level", 1),),  # a quarter of the time of 6, and a sixth larger
)
WEBP = Picturing(
    suffix="webp",
    media_type="image/webp",
    format="WEBP",
    options=(("quality", 80), ("method", 1)),  # method 4 takes three times as long
)
JPEG = Picturing(suffix="jpg", media_type="image/jpeg", format="JPEG", options=(("quality", 85),))

FORMATS = {one.suffix: one for one in (PNG, WEBP, JPEG)} | {"jpeg": JPEG}
"""By suffix."""

_OFFERED = {one.media_type: one for one in (PNG, WEBP, JPEG)}

_WHITE = 255


def picturing(path: str, accept: str) -> Picturing:
    """Choose by the suffix of a path, else by the header ``Accept``, else PNG."""
    return FORMATS.get(path.rpartition(".")[2]) or _OFFERED[preferred(accept, tuple(_OFFERED))]


def encode(shades: NDArray[np.uint8], how: Picturing) -> bytes:
    """Write RGBA (h, w, 4); JPEG, which has no transparency, is laid on white."""
    if not shades[..., 3].any():
        return _empty(shades.shape[1], shades.shape[0], how)
    return _encoded(shades, how)


@lru_cache(maxsize=16)
def _empty(width: int, height: int, how: Picturing) -> bytes:
    return _encoded(np.zeros((height, width, 4), np.uint8), how)


def _encoded(shades: NDArray[np.uint8], how: Picturing) -> bytes:
    if how is JPEG:
        alpha = shades[..., 3:].astype(np.uint16)
        mixed = (shades[..., :3] * alpha + _WHITE * (255 - alpha) + 127) // 255
        image = Image.fromarray(mixed.astype(np.uint8))
    else:
        image = Image.fromarray(shades)
    out = io.BytesIO()
    image.save(out, format=how.format, **dict(how.options))
    return out.getvalue()
