"""One generation of a collection → blocks of vectors to scan.

Does not know filters, nor the database that said which rows are committed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from satseek.index.protocol import Rows
    from satseek.index.segments import Segments
    from satseek.index.spec import Edition

_MATRIX_ROWS_AT_ONCE = 8_192
"""Rows of the matrix scored at a time."""

_FLOAT32_BYTES = 4


class Matrix:
    """A float32 copy of an edition's rows, to which later ones are added: rows never change."""

    def __init__(self, number: int, dim: int) -> None:
        """Copy nothing yet.

        Args:
            number: Of the edition.
            dim: Numbers of a vector.
        """
        self.number = number
        self._held = np.empty((0, dim), dtype=np.float32)
        self._filled = 0
        self._guard = threading.Lock()

    def first(self, segments: Segments) -> NDArray[np.float32]:
        """Give the rows of a generation, shape (rows, dim)."""
        with self._guard:
            if len(self._held) < segments.rows:
                room = np.empty((segments.rows * 5 // 4, segments.dim), dtype=np.float32)
                room[: self._filled] = self._held[: self._filled]
                self._held = room
            for rows, vectors in segments.run(self._filled, segments.rows):
                self._held[rows[0] : rows[0] + rows.size] = vectors
                self._filled = int(rows[-1]) + 1
            return self._held[: segments.rows]


class View:
    """The committed rows at one generation; never changes."""

    def __init__(
        self,
        *,
        generation: int,
        edition: Edition,
        segments: Segments,
        dead: Rows,
        matrix_bytes: int,
        before: View | None = None,
    ) -> None:
        """Describe a generation.

        Args:
            generation: Which.
            edition: Whose vectors these are.
            segments: Its rows.
            dead: Rows of replaced or removed chips, ascending.
            matrix_bytes: Largest float32 copy of all rows that may be kept.
            before: An earlier generation, whose copy is added to; None: there is none.
        """
        self.generation = generation
        self.edition = edition
        self.segments = segments
        self.dead = dead
        self._small = segments.rows * segments.dim * _FLOAT32_BYTES <= matrix_bytes
        same = before is not None and before.matrix.number == edition.number and self._small
        self.matrix: Matrix = (
            before.matrix if before is not None and same else Matrix(edition.number, segments.dim)
        )
        """Where a copy of the rows is kept; empty where they are too many."""
        self._marked: tuple[Rows | None, NDArray[np.bool_]] | None = None
        """The rows that were marked last, and their mask: filters are asked about many times."""

    def __len__(self) -> int:
        """Count the living rows."""
        return self.segments.rows - int(self.dead.size)

    @property
    def in_memory(self) -> bool:
        """True where a float32 copy of all rows is kept."""
        return self._small

    def living(self) -> Rows:
        """Give the living rows, ascending."""
        return np.delete(np.arange(self.segments.rows), self.dead)

    def mask(self, rows: Rows | None) -> NDArray[np.bool_] | None:
        """Mark rows (None: the living) in an array over all rows; None where all are.

        The array is shared: it cannot be written to, nor may the rows change.
        """
        if rows is None and not self.dead.size:
            return None
        known = self._marked
        if known is not None and known[0] is rows:
            return known[1]
        marked = np.zeros(self.segments.rows, dtype=np.bool_)
        marked[self.living() if rows is None else rows] = True
        marked.flags.writeable = False
        self._marked = rows, marked
        return marked

    def blocks(self, rows: Rows | None) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
        """Walk over rows (None: the living ones) with their vectors as stored."""
        if rows is None and self.dead.size:
            rows = self.living()
        if self._small:
            return self._matrix_blocks(rows)
        return (
            self.segments.run(0, self.segments.rows) if rows is None else self.segments.chosen(rows)
        )

    def _matrix_blocks(self, rows: Rows | None) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
        matrix = self.matrix.first(self.segments)
        everything = np.arange(len(matrix)) if rows is None else rows
        for start in range(0, everything.size, _MATRIX_ROWS_AT_ONCE):
            part = everything[start : start + _MATRIX_ROWS_AT_ONCE]
            yield part, matrix[start : start + part.size] if rows is None else matrix[part]
