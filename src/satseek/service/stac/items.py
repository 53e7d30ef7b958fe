"""Entries → STAC Items: scenes, and the chips that are cut from them.

No file's path is ever told: an asset is what this server itself shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.service.features.addressing import (
    GEOJSON,
    JPEG,
    JSON,
    address,
    link,
    thumbnail,
)
from satseek.service.features.boxes import box_around
from satseek.service.features.moments import written

if TYPE_CHECKING:
    from satseek.service.features.entries import Entry

ROOM = "stac"
"""Path that the door's addresses begin with."""

VERSION = "1.1.0"
"""STAC's own."""

UNDATED = {
    "datetime": None,
    "start_datetime": "1800-01-01T00:00:00Z",
    "end_datetime": "9999-12-31T23:59:59Z",
}
"""STAC wants a time of every Item: where none is known, it was at some time since there are
photographs."""


def item(entry: Entry, *, base: str) -> dict[str, Any]:
    """Write one feature as an Item."""
    above = address(base, ROOM, "collections", entry.told.id)
    shown: dict[str, Any] = {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [],
        "id": entry.id,
        "collection": entry.told.id,
        "geometry": None if entry.geometry is None else dict(entry.geometry),
        "properties": _properties(entry),
        "links": [
            link("self", address(above, "items", entry.id), GEOJSON),
            link("parent", above, JSON),
            link("collection", above, JSON),
            link("root", address(base, ROOM), JSON),
        ],
        "assets": {},
    }
    if entry.geometry is not None:
        shown["bbox"] = list(box_around(entry.geometry))
    if entry.told.kind != "scenes":
        _tell_chip(shown, entry, base)
    elif entry.geometry is not None:
        shown["assets"]["tiles"] = _tiles(entry, base)
    return shown


def _properties(entry: Entry) -> dict[str, Any]:
    when = UNDATED if entry.moment is None else {"datetime": written(entry.moment)}
    own = {} if entry.told.kind == "scenes" else {"scene": entry.scene}
    return {**when, **entry.properties, **own}


def _tell_chip(shown: dict[str, Any], entry: Entry, base: str) -> None:
    scene = address(base, ROOM, "collections", entry.told.name, "items", entry.scene)
    shown["links"].append(link("derived_from", scene, GEOJSON))
    shown["assets"]["thumbnail"] = {
        "href": thumbnail(base, entry.told.name, entry.id),
        "type": JPEG,
        "title": "As it was embedded",
        "roles": ["thumbnail"],
    }


def _tiles(entry: Entry, base: str) -> dict[str, Any]:
    """Tell where the tiles of a scene are."""
    name = entry.told.name
    return {
        "href": address(base, "v1", "collections", name, "scenes", "tilejson.json", scene=entry.id),
        "type": JSON,
        "title": "Tiles for web maps (TileJSON)",
        "roles": ["tiles"],
    }
