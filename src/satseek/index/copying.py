"""Rows of an edition, compared with their checksums → the same rows in another folder, synced.

Does not know chips, nor which rows are wanted, nor why. Works through pieces of bounded size.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import DamagedData
from satseek.index.segments import append, segment_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from satseek.index.halves import Halves
    from satseek.index.segments import Block, Segments

_ROWS_AT_ONCE = 8_192
"""Rows written and synced together: 12 MB at 768 numbers each. A block that was written in small
parts would otherwise wait for the disk once for each of them."""


def checked(
    segments: Segments, blocks: Iterable[tuple[int, int, str]]
) -> Iterator[tuple[int, Halves]]:
    """Read blocks (first row, rows, SHA-256) and give each with its first row.

    Raises:
        DamagedData: One is not what was written; copied, it would look as if it were.
    """
    for start, count, expected in blocks:
        halves = np.ascontiguousarray(segments.block(start, count))
        if hashlib.sha256(halves.tobytes()).hexdigest() != expected:
            path = segment_path(segments.folder, start // segments.rows_per_segment)
            raise DamagedData(
                f"{path}: rows {start} to {start + count - 1} are not what was written; repair the "
                "collection, or restore a snapshot"
            )
        yield start, halves


class Copy:
    """Rows laid one behind the other into a folder of their own."""

    def __init__(self, folder: Path, *, rows_per_segment: int) -> None:
        """Begin with none.

        Args:
            folder: Empty.
            rows_per_segment: Rows in a full file.
        """
        self.folder = folder
        self.rows = 0
        """Rows on the disk."""
        self.blocks: list[Block] = []
        """As they were written."""
        self._rows_per_segment = rows_per_segment
        self._waiting: list[Halves] = []
        self._count = 0

    def add(self, halves: Halves) -> None:
        """Take rows; they may wait for more."""
        self._waiting.append(halves)
        self._count += len(halves)
        if self._count >= _ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits, and wait until the disk has it."""
        if self._count:
            self._write(np.concatenate(self._waiting))
        self._waiting, self._count = [], 0

    def _write(self, halves: Halves) -> None:
        for start in range(0, len(halves), _ROWS_AT_ONCE):
            part = halves[start : start + _ROWS_AT_ONCE]
            self.blocks += append(
                self.folder, part, start=self.rows, rows_per_segment=self._rows_per_segment
            )
            self.rows += len(part)
