"""Features' properties → a JSON Schema of what conditions may name.

Knows every name that scenes and chips have, and asks a collection for those of its own scenes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest
from satseek.service.features.catalogue import catalogue_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from satseek.service.access.principals import Principal
    from satseek.service.features.naming import Told
    from satseek.service.running import Running

DRAFT = "https://json-schema.org/draft/2019-09/schema"

_GEOMETRY = {"$ref": "https://geojson.org/schema/Geometry.json"}

OF_ALL: Mapping[str, Any] = {
    "id": {"title": "Id", "type": "string"},
    "collection": {"title": "Collection", "type": "string"},
    "geometry": {"title": "Outline on WGS 84", **_GEOMETRY},
    "datetime": {"title": "Acquisition time", "type": "string", "format": "date-time"},
    "scene": {"title": "Id of the scene", "type": "string"},
}
"""What every feature has."""

OF_CHIPS: Mapping[str, Any] = {
    "cell": {"title": "Cell of the grid, the same at every date", "type": "string"},
    "level": {"title": "Size as a multiple of the smallest chips", "type": "integer"},
    "valid_fraction": {
        "title": "Share of measured pixels",
        "type": "number",
        "minimum": 0,
        "maximum": 1,
    },
}
"""What chips have besides."""

OF_HITS: Mapping[str, Any] = {
    "rank": {"title": "Rank; 1 is the best", "type": "integer", "minimum": 1},
    "cosine": {"title": "Cosine between words and chip", "type": "number"},
    "percentile": {"title": "Share of the collection's chips below, in %", "type": "number"},
}
"""What hits have besides."""


def check_names(
    names: Iterable[str], told: Sequence[Told], *, shared: Running, who: Principal
) -> None:
    """Refuse to order by what no feature of some collections has.

    Raises:
        InvalidRequest: a name is none of theirs.
    """
    wanted = {name.removeprefix("properties.") for name in names} - {*OF_ALL, *OF_CHIPS}
    for one in told:
        if not wanted:
            return
        wanted -= set(catalogue_of(shared.reader(one.name, who), one).kinds)
    if wanted:
        raise InvalidRequest(f"sortby: nothing here has the property {min(wanted)[:60]!r}")


def queryables(
    told: Sequence[Told], *, address: str, title: str, shared: Running, who: Principal
) -> dict[str, Any]:
    """Describe what conditions may name in all of some collections.

    Names that a feature does not have are no error: it has no value there.
    """
    properties: dict[str, Any] = {}
    for one in told:
        collection = shared.reader(one.name, who)
        for name, kind in catalogue_of(collection, one).kinds.items():
            properties.setdefault(name, {"title": name, "type": kind})
    kinds = {one.kind for one in told}
    if kinds - {"scenes"}:
        properties |= OF_CHIPS
    if "search" in kinds:
        properties |= OF_HITS
    return {
        "$schema": DRAFT,
        "$id": address,
        "type": "object",
        "title": title,
        "properties": {**OF_ALL, **properties},
        "additionalProperties": True,
    }
