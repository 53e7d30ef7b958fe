"""Turns pixels into the tensor that SigLIP's image tower takes.

Does not know where pixels come from, nor which runtime takes the tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from satseek.errors import UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import Pixels, Tensor

_CHANNELS = 3
_WHITE = np.float32(255)
_MEAN = np.float32(0.5)  # transformers, SiglipImageProcessor: mean = std = 0.5 in each channel
_STD = np.float32(0.5)


def preprocess(images: Sequence[Pixels], *, size: int) -> Tensor:
    """Resize each image bicubically to the square and scale it to −1…1.

    Bit for bit what transformers' Pillow image processor gives. Images may differ in size; their
    aspect ratio is not kept, as SigLIP was trained.

    Returns:
        float32, shape (len(images), 3, size, size), C-contiguous.

    Raises:
        UnreadableImage: an image is not uint8 of shape (h, w, 3), or has no pixel.
    """
    tensor = np.empty((len(images), _CHANNELS, size, size), dtype=np.float32)
    for square, image in zip(tensor, images, strict=True):
        channels = squared(image, size=size).transpose(2, 0, 1)  # (size, size, 3) → (3, size, size)
        # Divided, not multiplied by 1/255: only so are all 256 values equal to transformers'.
        np.divide(channels, _WHITE, out=square)
        np.subtract(square, _MEAN, out=square)
        np.divide(square, _STD, out=square)
    return tensor


def squared(image: Pixels, *, size: int) -> Pixels:
    """Resize an image bicubically to the square, (size, size, 3); squared again it stays the same.

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
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))
