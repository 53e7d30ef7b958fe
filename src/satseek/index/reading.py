"""A collection's folder → answers, from any number of threads, while somebody may be writing.

Does not know how to write.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import ChipNotFound
from satseek.index import codes as coded
from satseek.index.checks import check_k, check_vectors
from satseek.index.filters import check_filter
from satseek.index.halves import check_units, unit
from satseek.index.planning import PlanLimits, passing_rows, plan_fetch, select_by
from satseek.index.protocol import Found
from satseek.index.ranking import best, exact_cosines, padded, scan
from satseek.index.records import CHIP_COLUMNS, chip_from
from satseek.index.schema import Connections
from satseek.index.segments import Segments
from satseek.index.view import View

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.index.codes import Codes
    from satseek.index.planning import Fetch
    from satseek.index.protocol import Rows
    from satseek.types import Chip, Filter, Vectors

DATABASE = "collection.sqlite"
SEGMENTS = "segments"
CODES = "codes.bin"
"""Names inside a collection's folder."""

_FILTERS_KEPT = 8
"""Filters whose passing rows are remembered: words change more often than areas."""

_QUERIES_AT_ONCE = 256
"""Queries scored together: 1 MB of scores per block."""


class Reader:
    """Answers from what is committed; every call sees the newest generation."""

    def __init__(
        self, folder: Path, *, dim: int, rows_per_segment: int, limits: PlanLimits
    ) -> None:
        """Prepare to read.

        Args:
            folder: The collection's folder.
            dim: Numbers in a vector.
            rows_per_segment: Rows in a full segment.
            limits: Where one way of searching gives way to another.
        """
        self.connections = Connections(folder / DATABASE)
        self._folder = folder
        self._dim = dim
        self._rows_per_segment = rows_per_segment
        self._limits = limits
        self._guard = threading.Lock()
        self._view: View | None = None
        self._passed: OrderedDict[tuple[int, str], Rows | None] = OrderedDict()
        self._codes: Codes | None = None
        self._codes_guard = threading.Lock()

    def view(self, db: sqlite3.Connection) -> View:
        """Give the generation that the connection sees.

        Raises:
            DamagedData: A segment is missing or too short.
        """
        generation, committed = db.execute(
            "SELECT generation, committed FROM collection"
        ).fetchone()
        with self._guard:
            if self._view is None or self._view.generation != generation:
                dead = db.execute("SELECT row FROM chips WHERE dead = 1 ORDER BY row").fetchall()
                self._view = View(
                    generation=generation,
                    segments=Segments(
                        self._folder / SEGMENTS,
                        rows=committed,
                        dim=self._dim,
                        rows_per_segment=self._rows_per_segment,
                    ),
                    dead=np.array(dead, dtype=np.int64).reshape(-1),
                    matrix_bytes=self._limits.matrix_bytes,
                )
            return self._view

    def search(self, queries: Vectors, *, k: int, where: Filter) -> Found:
        """Find the k nearest chips of each query; see ``Index.search``."""
        check_k(k)
        checked = check_vectors(queries, dim=self._dim)
        filtered = check_filter(where)
        with self.connections.snapshot() as db:
            view = self.view(db)
            rows = self._passing(db, view, filtered)
            codes, fetch = self._way(db, view, rows, k)
            search = _Search(db=db, view=view, rows=rows, k=k)
            answers: list[tuple[Rows, NDArray[np.float32]]] = []
            for start in range(0, len(checked), _QUERIES_AT_ONCE):
                part = checked[start : start + _QUERIES_AT_ONCE]
                if codes is None or fetch is None:
                    answers += search.scanned(part)
                else:
                    answers += search.refined(part, codes, fetch)
        found, cosines = padded(answers, k)
        return Found(rows=found, cosines=cosines, plan=search.told(codes, fetch))

    def chips(self, rows: Iterable[int]) -> list[Chip]:
        """Give the chips of rows, in their order."""
        wanted = [int(row) for row in rows]
        with self.connections.snapshot() as db:
            found = {
                row: chip_from(values)
                for row, *values in select_by(db, f"row, {CHIP_COLUMNS}", "row", wanted)
            }
        for row in wanted:
            if row not in found:
                message = f"{self._folder}: expected a row of the collection, came {row}"
                raise ChipNotFound(message)
        return [found[row] for row in wanted]

    def vectors(self, rows: Iterable[int]) -> Vectors:
        """Give the unit vectors of rows, in their order."""
        wanted = np.fromiter((int(row) for row in rows), dtype=np.int64)
        with self.connections.snapshot() as db:
            view = self.view(db)
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < view.segments.rows):
            span = f"rows from 0 to {view.segments.rows - 1}"
            message = f"{self._folder}: expected {span}, came {wanted.min()} to {wanted.max()}"
            raise ChipNotFound(message)
        return unit(view.segments.gather(wanted), source=view.segments.source)

    def prepare(self) -> str:
        """Build or extend what makes searches fast; returns the plan of an unfiltered one."""
        with self.connections.snapshot() as db:
            view = self.view(db)
            if self._worth_coding(view):
                with self._codes_guard:
                    self._refresh_codes(db, view)
            codes, fetch = self._way(db, view, None, 1)
            return _Search(db=db, view=view, rows=None, k=1).told(codes, fetch)

    def close(self) -> None:
        """Let go of connections and maps."""
        self.connections.close()
        with self._guard:
            self._view = None
            self._passed.clear()
        with self._codes_guard:
            self._codes = None

    def _passing(self, db: sqlite3.Connection, view: View, where: Filter) -> Rows | None:
        key = (view.generation, repr(where))
        with self._guard:
            if key in self._passed:
                self._passed.move_to_end(key)
                return self._passed[key]
        rows = passing_rows(db, where)
        with self._guard:
            self._passed[key] = rows
            while len(self._passed) > _FILTERS_KEPT:
                self._passed.popitem(last=False)
        return rows

    def _way(
        self, db: sqlite3.Connection, view: View, rows: Rows | None, k: int
    ) -> tuple[Codes | None, Fetch | None]:
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

    def _worth_coding(self, view: View) -> bool:
        return (
            len(view) >= self._limits.codes_from
            and coded.subquantizers(self._dim) is not None
            and coded.available()
        )

    def _refresh_codes(self, db: sqlite3.Connection, view: View) -> Codes | None:
        """Give codes of the view's rows; None where there are codes of rows committed after it."""
        rows = view.segments.rows
        codes = self._codes or self._loaded(db, rows)
        if (codes is not None and codes.covered > rows) or (codes is None and self._outrun(rows)):
            return None
        if codes is None or codes.outgrown(rows):
            codes = coded.build(view.segments)
        elif codes.tail_too_long(rows):
            codes = codes.extended(view.segments)
        else:
            self._codes = codes
            return codes
        self._codes = codes
        with contextlib.suppress(
            OSError
        ):  # derived: a read-only folder or a full disk only costs time
            codes.save(self._folder / CODES, proof=_proof(db, rows))
        return codes

    def _outrun(self, rows: int) -> bool:
        """Tell whether somebody who saw more rows than a snapshot has written codes of them."""
        covered = coded.covered_by(self._folder / CODES)
        if covered is None or covered <= rows:
            return False
        with self.connections.snapshot() as newest:
            (committed,) = newest.execute("SELECT committed FROM collection").fetchone()
        return covered <= int(committed)

    def _loaded(self, db: sqlite3.Connection, rows: int) -> Codes | None:
        path = self._folder / CODES
        covered = coded.covered_by(path)
        return (
            None
            if covered is None or covered > rows
            else coded.load(path, proof=_proof(db, covered))
        )


