"""The scenes of a collection → what they show of a view together, the newest on top.

Does not know the collection, nor tiles. What cannot be read in time is drawn as its outline's plain
surface, so that a map always tells where there are scenes.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest, NotFound, SatseekError, UnreadableImage
from satseek.imagery.digests import current_digest
from satseek.imagery.ground import between, scene_footprint, to_pixels
from satseek.imagery.keeping import Kept
from satseek.imagery.recipes import stretch_of
from satseek.imagery.showing import (
    Picture,
    Shades,
    can_preview,
    preview,
    read_picture,
    show,
    spot,
)
from satseek.types import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from satseek.imagery.showing import Spot
    from satseek.imagery.stretching import Stretch
    from satseek.imagery.views import View
    from satseek.types import BBox, GeoJSON, Recipe, Scene

MOST_SCENES = 24
"""Scenes that are read for one view; the others are drawn as plain surfaces. A screen has a dozen
tiles, and scenes of which more lie in one are a few pixels wide."""

PLAIN = (128, 128, 128, 96)
"""Colour of a scene that is not read: grey, and a third of it."""

_STRETCHES = 4096
"""Stretches that are kept: some 200 bytes each."""

_PREVIEW_BYTES = 128 * 1024**2
"""Of all previews that are kept."""

_SHOWN = 85.06
"""Degrees; Web Mercator ends a little before."""

_DEGREE_M = 111_320.0
"""Metres per degree along the equator: 2 · π · 6,378,137 m / 360."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A scene that lies on the ground."""

    scene: Scene
    """Which."""
    boxes: tuple[BBox, ...]
    """West, south, east, north around it on WGS 84; two where it crosses the antimeridian."""

    @classmethod
    def of(cls, scene: Scene) -> Laid:
        """Find where a scene lies; nowhere, without georeference."""
        return cls(scene=scene, boxes=tuple(_boxes(scene_footprint(scene))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mosaic:
    """Scenes that lie on the ground, the newest first."""

    scenes: tuple[Laid, ...]
    """Those with georeference; without a date last, else by id."""
    owners: NDArray[np.int64]
    """Shape (n,): of each box, the number of its scene."""
    boxes: NDArray[np.float64]
    """Shape (n, 4): the boxes of all scenes."""

    @classmethod
    def of(cls, scenes: Iterable[Scene]) -> Mosaic:
        """Take the scenes that have a georeference."""
        placed = sorted((scene for scene in scenes if scene.crs is not None), key=_newest_first)
        laid = tuple(Laid.of(scene) for scene in placed)
        owned = [(number, box) for number, one in enumerate(laid) for box in one.boxes]
        return cls(
            scenes=laid,
            owners=np.array([number for number, _ in owned], dtype=np.int64),
            boxes=np.array([box for _, box in owned], dtype=np.float64).reshape(-1, 4),
        )

    def touching(self, bbox: BBox) -> list[Laid]:
        """List the scenes whose box touches another, in degrees on WGS 84, the newest first."""
        west, south, east, north = bbox
        meets = (self.boxes[:, 0] < east) & (self.boxes[:, 2] > west)
        meets &= (self.boxes[:, 1] < north) & (self.boxes[:, 3] > south)
        return [self.scenes[number] for number in np.unique(self.owners[meets])]

    @property
    def bbox(self) -> BBox | None:
        """Box around all scenes; None where there is none."""
        if not len(self.boxes):
            return None
        west, south = self.boxes[:, :2].min(axis=0).tolist()
        east, north = self.boxes[:, 2:].max(axis=0).tolist()
        return west, south, east, north


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """What scenes show of a view."""

    shades: Shades
    """RGBA."""
    failed: int
    """Scenes that cannot be read at the moment: what they show is missing."""


class Scenery:
    """Draws scenes; remembers their stretches and previews. Safe to share between threads."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._stretches: Kept[Stretch] = Kept(_STRETCHES)
        self._previews: Kept[Picture] = Kept(_PREVIEW_BYTES, size=lambda one: one.bytes)

    def draw(self, scenes: Sequence[Laid], view: View, *, recipe: Recipe) -> Drawn:
        """Draw scenes over each other, the first on top; what cannot be read is a plain surface."""
        failed = 0
        drawn = np.zeros((view.height, view.width, 4), np.uint8)
        plain = np.zeros((view.height, view.width), bool)
        read = 0
        for laid in scenes:
            window = _window(laid, view)
            part = drawn[_rows(window), _columns(window)]
            empty = part[..., 3] == 0
            if not empty.any():
                continue
            where = spot(laid.scene, view.part(window))
            if not where.touches:
                continue
            picture = None
            try:
                if read < MOST_SCENES:
                    picture = self._picture(laid.scene, where, recipe)
            except SatseekError as error:
                failed += 1
                logger.warning("left out of a tile: %s", " ".join(str(error).split()))
            if picture is None:
                plain[_rows(window), _columns(window)] |= ~np.isnan(where.columns)
                continue
            read += 1
            np.copyto(part, show(picture, where), where=empty[..., np.newaxis])
        drawn[plain & (drawn[..., 3] == 0)] = PLAIN
        return Drawn(shades=drawn, failed=failed)

    def draw_one(self, scene: Scene, view: View, *, recipe: Recipe) -> Shades:
        """Draw one scene.

        Raises:
            NotFound: it has no georeference, so that it lies on no map.
            InvalidRequest: too coarse: the view shows more of the scene than is read at once.
            UnreadableImage: its file is gone, damaged, or another one by now.
        """
        check_placed(scene)
        where = spot(scene, view)
        if not where.touches:
            return np.zeros((view.height, view.width, 4), np.uint8)
        picture = self._picture(scene, where, recipe)
        if picture is None:
            raise InvalidRequest(
                f"{scene.id}: too coarse, as its {scene.width} x {scene.height} pixels have no "
                "overviews; zoom in, or add some with `gdaladdo -r average`"
            )
        return show(picture, where)

    def _picture(self, scene: Scene, where: Spot, recipe: Recipe) -> Picture | None:
        key = (scene.id, scene.digest, recipe, _state(scene))
        stretch = self._stretches.get(key, lambda: _stretch(scene, recipe))
        kept = self._previews.peek(key)
        if kept is not None and where.density >= kept.step:
            return kept
        picture = read_picture(scene, where, stretch=stretch)
        if picture is not None or not can_preview(scene):
            return picture
        return self._previews.get(key, lambda: preview(scene, stretch=stretch))


def check_placed(scene: Scene) -> None:
    """Go on only with a scene that lies on the ground; raises NotFound."""
    if scene.crs is None:
        raise NotFound(f"{scene.id}: has no georeference, so that it lies on no map")


def pixel_m(scene: Scene) -> float:
    """Edge of a scene's middle pixel in metres, about."""
    assert scene.crs is not None
    columns = np.array([0.5, 0.5, 0.5 + 1 / scene.width]) * scene.width
    rows = np.array([0.5, 0.5 + 1 / scene.height, 0.5]) * scene.height
    a, b, c, d, e, f = scene.transform
    lons, lats = between(
        scene.crs, "EPSG:4326", a * columns + b * rows + c, d * columns + e * rows + f
    )
    east = (lons - lons[0] + 180) % 360 - 180
    xs, ys = east * _DEGREE_M * math.cos(math.radians(float(lats[0]))), lats * _DEGREE_M
    area = abs((xs[1]) * (ys[2] - ys[0]) - (xs[2]) * (ys[1] - ys[0]))
    return math.sqrt(area) if math.isfinite(area) and area > 0 else 1.0


def _window(laid: Laid, view: View) -> Window:
    """Give the pixels of a view in Web Mercator around a scene, a few more on each side."""
    boxes = np.array(laid.boxes)
    lons, lats = boxes[:, [0, 2]].ravel(), np.clip(boxes[:, [1, 3]].ravel(), -_SHOWN, _SHOWN)
    columns, rows = to_pixels(view.transform, *between("EPSG:4326", view.crs, lons, lats))
    left, right = _around(columns, view.width)
    top, bottom = _around(rows, view.height)
    return Window(column=left, row=top, width=right - left, height=bottom - top)


def _around(places: NDArray[np.float64], extent: int) -> tuple[int, int]:
    low, high = float(places.min()), float(places.max())
    more = 2 + (high - low) / 64  # edges of scenes bend a little between their corners
    first, last = math.floor(low - more), math.ceil(high + more)
    return min(max(first, 0), extent), max(min(last, extent), 0)


def _rows(window: Window) -> slice:
    return slice(window.row, window.row + window.height)


def _columns(window: Window) -> slice:
    return slice(window.column, window.column + window.width)


def _newest_first(scene: Scene) -> tuple[bool, float, str]:
    moment = scene.datetime
    return moment is None, 0.0 if moment is None else -moment.timestamp(), scene.id


def _stretch(scene: Scene, recipe: Recipe) -> Stretch:
    """Resolve a recipe for a scene that is still what was indexed."""
    if current_digest(scene) != scene.digest:
        raise UnreadableImage(f"{scene.id}: changed since it was indexed; index its folder again")
    return stretch_of(scene, recipe)


def _state(scene: Scene) -> tuple[int, int]:
    """Size and time of a scene's file, so that one that was replaced is looked at again."""
    try:
        found = Path(scene.path).stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _boxes(footprint: GeoJSON | None) -> list[BBox]:
    if footprint is None:
        return []
    parts = footprint["coordinates"]
    rings = [parts[0]] if footprint["type"] == "Polygon" else [part[0] for part in parts]
    boxes = []
    for ring in rings:
        xs, ys = [point[0] for point in ring], [point[1] for point in ring]
        boxes.append((min(xs), min(ys), max(xs), max(ys)))
    return boxes
