"""One generation of a collection → answers that belong together, whatever is committed meanwhile.

Does not know how to write. The model of the vectors cannot change between two of its answers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import ChipNotFound
from satseek.index.answering import Answering
from satseek.index.checks import check_k, check_vectors
from satseek.index.exact import draw
from satseek.index.filters import check_filter
from satseek.index.halves import unit
from satseek.index.planning import select_by
from satseek.index.protocol import Explanation, Found
from satseek.index.ranking import padded
from satseek.index.records import (
    CHIP_COLUMNS,
    LEVELLESS_COLUMNS,
    chip_from,
    from_microseconds,
)
from satseek.index.spec import TRAITS_VERSION
from satseek.index.watching import Asked, recall_of
from satseek.types import Filter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from satseek.index.protocol import QueryKind, Rows
    from satseek.index.reading import Chosen, Reader
    from satseek.index.spec import CollectionSpec
    from satseek.index.view import View
    from satseek.types import BBox, Chip, Vectors

_ANY = Filter()


class Pinned:
    """A generation of a collection, for one thread and for as long as it is lent."""

    def __init__(self, *, reader: Reader, db: sqlite3.Connection, view: View) -> None:
        """Put the parts together.

        Args:
            reader: Knows filters and codes.
            db: A snapshot of the database.
            view: The rows of that snapshot.
        """
        self._reader = reader
        self.db = db
        self.view = view

    @property
    def spec(self) -> CollectionSpec:
        """What the collection is at this generation."""
        return self.view.edition.spec

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model that made the vectors."""
        return self.spec.model_name, self.spec.model_version

    @property
    def generation(self) -> int:
        """Number of committed changes."""
        return self.view.generation

    @property
    def numbering(self) -> int:
        """Another one where rows have other numbers: a collection was compacted between the two."""
        return self.view.edition.numbering

    @property
    def fingerprint(self) -> str:
        """SHA-256, as hex, that no other collection's generation has, whatever its number."""
        return self._reader.fingerprints.of(self.db, self.view)

    def __len__(self) -> int:
        """Count the chips."""
        return len(self.view)

    def search(
        self, queries: Vectors, *, k: int, where: Filter = _ANY, kind: QueryKind = "mixed"
    ) -> Found:
        """Find the k nearest chips of each query; see ``Index.search``."""
        check_k(k)
        checked = check_vectors(queries, dim=self.spec.dim)
        checked_where = check_filter(where)
        begun = time.perf_counter()
        rows = self._reader.passing(self.db, self.view, checked_where)
        filtered = time.perf_counter()
        chosen = self._reader.choose(self.db, self.view, rows, k=k, kind=kind)
        found = self._answer(checked, rows, chosen, k=k, filter_ms=(filtered - begun) * 1_000)
        if chosen.codes is not None and self._reader.observer is not None:
            for query in checked:
                asked = Asked(query=query[None], k=k, where=checked_where, kind=kind)
                self._reader.observer(asked)
        return found

    def search_exactly(self, queries: Vectors, *, k: int, where: Filter = _ANY) -> Found:
        """Find the k nearest chips of each query by comparing every one that passes the filter.

        Raises as ``Index.search``.
        """
        check_k(k)
        checked = check_vectors(queries, dim=self.spec.dim)
        begun = time.perf_counter()
        rows = self._reader.passing(self.db, self.view, check_filter(where))
        spent = (time.perf_counter() - begun) * 1_000
        chosen = self._reader.scanning(self.view, rows)
        return self._answer(checked, rows, chosen, k=k, filter_ms=spent)

    def compare(self, asked: Asked) -> float | None:
        """Answer a search again, by codes and exactly; tells which share the codes found, 0–1.

        None where codes would not answer it now, or it is of another model.
        """
        if asked.query.shape[1] != self.spec.dim:
            return None
        rows = self._reader.passing(self.db, self.view, asked.where)
        chosen = self._reader.choose(self.db, self.view, rows, k=asked.k, kind=asked.kind)
        if chosen.codes is None:
            return None
        scanned = self._reader.scanning(self.view, rows)
        found, truth = (
            self._answer(asked.query, rows, way, k=asked.k, filter_ms=0.0)
            for way in (chosen, scanned)
        )
        return recall_of(found, truth)

    def _answer(
        self, queries: Vectors, rows: Rows | None, chosen: Chosen, *, k: int, filter_ms: float
    ) -> Found:
        begun = time.perf_counter()
        codes, fetch = chosen.codes, chosen.plan.fetch
        answering = Answering(db=self.db, view=self.view, rows=rows, k=k)
        found, cosines = padded(answering.answers(queries, codes, fetch), k)
        passing = len(self.view) if rows is None else rows.size
        explanation = Explanation(
            living=len(self.view),
            passing=passing,
            ways=chosen.plan.ways,
            candidates=passing if fetch is None else min(fetch.count, passing),
            filter_ms=filter_ms,
            search_ms=(time.perf_counter() - begun) * 1_000,
        )
        plan = answering.told(codes, fetch)
        return Found(rows=found, cosines=cosines, plan=plan, explanation=explanation)

    def chips(self, rows: Iterable[int]) -> list[Chip]:
        """Give the chips of rows, in their order."""
        wanted = [int(row) for row in rows]
        levelled = self.spec.format_version >= TRAITS_VERSION
        columns = CHIP_COLUMNS if levelled else LEVELLESS_COLUMNS
        found = {
            row: chip_from(values)
            for row, *values in select_by(self.db, f"row, {columns}", "row", wanted)
        }
        for row in wanted:
            if row not in found:
                message = f"{self._reader.folder}: expected a row of the collection, came {row}"
                raise ChipNotFound(message)
        return [found[row] for row in wanted]

    def page(self, *, where: Filter = _ANY, after: int, limit: int) -> tuple[list[int], int]:
        """Give rows that pass a filter, ascending, and how many pass it in all.

        Args:
            where: The filter.
            after: The row to go on behind; −1 to begin.
            limit: Rows at most.

        Raises:
            InvalidFilter: The area or the dates cannot be.
        """
        rows = self._reader.passing(self.db, self.view, check_filter(where))
        if rows is not None:
            begin = int(np.searchsorted(rows, after, side="right"))
            return rows[begin : begin + limit].tolist(), rows.size
        text = "SELECT row FROM chips WHERE dead = 0 AND row > ? ORDER BY row LIMIT ?"
        return [row for (row,) in self.db.execute(text, (after, limit))], len(self)

    def row_of(self, chip_id: str) -> int:
        """Give the row of a chip.

        Raises:
            ChipNotFound: No such chip.
        """
        text = "SELECT row FROM chips WHERE dead = 0 AND id = ?"
        found = self.db.execute(text, (chip_id,)).fetchone()
        if found is None:
            name = self._reader.folder.name
            message = f"{name}: expected the id of one of its chips, came {chip_id!r}"
            raise ChipNotFound(message)
        return int(found[0])

    def vectors(self, rows: Iterable[int]) -> Vectors:
        """Give the unit vectors of rows, in their order."""
        wanted = np.fromiter((int(row) for row in rows), dtype=np.int64)
        segments = self.view.segments
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < segments.rows):
            span = f"rows from 0 to {segments.rows - 1}"
            came = f"{wanted.min()} to {wanted.max()}"
            message = f"{self._reader.folder}: expected {span}, came {came}"
            raise ChipNotFound(message)
        return unit(segments.gather(wanted), source=segments.source)

    def sample(self, n: int, *, seed: int = 0) -> Vectors:
        """Give up to n vectors drawn without replacement."""
        key = (self.generation, n, seed)
        kept = self._reader.sampled
        if kept is None or kept[0] != key:  # every search asks for the same one again
            drawn = self.vectors(draw(self.view.living(), n, seed=seed))
            drawn.flags.writeable = False
            kept = self._reader.sampled = (key, drawn)
        return kept[1]

    def extent(self) -> BBox | None:
        """Give the box around all footprints."""
        text = "SELECT min(west), min(south), max(east), max(north) FROM chips WHERE dead = 0"
        found = self.db.execute(text).fetchone()
        return None if found[0] is None else tuple(found)

    def dates(self) -> tuple[datetime, datetime] | None:
        """Give the first and last acquisition time."""
        found = self.db.execute(
            "SELECT (SELECT min(taken) FROM chips WHERE dead = 0),"
            " (SELECT max(taken) FROM chips WHERE dead = 0)"
        ).fetchone()
        first, last = (from_microseconds(count) for count in found)
        return None if first is None or last is None else (first, last)
