"""A collection → all of its scenes as features, read once for each of its generations.

Scenes are thousands where chips are millions: they are held in memory and looked at one by one.
"""

from __future__ import annotations

import json
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from satseek.index.filters import check_filter, prepare_area
from satseek.service.features.entries import scene_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.index.collection import Collection
    from satseek.service.features.entries import Entry
    from satseek.service.features.naming import Told
    from satseek.types import Filter

MAX_PROPERTIES = 200
"""Names of properties that are told as queryable, at most."""

MAX_WORDS = 20
"""Different words that are listed of a property, at most."""

_KINDS: Mapping[type, str] = {bool: "boolean", int: "number", float: "number", str: "string"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Catalogue:
    """The scenes of one generation."""

    generation: int
    """Which."""
    entries: tuple[Entry, ...]
    """By id."""
    shapes: np.ndarray
    """Their geometries in the same order; None without georeference."""
    places: Mapping[str, int] = field(default_factory=dict)
    """Where each lies among the entries, by id."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """What scenes' properties are called, and what JSON Schema calls their values."""

    summaries: Mapping[str, Any] = field(default_factory=dict)
    """What values their properties have: a list of a few words, or the least and the largest."""

    def find(self, scene_id: str) -> Entry | None:
        """Give one scene; None: there is none."""
        place = self.places.get(scene_id)
        return None if place is None else self.entries[place]

    def known(self, scene_id: str) -> Mapping[str, Any]:
        """Return what is known of a scene besides its place and time."""
        found = self.find(scene_id)
        return {} if found is None else found.properties

    def passing(self, where: Filter) -> list[Entry]:
        """Give the scenes that pass a filter of area, dates and scenes, by id.

        Raises:
            InvalidFilter: the area or the dates cannot be.
        """
        where = check_filter(where)
        inside = np.ones(len(self.entries), dtype=np.bool_)
        if where.area is not None:
            inside = shapely.intersects(prepare_area(where.area).shape, self.shapes)
        return [
            self.entries[place]
            for place in np.flatnonzero(inside).tolist()
            if self._in(place, where)
        ]

    def _in(self, place: int, where: Filter) -> bool:
        entry = self.entries[place]
        if where.scene_ids and entry.id not in where.scene_ids:
            return False
        if where.start is None and where.end is None:
            return True
        moment = entry.moment
        if moment is None:
            return False
        return (where.start or moment) <= moment <= (where.end or moment)


_KEPT: weakref.WeakKeyDictionary[Collection, Catalogue] = weakref.WeakKeyDictionary()
_GUARD = threading.Lock()


def catalogue_of(collection: Collection, told: Told) -> Catalogue:
    """Read the scenes of a collection, or give them as they were read at this generation."""
    generation = collection.generation
    with _GUARD:
        kept = _KEPT.get(collection)
    if kept is None or kept.generation != generation:
        kept = _read(collection, told, generation)
        with _GUARD:
            _KEPT[collection] = kept
    return kept


def _read(collection: Collection, told: Told, generation: int) -> Catalogue:
    entries = tuple(scene_entry(scene, told.scenes) for scene in collection.scenes())
    texts = [None if one.geometry is None else json.dumps(one.geometry) for one in entries]
    return Catalogue(
        generation=generation,
        entries=entries,
        shapes=shapely.from_geojson(np.array(texts, dtype=np.object_)),
        places={one.id: place for place, one in enumerate(entries)},
        kinds=(kinds := _kinds(entries)),
        summaries=_summaries(entries, kinds),
    )


def _kinds(entries: tuple[Entry, ...]) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for entry in entries:
        for name, value in entry.properties.items():
            kind = _KINDS.get(type(value))
            if kind is not None and name not in kinds and len(kinds) < MAX_PROPERTIES:
                kinds[name] = kind
    return dict(sorted(kinds.items()))


def _summaries(entries: tuple[Entry, ...], kinds: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in kinds.items():
        values = {one.properties[name] for one in entries if _has(one, name, kind)}
        if kind == "number":
            found[name] = {"minimum": min(values), "maximum": max(values)}
        elif len(values) <= MAX_WORDS:
            found[name] = sorted(values)
    return found


def _has(entry: Entry, name: str, kind: str) -> bool:
    return _KINDS.get(type(entry.properties.get(name))) == kind
