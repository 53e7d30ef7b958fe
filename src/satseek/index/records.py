"""Chips, scenes and moments ⇄ the plain values that a table holds.

Does not know any database.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely

from satseek.errors import DamagedData, InvalidRequest
from satseek.types import Chip, Scene, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import BBox, GeoJSON

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPACT = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_MICROSECOND = timedelta(microseconds=1)
_LEAST_RING = 4
_COMPACTLY = str.maketrans("()", "[]", " ")

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


def write_moments(chips: Sequence[Chip]) -> list[int | None]:
    """Turn each chip's date into microseconds since 1970; most share theirs with others."""
    known = {moment: to_microseconds(moment) for moment in {chip.datetime for chip in chips}}
    return [known[chip.datetime] for chip in chips]


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
    return write_footprints(chips)[1]


def write_footprints(chips: Sequence[Chip]) -> tuple[list[str | None], list[BBox | None]]:
    """Write each chip's footprint as compact GeoJSON and give the box around it.

    None twice for chips without one.

    Raises:
        InvalidRequest: A footprint is no GeoJSON geometry with an extent.
    """
    texts: list[str | None] = []
    boxes: list[BBox | None] = []
    for chip in chips:
        text, box = _write_ring(chip.footprint) or (_checked_text(chip), None)
        texts.append(text)
        boxes.append(box)
    left = [place for place, text in enumerate(texts) if text and boxes[place] is None]
    written = np.array([texts[place] for place in left], dtype=np.object_)
    shapes = shapely.from_geojson(written, on_invalid="ignore")
    for place, (west, south, east, north) in zip(left, shapely.bounds(shapes), strict=True):
        if not (west <= east and south <= north):
            chip = chips[place]
            message = f"chip {chip.id!r}: expected a GeoJSON footprint, came {chip.footprint!s:.80}"
            raise InvalidRequest(message)
        boxes[place] = (float(west), float(south), float(east), float(north))
    return texts, boxes


def _checked_text(chip: Chip) -> str | None:
    try:
        return footprint_text(chip.footprint)
    except (TypeError, ValueError) as error:
        message = f"expected GeoJSON footprints, came one with {error}"
        raise InvalidRequest(message) from error


def _write_ring(footprint: GeoJSON | None) -> tuple[str, BBox] | None:
    """Write a polygon of one closed ring, as nearly all chips have; None: it is not so simple.

    The same text and box as otherwise, several times as fast.
    """
    if not isinstance(footprint, dict) or [*footprint] != ["type", "coordinates"]:
        return None
    try:
        (ring,) = footprint["coordinates"]
        east, north = zip(*ring, strict=True)
        box = float(min(east)), float(min(north)), float(max(east)), float(max(north))
    except (TypeError, ValueError, OverflowError):
        return None
    simple = (
        footprint["type"] == "Polygon"
        and len(ring) >= _LEAST_RING
        and ring[0] == ring[-1]
        and {type(ring), *map(type, ring)} <= {list, tuple}
        and {*map(type, east), *map(type, north)} <= {float, int}
        and math.isfinite(sum(box))
    )
    if not simple:
        return None
    return f'{{"type":"Polygon","coordinates":[{repr(ring).translate(_COMPACTLY)}]}}', box


def chip_values(chip: Chip) -> ChipValues:
    """Lay a chip out as column values."""
    return values_of(chip, footprint_text(chip.footprint), to_microseconds(chip.datetime))


def values_of(chip: Chip, footprint: str | None, taken: int | None) -> ChipValues:
    """Lay a chip out as column values, its footprint and date written already."""
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
        footprint,
        taken,
        chip.valid_fraction,
        chip.level,
    )


def chip_from(values: Sequence[Any]) -> Chip:
    """Build a chip from column values.

    Raises:
        DamagedData: They are not what was written.
    """
    try:
        footprint = None if values[8] is None else json.loads(values[8])
        moment = from_microseconds(values[9])
    except (TypeError, ValueError, OverflowError) as error:
        message = f"chip {values[0]!r}: expected a footprint and a date, came {error}; verify it"
        raise DamagedData(message) from error
    return Chip(
        id=values[0],
        scene_id=values[1],
        cell=values[2],
        scene_path=values[3],
        window=Window(column=values[4], row=values[5], width=values[6], height=values[7]),
        footprint=footprint,
        datetime=moment,
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
    """Read a scene from JSON.

    Raises:
        DamagedData: It is not what was written.
    """
    try:
        fields = json.loads(text)
        fields["transform"] = tuple(fields["transform"])
        fields["datetime"] = from_microseconds(fields["datetime"])
        fields["band_names"] = tuple(fields.get("band_names", ()))
        fields["hosts"] = tuple(fields.get("hosts", ()))
        return Scene(**fields)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        message = f"expected a scene as it was written, came {error}; verify the collection"
        raise DamagedData(message) from error
