"""A collection and a tile → its bytes, remembered; few at once, so that searches are not held up.

Does not know addresses.
"""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyio import CapacityLimiter

from satseek.errors import NotFound, Overloaded
from satseek.imagery.keeping import Kept
from satseek.imagery.mosaics import Mosaic, Scenery, check_placed, pixel_m
from satseek.imagery.tiles import MAX_ZOOM, zoom_of
from satseek.search.mapping_colours import class_shades, heat_shades
from satseek.search.mapping_values import Maps
from satseek.service.tiling_pictures import PNG, Picturing, encode
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from satseek.imagery.mosaics import Laid
    from satseek.imagery.tiles import Tile
    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.search.mapping_values import CellMap
    from satseek.types import BBox

_MOSAICS = 16
"""Collections whose scenes are kept as they lie."""

_TILE_BYTES = 64 * 1024**2
"""Of all tiles that are kept: some thousand."""

_MEASURED_SCENES = 256
"""Scenes whose pixels are measured to tell how far a map can be zoomed in, the newest."""

NO_GROUND = "no map: no chip of this collection lies on the ground, as no scene has a georeference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which tile, how large, written how."""

    tile: Tile
    """Which."""
    scale: int
    """Times 256 pixels: 1 or 2."""
    how: Picturing
    """As what."""

    @property
    def name(self) -> str:
        """Names it among all."""
        tile = self.tile
        return f"{tile.z}/{tile.x}/{tile.y}@{self.scale}.{self.how.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """A tile."""

    content: bytes
    """The picture."""
    whole: bool
    """False where something could not be read: another time there may be more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far a map goes."""

    bbox: BBox
    """West, south, east, north on WGS 84."""
    maxzoom: int
    """Zoom at which its pixels are those of the finest scene."""


@dataclass(slots=True)
class Line:
    """So many at once; the others wait in turn, or are refused where too many wait already."""

    limiter: CapacityLimiter
    """Who works."""
    most: int
    """Who may wait."""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; raises Overloaded."""
        if self.limiter.statistics().tasks_waiting >= self.most:
            raise Overloaded(f"{self.most} tiles wait to be drawn already; try again soon")
        async with self.limiter:
            yield


@dataclass(frozen=True, slots=True)
class Tiling:
    """Draws the tiles of one server."""

    imagery: Line
    """For tiles of scenes: one fewer than there are decoders, so that images of searches pass."""
    maps: Line
    """For tiles of heat and class maps: computing them is never more than a part of the machine."""
    scenery: Scenery = field(default_factory=Scenery)
    """Draws scenes."""
    made: Maps = field(default_factory=Maps)
    """Makes heat and class maps."""
    _mosaics: Kept[Mosaic] = field(default_factory=lambda: Kept(_MOSAICS))
    _tiles: Kept[Painted] = field(
        default_factory=lambda: Kept(_TILE_BYTES, size=lambda one: len(one.content))
    )

    @classmethod
    def of(cls, *, decoders: int, requests: int) -> Tiling:
        """Leave room for others.

        Args:
            decoders: Images decoded at once.
            requests: Requests worked on at once: tiles may be half of them.
        """
        most = max(requests // 4, 1)
        return cls(
            Line(CapacityLimiter(max(decoders - 1, 1)), most), Line(CapacityLimiter(2), most)
        )

    def mosaic(self, collection: Collection, index: Pinned) -> Mosaic:
        """Lay out the scenes of a collection."""
        return self._mosaics.get(index.fingerprint, lambda: Mosaic.of(collection.scenes()))

    def extent(self, collection: Collection, index: Pinned, *, scene: str | None = None) -> Extent:
        """Tell how far the map of a collection, or of one scene, goes.

        Raises:
            NotFound: nothing lies on the ground.
            ChipNotFound: there is no such scene.
        """
        if scene is None:
            mosaic = self.mosaic(collection, index)
        else:
            found = collection.scene(scene)
            check_placed(found)
            mosaic = Mosaic.of([found])
        if mosaic.bbox is None:
            raise NotFound(NO_GROUND)
        middle = (mosaic.bbox[1] + mosaic.bbox[3]) / 2
        finest = min(pixel_m(laid.scene) for laid in mosaic.scenes[:_MEASURED_SCENES])
        return Extent(bbox=mosaic.bbox, maxzoom=min(zoom_of(finest, latitude=middle), MAX_ZOOM))

    def paint_scenes(
        self,
        shape: Shape,
        *,
        collection: Collection,
        index: Pinned,
        where: Filter,
        scene: str | None,
    ) -> Painted:
        """Draw the scenes that pass a filter, the newest on top, or one of them.

        Raises:
            NotFound: nothing lies on the ground.
            ChipNotFound: there is no such scene.
            InvalidRequest, UnreadableImage: the one scene cannot be read.
        """
        view, recipe = shape.tile.view(scale=shape.scale), index.spec.recipe
        if scene is not None:
            one = collection.scene(scene)
            shades = self.scenery.draw_one(one, view, recipe=recipe)
            return Painted(content=encode(shades, shape.how), whole=True)
        mosaic = self.mosaic(collection, index)
        if not mosaic.scenes:
            raise NotFound(NO_GROUND)
        touching = [one for one in mosaic.touching(shape.tile.bbox()) if _in_time(one, where)]
        drawn = self.scenery.draw(touching, view, recipe=recipe)
        return Painted(content=encode(drawn.shades, shape.how), whole=not drawn.failed)

    def paint_cells(self, shape: Shape, cells: CellMap) -> Painted:
        """Draw a heat or class map; raises NotFound where nothing lies on the ground."""
        values = cells.fill(shape.tile.view(scale=shape.scale))
        shades = class_shades(values, cells.names) if cells.names else heat_shades(values)
        return Painted(content=encode(shades, shape.how), whole=True)

    def kept(self, tag: str, paint: Callable[[], Painted]) -> Painted:
        """Give a tile by its tag, or paint it; one that is not whole is not kept."""
        painted = self._tiles.get(tag, paint)
        if not painted.whole:
            self._tiles.forget(tag)
        return painted


def tag_of(index: Pinned, *asked: object) -> str:
    """Entity tag of what a generation of a collection answers to something."""
    return tag_of_text(index.fingerprint, *asked)


def tag_of_text(*asked: object) -> str:
    """Entity tag of what is answered to something, which names its state as well."""
    text = " ".join(map(repr, asked))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _in_time(laid: Laid, where: Filter) -> bool:
    if where.start is None and where.end is None:
        return True
    moment = laid.scene.datetime
    if moment is None:
        return False
    early = where.start is not None and moment < where.start
    return not (early or (where.end is not None and moment > where.end))


__all__ = ["PNG", "Extent", "Line", "Painted", "Shape", "Tiling", "tag_of", "tag_of_text"]
