"""A write with an ``Idempotency-Key`` → done once, however often the client sends it.

Does not know what is written. As draft-ietf-httpapi-idempotency-key-header has it: the same key
with the same request gets the first answer again; with another request it is refused (422), and
while the first one is still on, too (409). What was refused is not kept: it may be sent again.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from anyio import CancelScope
from fastapi.routing import APIRoute
from starlette.responses import Response

from satseek.embed.patience import Patience, waiting
from satseek.errors import InvalidRequest
from satseek.jobs.answers import Kept
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request

    from satseek.service.access.principals import Principal
    from satseek.service.running import Running

HEADER = "idempotency-key"

MAX_BODY = 1 << 20
"""Largest answer that is kept, in bytes; those of writes have a few hundred."""

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LETTERS = "[A-Za-z0-9._~:+/=-]{1,255}"
_KEY = re.compile(rf'("?)({_LETTERS})\1')
"""A structured field's string in quotes, as the draft writes it, or the same without them."""

REPEATED: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Made up by you, such as a UUID: sent again with the same request, the "
            "first answer comes again and nothing is done twice. Kept for 24 hours.",
            "schema": {"type": "string", "pattern": f'^("{_LETTERS}"|{_LETTERS})$'},
            "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
        }
    ],
    "responses": {"409": PROBLEM},
}
"""What the OpenAPI document says of a route that takes such a key."""


class Repeatable(APIRoute):
    """A route whose writes may be sent again."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the keeping of answers around the route."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            if HEADER not in request.headers or request.method not in _WRITES:
                return await answer(request)
            return await _once(request, answer)

        return handler


def key_of(request: Request) -> str | None:
    """Read the key of a request; None: it has none.

    Raises:
        InvalidRequest: it cannot be one.
    """
    values = request.headers.getlist(HEADER)
    if not values:
        return None
    match = _KEY.fullmatch(values[0].strip())
    if len(values) > 1 or match is None:
        raise InvalidRequest(
            "Idempotency-Key: expected one of 1 to 255 letters, digits or ._~:+/=-, such as a UUID"
        )
    return match[2]


async def _once(
    request: Request, answer: Callable[[Request], Coroutine[Any, Any, Response]]
) -> Response:
    shared: Running = request.app.state.running
    who, key = _named(caller(request).principal), key_of(request)
    assert key is not None
    fingerprint = _fingerprint(request, await request.body())
    kept = await shared.in_thread(lambda: shared.answers.begin(who, key, fingerprint))
    if kept is not None:
        return _again(kept)
    done = None
    try:
        response = await answer(request)
        body = bytes(response.body)
        if response.status_code < 400 and len(body) <= MAX_BODY:  # noqa: PLR2004 - HTTP's own
            done = Kept(
                status=response.status_code,
                media_type=response.headers.get("content-type", ""),
                body=body,
                location=response.headers.get("location", ""),
            )
        return response
    finally:
        # also where the client has gone, or its time is over: it is going to ask again
        with CancelScope(shield=True), waiting(Patience()):
            if done is None:
                await shared.in_thread(lambda: shared.answers.forget(who, key))
            else:
                await shared.in_thread(lambda: shared.answers.keep(who, key, done))


def _named(who: Principal) -> str:
    """Name somebody together with what they may do.

    A key made anew under an old name gets no answer of the old one, nor does anybody who has lost
    a right since.
    """
    collections = None if who.collections is None else sorted(who.collections)
    rights = [who.kind, sorted(who.scopes), sorted(who.groups), collections]
    return f"{who.name} {hashlib.sha256(json.dumps(rights).encode()).hexdigest()[:32]}"


def _again(kept: Kept) -> Response:
    headers = {"idempotency-replayed": "true"}
    told = {"content-type": kept.media_type, "location": kept.location}
    headers |= {name: text for name, text in told.items() if text}
    return Response(kept.body, status_code=kept.status, headers=headers)


def _fingerprint(request: Request, body: bytes) -> str:
    """Digest what makes a request the same: method, path, query, kind of body, body."""
    digest = hashlib.sha256()
    media_type = request.headers.get("content-type", "")
    for part in (request.method, request.url.path, request.url.query, media_type):
        digest.update(f"{part}\n".encode())
    digest.update(body)
    return digest.hexdigest()
