"""Whatever a person calls an image → a file to send, read piece by piece where it lies on disk.

Does not know what is asked of it.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np

from satseek.errors import FolderNotFound, InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

Image: TypeAlias = "bytes | str | Path | BinaryIO | NDArray[np.uint8] | Any"
"""Bytes of a file, its path, an open file, uint8 pixels (h, w, 3), or a Pillow image."""


def opened(image: Image) -> BinaryIO:
    """Give an image as a file that can be read from its beginning, and again.

    Raises:
        FolderNotFound: there is no such file.
        InvalidRequest: it is nothing of the kind.
    """
    if isinstance(image, bytes):
        return io.BytesIO(image)
    if isinstance(image, str | Path):
        try:
            return Path(image).open("rb")
        except OSError as error:
            raise FolderNotFound(f"{image}: expected an image file: {error.strerror}") from error
    if isinstance(image, np.ndarray):
        return _png(image)
    if hasattr(image, "save") and hasattr(image, "getbands"):  # a Pillow image
        content = io.BytesIO()
        image.save(content, format="PNG")
        content.seek(0)
        return content
    if hasattr(image, "read") and hasattr(image, "seek"):
        return image
    raise InvalidRequest(
        f"expected an image as bytes, path, open file, uint8 array or Pillow image, "
        f"got {type(image).__name__}"
    )


def content_of(image: Image) -> bytes:
    """Read an image's file whole; one that is the caller's own stays open.

    Raises:
        FolderNotFound, InvalidRequest: as ``opened``.
    """
    file = opened(image)
    if file is image:
        file.seek(0)
        return file.read()
    with file:
        return file.read()


def _png(pixels: NDArray[Any]) -> BinaryIO:
    from PIL import Image as Pillow  # noqa: PLC0415 (slow to load, and rarely needed)

    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:  # noqa: PLR2004
        raise InvalidRequest(f"expected uint8 (h, w, 3), got {pixels.dtype} {pixels.shape}")
    content = io.BytesIO()
    Pillow.fromarray(pixels).save(content, format="PNG", compress_level=1)
    content.seek(0)
    return content
