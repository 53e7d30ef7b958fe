"""A collection with dead rows → the same chips in an edition of its own that has none.

Does not know why chips died. The living rows are copied while the writer goes on adding; one
transaction then numbers chips anew and puts the copy into the place of the vectors in use.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import Conflict, SatseekError
from satseek.index import traits
from satseek.index.copying import Copy, checked
from satseek.index.editions import edition_of, find_pending
from satseek.index.inventory import bytes_below
from satseek.index.schema import storage_errors
from satseek.index.segments import Segments
from satseek.index.spec import codes_name, segments_name
from satseek.index.writing import COMPACTING
from satseek.syncing import sync

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from satseek.index.collection import Collection
    from satseek.index.protocol import Rows
    from satseek.index.reading import Reader
    from satseek.index.spec import Edition
    from satseek.index.writing import Writer

OnProgress = Callable[[str, int, int], None]
"""Takes what is at work, how much of it is done, and how much there is in all."""

LEAST_DEAD = 1_000
"""Dead rows below which a collection is not compacted unasked: 1.5 MB at 768 numbers each."""

_ROUNDS = 3
"""Times that is copied what was added meanwhile; the last of it is copied under the lock."""

_FREE_SHARE = 0.1
"""Share of the database's pages that are free, from which the file is written anew."""

