"""A change of a database's layout → the proof that every row says what it said before.

Does not know what the tables mean. What was there before is compared in the columns that it had, in
any order of rows; what came besides is the change's own affair.
"""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING

from satseek.errors import DamagedData

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Sequence

_BYTES = 16
_MODULUS = 1 << 8 * _BYTES


@contextmanager
def rows_kept(
    db: sqlite3.Connection,
    *,
    dropped: Collection[str] = (),
    altered: Collection[tuple[str, str]] = (),
) -> Iterator[None]:
    """Undo what is done inside of a transaction where a row was lost, added or altered by it.

    Args:
        db: Within a transaction, which its owner undoes where this raises.
        dropped: Beginnings of names of tables that are to go.
        altered: Tables and their columns that are to change.

    Raises:
        DamagedData: rows differ; says where.
    """
    columns = {
        name: [one for one in _columns(db, name) if (name, one) not in altered]
        for name in _tables(db)
        if not any(name == one or name.startswith(f"{one}_") for one in dropped)
    }
    before = {name: _sum(db, name, of) for name, of in columns.items()}
    yield
    there = set(_tables(db))
    for name, of in columns.items():
        lacking = name not in there or set(of) - set(_columns(db, name))
        if lacking or _sum(db, name, of) != before[name]:
            raise DamagedData(
                f"table {name!r}: its rows are not the same in the new format, so nothing was "
                "changed; verify the store, or restore a backup"
            )


def _tables(db: sqlite3.Connection) -> list[str]:
    text = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return sorted(name for (name,) in db.execute(text))


def _columns(db: sqlite3.Connection, name: str) -> list[str]:
    found = db.execute("SELECT name FROM pragma_table_info(?, 'main') ORDER BY name", (name,))
    return [column for (column,) in found]


def _sum(db: sqlite3.Connection, name: str, columns: Sequence[str]) -> tuple[int, int]:
    """Add up the digests of a table's rows: how many there are, and their sum."""
    rows = total = 0
    listed = ", ".join(f'"{column}"' for column in columns)
    for row in db.execute(f'SELECT {listed} FROM main."{name}"'):  # noqa: S608 - of the file's own
        rows += 1
        digest = blake2b(ascii(tuple(row)).encode("ascii"), digest_size=_BYTES).digest()
        total += int.from_bytes(digest, "big")
    return rows, total % _MODULUS
