"""Messages → what the OpenAPI document says of bodies that may be JSON or a form.

Knows the wire only. The framework cannot derive these: one route takes two kinds of body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.service.messages import (
    ClassifyAnswer,
    ClassifyAsked,
    SearchAnswer,
    SearchAsked,
    SimilarityAnswer,
    SimilarityAsked,
)
from satseek.service.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    Described = dict[str, Any]
    Responses = dict[int | str, dict[str, Any]]

_FILE = {"type": "string", "format": "binary", "description": "Image file."}

PROBLEM_SCHEMA: Described = {
    "type": "object",
    "title": "Problem",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:satseek:problem:collection-not-found"]},
        "title": {"type": "string", "examples": ["No collection has that name."]},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "examples": ["no collection 'nowhere'; there are: county"]},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

PROBLEM: Described = {
    "description": "A problem document (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}

AWAY: Described = PROBLEM | {"description": "The server that keeps the jobs does not answer."}

FEATURE: Described = {
    "type": "object",
    "required": ["type", "geometry", "properties"],
    "properties": {
        "type": {"const": "Feature"},
        "id": {"type": "string"},
        "geometry": {"type": ["object", "null"]},
        "properties": {"type": "object"},
    },
}
"""What a schema says of a GeoJSON Feature (RFC 7946, 3.2)."""

FEATURES: Described = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {"type": "array", "items": FEATURE},
    },
}


def described_body(
    kind: type[BaseModel], *, example: Described, form: Described, without: Sequence[str] = ()
) -> Described:
    """Describe a body that is JSON, or a form.

    Args:
        kind: The message.
        example: Of the JSON.
        form: Fields that are otherwise in a form, or only there.
        without: Fields that a form has not.
    """
    schema = kind.model_json_schema()
    properties = {
        name: _without_null(one)
        for name, one in schema["properties"].items()
        if name not in without
    }
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schema, "example": example},
                "multipart/form-data": {"schema": {**schema, "properties": properties | form}},
            },
        }
    }


def _without_null(schema: Described) -> Described:
    """Leave out null, which a form cannot hold: a field is there or is not."""
    ways = [way for way in schema.get("anyOf", ()) if way != {"type": "null"}]
    rest = {name: one for name, one in schema.items() if name not in {"anyOf", "default"}}
    return schema if not ways else rest | (ways[0] if len(ways) == 1 else {"anyOf": ways})


def described_responses(
    kind: type[BaseModel], *statuses: int, example: Described | None = None
) -> Responses:
    """Describe the answer of a route, and its own ways to refuse."""
    content = {"application/json": {"example": example}} if example else {}
    fine: dict[str, Any] = {"model": kind, "content": content}
    return {200: fine, **dict.fromkeys((*statuses, 422, 429), PROBLEM)}


def _with_file(**form: Described) -> Described:
    return {"image": _FILE, **form}


_SCORES = {"cosine": 0.214, "match": 0.0021, "percentile": 99.8}
_FOOTPRINT = {
    "type": "Polygon",
    "coordinates": [[[13.1, 52.1], [13.11, 52.1], [13.11, 52.11], [13.1, 52.11], [13.1, 52.1]]],
}
_MODEL = {"name": "satseek-starter", "version": "0123456789ab"}
_HIT = {
    "rank": 1,
    "chip": "2025/north.tif/12_7",
    "scene": "2025/north.tif",
    "cell": "12_7",
    "datetime": "2025-05-04T10:20:00+00:00",
    "valid_fraction": 1.0,
    "footprint": _FOOTPRINT,
    "scores": _SCORES,
    "thumbnail": "/v1/collections/county/thumbnail?chip=2025%2Fnorth.tif%2F12_7",
}
_ANSWER = {
    "collection": "county",
    "model": _MODEL,
    "plan": "exact scan",
    "generation": 3,
    "seconds": 0.021,
    "hits": [_HIT],
}
_FEATURES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": _HIT["chip"],
            "geometry": _FOOTPRINT,
            "properties": {"chip": _HIT["chip"], "rank": 1, **_SCORES},
        }
    ],
}

SEARCH_BODY = described_body(
    SearchAsked,
    example={
        "collection": "county",
        "text": "storage tanks beside a river",
        "bbox": [13.0, 52.0, 13.5, 52.4],
        "start": "2025-01-01",
        "end": "2025-12-31",
        "k": 10,
    },
    form=_with_file(
        bbox={"type": "string", "examples": ["13.0,52.0,13.5,52.4"]},
        area={"type": "string", "description": "GeoJSON as text."},
    ),
)

SEARCH_RESPONSES = described_responses(SearchAnswer, 404, 409, 413, 415, example=_ANSWER)
SEARCH_RESPONSES[200]["content"]["application/geo+json"] = {
    "schema": FEATURES,
    "example": _FEATURES,
}

CLASSIFY_BODY = described_body(
    ClassifyAsked,
    example={
        "collection": "county",
        "chip": "2025/north.tif/12_7",
        "labels": ["a harbour", "a forest", "a residential area"],
    },
    form=_with_file(labels={"type": "string", "description": "One label a line."}),
)
CLASSIFY_RESPONSES = described_responses(ClassifyAnswer, 404, 409, 413, 415)

SIMILARITY_BODY = described_body(
    SimilarityAsked,
    example={"image": "data:image/png;base64,…", "text": ["a harbour", "a forest"]},
    form=_with_file(text={"type": "string", "description": "One text a line."}),
)
SIMILARITY_RESPONSES = described_responses(SimilarityAnswer, 413, 415)
