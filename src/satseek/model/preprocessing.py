"""Turns pixels into the tensor that a model's image tower takes, as its card says.

Does not know where pixels come from, nor which runtime takes the tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from satseek.errors import UnreadableImage
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import Pixels, Tensor

SIGLIP = Preprocessing()
"""What SigLIP was trained with (transformers, ``SiglipImageProcessor``)."""

_CHANNELS = 3
_WHITE = np.float32(255)
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

_LONGEST = 16
"""Times the size that a resized long edge may have before only its middle is computed: a strip of
one pixel by ten thousand would otherwise become an image of gigabytes."""


def preprocess(images: Sequence[Pixels], *, size: int, how: Preprocessing = SIGLIP) -> Tensor:
    """Resize each image to the square, scale it to 0–1 and normalise each channel.

    Bit for bit what transformers' Pillow image processors give. Images may differ in size.

    Returns:
        float32, shape (len(images), 3, size, size), C-contiguous.

    Raises:
        UnreadableImage: an image is not uint8 of shape (h, w, 3), or has no pixel.
    """
    mean = np.array(how.mean, np.float32).reshape(_CHANNELS, 1, 1)
    std = np.array(how.std, np.float32).reshape(_CHANNELS, 1, 1)
    tensor = np.empty((len(images), _CHANNELS, size, size), dtype=np.float32)
    for square, image in zip(tensor, images, strict=True):
        # (size, size, 3) → (3, size, size)
        channels = squared(image, size=size, how=how).transpose(2, 0, 1)
        # Divided, not multiplied by 1/255: only so are all 256 values equal to transformers'.
        np.divide(channels, _WHITE, out=square)
        np.subtract(square, mean, out=square)
        np.divide(square, std, out=square)
    return tensor


def squared(image: Pixels, *, size: int, how: Preprocessing = SIGLIP) -> Pixels:
    """Resize an image to the square, (size, size, 3); squared again it stays the same.

    ``squash`` gives up the aspect ratio; ``crop`` brings the short edge to the size and keeps the
    middle, so that the ends of a long image are not seen.

    Raises:
        UnreadableImage: the image is not uint8 of shape (h, w, 3), or has no pixel.
    """
    if image.dtype != np.uint8 or image.ndim != _CHANNELS or image.shape[2] != _CHANNELS:
        raise UnreadableImage(
            f"expected uint8 pixels of shape (h, w, 3), got {image.dtype} {image.shape}"
        )
    height, width = image.shape[:2]
    if height == 0 or width == 0:
        raise UnreadableImage(f"expected at least one pixel, got shape {image.shape}")
    if (height, width) == (size, size):
        return image
    picture = Image.fromarray(np.ascontiguousarray(image))
    if how.resize == "crop":
        return np.asarray(_middle(picture, size=size, resample=_FILTERS[how.resample]))
    return np.asarray(picture.resize((size, size), _FILTERS[how.resample]))


def _middle(picture: Image.Image, *, size: int, resample: Image.Resampling) -> Image.Image:
    """Bring the short edge to the size, then cut the middle square.

    Rounded as transformers' ``get_resize_output_image_size`` and ``center_crop`` do.
    """
    short = min(picture.size)
    width, height = (int(size * edge / short) for edge in picture.size)
    left, top = (width - size) // 2, (height - size) // 2
    if max(width, height) > _LONGEST * size:
        across, down = picture.width / width, picture.height / height
        box = (left * across, top * down, (left + size) * across, (top + size) * down)
        return picture.resize((size, size), resample, box=box)
    return picture.resize((width, height), resample).crop((left, top, left + size, top + size))
