"""A collection's folder → its newest generation, from any number of threads.

Does not know how to write. Somebody may be writing meanwhile, or putting another model's vectors
into the place of these.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import DamagedData
from satseek.index import codes as coded
from satseek.index import traits as traited
from satseek.index.answering import Answering
from satseek.index.fingerprinting import Fingerprints
from satseek.index.pinned import Pinned
from satseek.index.planning import PlanLimits, passing_rows, plan_fetch
from satseek.index.schema import Connections
from satseek.index.segments import Segments
from satseek.index.spec import Edition
from satseek.index.view import View
from satseek.types import Filter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.index.codes import Codes
    from satseek.index.planning import Fetch
    from satseek.index.protocol import Rows
    from satseek.index.traits import Traits
    from satseek.types import Vectors

DATABASE = "collection.sqlite"
"""Name inside a collection's folder."""

_FILTERS_KEPT = 8
"""Filters whose passing rows are remembered: words change more often than areas."""


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
        self._limits = limits
        self._guard = threading.Lock()
        self._view: View | None = None
        self._passed: OrderedDict[tuple[int, str], Rows] = OrderedDict()
        self._traits: Traits | None = None
        """Of the rows of the newest generation that was asked with a filter."""
        self._traits_guard = threading.Lock()
        self._codes: tuple[int, Codes] | None = None
        """Number of the edition, and its codes."""
        self._codes_guard = threading.Lock()

    @contextlib.contextmanager
    def pinned(self) -> Iterator[Pinned]:
        """Lend the newest generation.

        Raises:
            DamagedData: A segment is missing or too short.
        """
        with contextlib.ExitStack() as stack:
            db = stack.enter_context(self.connections.snapshot())
            try:
                view = self.view(db)
            except DamagedData:
                # the vectors may have been replaced since the snapshot began: look again, once
                stack.close()
                db = stack.enter_context(self.connections.snapshot())
                view = self.view(db)
            yield Pinned(reader=self, db=db, view=view)

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
                    ),
                    dead=np.array(dead, dtype=np.int64).reshape(-1),
                    matrix_bytes=self._limits.matrix_bytes,
                )
            return self._view

    def prepare(self) -> str:
        """Build or extend what makes searches fast; returns the plan of an unfiltered one."""
        with self.pinned() as pinned:
            db, view = pinned.db, pinned.view
            if self._worth_coding(view):
                with self._codes_guard:
                    self._refresh_codes(db, view)
            codes, fetch = self.way(db, view, None, 1)
            return Answering(db=db, view=view, rows=None, k=1).told(codes, fetch)

    def close(self) -> None:
        """Let go of connections and maps."""
        self.connections.close()
        with self._guard:
            self._view = None
            self._passed.clear()
        with self._traits_guard:
            self._traits = None
        with self._codes_guard:
            self._codes = None

    def passing(self, db: sqlite3.Connection, view: View, where: Filter) -> Rows | None:
        """Give the living rows that pass a checked filter; None where there is no filter."""
        if where == Filter():
            return None
        key = (view.generation, repr(where))
        with self._guard:
            if key in self._passed:
                self._passed.move_to_end(key)
                return self._passed[key]
        traits = self._traits_of(db, view)
        rows = passing_rows(db, where, traits=traits, dead=view.dead)
        with self._guard:
            self._passed[key] = rows
            while len(self._passed) > _FILTERS_KEPT:
                self._passed.popitem(last=False)
        return rows

    def way(
        self, db: sqlite3.Connection, view: View, rows: Rows | None, k: int
    ) -> tuple[Codes | None, Fetch | None]:
        """Choose between codes, with how to use them, and a scan of the passing rows (None)."""
        if not self._worth_coding(view):
            return None, None
        passing = len(view) if rows is None else rows.size
        covered = view.segments.rows
        if plan_fetch(k=k, passing=passing, covered=covered, limits=self._limits) is None:
            return None, None
        # while another thread builds codes, a scan answers sooner than waiting
        if not self._codes_guard.acquire(blocking=False):
            return None, None
        try:
            codes = self._refresh_codes(db, view)
        finally:
            self._codes_guard.release()
        if codes is None:
            return None, None
        share = codes.covered / covered
        fetch = plan_fetch(
            k=k,
            passing=min(int(passing * share), codes.covered),
            covered=codes.covered,
            limits=self._limits,
        )
        return codes, fetch

    def _traits_of(self, db: sqlite3.Connection, view: View) -> Traits:
        with self._traits_guard:
            self._traits = traited.read(db, self._traits, rows=view.segments.rows)
            return self._traits.first(view.segments.rows)

    def _worth_coding(self, view: View) -> bool:
        return (
            len(view) >= self._limits.codes_from
            and coded.subquantizers(view.segments.dim) is not None
            and coded.available()
        )

    def _refresh_codes(self, db: sqlite3.Connection, view: View) -> Codes | None:
        """Give codes of the view's rows; None where there are codes of rows committed after it."""
        number, rows = view.edition.number, view.segments.rows
        if self._codes is not None and self._codes[0] != number and self._replaced(view):
            return None
        codes = self._kept(number) or self._loaded(db, view)
        if codes is not None and codes.covered > rows:
            return None
        if codes is None and self._outrun(view):
            return None
        if codes is None or codes.outgrown(rows):
            codes = coded.build(view.segments)
        elif codes.tail_too_long(rows):
            codes = codes.extended(view.segments)
        else:
            self._codes = number, codes
            return codes
        self._codes = number, codes
        with contextlib.suppress(
            OSError
        ):  # derived: a read-only folder or a full disk only costs time
            codes.save(self.folder / view.edition.codes, proof=_proof(db, rows))
        return codes

    def _kept(self, number: int) -> Codes | None:
        return self._codes[1] if self._codes is not None and self._codes[0] == number else None

    def _replaced(self, view: View) -> bool:
        """Tell whether another edition is in use by now than the one that is looked at."""
        with self.connections.snapshot() as newest:
            (text,) = newest.execute("SELECT spec FROM collection").fetchone()
        return Edition.from_json(text).number != view.edition.number

    def _outrun(self, view: View) -> bool:
        """Tell whether somebody who saw more rows than a snapshot has written codes of them."""
        covered = coded.covered_by(self.folder / view.edition.codes)
        if covered is None or covered <= view.segments.rows:
            return False
        with self.connections.snapshot() as newest:
            (committed,) = newest.execute("SELECT committed FROM collection").fetchone()
        return covered <= int(committed)

    def _loaded(self, db: sqlite3.Connection, view: View) -> Codes | None:
        path = self.folder / view.edition.codes
        covered = coded.covered_by(path)
        return (
            None
            if covered is None or covered > view.segments.rows
            else coded.load(path, proof=_proof(db, covered))
        )


def _proof(db: sqlite3.Connection, rows: int) -> str:
    """Digest of the checksums of the first rows: the same only for the same vectors."""
    digest = hashlib.sha256()
    for (block,) in db.execute("SELECT sha256 FROM blocks WHERE start < ? ORDER BY start", (rows,)):
        digest.update(block.encode("ascii"))
    return digest.hexdigest()
