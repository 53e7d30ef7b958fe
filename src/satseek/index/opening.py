"""A folder → an empty collection, or the right to read the one that is there.

Does not know chips or vectors. What says how the rest is to be read is compared with its sum, and
the database with the last commit that was acknowledged.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.errors import CollectionExists, CollectionNotFound, Conflict, DamagedData
from satseek.formats import check_format
from satseek.index import acknowledging, ledger, traits
from satseek.index.milvus.pointing import is_attached
from satseek.index.reading import DATABASE
from satseek.index.schema import TABLES, connect, storage_errors
from satseek.index.spec import FORMAT_VERSION, KNOWN_VERSIONS, LEDGER_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.spec import CollectionSpec

MENDED = f"{DATABASE}.mended"
"""A database that a repair has made and that is on its way into the place of the damaged one."""

_UNREADABLE = ("no such column", "no such table", "malformed JSON")
"""What SQLite says where the tables are not those of a collection."""


def write_tables(path: Path, spec: CollectionSpec, rows_per_segment: int) -> None:
    """Make the tables of an empty collection; the folder is there and locked.

    Raises:
        CollectionExists: There are some already.
    """
    db = connect(path, mode="rwc")
    try:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'collection'").fetchone():
            message = (
                f"{path.parent}: there is a collection already; open it or choose another name"
            )
            raise CollectionExists(message)
        make_tables(db)
        newest = replace(spec, format_version=FORMAT_VERSION)
        values = (1, newest.to_json(), rows_per_segment, 0, 0)
        db.execute("INSERT INTO collection VALUES (?, ?, ?, ?, ?)", values)
        ledger.found(db)
        acknowledging.forget(path.parent)
        db.execute("COMMIT")
    finally:
        db.close()


def make_tables(db: sqlite3.Connection) -> None:
    """Make the tables that every collection of the newest format has, but for its ledger."""
    for statement in (*TABLES.split(";\n"), *traits.TABLES.split(";\n")):
        db.execute(statement)


def refuse_elsewhere(folder: Path) -> None:
    """Refuse a folder whose collection lives in a Milvus.

    Raises:
        Conflict: It does.
    """
    if is_attached(folder):
        raise Conflict(
            f"collection {folder.name!r} lives in a Milvus: change it where it was embedded and "
            "push it again, or bring it here with `satseek collection pull`"
        )


def checked_rows_per_segment(folder: Path) -> int:
    """Check that the folder holds a collection of a known format; give its rows per segment.

    Raises:
        CollectionNotFound: It holds none.
        FormatTooNew: A later release has made it.
        Conflict: It lives in a Milvus.
        DamagedData: It is not what was written, or commits are missing.
    """
    acknowledged = acknowledging.read(folder)  # before the database, which may get newer
    path = folder / DATABASE
    refuse_elsewhere(folder)
    missing = f"{folder}: expected a collection, came none; index a folder of scenes first"
    if not path.is_file():
        raise CollectionNotFound(missing)
    if (folder / MENDED).exists():
        message = f"{folder}: expected a database, came one that is being put into its place; a "
        raise DamagedData(message + "repair was interrupted: repair the collection again")
    with storage_errors(path):
        db = connect(path, mode="look")
        try:
            db.execute("BEGIN")
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'collection'").fetchone():
                raise CollectionNotFound(missing)
            version, rows_per_segment = _head(db)
            if version in KNOWN_VERSIONS and version >= LEDGER_VERSION:
                acknowledging.check(acknowledged, ledger.check_head(db, path), path)
        except sqlite3.OperationalError as error:
            if not any(said in str(error) for said in _UNREADABLE):
                raise
            message = f"{path}: expected the tables of a collection, came {error}"
            raise DamagedData(message) from error
        finally:
            db.close()
    check_format(folder, version, max(KNOWN_VERSIONS))
    if version not in KNOWN_VERSIONS:
        raise DamagedData(f"{path}: expected a format from 1 on, came {version}")
    return rows_per_segment


def format_of_collection(folder: Path) -> int:
    """Read the number of a collection's format, whatever it is; changes nothing.

    Raises:
        DamagedData: the database is not what was written.
    """
    path = folder / DATABASE
    with storage_errors(path), closing(connect(path, mode="look")) as db:
        try:
            return _head(db)[0]
        except sqlite3.OperationalError as error:
            if not any(said in str(error) for said in _UNREADABLE):
                raise
            message = f"{path}: expected the tables of a collection, came {error}"
            raise DamagedData(message) from error


def _head(db: sqlite3.Connection) -> tuple[int, int]:
    found = db.execute(
        "SELECT json_extract(spec, '$.format_version'), rows_per_segment FROM collection"
    ).fetchone()
    if found is None or not all(isinstance(number, int) for number in found):
        message = (
            f"expected a format and the rows of a segment, came {found}; repair the collection"
        )
        raise DamagedData(message)
    version, rows_per_segment = found
    return version, rows_per_segment
