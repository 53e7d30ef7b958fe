"""A chip, and the ground around a finding → what was seen there on the chip's day.

Does not know where pictures are kept. Where the scene of the chip ends, others of the same day go
on: a site on the border of two scenes is seen whole.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery.chips import read_chip
from satseek.imagery.mosaics import Mosaic, Scenery
from satseek.imagery.recipes import stretch_of

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.imagery.mosaics import Laid
    from satseek.index.collection import Collection
    from satseek.monitor.findings.surrounding import Surroundings
    from satseek.types import BBox, Chip, Pixels, Scene

_MEASURED = 255
"""Alpha of what a scene shows; less stands for scenes that cannot be read in time."""

_STRIPES = np.array([232, 208], dtype=np.uint8)
"""Two light greys in which ground is striped that nothing shows: black would be taken for water,
shadow or a burnt field, and one grey for a roof."""

_STRIPE_PX = 6
"""Width of a stripe along a row: seen as such where a picture is shown at half its size."""


class Sights:
    """Draws chips and the ground around them; remembers scenes. Safe to share between threads."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._scenery = Scenery()
        self._mosaics: dict[Path, tuple[int, Mosaic]] = {}
        self._lock = threading.Lock()

    def draw(
        self, chip: Chip, *, collection: Collection, around: Surroundings | None
    ) -> tuple[Pixels, BBox | None]:
        """Draw the ground, or the chip where the ground cannot be drawn.

        Args:
            chip: Of the collection; its scene is there.
            collection: Where it is indexed.
            around: The square of ground; None: the chip is wanted.

        Returns:
            Pixels, striped where nothing was measured, and the square's sides; None: it is the
            chip.

        Raises:
            UnreadableImage: its scene is damaged.
        """
        scene = collection.scene(chip.scene_id)
        if around is not None and scene.crs is not None:
            shown = self._ground(scene, collection, around)
            if shown is not None:
                return shown, around.bounds
        return read_chip(chip, stretch=stretch_of(scene, collection.spec.recipe), scene=scene), None

    def _ground(self, scene: Scene, collection: Collection, around: Surroundings) -> Pixels | None:
        """Draw a square; None where none of it can be read at once."""
        scenes = self._scenes(scene, collection, around.bounds)
        drawn = self._scenery.draw(scenes, around.view, recipe=collection.spec.recipe)
        measured = drawn.shades[..., 3] == _MEASURED
        if not measured.any():
            return None
        return np.where(measured[..., None], drawn.shades[..., :3], _striped(measured.shape))

    def _scenes(self, scene: Scene, collection: Collection, bounds: BBox) -> list[Laid]:
        """List the scenes that show a square on the day of one of them, which comes first."""
        touching = self._mosaic(collection).touching(bounds)
        own = [one for one in touching if one.scene.id == scene.id]
        beside = [
            one
            for one in touching
            if one.scene.id != scene.id and _day(one.scene) == _day(scene) is not None
        ]
        return [*own, *beside]

    def _mosaic(self, collection: Collection) -> Mosaic:
        generation = collection.generation
        with self._lock:
            known = self._mosaics.get(collection.folder)
            if known is None or known[0] != generation:
                known = generation, Mosaic.of(collection.scenes())
                self._mosaics[collection.folder] = known
            return known[1]


def _striped(shape: tuple[int, ...]) -> Pixels:
    """Draw what stands for ground that was not measured: (h, w, 3)."""
    rows, columns = np.indices(shape)
    stripes: Pixels = _STRIPES[(rows + columns) // _STRIPE_PX % len(_STRIPES)]
    return stripes[..., None].repeat(3, axis=2)


def _day(scene: Scene) -> str | None:
    return None if scene.datetime is None else f"{scene.datetime:%Y-%m-%d}"
