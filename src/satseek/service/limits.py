"""Requests → at most so many at once, of at most so many bytes, within so many seconds.

Does not know what the requests ask for, but that large bodies hold images. What is refused is
refused before its body is read.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
from starlette.exceptions import HTTPException

from satseek.errors import Overloaded
from satseek.service.awaiting import answer_while_wanted
from satseek.service.problems import problem, problem_of
from satseek.service.refusing import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_SECONDS = 60.0
"""A body that takes longer to arrive is given up: 50 MB need no more at 7 Mbit/s."""

LIMITED = ("/v1/", "/v2/models/", "/ogc/", "/stac/")
"""Paths that count; probes and metrics must answer when everything else is refused."""

LARGE_BYTES = 64 * 1024
"""A body from here on, or of unknown length, is not read while no more images may wait for the
model: of texts it would be thousands. Smaller ones cost nothing to read."""


class Permits:
    """So many at once, or a refusal; never a queue. Belongs to the event loop's thread."""

    def __init__(self, count: int, *, retry_after_s: Callable[[], int] = lambda: 1) -> None:
        """Let ``count`` in at once; ask ``retry_after_s`` when others should come again."""
        self.count = count
        self.taken = 0
        self._retry_after_s = retry_after_s

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a permit.

        Raises:
            Overloaded: all are taken.
        """
        if self.taken >= self.count:
            refusal = Overloaded(
                f"{self.count} requests are being worked on already; try again soon"
            )
            refusal.retry_after_s = self._retry_after_s()
            raise refusal
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Limited:
    """ASGI middleware that refuses what is too much."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        permits: Permits,
        max_bytes: int,
        seconds: float | None = None,
        refusal: Callable[[], Overloaded | None] = lambda: None,
    ) -> None:
        """Stand before an application.

        Args:
            app: Who answers.
            permits: How many at once.
            max_bytes: The largest body.
            seconds: From a request to its answer; None: as long as it takes.
            refusal: What an image would be refused with now, without waiting; None: it would not.
        """
        self._app = app
        self._permits = permits
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_bytes(scope) > self._max_bytes:
            refusal = problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                kind="ContentTooLarge",
                title="The request body is larger than allowed.",
                detail=self._too_large(),
                scope=scope,
                headers={"connection": "close"},
            )
            await refuse(refusal, scope, receive, send)
            return
        body = _Body(receive, max_bytes=self._max_bytes, refusal=self._too_large())
        if not scope["path"].startswith(LIMITED):
            await self._app(scope, body.receive, send)
            return
        try:
            with self._permits.one():
                if _is_large(scope) and (full := self._refusal()):
                    raise full
                await self._answer(scope, body.receive, send)
        except Overloaded as error:
            response = problem_of(error, scope=scope)
            response.headers["connection"] = "close"  # its body stays unread
            await refuse(response, scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._seconds is None:
            await self._app(scope, receive, send)
        else:
            await answer_while_wanted(self._app, scope, receive, send, seconds=self._seconds)

    def _too_large(self) -> str:
        return f"a request body may have {self._max_bytes} bytes, this one has more"


class _Body:
    """Counts and times a body while it is read: its declared length may be a lie."""

    def __init__(self, receive: Receive, *, max_bytes: int, refusal: str) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._refusal = refusal
        self._bytes = 0
        self._complete = False
        self._deadline = time.monotonic() + BODY_SECONDS

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            with anyio.fail_after(max(0.0, self._deadline - time.monotonic())):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not arrive within {BODY_SECONDS:.0f} s",
                {"connection": "close"},
            ) from error
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > self._max_bytes:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._refusal, {"connection": "close"}
            )
        return message


def _is_large(scope: Scope) -> bool:
    chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    return chunked or _declared_bytes(scope) >= LARGE_BYTES


def _declared_bytes(scope: Scope) -> int:
    """Read Content-Length; 0 where there is none (chunked bodies are counted as they come)."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
