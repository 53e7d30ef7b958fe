"""Collections → how OGC API Features tells of them: extent, systems and links.

Knows what each amounts to; the extent of what nobody dated or placed is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.service.features.addressing import GEOJSON, JSON, SCHEMA, address, link
from satseek.service.features.geojson import ROOM
from satseek.service.features.moments import written
from satseek.service.features.naming import there
from satseek.service.features.projecting import CRS84, offered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.service.access.principals import Principal
    from satseek.service.features.naming import Kind, Told
    from satseek.service.running import Running

KINDS: Sequence[Kind] = ("scenes", "chips", "search")
"""What the door tells of each collection."""

GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"

QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"


def shown(told: Told, *, base: str, shared: Running, who: Principal) -> dict[str, Any]:
    """Tell of one collection.

    Raises:
        CollectionNotFound: it is not there for them.
    """
    collection = shared.reader(told.name, who)
    with collection.pinned() as index:
        box, dates, grid = index.extent(), index.dates(), index.spec.grid
    own = address(base, ROOM, "collections", told.id)
    extent: dict[str, Any] = {}
    if box is not None:
        extent["spatial"] = {"bbox": [list(box)], "crs": CRS84}
    if dates is not None:
        extent["temporal"] = {"interval": [[written(one) for one in dates]], "trs": GREGORIAN}
    return {
        "id": told.id,
        "title": told.title,
        "description": told.description,
        "itemType": "feature",
        "extent": extent,
        "crs": list(offered(grid.crs)),
        "storageCrs": CRS84,
        "links": [
            link("self", own, JSON),
            link("items", f"{own}/items", GEOJSON, title=told.title),
            link(QUERYABLES, f"{own}/queryables", SCHEMA),
        ],
    }


def all_shown(
    told: Sequence[Told], *, base: str, shared: Running, who: Principal
) -> list[dict[str, Any]]:
    """Tell of several; one that is removed meanwhile is left out."""
    return there(told, lambda one: shown(one, base=base, shared=shared, who=who))
