"""An SQLite file → the number of its layout, and whether anybody else has it open.

Does not know what lies in it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from satseek.index.schema import connect, storage_errors

if TYPE_CHECKING:
    from pathlib import Path


def number_of(path: Path) -> int:
    """Read ``PRAGMA user_version``; changes nothing. Raises as ``storage_errors``."""
    with storage_errors(path), closing(connect(path, mode="look")) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def write_number(path: Path, number: int) -> None:
    """Write ``PRAGMA user_version``; raises as ``storage_errors``."""
    with storage_errors(path), closing(connect(path, mode="rw")) as db:
        db.execute(f"PRAGMA user_version = {number:d}")


def parts_of(path: Path) -> dict[str, int]:
    """Read the table ``layouts``: numbers of the parts of a file; raises as ``storage_errors``."""
    with storage_errors(path), closing(connect(path, mode="look")) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'layouts'").fetchone():
            return {}
        return {part: int(number) for part, number in db.execute("SELECT * FROM layouts")}


def is_open_elsewhere(path: Path) -> bool:
    """Tell whether another connection has a file open, as servers and workers have theirs.

    A file with a write-ahead log can leave that mode only while nobody else has it open
    (https://sqlite.org/wal.html), whichever release that is. A file without one, as on a volume
    that machines share, does not tell: False.
    """
    if not path.is_file() or not os.access(path, os.W_OK):
        return False
    with (
        storage_errors(path),
        closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db,
    ):
        if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            return False
        try:
            (mode,) = db.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return True
        db.execute("PRAGMA journal_mode = WAL")
    return bool(mode != "delete")
