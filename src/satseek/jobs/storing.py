"""A file → an SQLite database that threads and processes share, opened when first needed.

Does not know what lies in its tables.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from satseek.index.schema import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 10.0
"""How long another process's short change is waited for."""


class Store:
    """One database; every use of it is one transaction."""

    def __init__(self, path: Path, tables: str) -> None:
        """Open nothing yet.

        Args:
            path: The file; made with its folder when first used.
            tables: Statements that make what is missing.
        """
        self.path = path
        self._tables = tables
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the database for one change: durable as a whole when the block ends, or not at all.

        Raises:
            Overloaded: another process held it for too long.
            DiskFull, DamagedData, SatseekError: the disk has no room, other bytes, or fails.
        """
        with self._lock, storage_errors(self.path):
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close it; it opens again when used."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _open(self) -> sqlite3.Connection:
        if self._opened is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
            )
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(self._tables)
            self._opened = db
        return self._opened
