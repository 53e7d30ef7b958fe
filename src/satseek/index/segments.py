"""Rows of half-precision numbers ⇄ append-only files, of which only committed rows are ever read.

Does not know chips, nor who commits. Row r lies in file r // rows_per_segment.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import DamagedData
from satseek.index.halves import from_halves
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.index.halves import Halves
    from satseek.index.protocol import Rows

ROWS_PER_SEGMENT = 65_536
"""Rows in a file: 100 MB at 768 numbers each, so that copies and backups move in handy pieces."""

SCANNED_AT_ONCE = 1024
"""Rows widened at a time: 3 MB at 768 numbers each stay in the cache (4096 are slower)."""

BYTES_PER_NUMBER = 2
"""Of a half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Rows written together into one file."""

    start: int
    """First row."""
    count: int
    """Rows."""
    sha256: str
    """Of the bytes."""


def segment_path(folder: Path, number: int) -> Path:
    """Name a segment file."""
    return folder / f"{number:06d}.f16"


def append(folder: Path, halves: Halves, *, start: int, rows_per_segment: int) -> list[Block]:
    """Write rows behind the committed ones and wait until the disk has them.

    Whatever an interrupted writer left behind ``start`` is cut off first.

    Args:
        folder: Where the segments lie.
        halves: float16, shape (n, dim).
        start: First row: the number of committed rows.
        rows_per_segment: Rows in a full file.
    """
    blocks: list[Block] = []
    done = 0
    while done < len(halves):
        number, offset = divmod(start + done, rows_per_segment)
        part = halves[done : done + rows_per_segment - offset]
        content = np.ascontiguousarray(part).tobytes()
        _write(
            segment_path(folder, number), content, at=offset * halves.shape[1] * BYTES_PER_NUMBER
        )
        blocks.append(
            Block(start=start + done, count=len(part), sha256=hashlib.sha256(content).hexdigest())
        )
        done += len(part)
    return blocks


def cut_tail(folder: Path, *, committed: int, dim: int, rows_per_segment: int) -> None:
    """Remove what an interrupted writer left behind the committed rows."""
    for path in sorted(folder.glob("*.f16")):
        first = int(path.stem) * rows_per_segment
        size = min(max(committed - first, 0), rows_per_segment) * dim * BYTES_PER_NUMBER
        if size == 0:
            path.unlink()
        elif path.stat().st_size > size:
            os.truncate(path, size)


def stored_bytes(path: Path, *, at: int, length: int) -> bytes:
    """Read what a file holds at a place; less where it ends before, nothing where it is missing."""
    try:
        with path.open("rb") as file:
            file.seek(at)
            return file.read(length)
    except FileNotFoundError:
        return b""


def overwrite(path: Path, content: bytes, *, at: int) -> None:
    """Write over what a file holds at a place, and wait until the disk has it."""
    path.parent.mkdir(exist_ok=True)
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _put(descriptor, content, at)
    finally:
        os.close(descriptor)
    if new:
        sync(path.parent)


def _write(path: Path, content: bytes, *, at: int) -> None:
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.ftruncate(descriptor, at)
        _put(descriptor, content, at)
    finally:
        os.close(descriptor)
    if new:
        sync(path.parent)


def _put(descriptor: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written
    os.fsync(descriptor)


class Segments:
    """The committed rows of a folder, mapped into memory, never beyond them."""

    def __init__(
        self,
        folder: Path,
        *,
        rows: int,
        dim: int,
        rows_per_segment: int,
        before: Segments | None = None,
    ) -> None:
        """Map the files.

        Args:
            folder: Where they lie.
            rows: Committed ones.
            dim: Numbers of a row.
            rows_per_segment: Rows in a full file.
            before: An earlier state, whose maps of full files of this folder are shared: rows
                never change, and mapping all anew with each commit is what searches would feel.

        Raises:
            DamagedData: A file is missing or shorter than what was committed.
        """
        self.folder = folder
        self.rows_per_segment = rows_per_segment
        self.rows = rows
        self.dim = dim
        shared = before.full_maps() if before is not None and before.folder == folder else []
        self._maps = [
            shared[number]
            if number < len(shared) and rows - first >= rows_per_segment
            else _mapped(segment_path(folder, number), min(rows_per_segment, rows - first), dim)
            for number, first in enumerate(range(0, rows, rows_per_segment))
        ]

    def full_maps(self) -> list[Halves]:
        """Give the maps of files to which nothing is added any more."""
        return self._maps[: self.rows // self.rows_per_segment]

    @property
    def source(self) -> str:
        """Where the rows lie, for messages."""
        return str(self.folder)

    def halves(self, rows: Rows) -> Halves:
        """Gather rows in their order."""
        gathered = np.empty((rows.size, self.dim), dtype=np.float16)
        files = rows // self.rows_per_segment
        for number in np.unique(files):
            chosen = files == number
            gathered[chosen] = self._maps[number][rows[chosen] - number * self.rows_per_segment]
        return gathered

    def gather(self, rows: Rows) -> NDArray[np.float32]:
        """Gather rows in their order, widened."""
        return from_halves(self.halves(rows))

    def block(self, start: int, count: int) -> Halves:
        """Give consecutive rows of one file, without copying."""
        number, offset = divmod(start, self.rows_per_segment)
        return self._maps[number][offset : offset + count]

    def run(self, start: int, stop: int) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
        """Walk over consecutive rows in blocks, widened."""
        while start < stop:
            room = self.rows_per_segment - start % self.rows_per_segment
            count = min(SCANNED_AT_ONCE, stop - start, room)
            yield np.arange(start, start + count), from_halves(self.block(start, count))
            start += count

    def chosen(self, rows: Rows) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
        """Walk over chosen rows in blocks, widened."""
        for start in range(0, rows.size, SCANNED_AT_ONCE):
            part = rows[start : start + SCANNED_AT_ONCE]
            yield part, self.gather(part)


def _mapped(path: Path, rows: int, dim: int) -> Halves:
    expected = rows * dim * BYTES_PER_NUMBER
    try:
        found = path.stat().st_size
        if found < expected:
            raise DamagedData(
                f"{path}: expected {expected} bytes, came {found}; "
                "restore the folder or index again"
            )
        with path.open("rb") as file:  # np.memmap looks at each folder above it first: 0.5 ms
            content = mmap.mmap(file.fileno(), expected, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:  # also of an edition that was replaced a moment ago
        message = f"{path}: expected {expected} bytes, but the file is missing"
        raise DamagedData(message) from error
    return np.frombuffer(content, dtype=np.float16).reshape(rows, dim)
