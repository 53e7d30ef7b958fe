"""A long list → pages, each with an opaque cursor that leads to the next.

Does not know what is listed. A cursor belongs to one list, one filter and one generation: where any
of them is another, it is refused, so that no page skips or repeats what lies between two states.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Query

from satseek.errors import Conflict, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request

T = TypeVar("T")

MAX_LIMIT = 1000
"""Items on one page: a thousand footprints are some 400 kB of GeoJSON."""

DEFAULT_LIMIT = 100

MAX_CURSOR = 2048
"""Letters of a cursor: the longest key in one is a file's path."""

MAX_ROW = 2**62
"""No cursor goes on behind a row that SQLite could not count."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items on a page at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=MAX_CURSOR, description="From `next` of the page before; left out: begin."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list in one state: what its cursors belong to."""

    name: str
    """Which list, such as ``chips of county``."""
    where: Mapping[str, Any]
    """The filter as it was asked."""
    generation: int = 0
    """State of what is listed; 0 where its order never changes."""

    def cursor(self, after: str | int) -> str:
        """Write a cursor that leads behind an item, given by its key."""
        text = json.dumps([self.generation, after, self._proof(self.generation, after)])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def after(self, cursor: str | None, *, kind: type[T]) -> T | None:
        """Read the key behind which a cursor leads; None: begin.

        Raises:
            InvalidRequest: it is none of ours, or another list's or filter's.
            Conflict: what is listed has changed since.
        """
        if cursor is None:
            return None
        generation, after, proof = _read(cursor)
        if proof != self._proof(generation, after) or type(after) is not kind:
            raise InvalidRequest(
                "cursor: expected one that this list gave for this very filter; begin without one"
            )
        if generation != self.generation:
            raise Conflict(
                f"cursor: given at generation {generation}, the list is at {self.generation} by "
                "now; begin again without one"
            )
        return after

    def _proof(self, generation: int, after: str | int) -> str:
        """Tie a cursor to its list; no secret: who makes one up sees nothing but this list."""
        text = json.dumps([self.name, sorted(self.where.items()), generation, after], default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some items of a list, and how to go on."""

    items: Sequence[T]
    """In the list's order."""
    cursor: str | None
    """Leads to the next page; None: this is the last."""


def page_of(
    items: Sequence[T],
    listing: Listing,
    *,
    key: Callable[[T], str],
    cursor: str | None,
    limit: int,
) -> Page[T]:
    """Cut a page out of a list that is sorted by a key.

    Raises:
        InvalidRequest, Conflict: the cursor is not one of this list.
    """
    after = listing.after(cursor, kind=str)
    left = [one for one in items if after is None or key(one) > after]
    shown = left[:limit]
    more = len(left) > limit
    return Page(items=shown, cursor=listing.cursor(key(shown[-1])) if more else None)


def next_path(request: Request, cursor: str | None) -> str | None:
    """Path of the next page under this server; None: this is the last."""
    if cursor is None:
        return None
    kept = [(name, text) for name, text in request.query_params.multi_items() if name != "cursor"]
    query = urlencode([*kept, ("cursor", cursor)])
    path = quote(request.scope["path"], safe="/:@")
    root = request.scope.get("root_path", "")
    return f"{path if path.startswith(root) else root + path}?{query}"


def link_header(path: str | None) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288), if there is one."""
    return {} if path is None else {"link": f'<{path}>; rel="next"'}


def _read(cursor: str) -> tuple[int, str | int, str]:
    """Take a cursor apart; raises InvalidRequest where it is none."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        generation, after, proof = json.loads(base64.b64decode(padded, b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise InvalidRequest("cursor: expected one that this server gave, came another") from error
    whole = isinstance(generation, int) and isinstance(proof, str)
    if not whole or not (isinstance(after, str) or (type(after) is int and 0 <= after < MAX_ROW)):
        raise InvalidRequest("cursor: expected one that this server gave, came another")
    return generation, after, proof
