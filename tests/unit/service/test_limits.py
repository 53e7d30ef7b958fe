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
    """Send a body in chunks; returns the status, and how many were read before it."""
    read, before, status = 0, 0, 0
    permits = Permits(1)
    permits.taken = taken

    async def receive() -> MutableMapping[str, Any]:
        nonlocal read, before
        read += 1
        before += not status
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
    return status, before


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


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"content-length", b"65536")], 429),
        ([(b"transfer-encoding", b"chunked")], 429),
        ([(b"content-length", b"65535")], 200),
        ([], 200),
    ],
)
def test_a_large_body_is_refused_unread_while_images_are_refused(
    headers: list[tuple[bytes, bytes]], status: int
) -> None:
    read = False
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        nonlocal read
        read = read or not sent  # what comes after the answer is only passed over
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    full = Overloaded("3 images wait")
    full.retry_after_s = 17
    permits = Permits(1)
    app = Limited(_reading_app, permits=permits, max_bytes=1 << 20, refusal=lambda: full)
    scope = {"type": "http", "path": "/v1/classify", "headers": headers, "method": "POST"}
    anyio.run(app, scope, receive, send)
    assert (status, status == 200, 0) == (sent[0]["status"], read, permits.taken)
    if status == 429:
        answered = dict(sent[0]["headers"])
        assert (b"17", b"close") == (answered[b"retry-after"], answered[b"connection"])


def test_who_is_one_too_many_is_told_when_to_come_again() -> None:
    permits = Permits(1, retry_after_s=lambda: 9)
    with permits.one(), pytest.raises(Overloaded) as caught, permits.one():
        pass
    assert caught.value.retry_after_s == 9


def test_permits_are_given_back_after_a_failure() -> None:
    permits = Permits(1)
    with pytest.raises(ValueError, match="inside"), permits.one():
        raise ValueError("inside")
    with permits.one(), pytest.raises(Overloaded, match="1 requests"), permits.one():
        pass
    assert permits.taken == 0
