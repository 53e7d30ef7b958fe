"""A file → an SQLite database that threads and processes share, opened when first needed.

Does not know what lies in its tables. Where the file is this machine's alone it has a write-ahead
log: who reads waits for nobody who writes.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.index.placing import journal_for
from satseek.index.schema import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.index.placing import Journal

Database: TypeAlias = sqlite3.Connection
"""What is lent: for those rooms that write SQL, and know no more of SQLite."""

Row: TypeAlias = sqlite3.Row
"""One line of an answer, its values by the names of their columns."""

BUSY_SECONDS = 10.0
"""How long another process's short change is waited for."""

_AGAIN_SECONDS = 0.01
"""Between two tries to open a file that another process is just making."""


class Store:
    """One database: a connection that writes, one that reads, each lent to one thread at a time."""

    def __init__(self, path: Path, lay_out: Callable[[sqlite3.Connection], None]) -> None:
        """Open nothing yet.

        Args:
            path: The file; made with its folder when first used.
            lay_out: Makes the tables that are missing, and new ones of those of a former layout;
                called within a change, each time that the file is opened.
        """
        self.path = path
        self._lay_out = lay_out
        self._journal: Journal = "WAL"
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the database for one change: durable as a whole when the block ends, or not at all.

        Raises:
            Overloaded: another process held it for too long.
            DiskFull, DamagedData, SatseekError: the disk has no room, other bytes, or fails.
        """
        with (
            self._writing,
            storage_errors(self.path),
            _changed(self._opened_writer(), "FULL") as db,
        ):
            yield db

    @contextmanager
    def notes(self) -> Iterator[sqlite3.Connection]:
        """Lend it for a change that outlives every process, but not surely a power failure.

        The disk is not waited for: made durable by the next change that is, and never before it.

        Raises:
            Overloaded, DiskFull, DamagedData, SatseekError: as ``transaction``.
        """
        with self._writing, storage_errors(self.path):
            db = self._opened_writer()
            # without a write-ahead log a change that is not waited for may break the file
            with _changed(db, "NORMAL" if self._journal == "WAL" else "FULL"):
                yield db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend it as it stands, for reading alone; nobody who writes is waited for.

        Raises:
            Overloaded, DamagedData, SatseekError: as ``transaction``.
        """
        with self._reading, storage_errors(self.path):
            db = self._opened_reader()
            db.execute("BEGIN")
            try:
                yield db
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def close(self) -> None:
        """Close it; it opens again when used."""
        with self._reading, self._writing:
            for one in (self._reader, self._writer):  # the last one to close tidies up the log
                if one is not None:
                    one.close()
            self._reader = self._writer = None

    def _opened_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = _patiently(self._open_writer)
        return self._writer

    def _open_writer(self) -> sqlite3.Connection:
        db = _connect(self.path)
        try:
            self._journal = journal_for(self.path)
            db.execute(f"PRAGMA journal_mode = {self._journal}")
            with _changed(db, "FULL") as lent:
                self._lay_out(lent)
        except BaseException:
            db.close()
            raise
        return db

    def _opened_reader(self) -> sqlite3.Connection:
        if self._reader is None:
            with self._writing:
                self._opened_writer()  # tables are there from now on
            self._reader = _connect(self.path)
            self._reader.execute("PRAGMA query_only = 1")
        return self._reader


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    db.row_factory = sqlite3.Row
    return db


@contextmanager
def _changed(
    db: sqlite3.Connection, synchronous: Literal["FULL", "NORMAL"]
) -> Iterator[sqlite3.Connection]:
    """Lend a connection for one transaction, which is undone where the borrower fails."""
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _patiently(open_: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Open a file; turning on its log does not wait for another process that does the same."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return open_()
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(_AGAIN_SECONDS)
