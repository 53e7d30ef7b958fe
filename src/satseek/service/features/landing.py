"""The door itself → its landing page, what it conforms to, and the document that describes it.

Knows every route, none of what they answer.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from satseek.service.features.addressing import (
    GEOJSON,
    HTML,
    JSON,
    OPENAPI,
    SCHEMA,
    address,
    link,
)
from satseek.service.features.describing import COMMON, TEXT, document, operation
from satseek.service.features.geojson import ROOM

TITLE = "satseek"
DESCRIPTION = (
    "Scenes, chips, and what words find among them, as features. Each collection is told three "
    "times: NAME holds its scenes, NAME.chips its chips, NAME.search the chips that fit the words "
    "of the parameter q, or a saved concept."
)

_FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
_CRS = "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs"
_FILTER = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/"
_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"

CQL2: tuple[str, ...] = (
    f"{_CQL2}cql2-text",
    f"{_CQL2}cql2-json",
    f"{_CQL2}basic-cql2",
    f"{_CQL2}advanced-comparison-operators",
    f"{_CQL2}case-insensitive-comparison",
    f"{_CQL2}basic-spatial-functions",
    f"{_CQL2}basic-spatial-functions-plus",
    f"{_CQL2}spatial-functions",
    f"{_CQL2}temporal-functions",
    f"{_CQL2}property-property",
    f"{_CQL2}basic-spatial-operators",  # names that drafts had, which clients still look for
    f"{_CQL2}temporal-operators",
)
"""What conditions may say, in CQL2's conformance classes."""

FILTERS = (f"{_FILTER}queryables", f"{_FILTER}filter", f"{_FILTER}features-filter")

_PARAMETERS: dict[str, dict[str, Any]] = {
    **COMMON,
    "crs": {"description": "System of the coordinates, as a URI.", "schema": TEXT},
    "bbox-crs": {"description": "System of bbox, as a URI.", "schema": TEXT},
    "q": {"description": "Words to look for; of NAME.search alone.", "schema": TEXT},
    "concept": {"description": "A saved concept; of NAME.search alone.", "schema": TEXT},
    "least": {
        "description": "Least percentile of a hit; of NAME.search alone.",
        "schema": {"type": "number", "minimum": 0, "maximum": 100},
    },
    "k": {
        "description": "Hits at most; of NAME.search alone.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    },
}

ITEMS = tuple(_PARAMETERS)
"""Parameters of features."""


def conformance() -> list[str]:
    """List what the door conforms to."""
    first = [f"{_FEATURES}{name}" for name in ("core", "geojson", "oas30")]
    return [*first, _CRS, *FILTERS, *CQL2]


def landing(base: str) -> dict[str, Any]:
    """Write the landing page."""
    own = address(base, ROOM)
    return {
        "title": TITLE,
        "description": DESCRIPTION,
        "links": [
            link("self", own, JSON),
            link("service-desc", f"{own}/api", OPENAPI),
            link("service-doc", f"{own}/api.html", HTML),
            link("conformance", f"{own}/conformance", JSON),
            link("data", f"{own}/collections", JSON),
        ],
    }


def described(base: str) -> dict[str, Any]:
    """Write the document that describes the door."""
    inside = ["collectionId"]
    form = _some("f")
    operations = {
        "/": operation("landing", "Show the landing page", JSON, query=form),
        "/conformance": operation("conformance", "Show what is conformed to", JSON, query=form),
        "/collections": operation("collections", "List collections", JSON, query=form),
        "/collections/{collectionId}": operation(
            "collection", "Show a collection", JSON, path=inside, query=form
        ),
        "/collections/{collectionId}/queryables": operation(
            "queryables", "Show what conditions may name", SCHEMA, path=inside, query=form
        ),
        "/collections/{collectionId}/items": operation(
            "items", "List features page by page", GEOJSON, path=inside, query=_PARAMETERS
        ),
        "/collections/{collectionId}/items/{featureId}": operation(
            "item", "Show a feature", GEOJSON, path=[*inside, "featureId"], query=_some("crs", "f")
        ),
    }
    return document(
        title="satseek: OGC API Features",
        version=version("satseek"),
        description=DESCRIPTION,
        server=address(base, ROOM),
        paths={path: {"get": one} for path, one in operations.items()},
    )


def _some(*names: str) -> dict[str, dict[str, Any]]:
    return {name: _PARAMETERS[name] for name in names}
