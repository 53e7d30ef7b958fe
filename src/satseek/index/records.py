"""Chips, scenes and moments ⇄ the plain values that a table holds.

Does not know any database.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.types import Chip, Scene, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import BBox, GeoJSON

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPACT = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_MICROSECOND = timedelta(microseconds=1)

CHIP_COLUMNS = (
    "id, scene_id, cell, scene_path, window_column, window_row, window_width, window_height,"
    " footprint, taken, valid_fraction, level"
)
"""Columns of a chip, in the order of ``chip_values``."""

LEVELLESS_COLUMNS = CHIP_COLUMNS.replace(" level", " 1")
"""The same of a collection that an older satseek has made: all of its chips are of level 1."""

ChipValues: TypeAlias = "tuple[Any, ...]"
"""A chip's values in the order of ``CHIP_COLUMNS``."""


def microseconds(moment: datetime) -> int:
    """Turn a moment into whole microseconds since 1970, UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def to_microseconds(moment: datetime | None) -> int | None:
    """Turn a moment into whole microseconds since 1970, UTC; None into None."""
    return None if moment is None else microseconds(moment)


def from_microseconds(count: int | None) -> datetime | None:
    """Turn microseconds since 1970 into a moment in UTC."""
    return None if count is None else _EPOCH + timedelta(microseconds=count)


def footprint_text(footprint: GeoJSON | None) -> str | None:
    """Write a footprint as compact GeoJSON."""
    return None if footprint is None else _COMPACT.encode(footprint)


def footprint_boxes(chips: Sequence[Chip]) -> list[BBox | None]:
    """Give the box around each chip's footprint; None for chips without one.

    Raises:
        InvalidRequest: A footprint is no GeoJSON geometry with an extent.
    """
    placed = [place for place, chip in enumerate(chips) if chip.footprint is not None]
    found: list[BBox | None] = [None] * len(chips)
    try:
        texts = [footprint_text(chips[place].footprint) for place in placed]
    except (TypeError, ValueError) as error:
        message = f"expected GeoJSON footprints, came one with {error}"
        raise InvalidRequest(message) from error
    shapes = shapely.from_geojson(np.array(texts, dtype=np.object_), on_invalid="ignore")
    for place, (west, south, east, north) in zip(placed, shapely.bounds(shapes), strict=True):
        if not (west <= east and south <= north):
            chip = chips[place]
            message = f"chip {chip.id!r}: expected a GeoJSON footprint, came {chip.footprint!s:.80}"
            raise InvalidRequest(message)
        found[place] = (float(west), float(south), float(east), float(north))
    return found


def chip_values(chip: Chip) -> ChipValues:
    """Lay a chip out as column values."""
    window = chip.window
    return (
        chip.id,
        chip.scene_id,
        chip.cell,
        chip.scene_path,
        window.column,
        window.row,
        window.width,
        window.height,
        footprint_text(chip.footprint),
        to_microseconds(chip.datetime),
        chip.valid_fraction,
        chip.level,
    )


def chip_from(values: Sequence[Any]) -> Chip:
    """Build a chip from column values."""
    return Chip(
        id=values[0],
        scene_id=values[1],
        cell=values[2],
        scene_path=values[3],
        window=Window(column=values[4], row=values[5], width=values[6], height=values[7]),
        footprint=None if values[8] is None else json.loads(values[8]),
        datetime=from_microseconds(values[9]),
        valid_fraction=values[10],
        level=values[11],
    )


def scene_text(scene: Scene) -> str:
    """Write a scene as JSON.

    Raises:
        InvalidRequest: Its time has no zone.
    """
    if scene.datetime is not None and scene.datetime.tzinfo is None:
        message = f"scene {scene.id!r}: expected a time with a zone, came {scene.datetime}"
        raise InvalidRequest(message)
    return json.dumps(
        asdict(replace(scene, datetime=None)) | {"datetime": to_microseconds(scene.datetime)}
    )


def scene_from(text: str) -> Scene:
    """Read a scene from JSON."""
    fields = json.loads(text)
    fields["transform"] = tuple(fields["transform"])
    fields["datetime"] = from_microseconds(fields["datetime"])
    fields["band_names"] = tuple(fields.get("band_names", ()))
    fields["hosts"] = tuple(fields.get("hosts", ()))
    return Scene(**fields)
