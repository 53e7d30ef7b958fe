"""Scenes, chips and hits → features: an id, a place, a time and properties.

Knows no wire form: doors write them as GeoJSON or as STAC Items.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import shapely

from satseek.imagery.ground import scene_footprint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from satseek.service.features.naming import Told
    from satseek.types import Chip, GeoJSON, Hit, Scene

KEPT_FOOTPRINTS = 65_536
"""Outlines of scenes that are remembered: computing one takes a fraction of a millisecond."""

MAX_LISTED = 100
"""Values of a scene's list that are told, at most."""

_OWN = frozenset({"datetime", "id", "collection", "geometry", "scene", "bbox"})
"""Names that a scene's own properties cannot take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One feature, as every standard door tells it."""

    id: str
    """Of the scene or chip."""
    told: Told
    """Which collection it is told in."""
    key: str
    """Its place in the order of that collection: pages go on behind it."""
    geometry: GeoJSON | None
    """On WGS 84; None without georeference."""
    moment: datetime | None
    """Acquisition time, UTC; None where unknown."""
    scene: str
    """Id of the scene that it is, or is cut from."""
    properties: Mapping[str, Any]
    """What else is known, ready for JSON."""

    def fact(self, name: str) -> Any:
        """Give a property as conditions compare it; None: there is none.

        ``properties.`` in front of a name is passed over, as some clients write it.
        """
        match name.removeprefix("properties."):
            case "id":
                return self.id
            case "collection":
                return self.told.id
            case "scene":
                return self.scene
            case "datetime":
                return self.moment
            case "geometry":
                return self._shape()
            case other:
                return self.properties.get(other)

    def _shape(self) -> Any:
        return None if self.geometry is None else shapely.from_geojson(json.dumps(self.geometry))


def scene_entry(scene: Scene, told: Told) -> Entry:
    """Tell a scene."""
    return Entry(
        id=scene.id,
        told=told,
        key=scene.id,
        geometry=_footprint(_Outlined(scene)),
        moment=scene.datetime,
        scene=scene.id,
        properties=known_of(scene),
    )


def chip_entry(chip: Chip, told: Told, *, key: str, of_scene: Mapping[str, Any]) -> Entry:
    """Tell a chip, with what is known of its scene."""
    own = {"cell": chip.cell, "level": chip.level, "valid_fraction": chip.valid_fraction}
    return Entry(
        id=chip.id,
        told=told,
        key=key,
        geometry=chip.footprint,
        moment=chip.datetime,
        scene=chip.scene_id,
        properties={**of_scene, **own},
    )


def hit_entry(hit: Hit, told: Told, *, of_scene: Mapping[str, Any]) -> Entry:
    """Tell a hit: its chip, its rank and its scores."""
    scores = {str(kind): value for kind, value in hit.scores.items()}
    found = {**of_scene, "rank": hit.rank, **scores}
    return chip_entry(hit.chip, told, key=str(hit.rank), of_scene=found)


def known_of(scene: Scene) -> dict[str, Any]:
    """Return what else is known of a scene, as far as it is plain JSON."""
    return {
        name: value
        for name, value in scene.properties.items()
        if name not in _OWN and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_LISTED and all(map(_is_scalar, value))
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str | int | bool)


class _Outlined:
    """A scene that is the same as another one with the same outline."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._key = (scene.crs, scene.transform, scene.width, scene.height)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Outlined) and self._key == other._key


@lru_cache(maxsize=KEPT_FOOTPRINTS)
def _footprint(one: _Outlined) -> GeoJSON | None:
    return scene_footprint(one.scene)
