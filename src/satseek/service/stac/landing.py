"""The door itself → its landing page, what it conforms to, and the document that describes it.

Knows every route, none of what they answer.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from satseek.service.features.addressing import GEOJSON, HTML, JSON, OPENAPI, SCHEMA, address, link
from satseek.service.features.collections import QUERYABLES
from satseek.service.features.describing import COMMON, NUMBERS, TEXT, document, operation
from satseek.service.features.landing import CQL2, FILTERS
from satseek.service.stac.items import ROOM, VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.service.features.naming import Told

DESCRIPTION = (
    "Every collection is told twice: NAME holds its scenes, NAME.chips the chips that are cut from "
    "them. Words in the parameter q find chips, best first; their scores are properties, and none "
    "of them is a probability."
)

_STAC = "https://api.stacspec.org/v1.0.0/"
_FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"

_LIST = {"type": "array", "items": TEXT}

SEARCHED: dict[str, dict[str, Any]] = {
    **COMMON,
    "sortby": {
        "description": "Properties to order by; - in front of one means falling.",
        "schema": TEXT,
    },
    "fields": {
        "description": "Fields to tell; - in front of one leaves it out.",
        "schema": TEXT,
    },
    "q": {"description": "Words to look for among chips, best first.", "schema": TEXT},
    "collections": {"description": "Ids of collections.", "schema": _LIST, "explode": False},
    "ids": {"description": "Ids of Items.", "schema": _LIST, "explode": False},
    "intersects": {"description": "A GeoJSON geometry, instead of bbox.", "schema": TEXT},
}
"""Parameters of a search, and of the Items of one collection: some clients send them all."""

_BODY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "collections": _LIST,
        "ids": _LIST,
        "bbox": NUMBERS,
        "intersects": {"type": "object"},
        "datetime": TEXT,
        "limit": COMMON["limit"]["schema"],
        "cursor": COMMON["cursor"]["schema"],
        "filter": {"type": "object"},
        "filter-lang": {"type": "string", "enum": ["cql2-json", "cql2-text"]},
        "filter-crs": TEXT,
        "sortby": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field"],
                "properties": {"field": TEXT, "direction": {"enum": ["asc", "desc"]}},
            },
        },
        "fields": {"type": "object", "properties": {"include": _LIST, "exclude": _LIST}},
        "q": TEXT,
    },
    "additionalProperties": False,
}


def conformance() -> list[str]:
    """List what the door conforms to."""
    parts = ("core", "collections", "ogcapi-features", "item-search")
    extended = [
        f"{_STAC}{part}#{name}"
        for part in ("item-search", "ogcapi-features")
        for name in ("sort", "fields")
    ]
    return [
        *(f"{_STAC}{part}" for part in parts),
        *extended,
        f"{_STAC}item-search#filter",
        *(f"{_FEATURES}{name}" for name in ("core", "geojson", "oas30")),
        *FILTERS,
        *CQL2,
    ]


def landing(base: str, told: Sequence[Told]) -> dict[str, Any]:
    """Write the landing page."""
    own = address(base, ROOM)
    search = f"{own}/search"
    return {
        "type": "Catalog",
        "stac_version": VERSION,
        "id": "satseek",
        "title": "satseek",
        "description": DESCRIPTION,
        "conformsTo": conformance(),
        "links": [
            link("self", own, JSON),
            link("root", own, JSON),
            link("service-desc", f"{own}/api", OPENAPI),
            link("service-doc", f"{own}/api.html", HTML),
            link("conformance", f"{own}/conformance", JSON),
            link("data", f"{own}/collections", JSON),
            link("search", search, GEOJSON, method="GET"),
            link("search", search, GEOJSON, method="POST"),
            link(QUERYABLES, f"{own}/queryables", SCHEMA),
            *(
                link("child", address(own, "collections", one.id), JSON, title=one.title)
                for one in told
            ),
        ],
    }


def described(base: str) -> dict[str, Any]:
    """Write the document that describes the door."""
    inside, form = ["collectionId"], {"f": COMMON["f"]}
    above = "/collections/{collectionId}"
    operations = {
        "/": operation("landing", "Show the landing page", JSON, query=form),
        "/conformance": operation("conformance", "Show what is conformed to", JSON, query=form),
        "/queryables": operation("every", "Show what conditions may name", SCHEMA, query=form),
        "/collections": operation("collections", "List collections", JSON, query=form),
        above: operation("collection", "Show a collection", JSON, path=inside, query=form),
        f"{above}/queryables": operation(
            "queryables", "Show what conditions may name", SCHEMA, path=inside, query=form
        ),
        f"{above}/items": operation(
            "items", "List Items page by page", GEOJSON, path=inside, query=SEARCHED
        ),
        f"{above}/items/{{featureId}}": operation(
            "item", "Show an Item", GEOJSON, path=[*inside, "featureId"], query=form
        ),
        "/search": operation("search", "Search Items", GEOJSON, query=SEARCHED),
    }
    paths: dict[str, dict[str, Any]] = {path: {"get": one} for path, one in operations.items()}
    posted = operation("searchByBody", "Search Items", GEOJSON, body=_BODY)
    paths["/search"]["post"] = posted
    return document(
        title="satseek: STAC API",
        version=version("satseek"),
        description=DESCRIPTION,
        server=address(base, ROOM),
        paths=paths,
    )
