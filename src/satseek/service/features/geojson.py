"""Entries → GeoJSON features as OGC API Features tells them.

Coordinates are in whatever system was asked for; links are absolute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.service.features.addressing import GEOJSON, JSON, address, link, thumbnail
from satseek.service.features.moments import written
from satseek.service.features.projecting import projected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.service.features.entries import Entry

ROOM = "ogc"
"""Path that the door's addresses begin with."""


def features(entries: Sequence[Entry], *, base: str, crs: str) -> list[dict[str, Any]]:
    """Write entries as Features."""
    places = projected([one.geometry for one in entries], crs)
    return [_feature(one, place, base) for one, place in zip(entries, places, strict=True)]


def single(entry: Entry, *, base: str, crs: str) -> dict[str, Any]:
    """Write one entry as a Feature of its own, with links."""
    (shown,) = features([entry], base=base, crs=crs)
    above = address(base, ROOM, "collections", entry.told.id)
    shown["links"] = [
        link("self", address(above, "items", entry.id), GEOJSON),
        link("collection", above, JSON),
    ]
    return shown


def _feature(entry: Entry, place: Any, base: str) -> dict[str, Any]:
    moment = None if entry.moment is None else written(entry.moment)
    properties = {"scene": entry.scene, "datetime": moment, **entry.properties}
    if entry.told.kind != "scenes":
        properties["thumbnail"] = thumbnail(base, entry.told.name, entry.id)
    return {"type": "Feature", "id": entry.id, "geometry": place, "properties": properties}
