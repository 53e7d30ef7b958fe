"""An SQLite file from outside → the same, or a refusal, before any library follows what it says.

Does not know what lies in its tables. A table may be virtual, made of whatever its module reads:
files and databases that the sender never saw.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

HARMLESS = frozenset({"rtree", "rtree_i32", "fts3", "fts4", "fts5"})
"""Modules of SQLite itself that keep what they know in the same file."""

_VIRTUAL = re.compile(
    r"\s*create\s+virtual\s+table\b.*?\busing\s+[\"`\[]?(\w+)", re.IGNORECASE | re.DOTALL
)
_REACHING = re.compile(r"\b((?:ogr|gdal)_\w+|load_extension)[\"`\]]?\s*\(", re.IGNORECASE)
"""Functions that GDAL adds to SQL open files and ask servers; a generated column may call them."""


def check_stranger(path: Path) -> None:
    """Refuse a database with views, or with tables that something else stands behind.

    Raises:
        InvalidRequest: it has one, or is no database.
    """
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as db:
            rows = db.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        raise InvalidRequest(f"expected a sound SQLite file: {error}") from error
    for kind, name, sql in rows:
        if kind == "view":
            raise InvalidRequest(f"expected tables alone, came the view {str(name)[:64]!r}")
        virtual = _VIRTUAL.match(str(sql or ""))
        if virtual is not None and virtual[1].lower() not in HARMLESS:
            raise InvalidRequest(
                f"expected tables that lie in the file, came {str(name)[:64]!r} by {virtual[1]!r}"
            )
        reaching = None if kind == "trigger" else _REACHING.search(str(sql or ""))
        if reaching is not None:
            raise InvalidRequest(
                f"expected plain columns, came {str(name)[:64]!r} with {reaching[1]!r}"
            )
