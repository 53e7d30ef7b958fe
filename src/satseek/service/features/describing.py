"""Tables of routes and parameters → an OpenAPI 3.0 document.

OGC API Features asks for 3.0 by name; the product's own interface is told in 3.1.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from satseek.service.documenting import SECURITY
from satseek.service.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT
from satseek.service.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Schema: TypeAlias = Mapping[str, Any]

TEXT: dict[str, Any] = {"type": "string"}
NUMBERS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 4,
    "maxItems": 6,
}

COMMON: Mapping[str, dict[str, Any]] = {
    "limit": {
        "description": "Features on a page; more than the largest are cut to it.",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_LIMIT,
            "default": DEFAULT_LIMIT,
        },
    },
    "bbox": {
        "description": "West,south,east,north, in degrees on WGS 84 unless bbox-crs says other.",
        "schema": NUMBERS,
        "style": "form",
        "explode": False,
    },
    "datetime": {
        "description": "A time (RFC 3339), or two with / between them, of which one may be `..`.",
        "schema": TEXT,
    },
    "filter": {"description": "A condition in CQL2.", "schema": TEXT},
    "filter-lang": {
        "description": "Language of the condition.",
        "schema": {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"},
    },
    "filter-crs": {"description": "Of the condition: degrees on WGS 84.", "schema": TEXT},
    "cursor": {
        "description": "Where to go on: part of the link to the next page.",
        "schema": {"type": "string", "maxLength": MAX_CURSOR},
    },
    "f": {
        "description": "Format.",
        "schema": {"type": "string", "enum": ["json", "geojson"]},
    },
}
"""Parameters that both doors take."""

_PROBLEM = {
    "description": "A problem document (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/problem"}}},
}

_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "instance": TEXT,
        "request_id": TEXT,
    },
}


def operation(
    name: str,
    summary: str,
    kind: str,
    *,
    query: Mapping[str, Schema] = MappingProxyType({}),
    path: Sequence[str] = (),
    body: Schema | None = None,
) -> dict[str, Any]:
    """Describe one operation.

    Args:
        name: Of the operation.
        summary: One line.
        kind: Media type of its answer.
        query: Its parameters in the query, by name.
        path: Names of its parameters in the path.
        body: Schema of its body; None: it has none.
    """
    inside = [{"name": one, "in": "path", "required": True, "schema": TEXT} for one in path]
    beside = [{"name": one, "in": "query", **schema} for one, schema in query.items()]
    shown: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "tags": ["features"],
        "parameters": [*inside, *beside],
        "responses": {
            "200": {
                "description": "Here it is.",
                "content": {kind: {"schema": {"type": "object"}}},
            },
            "400": _PROBLEM,
            "404": _PROBLEM,
            "default": _PROBLEM,
        },
    }
    if body is not None:
        shown["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return shown


def document(
    *,
    title: str,
    version: str,
    description: str,
    server: str,
    paths: Mapping[str, Any],
) -> dict[str, Any]:
    """Put a document together.

    Args:
        title: Of the interface.
        version: Of the product.
        description: A few sentences.
        server: Address that paths stand below.
        paths: Operations by method, by path.
    """
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": server}],
        "security": [{}, *({name: []} for name in SECURITY)],
        "paths": dict(paths),
        "components": {
            "schemas": {"problem": _PROBLEM_SCHEMA},
            "securitySchemes": SECURITY,
        },
    }