class _Search:
    """One search: a generation, its passing rows, and k."""

    def __init__(self, *, db: sqlite3.Connection, view: View, rows: Rows | None, k: int) -> None:
        self._db = db
        self._view = view
        self._rows = rows
        self._k = k
        self._rescanned = 0

    def scanned(self, queries: Vectors) -> list[tuple[Rows, NDArray[np.float32]]]:
        """Look at every passing row."""
        shortlists = scan(queries, self._view.blocks(self._rows), self._k)
        return [self._best(query, rows) for query, rows in zip(queries, shortlists, strict=True)]

    def refined(
        self, queries: Vectors, codes: Codes, fetch: Fetch
    ) -> list[tuple[Rows, NDArray[np.float32]]]:
        """Compare candidates from codes exactly, along with the rows that have no codes."""
        mask = self._view.mask(self._rows)
        tail = self._tail(queries, codes.covered, mask)
        answers = []
        for query, fetched, rest in zip(
            queries, codes.candidates(queries, fetch.count), tail, strict=True
        ):
            near = fetched[fetched >= 0]
            near = near if mask is None else near[mask[near]]
            if near.size < fetch.least:
                self._rescanned += 1
                answers += self.scanned(query[None])
                continue
            kept = near[: 2 * fetch.least]
            answers.append(self._best(query, np.concatenate([kept, rest])))
        return answers

    def told(self, codes: Codes | None, fetch: Fetch | None) -> str:
        """Say which way was taken."""
        passing = len(self._view) if self._rows is None else self._rows.size
        left = (
            f"all {passing} chips" if self._rows is None else f"{passing} chips left by the filter"
        )
        if codes is None or fetch is None:
            return f"exact scan of {left}"
        again = f", {self._rescanned} queries scanned exactly" if self._rescanned else ""
        return f"{codes.name} over {left}, {2 * fetch.least} candidates refined{again}"

    def _tail(self, queries: Vectors, covered: int, mask: NDArray[np.bool_] | None) -> list[Rows]:
        rows = np.arange(covered, self._view.segments.rows)
        rows = rows if mask is None else rows[mask[rows]]
        return scan(queries, self._view.segments.chosen(rows), self._k)

    def _best(self, query: NDArray[np.float32], rows: Rows) -> tuple[Rows, NDArray[np.float32]]:
        stored = self._view.segments.gather(rows)
        if rows.size > self._k:  # float32 first: only what it cannot tell apart is compared exactly
            (kept,) = scan(query[None], [(np.arange(rows.size), stored)], self._k)
            rows, stored = rows[kept], stored[kept]
        check_units(stored, source=self._view.segments.source)
        return best(rows, exact_cosines(query, stored), k=self._k, names=self._names)

    def _names(self, rows: Rows) -> Sequence[str]:
        ids = dict(select_by(self._db, "row, id", "row", rows.tolist()))
        return [ids[row] for row in rows.tolist()]


def _proof(db: sqlite3.Connection, rows: int) -> str:
    """Digest of the checksums of the first rows: the same only for the same vectors."""
    digest = hashlib.sha256()
    for (block,) in db.execute("SELECT sha256 FROM blocks WHERE start < ? ORDER BY start", (rows,)):
        digest.update(block.encode("ascii"))
    return digest.hexdigest()
