"""A refusal is sent before the body is read, and its connection ends after it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from satseek.service import refusing
from satseek.service.refusing import refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


def refused(receive: Callable[[list[Any]], Awaitable[dict[str, Any]]]) -> list[Any]:
    """Refuse a request; messages in the order sent, and ``receive`` adds what it gave."""
    seen: list[Any] = []

    async def take() -> Any:
        return await receive(seen)

    async def send(message: Any) -> None:
        seen.append((message["type"], message.get("body"), message.get("more_body", False)))

    asyncio.run(refuse(Response("full", 429), SCOPE, take, send))
    return seen


ANSWER = [("http.response.start", None, False), ("http.response.body", b"full", True)]
END = ("http.response.body", b"", False)


def test_the_answer_comes_first_and_the_end_after_the_body() -> None:
    async def three(seen: list[Any]) -> dict[str, Any]:
        seen.append("part")
        more = seen.count("part") < 3
        return {"type": "http.request", "body": b"x", "more_body": more}

    assert [*ANSWER, "part", "part", "part", END] == refused(three)


def test_a_client_that_goes_away_ends_it() -> None:
    async def gone(seen: list[Any]) -> dict[str, Any]:
        seen.append("gone")
        return {"type": "http.disconnect"}

    assert [*ANSWER, "gone", END] == refused(gone)


def test_a_body_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusing, "PASS_SECONDS", 0.02)

    async def never(_seen: list[Any]) -> dict[str, Any]:
        await asyncio.sleep(20)
        raise AssertionError

    assert [*ANSWER, END] == refused(never)
