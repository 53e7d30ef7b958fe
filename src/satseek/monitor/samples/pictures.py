"""A drawn place → pictures of it at each of its dates, with what is to be judged marked in them.

Does not know pages: a door shows the pictures and draws the marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import shapely

from satseek.errors import ChipNotFound, UnreadableImage
from satseek.search.thumbnails import thumbnail

if TYPE_CHECKING:
    from datetime import datetime

    from satseek.index.collection import Collection
    from satseek.monitor.samples.drawing import Place
    from satseek.types import Chip, GeoJSON

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of a picture's width and height, 0–1."""

SIZE_PX = 512
"""Longer edge of a picture: two of them stand side by side on a laptop's page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacePicture:
    """A place at one date."""

    chip_id: str
    """Chip that shows it."""
    datetime: datetime | None
    """When the chip's scene was acquired, UTC."""
    jpeg: bytes | None
    """The picture; None: the scene is gone, changed, or no longer indexed."""
    mark: Box | None
    """What is to be judged: the cell, or the point, of which all four ends are two; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of a place at one date without its picture being drawn."""

    chip_id: str
    """Chip that shows it."""
    datetime: datetime | None
    """When the chip's scene was acquired, UTC; None also where the chip is no longer indexed."""
    mark: Box | None
    """As of a picture."""


def sights_of(place: Place, *, collection: Collection) -> tuple[Sight, ...]:
    """Tell of a place at each of its dates, earliest first."""
    return tuple(_sight(chip_id, place, collection) for chip_id in place.chips)


def pictures_of(
    place: Place, *, collection: Collection, size: int = SIZE_PX
) -> tuple[PlacePicture, ...]:
    """Show a place at each of its dates, earliest first.

    Args:
        place: Which.
        collection: Where its chips are indexed.
        size: Longer edge of a picture in pixels.
    """
    return tuple(_picture(chip_id, place, collection, size) for chip_id in place.chips)


def _picture(chip_id: str, place: Place, collection: Collection, size: int) -> PlacePicture:
    sight = _sight(chip_id, place, collection)
    try:
        jpeg = thumbnail(chip_id, collection=collection, size=size)
    except (ChipNotFound, UnreadableImage):
        return PlacePicture(chip_id=chip_id, datetime=None, jpeg=None, mark=None)
    return PlacePicture(chip_id=chip_id, datetime=sight.datetime, jpeg=jpeg, mark=sight.mark)


def _sight(chip_id: str, place: Place, collection: Collection) -> Sight:
    try:
        (chip,) = collection.chips([collection.row_of(chip_id)])
    except ChipNotFound:
        return Sight(chip_id=chip_id, datetime=None, mark=None)
    return Sight(chip_id=chip_id, datetime=chip.datetime, mark=_mark(place, chip))


def _mark(place: Place, chip: Chip) -> Box | None:
    """Place what is judged in a picture; chips are small, so that degrees are even across one."""
    if chip.footprint is None:
        return None
    west, south, east, north = _bounds(chip.footprint)
    if place.point is not None:
        box = (*place.point, *place.point)
    elif place.footprint is not None:
        box = _bounds(place.footprint)
    else:
        return None
    across = [(lon - west) / (east - west) for lon in (box[0], box[2])]
    down = [(north - lat) / (north - south) for lat in (box[3], box[1])]
    left, right, top, bottom = (min(max(one, 0.0), 1.0) for one in (*across, *down))
    return left, top, right, bottom


def _bounds(shape: GeoJSON) -> Box:
    west, south, east, north = shapely.geometry.shape(shape).bounds
    return west, south, east, north
