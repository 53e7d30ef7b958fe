"""Databases and collections, written to meanwhile → what they are at one moment, for a copy.

Does not know where copies are kept. Nobody who writes is waited for, nor waits; but where a
database is other machines', too, who commits waits while that one file is copied (``placing``).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from satseek.errors import CollectionNotFound, DamagedData
from satseek.index import auditing
from satseek.index.collection import open_collection
from satseek.index.compacting import ignore_progress
from satseek.index.editions import edition_of, find_pending
from satseek.index.reading import DATABASE
from satseek.index.schema import Connections, connect, storage_errors
from satseek.index.segments import BYTES_PER_NUMBER, segment_path
from satseek.index.snapshotting import rename
from satseek.index.spec import segments_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.index.compacting import OnProgress
    from satseek.index.pinned import Pinned
    from satseek.index.spec import Edition

_PAGES_AT_ONCE = 4_096
"""Pages of a database copied between two looks at the progress: 16 MB."""

_TRIES = 5
"""Times that is begun anew where vectors were put into the place of others meanwhile."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_BLOCKS = "SELECT start, count, sha256 FROM blocks ORDER BY start"

_PENDING_BLOCKS = "SELECT start, count, sha256 FROM pending_blocks ORDER BY start"


class _Vectors(NamedTuple):
    """Where the vectors of an edition lie."""

    folder: Path
    rows: int
    dim: int
    per_file: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The beginning of a file, as it was committed; open until the collection is let go."""

    name: str
    """In the collection's folder, with ``/``."""
    descriptor: int
    """Of the open file: it stays readable whoever removes its name."""
    bytes: int
    """How much of it belongs to the generation."""
    checks: tuple[tuple[int, int, str], ...]
    """First byte, bytes and SHA-256 of each part of it, in order and without gaps; none: it was
    made from the others, and says itself whether it is whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """One generation of a collection."""

    generation: int
    """Which."""
    chips: int
    """Chips that it finds."""
    model: str
    """``NAME@VERSION`` of what made its vectors."""
    extents: tuple[Extent, ...]
    """All of its files but the database."""


def copy_database(path: Path, copy: Path, *, on_progress: OnProgress = ignore_progress) -> None:
    """Copy a database as of one moment, whatever is committed meanwhile.

    Args:
        path: The database; may lie in a read-only folder.
        copy: File to be made; not synced.
        on_progress: Told of pages.

    Raises:
        DamagedData: it is no database, or its pages are damaged.
        DiskFull: there is no room for the copy.
        Overloaded: another process held it for too long.
    """
    with storage_errors(path), closing(connect(path, mode="query")) as db:
        db.execute("BEGIN")
        db.execute("SELECT 1 FROM sqlite_master").fetchone()  # the moment
        _copy(db, copy, on_progress)
        db.execute("ROLLBACK")


@contextmanager
def frozen(
    folder: Path, copy: Path, *, on_progress: OnProgress = ignore_progress
) -> Iterator[Frozen]:
    """Hold the newest generation of a collection, and copy its database.

    What is lent are open files, which stay as they are: nothing of the database is read any more,
    so that whoever commits does not wait while they are read.

    Args:
        folder: Of the collection.
        copy: File to be made: its database; not synced.
        on_progress: Told of pages.

    Raises:
        CollectionNotFound: there is none, or it is removed meanwhile.
        DamagedData: a file is missing.
        DiskFull: there is no room for the copy.
    """
    with (
        open_collection(folder, mode="read") as collection,
        ExitStack() as files,
        storage_errors(copy),
    ):
        with ExitStack() as moment:
            held, pinned = _held(collection, files, moment)
            _copy(pinned.db, copy, on_progress)
        yield held


def check_pages(path: Path) -> None:
    """Look whether the pages of a copied database hold together; leaves no file beside it.

    Raises:
        DamagedData: they do not.
    """
    where = f"{path.resolve().as_uri()}?immutable=1"
    with storage_errors(path), closing(sqlite3.connect(where, uri=True)) as db:
        try:
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                raise
            found = str(error)
    if found != "ok":
        raise DamagedData(f"not what was written: {found.splitlines()[-1]}")


def check_copy(path: Path) -> None:
    """Compare the tables of a collection's copied database with their sums.

    Raises:
        DamagedData: they are not what was written.
    """
    connections = Connections(path)
    with closing(connections), connections.snapshot() as db:
        damages = auditing.database_damages(db)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    if damages:
        raise DamagedData(f"{damages[0]}; repair the collection")


def rename_collection(folder: Path, name: str) -> None:
    """Have a collection that nobody has open call itself otherwise."""
    path = folder / DATABASE
    with storage_errors(path), closing(connect(path, mode="rw")) as db:
        rename(db, name)


def _held(collection: Collection, files: ExitStack, moment: ExitStack) -> tuple[Frozen, Pinned]:
    """Begin a snapshot, and open all files of its vectors; each for as long as its stack."""
    for left in reversed(range(_TRIES)):
        attempt, opened = ExitStack(), ExitStack()
        try:
            pinned = attempt.enter_context(collection.pinned())
            extents = tuple(_extents(collection.folder, pinned, opened))
        except (FileNotFoundError, DamagedData) as error:
            opened.close()
            attempt.close()
            if left:
                continue
            if not (collection.folder / DATABASE).exists():
                message = f"no collection {collection.folder.name!r} any more"
                raise CollectionNotFound(message) from error
            raise
        moment.push(attempt)
        files.push(opened)
        held = Frozen(
            generation=pinned.generation,
            chips=len(pinned),
            model="@".join(pinned.model),
            extents=extents,
        )
        return held, pinned
    raise AssertionError("the last try gives or raises")


def _extents(folder: Path, pinned: Pinned, stack: ExitStack) -> Iterator[Extent]:
    db, segments, edition = pinned.db, pinned.view.segments, edition_of(pinned.db)
    per_file = segments.rows_per_segment
    used = _Vectors(folder / edition.segments, segments.rows, segments.dim, per_file)
    yield from _of_edition(used, db.execute(_BLOCKS), stack)
    pending = find_pending(db)
    if pending is not None:
        beside = folder / segments_name(pending.number)
        waiting = _Vectors(beside, pending.next_row, pending.dim, per_file)
        yield from _of_edition(waiting, db.execute(_PENDING_BLOCKS), stack)
    yield from _derived(folder, edition, stack)


def _of_edition(
    vectors: _Vectors, blocks: Iterable[tuple[int, int, str]], stack: ExitStack
) -> Iterator[Extent]:
    """Open the files of vectors; blocks are first row, rows and SHA-256."""
    folder, rows, dim, per_file = vectors
    width = dim * BYTES_PER_NUMBER
    checks: dict[int, list[tuple[int, int, str]]] = {}
    for start, count, digest in blocks:
        number, offset = divmod(start, per_file)
        checks.setdefault(number, []).append((offset * width, count * width, digest))
    for number, first in enumerate(range(0, rows, per_file)):
        path, size = segment_path(folder, number), min(per_file, rows - first) * width
        descriptor = _opened(path, stack)
        found = os.fstat(descriptor).st_size
        if found < size:
            raise DamagedData(f"{path}: expected {size} bytes, came {found}; repair the collection")
        yield Extent(
            name=f"{folder.name}/{path.name}",
            descriptor=descriptor,
            bytes=size,
            checks=tuple(checks.get(number, ())),
        )


def _derived(folder: Path, edition: Edition, stack: ExitStack) -> Iterator[Extent]:
    """Open what is made from vectors, and replaced as a whole, where it is there."""
    for name in (edition.codes, edition.tuning):
        with suppress(FileNotFoundError):
            descriptor = _opened(folder / name, stack)
            size = os.fstat(descriptor).st_size
            yield Extent(name=name, descriptor=descriptor, bytes=size, checks=())


def _opened(path: Path, stack: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor


def _copy(db: sqlite3.Connection, path: Path, on_progress: OnProgress) -> None:
    """Copy every page as a connection's snapshot sees it."""

    def told(_status: int, left: int, pages: int) -> None:
        on_progress("database", pages - left, pages)

    path.unlink(missing_ok=True)
    path.touch(mode=0o600)  # digests of keys may be in it
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous = OFF")  # who keeps the copy syncs it
        db.backup(copy, pages=_PAGES_AT_ONCE, progress=told)
