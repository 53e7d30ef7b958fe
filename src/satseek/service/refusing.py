"""An answer that comes before its request is read → one that the client gets to read.

Knows neither what is asked nor why it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope, Send

PASS_SECONDS = 2.0
"""What a refused client is still sending is passed over for so long; nginx, whose
``lingering_timeout`` this is like, waits for 5 s between two reads."""


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer at once, then pass over the rest of the request before its connection ends.

    Closed in the middle of a body, a connection is reset, and the client loses the answer along
    with it (RFC 9112, section 9.6).
    """

    async def held(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "more_body": True}
        await send(message)

    await response(scope, receive, held)
    with anyio.move_on_after(PASS_SECONDS):
        while (await receive()).get("more_body", False):
            pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})
