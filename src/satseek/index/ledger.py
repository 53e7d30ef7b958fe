"""Changes to a collection's tables → sums that tell whether every row is still what was written.

Does not know what the tables mean. SQLite keeps no checksums of its pages: a flipped bit in a row
would be read as if it had been written so. The sum of a table adds up the digests of its rows, in
any order, so that it follows each change without the other rows being read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Self

from satseek.errors import DamagedData

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from pathlib import Path

TABLE = """
CREATE TABLE IF NOT EXISTS ledger (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  changes INTEGER NOT NULL,
  sums TEXT NOT NULL,
  proof TEXT NOT NULL
)
"""

SCHEMA = "sqlite_schema"
"""Name under which the sum of the tables' and indexes' definitions is kept."""

_BYTES = 16
"""Of a digest: rows that differ have the same one by chance once in 10^38."""

_MODULUS = 1 << 8 * _BYTES

_KIND = {"INSERT": ("put", "NEW"), "DELETE": ("take", "OLD")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What the rows of a table amount to."""

    rows: int = 0
    """How many."""
    total: int = 0
    """Sum of their digests, modulo 2^128."""

    def moved(self, rows: int, total: int) -> Sum:
        """Give the sum after rows were put in and taken away."""
        return Sum(rows=self.rows + rows, total=(self.total + total) % _MODULUS)

    def to_text(self) -> str:
        """Write as text."""
        return f"{self.rows} {self.total:0{2 * _BYTES}x}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read from text."""
        rows, total = text.split()
        return cls(rows=int(rows), total=int(total, base=16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the tables of a collection amount to after a commit."""

    changes: int
    """Commits so far, also those that no search notices."""
    sums: Mapping[str, Sum]
    """By table."""

    def sums_text(self) -> str:
        """Write the sums as JSON."""
        return json.dumps({name: self.sums[name].to_text() for name in sorted(self.sums)})

    @property
    def proof(self) -> str:
        """Digest of all this, as hex."""
        return proof_of(self.changes, self.sums_text())


def proof_of(changes: int, sums: str) -> str:
    """Digest an entry as it is stored."""
    return blake2b(f"{changes}\n{sums}".encode(), digest_size=_BYTES).hexdigest()


class Ledger:
    """Follows every change that is made on one connection, by whatever statement."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Watch the tables of a collection; its ledger is there already."""
        self._db = db
        self._moved: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._watched: dict[str, str] = {}
        db.execute("PRAGMA recursive_triggers = 1")  # else rows that are replaced go unnoticed
        put, take = _counters(self._moved)  # which do not hold the connection that holds them
        db.create_function("ledger_put", -1, put)
        db.create_function("ledger_take", -1, take)
        for name, definition in _tables(db).items():
            self._watch(name, definition)
        self._version = _schema_version(db)

    def begin(self) -> None:
        """Begin a transaction; what one that came to nothing has moved is forgotten."""
        self._moved.clear()
        self._version = _schema_version(self._db)

    def settle(self) -> Entry:
        """Write down what the tables amount to; the last statement before a commit."""
        before = read(self._db)
        sums = dict(before.sums)
        for name, (rows, total) in self._moved.items():
            sums[name] = sums.get(name, Sum()).moved(rows, total)
        self._moved.clear()
        if _schema_version(self._db) != self._version:
            self._look_again(sums)
        entry = Entry(changes=before.changes + 1, sums=sums)
        write(self._db, entry)
        return entry

    def _look_again(self, sums: dict[str, Sum]) -> None:
        """Add up tables that were made or altered, and watch them from now on."""
        found = _tables(self._db)
        for name in sums.keys() - found.keys():
            del sums[name]
        text = "SELECT tbl_name FROM sqlite_temp_master WHERE type = 'trigger'"
        triggered = {name for (name,) in self._db.execute(text)}
        for name, definition in found.items():
            if self._watched.get(name) != definition or name not in triggered:
                self._watch(name, definition)
                sums[name] = add_up(self._db, name)
        sums[SCHEMA] = _schema_sum(self._db)
        self._watched = found

    def _watch(self, name: str, definition: str) -> None:
        """Have each row that is put into a table or taken from it told."""
        columns = _columns(self._db, name)

        def told(event: str) -> str:
            verb, row = _KIND[event]
            values = ", ".join([f"'{name}'", *(f'{row}."{column}"' for column in columns)])
            return f"SELECT ledger_{verb}({values});"

        bodies = {event: told(event) for event in _KIND}
        bodies["UPDATE"] = bodies["DELETE"] + bodies["INSERT"]
        for event, body in bodies.items():
            trigger = f'temp."ledger_{name}_{event}"'
            self._db.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            text = f'CREATE TRIGGER {trigger} AFTER {event} ON main."{name}" BEGIN {body} END'
            self._db.execute(text)
        self._watched[name] = definition


def found(db: sqlite3.Connection) -> None:
    """Make the ledger of a collection that has none, and add up what it holds."""
    db.execute(TABLE)
    write(db, Entry(changes=0, sums={name: add_up(db, name) for name in names(db)}))


def write(db: sqlite3.Connection, entry: Entry) -> None:
    """Write an entry in place of the last."""
    values = (entry.changes, entry.sums_text(), entry.proof)
    db.execute("INSERT OR REPLACE INTO ledger VALUES (1, ?, ?, ?)", values)


def read(db: sqlite3.Connection) -> Entry:
    """Read the last entry.

    Raises:
        DamagedData: It is not what was written.
    """
    stored = db.execute("SELECT changes, sums, proof FROM ledger").fetchone()
    if stored is None or proof_of(stored[0], stored[1]) != stored[2]:
        message = "the ledger of the tables is not what was written"
        raise DamagedData(message)
    changes, sums, _ = stored
    parsed = {name: Sum.from_text(text) for name, text in json.loads(sums).items()}
    return Entry(changes=int(changes), sums=parsed)


def names(db: sqlite3.Connection) -> list[str]:
    """List what has a sum."""
    return [*_tables(db), SCHEMA]


def add_up(db: sqlite3.Connection, name: str) -> Sum:
    """Add up the rows that a table holds, all of which are read."""
    if name == SCHEMA:
        return _schema_sum(db)
    columns = ", ".join(f'"{column}"' for column in _columns(db, name))
    rows = total = 0
    for row in db.execute(f"SELECT '{name}', {columns} FROM main.\"{name}\""):  # noqa: S608 - ours
        rows += 1
        total += _digest(row)
    return Sum().moved(rows, total)


def check_head(db: sqlite3.Connection, path: Path) -> Entry:
    """Give the last entry, once it and what says how the rest is to be read were compared.

    Raises:
        DamagedData: One of them is not what was written.
    """
    try:
        entry = read(db)
    except DamagedData as error:
        message = f"{path}: {error}; repair the collection"
        raise DamagedData(message) from error
    if entry.sums.get("collection") != add_up(db, "collection"):
        message = f"{path}: what the collection says of itself is not what was written; repair it"
        raise DamagedData(message)
    return entry


def _counters(
    moved: dict[str, list[int]],
) -> tuple[Callable[..., None], Callable[..., None]]:
    """Make the functions that triggers call with a table's name and a row's values."""

    def put(*row: Any) -> None:
        counts = moved[row[0]]
        counts[0] += 1
        counts[1] += _digest(row)

    def take(*row: Any) -> None:
        counts = moved[row[0]]
        counts[0] -= 1
        counts[1] -= _digest(row)

    return put, take


def _digest(row: tuple[Any, ...]) -> int:
    """Digest a table's name and values; their kinds count: 1, 1.0, '1' and b'1' differ."""
    return int.from_bytes(blake2b(ascii(row).encode("ascii"), digest_size=_BYTES).digest(), "big")


def _tables(db: sqlite3.Connection) -> dict[str, str]:
    text = (
        "SELECT name, sql FROM main.sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite_%' AND name != 'ledger' ORDER BY name"
    )
    return dict(db.execute(text).fetchall())


def _columns(db: sqlite3.Connection, name: str) -> list[str]:
    found = db.execute("SELECT name FROM pragma_table_info(?, 'main')", (name,))
    return [column for (column,) in found]


def _schema_sum(db: sqlite3.Connection) -> Sum:
    text = "SELECT type, name, tbl_name, sql FROM main.sqlite_master"
    rows = [(SCHEMA, *row) for row in db.execute(text)]
    return Sum().moved(len(rows), sum(map(_digest, rows)))


def _schema_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA main.schema_version").fetchone()[0])
