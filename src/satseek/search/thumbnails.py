"""A chip → a small JPEG of it, stretched as it was embedded.

Knows nothing of the page or the address under which it is shown.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image

from satseek.errors import UnreadableImage
from satseek.imagery.chips import read_chip
from satseek.imagery.digests import current_digest
from satseek.imagery.recipes import Stretch, stretch_of

if TYPE_CHECKING:
    from satseek.index.collection import Collection
    from satseek.types import Pixels, Recipe, Scene

JPEG_QUALITY = 85
"""Visually lossless for photographs at a few bits a pixel (Pillow's own advice is ≤ 95)."""


def chip_pixels(chip_id: str, *, collection: Collection) -> Pixels:
    """Read one chip again.

    Raises:
        ChipNotFound: the collection has no such chip.
        UnreadableImage: its scene is gone, damaged, or another one by now.
    """
    (chip,) = collection.chips([collection.row_of(chip_id)])
    scene = collection.scene(chip.scene_id)
    if current_digest(scene) != scene.digest:
        raise UnreadableImage(f"{scene.id}: changed since it was indexed; index its folder again")
    stretch = _stretch(scene, collection.spec.recipe)
    return read_chip(chip, stretch=stretch, scene=scene)


def thumbnail(chip_id: str, *, collection: Collection, size: int = 256) -> bytes:
    """Return a JPEG of the chip, ``size`` pixels at its longer edge."""
    image = Image.fromarray(chip_pixels(chip_id, collection=collection))
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, format="JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


@lru_cache(maxsize=256)
def _stretch(scene: Scene, recipe: Recipe) -> Stretch:
    """Statistics of a whole scene are worth keeping: a page shows many chips of one scene."""
    return stretch_of(scene, recipe)
