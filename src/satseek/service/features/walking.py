"""What is asked for of several collections → one page of features, and how to go on.

A page without an order goes on behind the last feature looked at, which later changes cannot shift;
an ordered one goes on behind so many, and is refused once a collection has changed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from satseek.errors import CollectionNotFound, InvalidRequest, NotFound
from satseek.service.features.shelves import BATCH, entry_of, opened
from satseek.service.paging import Listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.service.access.principals import Principal
    from satseek.service.features.entries import Entry
    from satseek.service.features.naming import Told
    from satseek.service.features.shelves import Shelf, Step, Wanted
    from satseek.service.running import Running

MAX_EXAMINED = 20_000
"""Features looked at for one page: where a condition passes fewer, the page is short, or empty, and
leads on."""

MAX_SORTED = 50_000
"""Features that are put in an order at most: each of them is read for every page."""

Order: TypeAlias = "tuple[tuple[str, bool], ...]"
"""Properties to order by, and whether falling; the first counts most."""

_Key: TypeAlias = "tuple[list[tuple[int, Any] | None], Told, str]"
"""Values to order by, and which feature has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some features."""

    entries: Sequence[Entry]
    """In order."""
    cursor: str | None
    """Leads to the next page; None: this is the last."""
    matched: int | None
    """How many pass, on all pages; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A walk through collections, page by page."""

    told: Sequence[Told]
    """Which collections, in order."""
    wanted: Wanted
    """What of them."""
    limit: int
    """Features on a page, at most."""
    order: Order = ()
    """Empty: that of the collections, scenes by id and chips as they were indexed."""
    asked: Mapping[str, Any]
    """The request as it came, which its cursors belong to."""

    def page(self, cursor: str | None, *, shared: Running, who: Principal) -> Page:
        """Give the page that a cursor leads to; None: the first.

        Raises:
            InvalidRequest: the cursor is none of this walk, or there is too much to be ordered.
            Conflict: a collection has changed since the cursor was given.
            InvalidFilter: what is asked for cannot be.
        """
        if self.order:
            return self._ordered(cursor, shared=shared, who=who)
        listing = Listing(name="features", where=self.asked)
        gathered = _Gathered(self.limit, listing.after(cursor, kind=str))
        for told, shelf in self._shelves(shared, who):
            gathered.take(told, shelf)
        last = gathered.going_on
        return Page(
            entries=gathered.entries,
            cursor=None if last is None else listing.cursor(last),
            matched=gathered.matched,
        )

    def _ordered(self, cursor: str | None, *, shared: Running, who: Principal) -> Page:
        keys: list[_Key] = []
        generation = 0
        for told, shelf in self._shelves(shared, who):
            generation += shelf.generation
            room = MAX_SORTED - len(keys)
            if (shelf.count() or 0) > room:
                raise _too_many()
            for looked, step in enumerate(shelf.walk(None, batch=BATCH), 1):
                if looked > room:
                    raise _too_many()
                if step.entry is not None:
                    keys.append((self._key(step.entry), told, step.entry.id))
        listing = Listing(name="ordered features", where=self.asked, generation=generation)
        begin = listing.after(cursor, kind=int) or 0
        end = begin + self.limit
        places = _sorted(keys, [falling for _, falling in self.order])[begin:end]
        entries: list[Entry] = []
        for _, told, asked in places:
            with suppress(NotFound):  # removed meanwhile
                entries.append(entry_of(shared.reader(told.name, who), told, asked))
        more = end < len(keys)
        return Page(
            entries=entries, cursor=listing.cursor(end) if more else None, matched=len(keys)
        )

    def _key(self, entry: Entry) -> list[tuple[int, Any] | None]:
        return [_comparable(entry.fact(name)) for name, _ in self.order]

    def _shelves(self, shared: Running, who: Principal) -> Iterator[tuple[Told, Shelf]]:
        for told in self.told:
            try:
                collection = shared.reader(told.name, who)
            except CollectionNotFound:  # removed meanwhile
                continue
            with opened(collection, told, self.wanted) as shelf:
                yield told, shelf


class _Gathered:
    """Features taken from shelf after shelf until a page is full, and one more is known of."""

    def __init__(self, limit: int, behind: str | None) -> None:
        self.entries: list[Entry] = []
        self.matched: int | None = 0
        self.going_on: str | None = None
        self._limit = limit
        self._begin, _, self._after = (behind or "").partition("\n")
        self._examined = 0
        self._last = ""

    def take(self, told: Told, shelf: Shelf) -> None:
        count = shelf.count()
        self.matched = None if self.matched is None or count is None else self.matched + count
        if self.going_on is not None:
            return
        after = None
        if self._begin:
            if told.id != self._begin:  # on a page before this one
                return
            after, self._begin = self._after, ""
        batch = self._limit + 1 if count is not None else BATCH
        for step in shelf.walk(after, batch=batch):
            if self._is_full(step):
                self.going_on = self._last
                return
            if step.entry is not None:
                self.entries.append(step.entry)
            self._examined += 1
            self._last = f"{told.id}\n{step.key}"

    def _is_full(self, step: Step) -> bool:
        if len(self.entries) < self._limit:
            return self._examined >= MAX_EXAMINED
        return step.entry is not None or self._examined >= MAX_EXAMINED


def _comparable(value: Any) -> tuple[int, Any] | None:
    """Make values of different kinds comparable: numbers before words before moments."""
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, value
    return (2, value) if isinstance(value, datetime) else None


def _sorted(keys: list[_Key], falling: list[bool]) -> list[_Key]:
    """Sort by the last property first, as sorting keeps what is equal in its order.

    What lacks a property comes last, whichever way.
    """
    for place in reversed(range(len(falling))):
        known = [one for one in keys if one[0][place] is not None]
        known.sort(key=lambda one: one[0][place] or (0, 0), reverse=falling[place])
        keys = known + [one for one in keys if one[0][place] is None]
    return keys


def _too_many() -> InvalidRequest:
    return InvalidRequest(
        f"sortby: at most {MAX_SORTED} features can be put in an order; ask for fewer, by "
        "collections, bbox, datetime or filter"
    )
