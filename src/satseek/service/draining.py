"""A server that ends → clients that are told to leave, and requests that are finished before it.

Knows no route but the probes. Observed stands around it, so that what is refused here is logged.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from satseek.service.problems import problem
from satseek.service.refusing import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from satseek.service.running import Readiness

PROBES = frozenset({"/livez", "/readyz", "/metrics"})
"""Answered to the last: they say how far the end has come, and hold nothing up."""


class Draining:
    """ASGI middleware that counts requests, and sees clients off once the server ends."""

    def __init__(self, app: ASGIApp, *, readiness: Readiness) -> None:
        self._app = app
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its connection ends with the answer where the server does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        self._readiness.seen += 1

        async def seen_off(message: Message) -> None:
            if message["type"] == "http.response.start" and self._readiness.stopping:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        if scope["path"] in PROBES:
            await self._app(scope, receive, seen_off)
        elif self._readiness.closed:
            await _refusal(scope, receive, seen_off)
        else:
            await self._counted(scope, receive, seen_off)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._readiness.in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._readiness.in_flight -= 1


async def _refusal(scope: Scope, receive: Receive, send: Send) -> None:
    response = problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        kind="Stopping",
        title="The server is stopping.",
        detail="the server is stopping and takes nothing more; ask again, which reaches another",
        scope=scope,
    )
    await refuse(response, scope, receive, send)
