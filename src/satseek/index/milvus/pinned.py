"""A collection in a Milvus, as a request reads it: its newest chips under one generation's name.

Milvus lends no snapshot: each answer is the newest there is, so that two of them may differ by what
is written between. What is held still is the generation that was read first, and every chip that
was found: those can be read again here, whatever became of them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from satseek.errors import ChipNotFound, Conflict
from satseek.index.checks import check_k, check_vectors
from satseek.index.filters import check_filter
from satseek.index.halves import unit
from satseek.index.milvus.expressions import Condition, condition_of
from satseek.index.milvus.layout import BOX_FIELDS, CHIP_FIELDS, VECTOR, chip_of, stored
from satseek.index.milvus.looking import Looking
from satseek.index.pinned import Pinned
from satseek.index.protocol import Found
from satseek.index.ranking import padded
from satseek.index.records import from_microseconds
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from satseek.index.milvus.remembering import Remembered
    from satseek.index.milvus.states import State
    from satseek.index.protocol import QueryKind, Rows
    from satseek.index.spec import CollectionSpec
    from satseek.types import BBox, Chip, Vectors

_ANY = Filter()

_OF_THE_EMBEDDED = frozenset({"db", "view", "_reader"})
"""What of an embedded collection's generation there is no like of."""


def refuse(name: str, what: str) -> NoReturn:
    """Say that a collection cannot do something because it lives in a Milvus."""
    raise Conflict(
        f"collection {name!r} lives in a Milvus, which does not offer {what}; bring it here with "
        "`satseek collection pull`, or do it where it was embedded"
    )


class MilvusPinned(Pinned):
    """A collection in a Milvus, for one thread and for as long as it is lent."""

    def __init__(self, known: Remembered, state: State) -> None:  # no snapshot to hand on
        """Begin to read.

        Args:
            known: The collection.
            state: What its writers have done.
        """
        self._known = known
        self._state = state
        self._seen: dict[int, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what only an embedded collection has."""
        if name in _OF_THE_EMBEDDED:
            refuse(self.spec.name, "all vectors at once, as maps and classes need them")
        raise AttributeError(name)

    @property
    def spec(self) -> CollectionSpec:
        """What the collection is."""
        return self._known.told.spec

    @property
    def generation(self) -> int:
        """Number of changes that its writers had announced or done when this began."""
        return self._state.generation

    @property
    def numbering(self) -> int:
        """Another one where rows are those of a collection that was made anew."""
        return int(self._known.told.born[:8], 16)

    @property
    def fingerprint(self) -> str:
        """SHA-256, as hex, that no other collection's generation has, whatever its number."""
        said = f"{self._known.told.born} {self.generation}"
        return hashlib.sha256(said.encode()).hexdigest()

    def __len__(self) -> int:
        """Count the chips."""
        return self._known.count(self._state)

    def search(
        self,
        queries: Vectors,
        *,
        k: int,
        where: Filter = _ANY,
        kind: QueryKind = "mixed",  # noqa: ARG002
    ) -> Found:
        """Find the k nearest chips of each query; see ``Index.search``."""
        check_k(k)
        checked = check_vectors(queries, dim=self.spec.dim)
        condition = self._condition(where)
        if condition is None:
            found, cosines = padded([_nothing() for _ in checked], k)
            return Found(rows=found, cosines=cosines, plan="no scene passes the filter")
        looking = Looking(
            shelf=self._known.shelf, condition=condition, spans=self._state.spans, k=k
        )
        found, cosines = padded(looking.answers(checked), k)
        self._seen |= looking.seen
        return Found(rows=found, cosines=cosines, plan=self._told(looking))

    def chips(self, rows: Iterable[int]) -> list[Chip]:
        """Give the chips of rows, in their order; those found before as they were found."""
        return [chip_of(one) for one in self._entities(rows, *CHIP_FIELDS)]

    def page(self, *, where: Filter = _ANY, after: int, limit: int) -> tuple[list[int], int]:
        """Give rows that pass a filter, ascending, and how many pass it in all.

        Args:
            where: The filter.
            after: The row to go on behind; −1 to begin.
            limit: Rows at most.

        Raises:
            InvalidFilter: The area or the dates cannot be.
        """
        condition = self._condition(where)
        if condition is None:
            return [], 0
        if condition.area is not None:
            rows = self._known.passing(self._state, where, lambda: self._walked(condition))
            begin = int(np.searchsorted(rows, after, side="right"))
            return rows[begin : begin + limit].tolist(), rows.size
        found: list[int] = []
        walk = self._known.shelf.walk(
            self._state.spans, expression=condition.expression, after=after
        )
        for part in walk if limit else ():
            found += [one["row"] for one in part]
            if len(found) >= limit:
                break
        total = self._known.shelf.count(condition.expression) if condition.expression else len(self)
        return found[:limit], total

    def row_of(self, chip_id: str) -> int:
        """Give the row of a chip.

        Raises:
            ChipNotFound: No such chip.
        """
        found = self._known.shelf.of_ids([chip_id], "row")
        if not found:
            message = f"{self.spec.name}: expected the id of one of its chips, came {chip_id!r}"
            raise ChipNotFound(message)
        return int(found[0]["row"])

    def vectors(self, rows: Iterable[int]) -> Vectors:
        """Give the unit vectors of rows, in their order."""
        found = self._entities(rows, VECTOR, "id")
        return unit(stored(found, dim=self.spec.dim), source="Milvus")

    def sample(self, n: int, *, seed: int = 0) -> Vectors:
        """Give up to n vectors drawn without replacement."""
        return self._known.sample(self._state, n, seed=seed)

    def extent(self) -> BBox | None:
        """Give the box around all footprints."""
        found = self._known.bounds(self._state)
        sides = (found.west, found.south, found.east, found.north)
        west, south, east, north = sides
        if west is None or south is None or east is None or north is None:
            return None
        return west, south, east, north

    def dates(self) -> tuple[datetime, datetime] | None:
        """Give the first and last acquisition time."""
        found = self._known.bounds(self._state)
        first, last = from_microseconds(found.first), from_microseconds(found.last)
        return None if first is None or last is None else (first, last)

    def _condition(self, where: Filter) -> Condition | None:
        return condition_of(check_filter(where), lambda: self._known.scenes(self._state))

    def _walked(self, condition: Condition) -> Rows:
        """List the rows that pass, by their footprints."""
        fields = ("footprint", *BOX_FIELDS)
        spans = self._state.spans
        found: list[int] = []
        for part in self._known.shelf.walk(spans, *fields, expression=condition.expression):
            passing = condition.passing(part)
            found += [one["row"] for one, passes in zip(part, passing, strict=True) if passes]
        return np.array(found, dtype=np.int64)

    def _entities(self, rows: Iterable[int], *fields: str) -> list[dict[str, Any]]:
        wanted = [int(row) for row in rows]
        unseen = [row for row in wanted if row not in self._seen]
        fetched = dict(zip(unseen, self._known.shelf.of_rows(unseen, *fields), strict=True))
        return [self._seen.get(row) or fetched[row] for row in wanted]

    def _told(self, looking: Looking) -> str:
        engine = looking.shelf.engine
        way = "exact scan (FLAT)" if engine.exact else f"{engine.name}, refined exactly,"
        left = f" of what passes {looking.condition.expression!r:.200}"
        again = f", {looking.scanned} queries scanned exactly" if looking.scanned else ""
        return f"{way} in Milvus{left if looking.condition.expression else ''}{again}"


def _nothing() -> tuple[Rows, Any]:
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
