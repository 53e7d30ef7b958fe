"""Words, or a saved concept → the chips that fit them, as features with a rank and scores.

Knows the use-case; the answer is the same as at every other door.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.service.bodies import validated
from satseek.service.features.catalogue import catalogue_of
from satseek.service.features.conditions import compiled, narrowed
from satseek.service.features.entries import hit_entry
from satseek.service.features.walking import Page
from satseek.service.messages import SearchAsked
from satseek.service.paging import Listing
from satseek.service.verbs import find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from satseek.service.calling import Caller
    from satseek.service.features.entries import Entry
    from satseek.service.features.naming import Told
    from satseek.service.features.shelves import Wanted
    from satseek.service.running import Running
    from satseek.service.verbs import Found

MAX_HITS = 1000
"""Best chips of each collection that a walk leads through: further ones fit hardly better than
chance would have it."""

MAX_SEARCHED = 16
"""Collections searched by one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for, and where."""

    words: str | None
    """What to look for; None: a concept alone."""
    concept: str | None = None
    """A saved concept; None: none."""
    least: float | None = None
    """Least percentile of a hit, 0–100; None: no cut."""
    told: Sequence[Told]
    """Which collections."""
    wanted: Wanted
    """Which chips may answer; a condition that the index does not understand is tested on the best
    ``hits`` of each collection."""
    limit: int
    """Features on a page, at most."""
    hits: int = MAX_HITS
    """Hits of each collection, at most."""
    asked: Mapping[str, Any]
    """The request as it came, which its cursors belong to."""

    async def page(self, cursor: str | None, *, shared: Running, caller: Caller) -> Page:
        """Give the page that a cursor leads to, best first by cosine.

        Raises:
            EmptyText, InvalidRequest: what is asked for cannot be.
            CollectionNotFound, ModelMismatch: a collection cannot be searched.
            InvalidRequest, Conflict: the cursor is not one of this search, or no longer.
        """
        caller.principal.require("search")
        self._check()
        found: list[Entry] = []
        generation = 0
        for told in self.told:
            entries, made = await self._found(told, shared=shared, caller=caller)
            found += entries
            generation += made
        if len(self.told) > 1:
            found.sort(key=lambda one: -one.properties["cosine"])
        listing = Listing(name="hits", where=self.asked, generation=generation)
        begin = listing.after(cursor, kind=int) or 0
        end = begin + self.limit
        return Page(
            entries=found[begin:end],
            cursor=listing.cursor(end) if end < len(found) else None,
            matched=len(found),
        )

    def _check(self) -> None:
        if len(self.told) > MAX_SEARCHED:
            raise InvalidRequest(
                f"q: at most {MAX_SEARCHED} collections can be searched at once, there are "
                f"{len(self.told)}: name some"
            )

    async def _found(
        self, told: Told, *, shared: Running, caller: Caller
    ) -> tuple[list[Entry], int]:
        where, left = narrowed(self.wanted.condition, self.wanted.where)
        fields = {
            "collection": told.name,
            "text": self.words,
            "concept": self.concept,
            "area": where.area,
            "start": None if where.start is None else where.start.isoformat(),
            "end": None if where.end is None else where.end.isoformat(),
            "where": dict(where.attributes),
            "levels": list(where.levels),
            "least": self.least,
            "k": self.hits,
        }
        asked = validated(SearchAsked, fields)

        def entries(one: Found) -> tuple[list[Entry], int]:
            scenes = catalogue_of(shared.reader(told.name, caller.principal), told)
            found = [
                hit_entry(hit, told, of_scene=scenes.known(hit.chip.scene_id))
                for hit in one.answer.hits
            ]
            if where.scene_ids:  # what a search by words cannot be asked for
                found = [entry for entry in found if entry.scene in where.scene_ids]
            return self._kept(found, left), one.answer.generation

        return await find(asked, None, shared=shared, caller=caller, write=entries)

    def _kept(self, entries: list[Entry], left: Any) -> list[Entry]:
        if left is not None:
            test = compiled(left)
            entries = [one for one in entries if test(one.fact)]
        if self.wanted.ids is not None:
            entries = [one for one in entries if one.id in self.wanted.ids]
        return entries
