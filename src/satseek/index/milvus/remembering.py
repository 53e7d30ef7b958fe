"""A collection in a Milvus → what requests ask of it again and again, read once a generation.

Does not know which request asks. Nothing here is kept across generations.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from satseek.index.exact import draw
from satseek.index.halves import unit
from satseek.index.milvus.expressions import both
from satseek.index.milvus.layout import BOX_FIELDS, UNDATED, VECTOR, stored
from satseek.index.milvus.states import Bounds, bounds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from satseek.index.milvus.book import Book
    from satseek.index.milvus.shelf import Shelf
    from satseek.index.milvus.states import State, Told
    from satseek.index.protocol import Rows
    from satseek.types import Filter, Scene, Vectors

_KEPT = 32
"""Answers remembered: of one generation there are a handful, and of each filter one."""

_LISTED = 2**17
"""Chips up to which a sample lists the rows of all of them: 1 MB."""

_SHUFFLED = 2**22
"""Rows up to which a sample shuffles all of them: 32 MB; beyond, places are drawn at random."""

_NEWEST_FIELDS = ("west", "south", "east", "north", "taken")

T = TypeVar("T")


class Remembered:
    """One collection; safe to share between threads."""

    def __init__(self, *, told: Told, book: Book, shelf: Shelf) -> None:
        """Remember nothing yet.

        Args:
            told: What the collection is.
            book: Its entries.
            shelf: Its chips.
        """
        self.told = told
        self.book = book
        self.shelf = shelf
        self._guard = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def count(self, state: State) -> int:
        """Count the chips."""
        return self._once(("count", state.generation), self.shelf.count)

    def scenes(self, state: State) -> list[Scene]:
        """List the scenes, by id."""
        return self._once(
            ("scenes", state.generation), lambda: [one.scene for one in self.book.known_scenes()]
        )

    def passing(self, state: State, where: Filter, walk: Callable[[], Rows]) -> Rows:
        """Give the rows that pass a filter, ascending, as ``walk`` finds them."""
        return self._once(("passing", state.generation, repr(where)), walk)

    def bounds(self, state: State) -> Bounds:
        """Give what lies around the living chips.

        What lay around all chips ever added is right where a living chip lies at each edge;
        otherwise all of them are looked at.
        """
        return self._once(("bounds", state.generation), lambda: self._bounds(state))

    def sample(self, state: State, n: int, *, seed: int) -> Vectors:
        """Give up to n vectors drawn without replacement."""
        return self._once(
            ("sample", state.generation, n, seed), lambda: self._drawn(state, n, seed)
        )

    def _once(self, key: tuple[Any, ...], find: Callable[[], T]) -> T:
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                kept: T = self._kept[key]
                return kept
        found = find()
        with self._guard:
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def _bounds(self, state: State) -> Bounds:
        if all(self.shelf.count(edge) for edge in _edges(state.bounds)):
            return state.bounds
        found = Bounds()
        for part in self.shelf.walk(state.spans, *_NEWEST_FIELDS):
            boxes = [_box(one) for one in part]
            moments = [None if one["taken"] == UNDATED else one["taken"] for one in part]
            found = found.around(bounds_of(boxes, moments))
        return found

    def _drawn(self, state: State, n: int, seed: int) -> Vectors:
        """Draw as the embedded index does, or where there are very many chips, by their places."""
        if self.count(state) <= _LISTED:
            rows = [one["row"] for part in self.shelf.walk(state.spans) for one in part]
            chosen = draw(np.array(rows, dtype=np.int64), n, seed=seed).tolist()
            found = self.shelf.of_rows(chosen, VECTOR, "id")
        else:
            found = self._drawn_by_place(state, n, seed)
        drawn = unit(stored(found, dim=self.told.spec.dim), source="Milvus")
        drawn.flags.writeable = False
        return drawn

    def _drawn_by_place(self, state: State, n: int, seed: int) -> list[dict[str, Any]]:
        wanted = min(max(n, 0), self.count(state))
        found: list[dict[str, Any]] = []
        for places in _shuffled(state.spans, max(wanted, 1), seed) if wanted else ():
            rank = {row: place for place, row in enumerate(places)}
            living = self.shelf.living(places, VECTOR, "id")
            found += sorted(living, key=lambda one: rank[one["row"]])
            if len(found) >= wanted:
                break
        return found[:wanted]


def _edges(bounds: Bounds) -> list[str]:
    """Say where a living chip must lie for bounds to be right."""
    sides = [(name, getattr(bounds, name)) for name in BOX_FIELDS]
    edges = [f"{name} == {float(value)!r}" for name, value in sides if value is not None]
    moments = [value for value in (bounds.first, bounds.last) if value is not None]
    return edges + [both(f"taken == {value}") for value in moments]


def _box(entity: dict[str, Any]) -> tuple[float, float, float, float] | None:
    west, south, east, north = (entity[name] for name in BOX_FIELDS)
    return (west, south, east, north) if west <= east else None


def _shuffled(spans: Sequence[tuple[int, int]], n: int, seed: int) -> Iterator[list[int]]:
    """Give rows of some runs in a random order, each once, part by part."""
    lengths = np.array([end - first for first, end in spans], dtype=np.int64)
    firsts = np.array([first for first, _ in spans], dtype=np.int64)
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    rng = np.random.default_rng(seed)
    given: set[int] = set()
    order = rng.permutation(total) if total <= _SHUFFLED else None
    while len(given) < total:
        if order is None:
            places = np.unique(rng.integers(0, total, size=2 * n))
            rng.shuffle(places)
            places = np.array([one for one in places.tolist() if one not in given], dtype=np.int64)
        else:
            places = order[len(given) : len(given) + 2 * n]
        given.update(places.tolist())
        runs = np.searchsorted(ends, places, side="right")
        yield (firsts[runs] + places - (ends[runs] - lengths[runs])).tolist()
