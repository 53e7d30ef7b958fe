"""Every request → one log line, its figures, an id, and headers that keep browsers honest.

Does not know what the requests ask for. The outermost layer: what nobody caught ends here.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect

from satseek.logs import log_line
from satseek.service.calling import request_id
from satseek.service.problems import unexpected

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from satseek.service.metrics import Metrics

logger = logging.getLogger(__name__)

GIVEN_UP = 499
"""Status logged when the client went away before the answer (nginx's own number for it)."""

QUIET = ("/_nicegui", "/_satseek", "/livez", "/readyz", "/metrics", "/favicon.ico")
"""Paths whose lines would drown the others; they are logged at debug level only."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    # The page needs inline script and eval (its framework compiles templates in the browser), but
    # no address other than this server's: the browser itself enforces it.
    "content-security-policy": (
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
        "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
    ),
}


class Observed:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and account for it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        scope["satseek.request_id"] = request_id(asked)
        scope["satseek.pairs"] = {}
        answer = _Answer(send, request_id=scope["satseek.request_id"])
        path, started = scope["path"], time.perf_counter()
        try:
            with self._metrics.in_flight.track_inprogress():
                await self._answer(scope, receive, answer)
        finally:
            self._account(scope, path, answer.status, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = GIVEN_UP
        except Exception:
            logger.exception("failed", extra={"pairs": {"id": scope["satseek.request_id"]}})
            if answer.started:
                raise
            await unexpected(scope)(scope, receive, answer.send)

    def _account(self, scope: Scope, path: str, status: int, seconds: float) -> None:
        self._metrics.count_request(
            method=scope["method"] if scope["method"] in _METHODS else "other",
            route=_route(scope, path),
            status=status,
            seconds=seconds,
        )
        if path.startswith(QUIET) and not logger.isEnabledFor(logging.DEBUG):
            return
        client = scope.get("client")
        log_line(
            logger,
            "request",
            method=scope["method"],
            path=quote(path),  # decoded by now: a line break in it would forge a line
            status=status,
            ms=round(seconds * 1000, 1),
            client=client[0] if client else "-",
            id=scope["satseek.request_id"],
            **scope["satseek.pairs"],
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _route(scope: Scope, path: str) -> str:
    """Name the route, not the path: every chip would be a time series of its own."""
    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str) and route:
        return route
    if path == "/":
        return "/"
    return "/_nicegui" if path.startswith("/_nicegui") else "unmatched"


class _Answer:
    """Sends an answer on and remembers its status."""

    def __init__(self, send: Send, *, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.started = False
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._request_id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)
