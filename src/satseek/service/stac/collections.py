"""Collections → STAC Collections.

Knows what each amounts to, and which model made its vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.service.features.addressing import GEOJSON, JSON, SCHEMA, address, link
from satseek.service.features.catalogue import catalogue_of
from satseek.service.features.collections import QUERYABLES
from satseek.service.features.moments import written
from satseek.service.features.naming import there
from satseek.service.stac.items import ROOM, VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.service.access.principals import Principal
    from satseek.service.features.naming import Kind, Told
    from satseek.service.running import Running

KINDS: Sequence[Kind] = ("scenes", "chips")
"""What the door tells of each collection."""

WORLD = (-180.0, -90.0, 180.0, 90.0)
"""Extent of what has no georeference: STAC wants one."""

LICENCE = "other"
"""STAC's word for one that is told elsewhere: satseek does not know its owners' terms."""


def shown(told: Told, *, base: str, shared: Running, who: Principal) -> dict[str, Any]:
    """Tell of one collection.

    Raises:
        CollectionNotFound: it is not there for them.
    """
    collection = shared.reader(told.name, who)
    known = catalogue_of(collection, told).summaries
    with collection.pinned() as index:
        box, dates, model = index.extent(), index.dates(), index.model
    own, root = address(base, ROOM, "collections", told.id), address(base, ROOM)
    interval = [None, None] if dates is None else [written(one) for one in dates]
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "stac_extensions": [],
        "id": told.id,
        "title": told.title,
        "description": told.description,
        "keywords": [told.kind, "satseek"],
        "license": LICENCE,
        "extent": {
            "spatial": {"bbox": [list(box or WORLD)]},
            "temporal": {"interval": [interval]},
        },
        "summaries": {**known, "satseek:model": ["@".join(model)]},
        "links": [
            link("self", own, JSON, title=told.title),
            link("root", root, JSON, title="satseek"),
            link("parent", root, JSON, title="satseek"),
            link("items", f"{own}/items", GEOJSON, title=told.title),
            link(QUERYABLES, f"{own}/queryables", SCHEMA, title="What conditions may name"),
        ],
    }


def all_shown(
    told: Sequence[Told], *, base: str, shared: Running, who: Principal
) -> list[dict[str, Any]]:
    """Tell of several; one that is removed meanwhile is left out."""
    return there(told, lambda one: shown(one, base=base, shared=shared, who=who))
