"""A collection's folder → its newest generation, from any number of threads.

Does not know how to write. Somebody may be writing meanwhile, or putting another model's vectors
into the place of these.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import DamagedData
from satseek.index import traits as traited
from satseek.index.answering import Answering
from satseek.index.coding import Coding
from satseek.index.editions import edition_of
from satseek.index.fingerprinting import Fingerprints
from satseek.index.gpu import Held
from satseek.index.passing import passing_rows
from satseek.index.pinned import Pinned
from satseek.index.planning import SCAN, Plan, PlanLimits, Standing, choose, untuned
from satseek.index.protocol import Way
from satseek.index.schema import Connections
from satseek.index.segments import Segments
from satseek.index.spec import Edition
from satseek.index.view import View
from satseek.types import Filter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.index.codes import Codes
    from satseek.index.gpu import OnGpu
    from satseek.index.protocol import QueryKind, Rows
    from satseek.index.traits import Traits
    from satseek.index.watching import Asked
    from satseek.types import Vectors

DATABASE = "collection.sqlite"
"""Name inside a collection's folder."""

_FILTERS_KEPT = 8
"""Filters whose passing rows are remembered: words change more often than areas."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """How a search will look."""

    plan: Plan
    """The way, and those that it was chosen from."""
    codes: Codes | OnGpu | None
    """What the way goes by; None: the passing rows are scanned."""


class Reader:
    """Answers from what is committed; every call sees the newest generation."""

    def __init__(self, folder: Path, *, rows_per_segment: int, limits: PlanLimits) -> None:
        """Prepare to read.

        Args:
            folder: The collection's folder.
            rows_per_segment: Rows in a full segment.
            limits: Where one way of searching gives way to another.
        """
        self.connections = Connections(folder / DATABASE)
        self.folder = folder
        self.rows_per_segment = rows_per_segment
        self.sampled: tuple[tuple[int, int, int], Vectors] | None = None
        """The last sample by generation, size and seed; replaced as a whole."""
        self.fingerprints = Fingerprints()
        """What tells its generations from those of other collections."""
        self.coding = Coding(folder, connections=self.connections, limits=limits)
        """Its codes and the effort that they take."""
        self.on_gpu = Held(most_bytes=limits.gpu_bytes, least_rows=limits.codes_from)
        """Its vectors on a GPU, where there is one."""
        self.observer: Callable[[Asked], None] | None = None
        """Is told of searches that codes answered; must not wait."""
        self._limits = limits
        self._guard = threading.Lock()
        self._view: View | None = None
        self._passed: OrderedDict[tuple[int, str], Rows] = OrderedDict()
        self._traits: tuple[int, Traits] | None = None
        """Of the rows of the newest generation asked with a filter, and their numbering."""
        self._traits_guard = threading.Lock()

    @contextlib.contextmanager
    def pinned(self) -> Iterator[Pinned]:
        """Lend the newest generation.

        Raises:
            DamagedData: A segment is missing or too short.
        """
        with contextlib.ExitStack() as stack:
            db, view = self._newest(stack)
            yield Pinned(reader=self, db=db, view=view)

    def _newest(self, stack: contextlib.ExitStack) -> tuple[sqlite3.Connection, View]:
        """Begin a snapshot of a generation whose vectors are there."""
        missing: int | None = None
        while True:
            db = stack.enter_context(self.connections.snapshot())
            try:
                return db, self.view(db)
            except DamagedData:
                # the vectors may have been replaced since the snapshot began: look again
                number = edition_of(db).number
                if number == missing:
                    raise
                missing = number
                stack.close()

    def view(self, db: sqlite3.Connection) -> View:
        """Give the generation that the connection sees.

        Raises:
            DamagedData: A segment is missing or too short.
        """
        generation, committed, text = db.execute(
            "SELECT generation, committed, spec FROM collection"
        ).fetchone()
        with self._guard:
            if self._view is None or self._view.generation != generation:
                dead = db.execute("SELECT row FROM chips WHERE dead = 1 ORDER BY row").fetchall()
                edition = Edition.from_json(text)
                self._view = View(
                    generation=generation,
                    edition=edition,
                    segments=Segments(
                        self.folder / edition.segments,
                        rows=committed,
                        dim=edition.spec.dim,
                        rows_per_segment=self.rows_per_segment,
                        before=None if self._view is None else self._view.segments,
                    ),
                    dead=np.array(dead, dtype=np.int64).reshape(-1),
                    matrix_bytes=self._limits.matrix_bytes,
                    before=self._view,
                )
            return self._view

    def prepare(self) -> str:
        """Build or extend what makes searches fast; returns the plan of an unfiltered one."""
        with self.pinned() as pinned:
            db, view = pinned.db, pinned.view
            if self.coding.worth(view):
                self.coding.prepare(db, view)
                self.traits(db, view)
            chosen = self.choose(db, view, None, k=1, kind="mixed")
            answering = Answering(db=db, view=view, rows=None, k=1)
            return answering.told(chosen.codes, chosen.plan.fetch)

    def close(self) -> None:
        """Let go of connections and maps."""
        self.connections.close()
        with self._guard:
            self._view = None
            self._passed.clear()
        with self._traits_guard:
            self._traits = None
        self.coding.close()
        self.on_gpu.close()

    def passing(self, db: sqlite3.Connection, view: View, where: Filter) -> Rows | None:
        """Give the living rows that pass a checked filter; None where there is no filter."""
        if where == Filter():
            return None
        key = (view.generation, repr(where))
        with self._guard:
            if key in self._passed:
                self._passed.move_to_end(key)
                return self._passed[key]
        rows = passing_rows(db, where, traits=self.traits(db, view), dead=view.dead)
        with self._guard:
            self._passed[key] = rows
            while len(self._passed) > _FILTERS_KEPT:
                self._passed.popitem(last=False)
        return rows

    def choose(
        self, db: sqlite3.Connection, view: View, rows: Rows | None, *, k: int, kind: QueryKind
    ) -> Chosen:
        """Choose between a GPU, codes and a scan of the passing rows (None: all that live)."""
        chosen = self._chosen(db, view, rows, k=k, kind=kind)
        better = None if rows is not None else self.on_gpu.better(view, chosen.plan, k=k)
        return chosen if better is None else Chosen(plan=better[0], codes=better[1])

    def _chosen(
        self, db: sqlite3.Connection, view: View, rows: Rows | None, *, k: int, kind: QueryKind
    ) -> Chosen:
        """Choose between codes and a scan."""
        scanned = self.scanning(view, rows)
        few = scanned.plan.ways[0].rows <= self._limits.exact_rows
        if few or not self.coding.worth(view):
            return scanned
        if self.coding.kept is None and not self._pays(view, rows, k):
            return scanned
        codes = self.coding.usable(db, view)
        if codes is None or not codes.covered:
            return scanned
        plan = choose(
            name=codes.name,
            wanted=self.coding.wanted(db, view, codes, k=k, kind=kind),
            standing=_standing(view, rows, codes.covered),
            costs=self.coding.costs(view, codes),
            limits=self._limits,
        )
        return Chosen(plan=plan, codes=None if plan.fetch is None else codes)

    def scanning(self, view: View, rows: Rows | None) -> Chosen:
        """Choose a scan of the passing rows (None: all that live), whatever it costs."""
        passing = len(view) if rows is None else rows.size
        expected_ms = self.coding.costs(view, None).scanning(passing)
        way = Way(name=SCAN, rows=passing, expected_ms=expected_ms)
        return Chosen(plan=Plan(ways=(way,), fetch=None), codes=None)

    def _pays(self, view: View, rows: Rows | None, k: int) -> bool:
        """Tell whether it is likely enough that codes answer sooner to load or make them."""
        covered = view.segments.rows
        plan = choose(
            name="codes",
            wanted=untuned(k, covered=covered),
            standing=_standing(view, rows, covered),
            costs=self.coding.costs(view, None),
            limits=self._limits,
        )
        return plan.fetch is not None

    def traits(self, db: sqlite3.Connection, view: View) -> Traits:
        """Give what filters ask of the chips of a generation; read once, then extended."""
        numbering, rows = view.edition.numbering, view.segments.rows
        with self._traits_guard:
            kept = self._traits
            known = kept[1] if kept is not None and kept[0] == numbering else None
            found = traited.read(db, known, rows=rows)
            self._traits = numbering, found
            return found.first(rows)


def _standing(view: View, rows: Rows | None, covered: int) -> Standing:
    """Count what codes stand for among the passing rows, ascending, and what they do not."""
    living = covered - int(np.searchsorted(view.dead, covered))
    passing = living if rows is None else int(np.searchsorted(rows, covered))
    left = len(view) if rows is None else rows.size
    return Standing(passing=passing, living=living, covered=covered, tail=left - passing)
