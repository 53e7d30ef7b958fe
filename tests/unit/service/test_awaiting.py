"""A client's patience: how long it is, and that its end is noticed without eating its body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from satseek.embed.patience import Patience, current_patience
from satseek.service.awaiting import answer_while_wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

GONE = {"type": "http.disconnect"}
SOON = 5.0


def _part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


class Client:
    """Sends messages one by one; then it stays, until it is told to go."""

    def __init__(self, messages: Sequence[Message] = ()) -> None:
        self.messages = list(messages)
        self.leaves = asyncio.Event()
        self.answer: list[Message] = []

    async def receive(self) -> Message:
        await asyncio.sleep(0)
        if self.messages:
            return self.messages.pop(0)
        await self.leaves.wait()
        return GONE

    async def send(self, message: Message) -> None:
        self.answer.append(message)


async def _answered(app: ASGIApp, client: Client, *headers: tuple[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "headers": raw}
    async with asyncio.timeout(SOON):
        await answer_while_wanted(app, scope, client.receive, client.send, seconds=60)


async def _ok(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _gives_up(patience: Patience) -> None:
    gone = asyncio.Event()
    patience.on_give_up(gone.set)
    async with asyncio.timeout(SOON):
        await gone.wait()


def test_a_body_arrives_whole_and_then_its_clients_leaving_is_noticed() -> None:
    parts = [_part(b"a", more=True), _part(b"b", more=True), _part(b"c")]

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        assert body == b"abc"
        assert not current_patience().given_up
        client.leaves.set()
        await _gives_up(current_patience())
        assert await receive() == GONE
        assert await receive() == GONE
        await _ok(send)

    async def ask() -> None:
        nonlocal client
        client = Client(parts)
        await _answered(app, client, ("content-length", "3"))

    client: Client
    asyncio.run(ask())
    assert client.answer[0]["status"] == 499  # nobody reads it; the log tells it from others


def test_a_client_without_a_body_is_listened_to_although_nobody_reads() -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        client.leaves.set()
        await _gives_up(current_patience())
        assert await receive() == _part(b"")
        assert await receive() == GONE
        await _ok(send)

    async def ask() -> None:
        nonlocal client
        client = Client([_part(b"")])
        await _answered(app, client)

    client: Client
    asyncio.run(ask())


def test_a_client_that_leaves_within_its_body_is_noticed_where_it_is_read() -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == _part(b"a", more=True)
        assert not current_patience().given_up
        assert await receive() == GONE
        assert current_patience().given_up
        await _ok(send)

    async def ask() -> None:
        client = Client([_part(b"a", more=True), GONE])
        await _answered(app, client, ("transfer-encoding", "chunked"))

    asyncio.run(ask())


def test_a_client_that_stays_gets_its_answer_and_nobody_listens_afterwards() -> None:
    seen: list[Patience] = []

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        seen.append(current_patience())
        await receive()
        await _ok(send)

    async def ask() -> None:
        nonlocal client
        client = Client([_part(b"")])
        await _answered(app, client)
        assert len(asyncio.all_tasks()) <= 2  # this one, and the listener that is being cancelled
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    client: Client
    asyncio.run(ask())
    assert [200, None] == [message.get("status") for message in client.answer]
    assert not seen[0].given_up
    assert current_patience().left() is None


def test_a_failing_application_fails_through() -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        raise ValueError("broken")

    async def ask() -> None:
        await _answered(app, Client([_part(b"")]))

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("preferred", "seconds"),
    [
        ("wait=10", 10),
        ("respond-async, wait=10", 10),
        ('respond-async;wait="7"', 7),
        ("WAIT = 3 , handling=lenient", 3),
        ("wait=0", 0),
        ("wait=600", 60),  # never longer than the server's own
        ("wait=soon", 60),
        ("wait=-1", 60),
        ("await=10", 60),
        ("", 60),
    ],
)
def test_a_client_may_shorten_its_time(preferred: str, seconds: float) -> None:
    left: list[float | None] = []

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        del receive
        left.append(current_patience().left())
        await _ok(send)

    async def ask() -> None:
        await _answered(app, Client([_part(b"")]), ("prefer", preferred))

    asyncio.run(ask())
    assert left[0] == pytest.approx(seconds, abs=1)
