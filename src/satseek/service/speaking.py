"""A refusal → what else a problem document carries, for clients that look for it elsewhere.

Knows paths and shapes of errors, no reasons. RFC 9457, section 3.2, leaves room for such members,
so that one document serves every client, wherever in the server it was written.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

OPEN_INFERENCE = "/v2"
"""The Open Inference Protocol; its errors are ``{"error": "…"}``."""

OPENAI = ("/v1/embeddings", "/v1/models")
"""Paths that OpenAI's clients ask; their errors are ``{"error": {"message": "…", …}}``."""

_TYPES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
"""Types of errors by status, in OpenAI's words; others by who is to blame."""


def also_said(path: str, *, status: int, slug: str, detail: str) -> dict[str, Any]:
    """Members that the clients of a path read an error from; empty for our own.

    Args:
        path: Of the request.
        status: HTTP status of the answer.
        slug: What kind of problem it is: ``model-not-served``.
        detail: What happened this time.
    """
    if path == OPEN_INFERENCE or path.startswith(f"{OPEN_INFERENCE}/"):
        return {"error": detail}
    if any(path == one or path.startswith(f"{one}/") for one in OPENAI):
        ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = _TYPES.get(status, "server_error" if ours else "invalid_request_error")
        code = slug.replace("-", "_")
        return {"error": {"message": detail, "type": kind, "param": None, "code": code}}
    return {}
