"""A client that waits for its answer → a patience that ends with its time, or when it goes away.

Does not know what is computed meanwhile, which finds the patience in its context.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from satseek.embed.patience import Patience, waiting
from satseek.service.observing import GIVEN_UP

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)
"""``Prefer: wait=10``: seconds that the client is going to wait (RFC 7240, section 4.3)."""


async def answer_while_wanted(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, seconds: float
) -> None:
    """Answer a request within its time, and know when its client has gone.

    Args:
        app: Who answers.
        scope: Of the request; ``Prefer: wait=`` may shorten its time, never lengthen it.
        receive: Of the request.
        send: Of the request.
        seconds: The longest time for any request.
    """
    asked = _asked_seconds(scope)
    patience = Patience(seconds if asked is None else min(seconds, asked))
    line = _Line(receive, patience)

    async def send_on(message: Message) -> None:
        if patience.given_up and message["type"] == "http.response.start":
            message = {**message, "status": GIVEN_UP}  # for the log: it is sent to nobody
        await send(message)

    try:
        with waiting(patience):
            if not _has_body(scope):
                line.listen()
            await app(scope, line.receive, send_on)
    finally:
        line.hang_up()


class _Line:
    """What comes from one client. Once its body is read whole, a task listens whether it stays."""

    def __init__(self, receive: Receive, patience: Patience) -> None:
        self._receive = receive
        self._patience = patience
        self._listening: asyncio.Task[Message] | None = None
        self._read: list[Message] = []
        self._came = asyncio.Event()

    async def receive(self) -> Message:
        """Give the next message, to whoever answers."""
        if self._listening is None:
            message = await self._receive()
            self._note(message)
            if _ends_body(message):
                self.listen()
            return message
        while not self._read and not self._listening.done():
            self._came.clear()
            await self._came.wait()
        return self._read.pop(0) if self._read else self._listening.result()

    def listen(self) -> None:
        """Wait for the client to go; what comes before is kept for whoever answers."""
        self._listening = asyncio.create_task(self._listen())
        self._listening.add_done_callback(self._heard)

    def hang_up(self) -> None:
        """Listen no more: the answer is complete."""
        if self._listening is not None:
            self._listening.cancel()

    def _heard(self, listening: asyncio.Task[Message]) -> None:
        if not listening.cancelled():
            listening.exception()  # whoever answers gets it, where they still read
        self._came.set()

    async def _listen(self) -> Message:
        while True:
            message = await self._receive()
            self._note(message)
            if message["type"] == "http.disconnect":
                return message
            self._read.append(message)
            self._came.set()

    def _note(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self._patience.give_up()


def _ends_body(message: Message) -> bool:
    return message["type"] == "http.request" and not message.get("more_body", False)


def _has_body(scope: Scope) -> bool:
    """Tell whether a body was announced (RFC 9112, section 6.3)."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0").strip()
    return b"transfer-encoding" in headers or length not in (b"0", b"")


def _asked_seconds(scope: Scope) -> float | None:
    """Read how long the client says that it waits; None: it does not say."""
    for name, value in scope["headers"]:
        found = _WAIT.search(value.decode("latin-1")) if name == b"prefer" else None
        if found:
            return float(found[1])
    return None
