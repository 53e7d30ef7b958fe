"""A collection open for reading → its scenes or chips as features, in order and one by one.

Knows the index; not who asks, nor how features are written.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from satseek.errors import ChipNotFound, Conflict, InvalidRequest
from satseek.service.features.catalogue import catalogue_of
from satseek.service.features.conditions import compiled, narrowed
from satseek.service.features.entries import chip_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.service.features.catalogue import Catalogue
    from satseek.service.features.conditions import Test
    from satseek.service.features.entries import Entry
    from satseek.service.features.naming import Told
    from satseek.types import Filter

BATCH = 500
"""Chips read from the index at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which features are asked for."""

    where: Filter
    """Area and dates."""
    condition: Any = None
    """CQL2 JSON besides; None: none."""
    ids: tuple[str, ...] | None = None
    """Only these; None: any."""


class Shelf(Protocol):
    """What is asked for of one collection, at one generation; for one thread."""

    generation: int
    """Which."""

    def count(self) -> int | None:
        """Count it; None where that would take looking at every chip."""

    def walk(self, after: str | None, *, batch: int) -> Iterator[Step]:
        """Walk behind a key, in the order of keys, reading so many at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One feature that was looked at."""

    key: str
    """Walking goes on behind it."""
    entry: Entry | None
    """The feature; None: it is not asked for."""


@contextmanager
def opened(collection: Collection, told: Told, wanted: Wanted) -> Iterator[Shelf]:
    """Open what is asked for of a collection.

    Raises:
        InvalidFilter: the area, the dates or the condition cannot be.
    """
    scenes = catalogue_of(collection, told)
    with collection.pinned() as index:
        if told.kind == "scenes":
            yield _Scenes(scenes, wanted)
        else:
            yield _Chips(scenes, wanted, told=told, index=index)


def entry_of(collection: Collection, told: Told, asked: str) -> Entry:
    """Give one feature by its id.

    Raises:
        ChipNotFound: there is none.
    """
    scenes = catalogue_of(collection, told)
    if told.kind == "scenes":
        found = scenes.find(asked)
        if found is None:
            raise ChipNotFound(f"{told.id}: expected the id of one of its scenes, came {asked!r}")
        return found
    with collection.pinned() as index:
        row = index.row_of(asked)
        (chip,) = index.chips([row])
    return chip_entry(chip, told, key=_key(index, row), of_scene=scenes.known(chip.scene_id))


class _Scenes:
    """All scenes are looked at, as they are in memory."""

    def __init__(self, scenes: Catalogue, wanted: Wanted) -> None:
        self.generation = scenes.generation
        self._passing = scenes.passing(wanted.where)
        if wanted.ids is not None:
            ids = set(wanted.ids)
            self._passing = [one for one in self._passing if one.id in ids]
        if wanted.condition is not None:
            test = compiled(wanted.condition)
            self._passing = [one for one in self._passing if test(one.fact)]

    def count(self) -> int:
        return len(self._passing)

    def walk(self, after: str | None, *, batch: int) -> Iterator[Step]:  # noqa: ARG002
        for entry in self._passing:
            if after is None or entry.key > after:
                yield Step(key=entry.key, entry=entry)


class _Chips:
    """The index says which chips pass what it understands; the rest is tested on each."""

    def __init__(self, scenes: Catalogue, wanted: Wanted, *, told: Told, index: Pinned) -> None:
        self.generation = index.generation
        self._scenes = scenes
        self._told = told
        self._index = index
        self._where, left = narrowed(wanted.condition, wanted.where)
        self._test: Test | None = None if left is None else compiled(left)
        self._ids = None if wanted.ids is None else self._passing(wanted.ids)

    def count(self) -> int | None:
        if self._test is not None:
            return None
        if self._ids is not None:
            return len(self._ids)
        _, matched = self._index.page(where=self._where, after=-1, limit=1)
        return matched

    def walk(self, after: str | None, *, batch: int) -> Iterator[Step]:
        row = -1 if after is None else _row(self._index, after)
        while rows := self._rows(row, batch):
            for chip_row, chip in zip(rows, self._index.chips(rows), strict=True):
                known = self._scenes.known(chip.scene_id)
                entry = chip_entry(
                    chip, self._told, key=_key(self._index, chip_row), of_scene=known
                )
                passes = self._test is None or self._test(entry.fact)
                yield Step(key=entry.key, entry=entry if passes else None)
            row = rows[-1]

    def _rows(self, after: int, limit: int) -> list[int]:
        if self._ids is not None:
            return [row for row in self._ids if row > after][:limit]
        rows, _ = self._index.page(where=self._where, after=after, limit=limit)
        return rows

    def _passing(self, ids: tuple[str, ...]) -> list[int]:
        """Give the rows of chips by id, ascending, as far as they pass the filter."""
        found = set()
        for one in ids:
            try:
                row = self._index.row_of(one)
            except ChipNotFound:
                continue
            if self._index.page(where=self._where, after=row - 1, limit=1)[0] == [row]:
                found.add(row)
        return sorted(found)


def _key(index: Pinned, row: int) -> str:
    """Name a row for as long as it means the same chip."""
    return f"{index.numbering}.{row}" if index.numbering else str(row)


def _row(index: Pinned, key: str) -> int:
    """Give the row that a key names.

    Raises:
        InvalidRequest: it is none.
        Conflict: rows have other numbers by now.
    """
    numbering, _, row = key.rpartition(".")
    if not row.isdecimal() or not (numbering.isdecimal() or not numbering):
        raise InvalidRequest("cursor: expected one that this list gave; begin without one")
    if int(numbering or 0) != index.numbering:
        raise Conflict("cursor: given before the collection was compacted; begin again without one")
    return int(row)
