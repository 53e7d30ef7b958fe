"""A SQLite file → connections that are safe to write and cheap to share among threads.

Does not know what a search is. Write-ahead log where the file is this machine's alone, a full sync
per commit.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import weakref
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Literal

from satseek.errors import NO_ROOM, DamagedData, DiskFull, Overloaded, SatseekError
from satseek.index.placing import journal_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_MS = 30_000
"""How long a connection waits for another's lock before it gives up."""

_JOURNAL = "-journal"
"""Ending of the name of what a change overwrites, see ``placing.journal_for``."""

TABLES = """
CREATE TABLE collection (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  spec TEXT NOT NULL,
  rows_per_segment INTEGER NOT NULL,
  committed INTEGER NOT NULL,
  generation INTEGER NOT NULL
);
CREATE TABLE blocks (
  start INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  sha256 TEXT NOT NULL
);
CREATE TABLE chips (
  row INTEGER PRIMARY KEY,
  dead INTEGER NOT NULL DEFAULT 0,
  id TEXT NOT NULL,
  scene_id TEXT NOT NULL,
  cell TEXT NOT NULL,
  scene_path TEXT NOT NULL,
  window_column INTEGER NOT NULL,
  window_row INTEGER NOT NULL,
  window_width INTEGER NOT NULL,
  window_height INTEGER NOT NULL,
  footprint TEXT,
  taken INTEGER,
  valid_fraction REAL NOT NULL,
  west REAL, south REAL, east REAL, north REAL,
  level INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX chips_by_id ON chips (id) WHERE dead = 0;
CREATE INDEX chips_by_scene ON chips (scene_id) WHERE dead = 0;
CREATE INDEX chips_by_date ON chips (taken) WHERE dead = 0;
CREATE INDEX chips_dead ON chips (row) WHERE dead = 1;
CREATE TABLE scenes (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  record TEXT NOT NULL,
  next_position INTEGER NOT NULL,
  kept INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  finished INTEGER NOT NULL
);
CREATE TABLE refusals (
  path TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  kind TEXT NOT NULL,
  digest TEXT NOT NULL
)
"""
"""Dead chips keep their row and record, so that rows handed out stay readable."""


_TOLD_AS_FAILING = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""What SQLite says, too, where its log and its shared memory find no room, or a quota ends."""

_PROBE_BYTES = 1 << 16
"""Written where a file would grow, to see whether it could: more than any one page of it."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the database's and the file system's errors into ours, naming the file.

    Raises:
        DamagedData: The file is no database or its pages are not what was written.
        Overloaded: Another connection held a lock for longer than the wait.
        DiskFull: There is no room; nothing of the change was kept.
        SatseekError: The disk fails; nothing of the change was kept.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        # the low byte is the primary code, https://sqlite.org/rescode.html
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            message = f"{path}: expected a database of satseek, came {error}"
            raise DamagedData(message) from error
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            message = f"{path}: still locked after {BUSY_MS / 1000:g} s, try again"
            raise Overloaded(message) from error
        if code == sqlite3.SQLITE_FULL or (code in _TOLD_AS_FAILING and _lacks_room(path)):
            raise DiskFull(_full(path)) from error
        message = f"{path}: cannot be read or written: {error}"
        raise SatseekError(message) from error
    except UnicodeDecodeError as error:  # SQLite quotes what it cannot read in its messages
        message = f"{path}: expected a database of satseek, came text that is no UTF-8"
        raise DamagedData(message) from error
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(_full(error.filename or path)) from error
        message = f"{error.filename or path}: cannot be read or written: {error.strerror}"
        raise SatseekError(message) from error


def _lacks_room(path: Path) -> bool:
    """Tell whether a file could not grow, by trying beside it."""
    folder = path if path.is_dir() else path.parent
    beside = (path, path.with_name(f"{path.name}-wal"))
    try:
        longest = max(one.stat().st_size if one.exists() else 0 for one in beside)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            os.pwrite(probe.fileno(), bytes(_PROBE_BYTES), longest)
    except OSError as refused:
        return refused.errno in NO_ROOM
    return False


