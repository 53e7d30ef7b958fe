"""An application → its OpenAPI 3.1 document, with everything that middleware adds to its routes.

Knows the framework's own document and what every route has in common, no single route.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from satseek.service.describing import PROBLEM, PROBLEM_SCHEMA

if TYPE_CHECKING:
    from fastapi import FastAPI

    Document = dict[str, Any]

SECURITY: Document = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key that `satseek key create` printed.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key, or a token of the OpenID Connect provider.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Name and password of the directory (LDAP).",
    },
}
"""Ways to be recognised; which of them are on is the setting `auth`. None: nothing is asked."""

GUARDED = ("/v1/", "/v2/", "/metrics")
"""Paths whose requests are recognised, counted and limited."""

ALL: dict[int, str] = {
    400: "The request is broken.",
    401: "Nobody was recognised.",
    403: "Whoever was recognised may not.",
    408: "The body did not arrive in time.",
    413: "The body or an image is larger than allowed.",
    422: "What was asked makes no sense; `errors` names the fields.",
    429: "Too much at once, or too many requests; try again after `Retry-After` seconds.",
    500: "A failure of ours: the server's log says more under `request_id`.",
    501: "An optional package is not installed.",
    503: "No model is loaded, or something that is needed does not answer.",
    504: "The answer was not ready in time.",
    507: "The disk is full.",
}
"""How any guarded route may refuse."""


def add_document(application: FastAPI) -> None:
    """Have the application describe itself completely under ``/openapi.json``."""

    def document() -> Document:
        if application.openapi_schema is None:
            application.openapi_schema = _document(application)
        return application.openapi_schema

    application.openapi = document  # type: ignore[method-assign]  # the framework's own way


def _document(application: FastAPI) -> Document:
    written = get_openapi(
        title=application.title,
        version=application.version,
        description=application.description,
        routes=application.routes,
        openapi_version="3.1.0",
    )
    components = written.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for theirs in ("HTTPValidationError", "ValidationError"):
        schemas.pop(theirs, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = SECURITY
    for path, operations in written["paths"].items():
        for operation in operations.values():
            _complete(operation, guarded=path.startswith(GUARDED))
    return written


def _complete(operation: Document, *, guarded: bool) -> None:
    responses = operation["responses"]
    if not guarded:
        responses.pop("422", None)
        operation["security"] = []
        return
    operation["security"] = [{}, *({name: []} for name in SECURITY)]
    for status, description in ALL.items():
        key = str(status)
        if status == HTTPStatus.UNPROCESSABLE_ENTITY or key not in responses:
            responses[key] = PROBLEM | {"description": description}
    for one in responses.values():
        one.setdefault("headers", {})["X-Request-Id"] = {
            "description": "Names this request in the server's log.",
            "schema": {"type": "string"},
        }
    retry = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    for key in ("429", "503"):
        responses[key] = dict(responses[key])
        responses[key]["headers"] = responses[key].get("headers", {}) | {"Retry-After": retry}
    operation["responses"] = dict(sorted(responses.items()))
