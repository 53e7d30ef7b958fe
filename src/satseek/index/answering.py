"""A generation, its passing rows and queries → the k best rows of each, exactly or by codes.

Does not know how the rows passed, nor whether codes are worth it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.index.halves import check_units
from satseek.index.planning import select_by
from satseek.index.ranking import Shortlist, best, exact_cosines
from satseek.index.scanning import look_at

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.index.codes import Codes
    from satseek.index.gpu import OnGpu
    from satseek.index.planning import Fetch
    from satseek.index.protocol import Rows
    from satseek.index.view import View
    from satseek.types import Vectors

QUERIES_AT_ONCE = 256
"""Queries scored together: 1 MB of scores per block."""


class Answering:
    """One search: a generation, its passing rows, and k."""

    def __init__(self, *, db: sqlite3.Connection, view: View, rows: Rows | None, k: int) -> None:
        """Prepare to answer.

        Args:
            db: Snapshot that the view was made of.
            view: The generation.
            rows: Rows that may answer, ascending; None: all living ones.
            k: Hits wanted.
        """
        self._db = db
        self._view = view
        self._rows = rows
        self._k = k

    def answers(
        self, queries: Vectors, codes: Codes | OnGpu | None, fetch: Fetch | None
    ) -> list[tuple[Rows, NDArray[np.float32]]]:
        """Give each query's best rows and their cosines."""
        found: list[tuple[Rows, NDArray[np.float32]]] = []
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            part = queries[start : start + QUERIES_AT_ONCE]
            if codes is None or fetch is None:
                found += self._scanned(part)
            else:
                found += self._refined(part, codes, fetch)
        return found

    def told(self, codes: Codes | OnGpu | None, fetch: Fetch | None) -> str:
        """Say which way was taken."""
        passing = len(self._view) if self._rows is None else self._rows.size
        left = (
            f"all {passing} chips" if self._rows is None else f"{passing} chips left by the filter"
        )
        if codes is None or fetch is None:
            return f"exact scan of {left}"
        return f"{codes.name} over {left}, {min(fetch.count, passing)} candidates refined"

    def _scanned(self, queries: Vectors) -> list[tuple[Rows, NDArray[np.float32]]]:
        """Look at every passing row."""
        shortlists = look_at(self._view, queries, self._rows, self._k)
        return [self._best(query, rows) for query, rows in zip(queries, shortlists, strict=True)]

    def _refined(
        self, queries: Vectors, codes: Codes | OnGpu, fetch: Fetch
    ) -> list[tuple[Rows, NDArray[np.float32]]]:
        """Compare candidates from codes exactly, along with the rows that have no codes."""
        mask = self._view.mask(self._rows)
        found, products = codes.nearest(
            queries, fetch.count, segments=self._view.segments, mask=mask
        )
        tail = look_at(self._view, queries, self._behind(codes.covered), self._k)
        answers = []
        for query, rows, scores, rest in zip(queries, found, products, tail, strict=True):
            near = Shortlist(self._k)
            near.offer(rows[rows >= 0], scores[rows >= 0])
            answers.append(self._best(query, np.concatenate([near.rows, rest])))
        return answers

    def _behind(self, covered: int) -> Rows:
        """Give the rows that may answer and have no codes."""
        if covered == self._view.segments.rows:
            return np.empty(0, dtype=np.int64)
        if self._rows is not None:
            return self._rows[np.searchsorted(self._rows, covered) :]
        rows = np.arange(covered, self._view.segments.rows)
        return np.setdiff1d(rows, self._view.dead, assume_unique=True)

    def _best(self, query: NDArray[np.float32], rows: Rows) -> tuple[Rows, NDArray[np.float32]]:
        stored = self._view.segments.gather(rows)
        check_units(stored, source=self._view.segments.source)
        return best(rows, exact_cosines(query, stored), k=self._k, names=self._names)

    def _names(self, rows: Rows) -> Sequence[str]:
        ids = dict(select_by(self._db, "row, id", "row", rows.tolist()))
        return [ids[row] for row in rows.tolist()]
