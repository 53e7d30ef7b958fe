"""A collection, served and written to meanwhile → one generation of it in a folder of its own.

Does not know where snapshots are kept. A snapshot is a collection: it is opened, searched, copied
and checked like any other. Its folder is there as a whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.errors import CollectionExists, DamagedData, InvalidRequest
from satseek.index import auditing
from satseek.index.compacting import ignore_progress
from satseek.index.copying import Copy, checked
from satseek.index.editions import edition_of, find_pending
from satseek.index.inventory import bytes_below
from satseek.index.ledger import Ledger
from satseek.index.lock import WriterLock
from satseek.index.reading import DATABASE
from satseek.index.schema import Connections, storage_errors
from satseek.index.segments import Segments
from satseek.index.spec import LEDGER_VERSION, segments_name
from satseek.index.writing import LOCK
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.index.compacting import OnProgress
    from satseek.index.pinned import Pinned
    from satseek.index.reading import Reader

_PAGES_AT_ONCE = 4_096
"""Pages of the database copied between two looks at the progress: 16 MB."""

_LOGS = ("-wal", "-shm", "-journal")
"""What SQLite leaves beside a database that somebody has open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A generation that lies in a folder of its own."""

    path: Path
    """Its folder."""
    generation: int
    """Which generation it is."""
    chips: int
    """Chips that it finds."""
    bytes: int
    """Size of the folder."""


def take_snapshot(
    reader: Reader,
    to: Path,
    *,
    name: str | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Snapshot:
    """Copy the newest generation into a folder, read the copy back, then give it its name.

    Every block is compared with its checksum on the way. Files are copied, never linked: a writer
    to the one must not reach the other, nor damage of one disk both.

    Args:
        reader: Of the collection.
        to: The folder to be; its own folder must be there, itself must not.
        name: Name that the copy gives itself; None: that of the collection.
        on_progress: Told how far it is.

    Raises:
        CollectionExists: There is something at ``to``.
        CollectionLocked: Somebody else is making that very snapshot.
        InvalidRequest: There is no folder to put it into.
        DamagedData: The collection is damaged: nothing was made.
        DiskFull: There is no room: nothing was made.
    """
    to = to.absolute()
    with _unfinished(to) as folder:
        try:
            generation, chips = _copied(reader, folder, name, on_progress)
        except DamagedData:
            # the vectors may have been replaced since the copy began: once more, from the newest
            _clear(folder)
            generation, chips = _copied(reader, folder, name, on_progress)
        on_progress("reading it back", 0, 0)
        _read_back(folder, reader.rows_per_segment)
    return Snapshot(path=to, generation=generation, chips=chips, bytes=bytes_below(to))


@contextmanager
def _unfinished(to: Path) -> Iterator[Path]:
    """Lend a folder beside the one to be, which takes its name in the end."""
    if not to.parent.is_dir():
        raise InvalidRequest(f"{to}: expected a folder to put it into, {to.parent} is none")
    folder = to.parent / f".{to.name}.unfinished"
    with storage_errors(to):
        _refuse_taken(to)
        folder.mkdir(exist_ok=True)
        lock = WriterLock(folder / LOCK)
        try:
            _clear(folder)
            yield folder
            sync(folder)
            _refuse_taken(to)
            folder.rename(to)
            sync(to.parent)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            lock.release()


def _refuse_taken(to: Path) -> None:
    if os.path.lexists(to):
        raise CollectionExists(f"{to}: expected a path where nothing is yet; choose another")


def _clear(folder: Path) -> None:
    """Take out all but the lock: what a killed program has left."""
    for path in folder.iterdir():
        if path.name != LOCK:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _copied(
    reader: Reader, folder: Path, name: str | None, on_progress: OnProgress
) -> tuple[int, int]:
    """Copy the newest generation; returns its number and chips."""
    with reader.pinned() as pinned:
        _copy_database(pinned.db, folder / DATABASE, name, on_progress)
        _copy_segments(pinned.db, pinned.view.segments, "blocks", folder, on_progress)
        pending = find_pending(pinned.db)
        if pending is not None:
            beside = _beside(pinned, segments_name(pending.number), pending.next_row, pending.dim)
            _copy_segments(pinned.db, beside, "pending_blocks", folder, on_progress)
        return pinned.generation, len(pinned)


def _beside(pinned: Pinned, name: str, rows: int, dim: int) -> Segments:
    """Map vectors that lie beside those in use."""
    used = pinned.view.segments
    folder = used.folder.with_name(name)
    return Segments(folder, rows=rows, dim=dim, rows_per_segment=used.rows_per_segment)


def _copy_database(
    db: sqlite3.Connection, path: Path, name: str | None, on_progress: OnProgress
) -> None:
    """Copy every page as the snapshot sees it, whatever is committed meanwhile."""

    def told(_status: int, left: int, pages: int) -> None:
        on_progress("database", pages - left, pages)

    with storage_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as copy:
        db.backup(copy, pages=_PAGES_AT_ONCE, progress=told)
        if name is not None:
            rename(copy, name)
    sync(path)


def rename(db: sqlite3.Connection, name: str) -> None:
    """Give the collection of a database another name, in one transaction."""
    edition = edition_of(db)
    renamed = replace(edition, spec=replace(edition.spec, name=name))
    followed = Ledger(db) if edition.spec.format_version >= LEDGER_VERSION else None
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE collection SET spec = ?", (renamed.to_json(),))
    if followed is not None:
        followed.settle()
    db.execute("COMMIT")


def _copy_segments(
    db: sqlite3.Connection, segments: Segments, table: str, folder: Path, on_progress: OnProgress
) -> None:
    target = folder / segments.folder.name
    target.mkdir()
    copy = Copy(target, rows_per_segment=segments.rows_per_segment)
    text = f"SELECT start, count, sha256 FROM {table} ORDER BY start"  # noqa: S608 - ours
    with storage_errors(target):
        for start, halves in checked(segments, db.execute(text)):
            copy.add(halves)
            on_progress(target.name, start + len(halves), segments.rows)
        copy.flush()
        sync(target)


def _read_back(folder: Path, rows_per_segment: int) -> None:
    """Make sure that what lies on the disk is a sound collection."""
    connections = Connections(folder / DATABASE)
    with closing(connections), connections.snapshot() as db:
        edition = edition_of(db)
        (rows,) = db.execute("SELECT committed FROM collection").fetchone()
        segments = Segments(
            folder / edition.segments,
            rows=rows,
            dim=edition.spec.dim,
            rows_per_segment=rows_per_segment,
        )
        damages = auditing.verify(db, segments, folder)
    if damages:
        raise DamagedData(f"{damages[0]}; repair the collection, or restore an older snapshot")
    for suffix in _LOGS:
        (folder / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    sync(folder / DATABASE)
