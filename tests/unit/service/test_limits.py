"""Permits and body limits, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from satseek.errors import Overloaded
from satseek.service.limits import Limited, Permits

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from starlette.types import Receive, Scope, Send

LIMIT = 10


async def _reading_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body, then answer 200."""
    del scope
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _ask(
    chunks: Sequence[bytes],
    *,
    path: str = "/v1/search",
    declared: int | None = None,
    taken: int = 0,
) -> tuple[int, int]:
    """Send a body in chunks; returns the status and how many chunks were read."""
    read, status = 0, 0
    permits = Permits(1)
    permits.taken = taken

    async def receive() -> MutableMapping[str, Any]:
        nonlocal read
        read += 1
        return {
            "type": "http.request",
            "body": chunks[read - 1],
            "more_body": read < len(chunks),
        }

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    headers = [] if declared is None else [(b"content-length", str(declared).encode())]
    scope = {"type": "http", "path": path, "headers": headers, "method": "POST"}
    app = Limited(_reading_app, permits=permits, max_bytes=LIMIT)
    anyio.run(app, scope, receive, send)
    assert permits.taken == taken
    return status, read


def test_a_body_within_the_limit_is_read_whole() -> None:
    assert _ask([b"12345", b"67890"], declared=10) == (200, 2)


def test_a_declared_body_beyond_the_limit_is_refused_unread() -> None:
    assert _ask([b"x" * 11], declared=11) == (413, 0)


def test_a_body_that_grows_beyond_the_limit_is_given_up_there() -> None:
    from starlette.exceptions import HTTPException  # noqa: PLC0415

    with pytest.raises(HTTPException) as caught:
        _ask([b"x" * 6, b"x" * 6, b"x" * 6])
    assert caught.value.status_code == 413


def test_what_is_too_much_is_refused_unread() -> None:
    assert _ask([b"x"], taken=1) == (429, 0)


def test_probes_need_no_permit() -> None:
    assert _ask([b""], path="/livez", taken=1) == (200, 1)


def test_permits_are_given_back_after_a_failure() -> None:
    permits = Permits(1)
    with pytest.raises(ValueError, match="inside"), permits.one():
        raise ValueError("inside")
    with permits.one(), pytest.raises(Overloaded, match="1 requests"), permits.one():
        pass
    assert permits.taken == 0