_BLOCKS = "SELECT start, count, sha256 FROM blocks WHERE start >= ? ORDER BY start"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What became of a collection."""

    rows_before: int
    """Rows, dead ones included."""
    rows_after: int
    """Rows after; those that died while they were copied are among them."""
    bytes_before: int
    """Size of the folder."""
    bytes_after: int
    """Size of the folder, as soon as readers have let go of the old files."""
    seconds: float
    """From beginning to end."""

    @property
    def bytes_freed(self) -> int:
        """Room given back."""
        return max(self.bytes_before - self.bytes_after, 0)


def ignore_progress(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


def compact(
    *, reader: Reader, writer: Writer, on_progress: OnProgress = ignore_progress
) -> Compaction:
    """Copy the living rows, and put the copy into the place of the rows in use.

    Killed at any moment, it leaves the collection as it was or as it is to be; what it had copied
    is cleared away by the next writer. Whoever reads an older generation finishes on it.

    Raises:
        Conflict: Another model's vectors are being made or kept, or it is being compacted already.
        DamagedData: A block is not what was written; nothing was changed.
        DiskFull: There is no room for the copy; nothing was changed.
    """
    began, before = time.monotonic(), bytes_below(writer.folder)
    if not writer.compacting.acquire(blocking=False):
        raise Conflict(f"{writer.folder.name}: it is being compacted already")
    try:
        rows_before, rows_after = _Compacting(reader, writer, on_progress).run()
        _shrink(writer)
    finally:
        writer.compacting.release()
    return Compaction(
        rows_before=rows_before,
        rows_after=rows_after,
        bytes_before=before,
        bytes_after=bytes_below(writer.folder),
        seconds=time.monotonic() - began,
    )


def compact_unasked(collection: Collection, share: float) -> Compaction | None:
    """Compact where at least this share of the rows is dead; what forbids it is only logged.

    Returns:
        What became of it; None where it stayed as it was.
    """
    held = collection.inventory()
    if held.pending is not None or held.dead < max(LEAST_DEAD, share * held.rows):
        return None
    name = collection.folder.name
    try:
        done = collection.compact()
    except SatseekError as error:
        _log.warning("not compacted collection=%s reason=%s", name, error)
        return None
    _log.info("compacted collection=%s rows=%d freed=%d", name, done.rows_after, done.bytes_freed)
    return done


class _Compacting:
    """One compaction at work."""

    def __init__(self, reader: Reader, writer: Writer, on_progress: OnProgress) -> None:
        self._reader = reader
        self._writer = writer
        self._on_progress = on_progress
        self._folder = writer.folder / COMPACTING
        self._copy = Copy(self._folder, rows_per_segment=writer.rows_per_segment)
        self._seen = 0
        """Rows that were looked at: all below."""
        self._kept: list[Rows] = [np.empty(0, dtype=np.int64)]
        """Rows that were copied, in their order."""

    def run(self) -> tuple[int, int]:
        """Do it; returns how many rows there were and are."""
        with storage_errors(self._folder):
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
        try:
            edition = self._begin()
            for _ in range(_ROUNDS):
                self._go_on(edition)
            self._encode(edition)
            return self._switch(edition)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)  # where it was not put into place
            with self._writer.aside():
                self._writer.sweep()

    def _begin(self) -> Edition:
        with self._reader.connections.snapshot() as db:
            return self._checked(db, None)

    def _go_on(self, edition: Edition) -> None:
        """Copy what is there and was not copied yet."""
        with self._reader.pinned() as pinned:
            self._checked(pinned.db, edition)
            blocks = pinned.db.execute(_BLOCKS, (self._seen,)).fetchall()
            view = pinned.view
        self._take(view.segments, view.dead, blocks)

    def _take(self, segments: Segments, dead: Rows, blocks: Sequence[tuple[int, int, str]]) -> None:
        """Copy the living rows of blocks."""
        with storage_errors(self._folder):
            for start, halves in checked(segments, blocks):
                stop = start + len(halves)
                living = np.ones(len(halves), dtype=np.bool_)
                first, last = np.searchsorted(dead, (start, stop))
                living[dead[first:last] - start] = False
                self._copy.add(halves if living.all() else halves[living])
                self._kept.append(start + np.flatnonzero(living))
                self._seen = stop
                self._on_progress("copying", stop, segments.rows)
            self._copy.flush()

    def _encode(self, edition: Edition) -> None:
        """Make codes of the copy, so that no search has to wait for them afterwards."""
        self._on_progress("encoding", 0, self._copy.rows)
        segments = Segments(
            self._folder,
            rows=self._copy.rows,
            dim=edition.spec.dim,
            rows_per_segment=self._writer.rows_per_segment,
        )
        path = self._folder / codes_name(0)
        self._reader.coding.make_ahead(segments, self._copy.blocks, path)
        self._on_progress("encoding", self._copy.rows, self._copy.rows)

    def _switch(self, edition: Edition) -> tuple[int, int]:
        """Commit that the copy is in use."""
        with self._writer.change() as db:
            self._checked(db, edition)
            rows = self._take_last(db, edition)
            kept = np.concatenate(self._kept)
            self._on_progress("numbering", 0, kept.size)
            _renumber(db, kept, rows=rows)
            traits.keep(db, kept, rows=rows)
            number = edition.highest + 1
            new = replace(edition, number=number, highest=number, numbering=number)
            values = [(block.start, block.count, block.sha256) for block in self._copy.blocks]
            db.execute("DELETE FROM blocks")
            db.executemany("INSERT INTO blocks VALUES (?, ?, ?)", values)
            changed = (new.to_json(), kept.size)
            db.execute("UPDATE collection SET spec = ?, committed = ?", changed)
            self._put_into_place(number)
            self._on_progress("numbering", kept.size, kept.size)
        return rows, kept.size

    def _take_last(self, db: sqlite3.Connection, edition: Edition) -> int:
        """Copy what was committed since; nobody commits now. Returns how many rows there are."""
        (rows,) = db.execute("SELECT committed FROM collection").fetchone()
        text = "SELECT row FROM chips WHERE dead = 1 AND row >= ? ORDER BY row"
        dead = [row for (row,) in db.execute(text, (self._seen,))]
        segments = Segments(
            self._writer.folder / edition.segments,
            rows=rows,
            dim=edition.spec.dim,
            rows_per_segment=self._writer.rows_per_segment,
        )
        blocks = db.execute(_BLOCKS, (self._seen,)).fetchall()
        self._take(segments, np.array(dead, dtype=np.int64), blocks)
        return int(rows)

    def _put_into_place(self, number: int) -> None:
        """Give the copy its name; it is nobody's until the commit."""
        target = self._writer.folder / segments_name(number)
        shutil.rmtree(target, ignore_errors=True)  # of one that was cut off before its commit
        with suppress(FileNotFoundError):  # small collections have none
            (self._folder / codes_name(0)).replace(target.with_name(codes_name(number)))
        sync(self._folder)
        self._folder.rename(target)
        sync(target.parent)

    def _checked(self, db: sqlite3.Connection, begun: Edition | None) -> Edition:
        """Refuse what cannot be compacted; gives the edition in use."""
        pending, edition = find_pending(db), edition_of(db)
        name = self._writer.folder.name
        if pending is not None:
            what = "kept beside" if pending.kept else "being made beside"
            raise Conflict(
                f"{name}: vectors of {pending.model} are {what} those in use, row by row; finish "
                f"with `satseek collection reembed {name}`, or throw them away with --discard, "
                "and compact it then"
            )
        if begun is not None and edition.number != begun.number:
            raise Conflict(f"{name}: its vectors were replaced meanwhile; compact it again")
        return edition


def _renumber(db: sqlite3.Connection, kept: Rows, *, rows: int) -> None:
    """Take out the chips of all rows but some, which are numbered from 0 on in their order.

    Indexes are made anew afterwards: changed row by row, they would take most of the time.
    """
    text = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'chips'"
    indexes = [(name, sql) for name, sql in db.execute(text).fetchall() if sql is not None]
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    gone = np.setdiff1d(np.arange(rows), kept, assume_unique=True)
    db.executemany("DELETE FROM chips WHERE row = ?", ((row,) for row in gone.tolist()))
    moved = np.flatnonzero(kept != np.arange(kept.size))  # ascending: each place is free by then
    pairs = zip(moved.tolist(), kept[moved].tolist(), strict=True)
    db.executemany("UPDATE chips SET row = ? WHERE row = ?", pairs)
    for _, sql in indexes:
        db.execute(sql)


def _shrink(writer: Writer) -> None:
    """Give the database's free pages back; where there is no room for that, they are used again."""
    try:
        writer.shrink(free_share=_FREE_SHARE)
    except SatseekError as error:
        _log.warning("the database keeps its free pages reason=%s", error)
