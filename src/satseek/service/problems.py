"""What went wrong → a problem document (RFC 9457) and its status, from one table.

Does not know which route it happened in. A client never sees a traceback.
"""

from __future__ import annotations

import json
import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from satseek import errors
from satseek.service.speaking import also_said
from satseek.service.withholding import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

RETRY_SECONDS = 1
"""What a refused client is asked to wait: a search takes tens of milliseconds."""

STATUSES: Mapping[type[errors.SatseekError], HTTPStatus] = {
    errors.SatseekError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.EmptyText: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidK: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidFilter: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidName: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidSettings: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidConfig: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Untranslatable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnsafeCheckpoint: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnsafeReference: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.FolderNotFound: HTTPStatus.NOT_FOUND,
    errors.CollectionNotFound: HTTPStatus.NOT_FOUND,
    errors.ChipNotFound: HTTPStatus.NOT_FOUND,
    errors.ModelNotFound: HTTPStatus.SERVICE_UNAVAILABLE,  # of the settings; no request
    errors.ModelNotServed: HTTPStatus.NOT_FOUND,
    errors.JobNotFound: HTTPStatus.NOT_FOUND,
    errors.ScheduleNotFound: HTTPStatus.NOT_FOUND,
    errors.KeyNotFound: HTTPStatus.NOT_FOUND,
    errors.ConceptNotFound: HTTPStatus.NOT_FOUND,
    errors.FindingNotFound: HTTPStatus.NOT_FOUND,
    errors.WatchNotFound: HTTPStatus.NOT_FOUND,
    errors.SampleNotFound: HTTPStatus.NOT_FOUND,
    errors.AlertNotFound: HTTPStatus.NOT_FOUND,
    errors.DependencyMissing: HTTPStatus.NOT_IMPLEMENTED,
    errors.HubUnreachable: HTTPStatus.BAD_GATEWAY,
    errors.UnreadableImage: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ImageTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedRaster: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NoValidPixels: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.ModelMismatch: HTTPStatus.CONFLICT,
    errors.RecipeMismatch: HTTPStatus.CONFLICT,
    errors.GridMismatch: HTTPStatus.CONFLICT,
    errors.CollectionExists: HTTPStatus.CONFLICT,
    errors.CollectionLocked: HTTPStatus.CONFLICT,
    errors.GateNotPassed: HTTPStatus.CONFLICT,
    errors.IdempotencyConflict: HTTPStatus.CONFLICT,
    errors.LeaseLost: HTTPStatus.CONFLICT,
    errors.FormatTooNew: HTTPStatus.CONFLICT,
    errors.DamagedData: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.UnreadableCheckpoint: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.DiskFull: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.OutOfMemory: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
    errors.DirectoryUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ServerUnreachable: HTTPStatus.BAD_GATEWAY,
    errors.AccessDenied: HTTPStatus.FORBIDDEN,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.PermissionDenied: HTTPStatus.FORBIDDEN,
    errors.Abandoned: HTTPStatus.REQUEST_TIMEOUT,  # nobody is there to read it
}
"""Status by error class; `tests/unit/service` proves that no class is left out."""

PHRASES = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "Range Not Satisfiable",
}
"""RFC 9110's words where Python's differ from version to version."""

WITHHELD = "the server's log says what happened, under the request id given here"
"""Detail of a failure that is ours: paths and causes are for the operator, not for every client."""

MAX_ERRORS = 100
"""Fields named as wrong in one problem document."""

WAITING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Statuses after which the same request may succeed later."""


def register(application: FastAPI) -> None:
    """Answer every refusal of the use-cases and of the framework with a problem document."""
    application.add_exception_handler(errors.SatseekError, _refused)
    application.add_exception_handler(RequestValidationError, _invalid)
    application.add_exception_handler(HTTPException, _http)


def problem(
    status: int,
    *,
    kind: str,
    title: str,
    detail: str,
    scope: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """Return a problem document.

    Args:
        status: HTTP status.
        kind: CamelCase name; becomes the type ``urn:satseek:problem:camel-case``.
        title: What kind of problem it is, the same at every occurrence.
        detail: What happened this time, on one line.
        scope: ASGI scope of the request.
        headers: More headers.
        errors: One entry for each field that is wrong.
    """
    content: dict[str, Any] = {
        "type": f"urn:satseek:problem:{slug(kind)}",
        "title": title,
        "status": int(status),
        "detail": detail,
        "instance": scope.get("path", ""),
        "request_id": scope.get("satseek.request_id", ""),
    }
    content |= also_said(scope.get("path", ""), status=status, slug=slug(kind), detail=detail)
    if errors:
        content["errors"] = [dict(error) for error in errors]
    waiting = {"retry-after": str(RETRY_SECONDS)} if status in WAITING else {}
    return Response(
        json.dumps(content),
        status_code=int(status),
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-store", **waiting, **(headers or {})},
    )


def problem_of(error: errors.SatseekError, *, scope: Mapping[str, Any]) -> Response:
    """Return the problem document of a refusal.

    Of a failure of ours the cause is only logged, and of any refusal where its files lie.
    """
    status = STATUSES[type(error)]
    ours = status == HTTPStatus.INTERNAL_SERVER_ERROR
    if ours:
        logger.error("failed: %s", error, exc_info=error)
    later: dict[str, str] = {}
    if isinstance(error, errors.Overloaded) and status in WAITING:
        later["retry-after"] = str(error.retry_after_s)
    return problem(
        status,
        kind=type(error).__name__,
        title=(type(error).__doc__ or "").strip().splitlines()[0],
        detail=WITHHELD if ours else told(error),
        scope=scope,
        headers=later,
    )


def unexpected(scope: Mapping[str, Any]) -> Response:
    """Return the problem document of a failure that nobody foresaw; the caller has logged it."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        kind="Unexpected",
        title="A failure that nobody foresaw.",
        detail=WITHHELD,
        scope=scope,
    )


def slug(kind: str) -> str:
    """``CollectionNotFound`` → ``collection-not-found``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind).lower()


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.SatseekError)
    return problem_of(error, scope=request.scope)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [
        {
            "field": ".".join(str(part) for part in one["loc"] if part not in {"body", "query"}),
            "message": str(one["msg"]),
        }
        for one in error.errors()[:MAX_ERRORS]
    ]
    first = "; ".join(f"{one['field'] or 'body'}: {one['message']}" for one in wrong[:3])
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        kind="InvalidRequest",
        title="What was asked makes no sense, whatever is stored.",
        detail=first,
        scope=request.scope,
        errors=wrong,
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    phrase = PHRASES.get(status, status.phrase)
    return problem(
        status,
        kind=phrase.title().replace(" ", "").replace("-", ""),
        title=f"{phrase}.",
        detail=str(error.detail),
        scope=request.scope,
        headers=error.headers,
    )
