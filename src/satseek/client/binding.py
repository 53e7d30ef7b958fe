"""A description of a request → a method of the client that waits, or of the one that is awaited.

Knows how lists go on, not what is asked nor how it is sent.
"""

from __future__ import annotations

import inspect
import secrets
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from satseek.client.asking import Ask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from satseek.client.jobbing import AsyncSending, Sending

P = ParamSpec("P")
T = TypeVar("T")

PAGE = 1000
"""Items asked for at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[T]):
    """One page of a list."""

    items: list[T]
    """In the list's order."""
    cursor: str | None
    """Leads to the next page; None: there is none."""
    most: int | None = None
    """How many items of the whole list are wanted; None: all."""

    def following(self, found: int) -> str | None:
        """Give the cursor of the next page, so many items being there; None: there is enough."""
        return self.cursor if self.most is None or found < self.most else None


def verb(ask: Callable[P, Ask[T]]) -> Callable[Concatenate[Sending, P], T]:
    """Make a method that sends one request, and waits."""

    @wraps(ask)
    def send(self: Sending, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(ask(*args, **kwargs))

    _show(send, ask)
    return send


def awaited(ask: Callable[P, Ask[T]]) -> Callable[Concatenate[AsyncSending, P], Awaitable[T]]:
    """Make the same method, awaited."""

    @wraps(ask)
    async def send(self: AsyncSending, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(ask(*args, **kwargs))

    _show(send, ask)
    return send


def listing(ask: Callable[P, Ask[Listed[T]]]) -> Callable[Concatenate[Sending, P], list[T]]:
    """Make a method that asks for a list page by page, and waits."""

    @wraps(ask)
    def send(self: Sending, /, *args: P.args, **kwargs: P.kwargs) -> list[T]:
        first = ask(*args, **kwargs)
        page = self.send(first)
        found = page.items
        while (cursor := page.following(len(found))) is not None:
            page = self.send(_behind(first, cursor))
            found += page.items
        return found[: page.most]

    _show(send, ask, answer="list")
    return send


def listing_awaited(
    ask: Callable[P, Ask[Listed[T]]],
) -> Callable[Concatenate[AsyncSending, P], Awaitable[list[T]]]:
    """Make the same method, awaited."""

    @wraps(ask)
    async def send(self: AsyncSending, /, *args: P.args, **kwargs: P.kwargs) -> list[T]:
        first = ask(*args, **kwargs)
        page = await self.send(first)
        found = page.items
        while (cursor := page.following(len(found))) is not None:
            page = await self.send(_behind(first, cursor))
            found += page.items
        return found[: page.most]

    _show(send, ask, answer="list")
    return send


def get(path: str, query: Mapping[str, Any], read: Callable[[Any], T]) -> Ask[T]:
    """Ask for something; what is None or empty is left out of the address."""
    given = {name: value for name, value in query.items() if value not in (None, [], ())}
    text = urlencode(given, doseq=True)
    return Ask(method="GET", path=f"{path}?{text}" if text else path, read=read)


def post(path: str, given: Mapping[str, Any], read: Callable[[Any], T]) -> Ask[T]:
    """Change something: under a key, so that a second try changes nothing more."""
    content = {name: value for name, value in given.items() if value is not None}
    key = {"idempotency-key": secrets.token_urlsafe(18)}
    return Ask(method="POST", path=path, json=content, headers=key, read=read)


def listed(
    read: Callable[[Any], T], name: str, *, most: int | None = None
) -> Callable[[Any], Listed[T]]:
    """Give what reads a page whose items have a name in the answer."""

    def page(answer: Any) -> Listed[T]:
        items = [read(one) for one in answer[name]]
        return Listed(items=items, cursor=_cursor(answer["next"]), most=most)

    return page


def page_size(most: int | None) -> int:
    """Say how many items to ask for at a time."""
    return PAGE if most is None else max(1, min(most, PAGE))


def _cursor(path: str | None) -> str | None:
    return None if path is None else parse_qs(urlsplit(path).query)["cursor"][0]


def _behind(ask: Ask[T], cursor: str) -> Ask[T]:
    joint = "&" if "?" in ask.path else "?"
    return replace(ask, path=f"{ask.path}{joint}cursor={quote(cursor, safe='')}")


def _show(send: Any, ask: Callable[..., Any], *, answer: str | None = None) -> None:
    """Have ``help`` and editors show what a verb takes."""
    known = inspect.signature(ask)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shown = known.replace(parameters=[own, *known.parameters.values()])
    send.__signature__ = shown if answer is None else shown.replace(return_annotation=answer)
    send.__name__ = ask.__name__.removeprefix("ask_")
