"""Chips, scenes and moments ⇄ the plain values that a table holds.

Does not know any database.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import shapely

from satseek.errors import InvalidRequest
from satseek.types import Chip, Scene, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import BBox, GeoJSON

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

CHIP_COLUMNS = (
    "id, scene_id, cell, scene_path, window_column, window_row, window_width, window_height,"
    " footprint, taken, valid_fraction"
)
"""Columns of a chip, in the order of ``chip_values``."""

ChipValues: TypeAlias = "tuple[Any, ...]"
"""A chip's values in the order of ``CHIP_COLUMNS``."""


def to_microseconds(moment: datetime | None) -> int | None:
    """Turn a moment into whole microseconds since 1970, UTC."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int | None) -> datetime | None:
    """Turn microseconds since 1970 into a moment in UTC."""
    return None if count is None else _EPOCH + timedelta(microseconds=count)


def footprint_text(footprint: GeoJSON | None) -> str | None:
    """Write a footprint as compact GeoJSON."""
    return None if footprint is None else json.dumps(footprint, separators=(",", ":"))


def footprint_box(chip: Chip) -> BBox | None:
    """Give the box around a chip's footprint.

    Raises:
        InvalidRequest: The footprint is no GeoJSON geometry.
    """
    if chip.footprint is None:
        return None
    try:
        west, south, east, north = shapely.from_geojson(footprint_text(chip.footprint)).bounds
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        message = f"chip {chip.id!r}: expected a GeoJSON footprint, came {str(chip.footprint)[:80]}"
        raise InvalidRequest(message) from error
    if not (west <= east and south <= north):
        message = f"chip {chip.id!r}: expected a footprint with an extent, came an empty one"
        raise InvalidRequest(message)
    return (west, south, east, north)


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
    return Scene(**fields)