def _full(path: Path | str) -> str:
    return f"{path}: no room to write; what was committed is kept, free some and try again"


def connect(path: Path, *, mode: Literal["rwc", "rw", "query", "look"]) -> sqlite3.Connection:
    """Open a connection.

    Args:
        path: The database file.
        mode: ``rwc`` makes a missing file; ``rw`` writes; ``query`` reads, also read-only folders;
            ``look`` reads and leaves every file as it is, the log of a killed writer too; only what
            such a one had begun in the database itself is undone.
    """
    if mode == "look":
        roll_back(path)
        return _reading_connection(path)
    if mode == "query":
        return _query_connection(path)
    connection = _open(path, mode)
    connection.execute(f"PRAGMA journal_mode = {journal_for(path)}")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _query_connection(path: Path) -> sqlite3.Connection:
    if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
        connection = _open(path, "rw")
        connection.execute("PRAGMA query_only = 1")
        return connection
    return _reading_connection(path)


def _reading_connection(path: Path) -> sqlite3.Connection:
    connection = _open(path, "ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if _has_log(path):
            raise SatseekError(
                f"{path}: its last commits lie in a log that cannot be read from a read-only "
                "folder, as its writer was killed; open it once where it can be written, such as "
                "with `satseek collection verify`"
            ) from error
        return _open(path, "ro&immutable=1", kind=Unguarded)  # nobody is writing at this moment
    return connection


def _has_log(path: Path) -> bool:
    """Tell whether there are commits beside the database that it does not hold yet."""
    return any(_is_filled(path.with_name(path.name + end)) for end in ("-wal", _JOURNAL))


def roll_back(path: Path) -> None:
    """Undo what a killed writer had begun where changes go into the database itself.

    Without that nobody who may not write can read it. Nothing happens where there is a log.
    """
    if not _is_filled(path.with_name(path.name + _JOURNAL)) or not os.access(path, os.W_OK):
        return
    with closing(_open(path, "rw")) as connection, suppress(sqlite3.DatabaseError):
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # damage is found by others


def _is_filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


class Unguarded(sqlite3.Connection):
    """A connection to a read-only folder that no writer knows of."""


def _open(
    path: Path, mode: str, *, kind: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_MS / 1000,
        factory=kind,
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


class Connections:
    """Reading connections, one per thread at a time, each within one snapshot of the database."""

    def __init__(self, path: Path) -> None:
        """Open none yet."""
        self._path = path
        self._guard = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        # without the right to write, a connection may not notice a writer that starts later
        self._kept = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
        weakref.finalize(self, _close, self._idle)  # for whoever drops a collection without closing

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection on which everything read is of one generation.

        Raises:
            SatseekError: The collection is closed, or see ``storage_errors``.
            Overloaded: Somebody began to write to it, elsewhere, while it was read without a lock.
        """
        with storage_errors(self._path):
            before = None if self._kept else _state(self._path)
            connection = self._take()
            try:
                with _unchanged(self._path, connection, before):
                    connection.execute("BEGIN")
                    yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give(connection)

    def close(self) -> None:
        """Close the idle connections now and the lent ones when they come back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._guard:
            if self._closed:
                message = f"{self._path.parent}: the collection is closed"
                raise SatseekError(message)
            if self._idle:
                return self._idle.pop()
        return connect(self._path, mode="query")

    def _give(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if self._kept and not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _unchanged(
    path: Path, connection: sqlite3.Connection, before: tuple[int, int, int] | None
) -> Iterator[None]:
    """Refuse what an unguarded connection has read while the file was written to.

    Raises:
        Overloaded: It was; the next time there is a log that tells what belongs together.
    """
    try:
        yield
    except (sqlite3.DatabaseError, DamagedData) as error:
        if isinstance(connection, Unguarded) and _state(path) != before:
            raise _written(path) from error
        raise
    if isinstance(connection, Unguarded) and _state(path) != before:
        raise _written(path)


def _written(path: Path) -> Overloaded:
    return Overloaded(f"{path}: somebody began to write to it while it was read, ask again")


def _close(connections: list[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()
