"""A damaged database → a copy that holds what was written, in its place; or a refusal.

Does not know vectors. Nothing is taken over whose sum does not prove it, but for what follows from
what is proven, or can be asked again.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import DamagedData
from satseek.index import acknowledging, auditing, editions, ledger, traits
from satseek.index.opening import MENDED, make_tables
from satseek.index.placing import journal_for
from satseek.index.reading import DATABASE
from satseek.index.schema import connect, roll_back
from satseek.index.spec import LEDGER_VERSION
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from satseek.index.accounts import Account
    from satseek.index.acknowledging import Acknowledged
    from satseek.index.ledger import Entry

_UNFINISHED = f"{DATABASE}.mending"

_PENDING = frozenset({"pending", "pending_blocks", "pending_losses"})
_DERIVED = frozenset({"traits", "scene_numbers"})
_ASKED_AGAIN = frozenset({"refusals"})
_REPLACEABLE = _PENDING | _DERIVED | _ASKED_AGAIN | {ledger.SCHEMA}
"""What need not be proven: the rest of a collection is said nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What a database looks like, read in one of two ways."""

    uri: str
    """With its log, or without."""
    damages: list[str]
    """One line each."""
    version: int
    """Of its format; 0 where it cannot be told."""
    rows_per_segment: int
    """Rows in a full segment; 0 where it cannot be told."""
    entry: Entry | None
    """What should be there; None where nobody knows."""
    tables: Mapping[str, str]
    """Tables that are not what was written, and why."""


def finish_exchange(folder: Path) -> None:
    """Finish what a repair that was killed has begun; the folder is locked."""
    _sweep(folder)
    if (folder / MENDED).exists():
        _exchange(folder)


def mend_database(folder: Path, account: Account) -> int:
    """Mend the database of a locked folder; give the rows of a full segment.

    Raises:
        DamagedData: It cannot be mended; nothing was changed.
    """
    path = folder / DATABASE
    roll_back(path)
    acknowledged = acknowledging.read(folder)
    state = _state(f"{path.resolve().as_uri()}?mode=ro", acknowledged)
    missing = _missing(state, acknowledged, path)
    if not state.damages and not missing:
        return state.rows_per_segment
    account.found += [f"{path}: {line}" for line in state.damages] + missing
    if acknowledged is not None and _has_log(path):
        bare = _state(f"{path.resolve().as_uri()}?mode=ro&immutable=1", acknowledged)
        if not bare.damages and not _missing(bare, acknowledged, path):
            _rebuild(folder, bare, acknowledged)
            account.mended.append(f"{path}-wal: left away, the database holds all of it already")
            return bare.rows_per_segment
    if missing and acknowledged and state.entry:
        first, last = state.entry.changes + 1, acknowledged.changes
        account.lost.append(
            f"{path}: commits {min(first, last)} to {last}: what they added is indexed again, what "
            "they removed has to be removed again"
        )
    if not state.damages:
        _accept(path, acknowledged)
        return state.rows_per_segment
    if state.version < LEDGER_VERSION and state.version:
        raise _refused(path, f"its format {state.version} keeps no sums to prove a copy with")
    account.lost += _rebuild(folder, state, acknowledged)
    account.mended.append(f"{path}: made anew from tables that are what was written")
    return state.rows_per_segment


def _state(uri: str, acknowledged: Acknowledged | None) -> _State:
    """Look at a database."""
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        damages = auditing.database_damages(db)
        try:
            version = editions.edition_of(db).spec.format_version
            (rows,) = db.execute("SELECT rows_per_segment FROM collection").fetchone()
        except auditing.UNREADABLE:
            version = rows = 0
        entry, tables = None, {}
        if version >= LEDGER_VERSION:
            entry = _expected(db, acknowledged)
            tables = auditing.damaged_tables(db, entry) if entry else {}
        return _State(
            uri=uri,
            damages=damages,
            version=version,
            rows_per_segment=rows,
            entry=entry,
            tables=tables,
        )


def _expected(db: sqlite3.Connection, acknowledged: Acknowledged | None) -> Entry | None:
    """Tell what should be in the tables; None where neither the ledger nor its proof is whole."""
    try:
        return ledger.read(db)
    except auditing.UNREADABLE:
        pass
    if acknowledged is None:
        return None
    try:
        sums = {name: ledger.add_up(db, name) for name in ledger.names(db)}
    except auditing.UNREADABLE:
        return None
    entry = ledger.Entry(changes=acknowledged.changes, sums=sums)
    return entry if entry.proof == acknowledged.proof else None


def _missing(state: _State, acknowledged: Acknowledged | None, path: Path) -> list[str]:
    """Tell whether commits are missing."""
    if state.entry is None:
        return []
    try:
        acknowledging.check(acknowledged, state.entry, path)
    except DamagedData as error:
        return [str(error)]
    return []


def _accept(path: Path, acknowledged: Acknowledged | None) -> None:
    """Go on with what is left, counting commits on from the last one that was acknowledged."""
    with closing(connect(path, mode="rw")) as db:
        db.execute("BEGIN IMMEDIATE")
        ledger.write(db, _next(ledger.read(db), acknowledged))
        db.execute("COMMIT")


def _next(entry: Entry, acknowledged: Acknowledged | None) -> Entry:
    changes = max(entry.changes, acknowledged.changes if acknowledged else 0) + 1
    return ledger.Entry(changes=changes, sums=entry.sums)


def _rebuild(folder: Path, state: _State, acknowledged: Acknowledged | None) -> list[str]:
    """Put a copy of what is proven into the place of a database; list what is left out of it.

    Raises:
        DamagedData: Something is not proven that nothing else tells.
    """
    path = folder / DATABASE
    if state.entry is None:
        raise _refused(path, "what was written is not known")
    unproven = sorted(state.tables.keys() - _REPLACEABLE - {"blocks"})
    if unproven:
        raise _refused(path, state.tables[unproven[0]])
    left = {name for name in state.tables if name in _DERIVED | _ASKED_AGAIN}
    if _PENDING & state.tables.keys():
        left |= _PENDING
    if left & _DERIVED:
        left.add("traits")
    _sweep(folder)
    try:
        _fill(folder, state, left, acknowledged)
    except (sqlite3.IntegrityError, DamagedData, IndexError, TypeError, ValueError) as error:
        _sweep(folder)
        raise _refused(path, str(error)) from error
    (folder / _UNFINISHED).replace(folder / MENDED)
    sync(folder)
    _exchange(folder)
    return _told_of(left)


def _fill(folder: Path, state: _State, left: set[str], acknowledged: Acknowledged | None) -> None:
    """Make the copy, as a whole, under a name of its own."""
    assert state.entry is not None
    with closing(sqlite3.connect(folder / _UNFINISHED, uri=True, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = MEMORY")  # killed, it is thrown away
        db.execute("ATTACH ? AS damaged", (state.uri,))
        db.execute("BEGIN")
        _copy(db, state, left)
        if "blocks" in state.tables:
            _reckon_blocks(db, folder, state)
        if left & _DERIVED:
            traits.fill(db)
        _prove(db, state.entry, left)
        sums = {name: ledger.add_up(db, name) for name in ledger.names(db)}
        entry = ledger.Entry(changes=state.entry.changes, sums=sums)
        ledger.write(db, _next(entry, acknowledged))
        db.execute("COMMIT")
        db.execute("DETACH damaged")
        db.execute(f"PRAGMA journal_mode = {journal_for(folder / _UNFINISHED)}")


def _copy(db: sqlite3.Connection, state: _State, left: set[str]) -> None:
    """Make the tables and fill them, but for those that are left out."""
    if ledger.SCHEMA in state.tables:
        make_tables(db)
        editions.make_tables(db)
    else:
        text = (
            "SELECT sql FROM damaged.sqlite_master WHERE sql IS NOT NULL AND name != 'ledger'"
            " AND name NOT LIKE 'sqlite_%' ORDER BY type = 'index'"
        )
        for (statement,) in db.execute(text).fetchall():
            db.execute(statement)
    db.execute(ledger.TABLE)
    for name in ledger.names(db):
        if name not in left | {ledger.SCHEMA} and state.entry and name in state.entry.sums:
            found = db.execute("SELECT name FROM pragma_table_info(?, 'main')", (name,))
            columns = ", ".join(f'"{column}"' for (column,) in found)
            text = f'INSERT INTO main."{name}" ({columns}) SELECT {columns} FROM damaged."{name}"'  # noqa: S608 - ours
            db.execute(text)


def _reckon_blocks(db: sqlite3.Connection, folder: Path, state: _State) -> None:
    """Take the checksums of vectors anew; their sum proves them, if the vectors are sound."""
    segments = auditing.segments_of(db, folder, rows_per_segment=state.rows_per_segment)
    for start, count in auditing.damaged_blocks(db, segments, "blocks"):
        checksum = auditing.checksum(segments, start, count)
        db.execute("UPDATE blocks SET sha256 = ? WHERE start = ?", (checksum, start))


def _prove(db: sqlite3.Connection, entry: Entry, left: set[str]) -> None:
    """Compare the copy with what was written.

    Raises:
        DamagedData: It differs.
    """
    for name, expected in entry.sums.items():
        if name not in left | {ledger.SCHEMA} and ledger.add_up(db, name) != expected:
            message = f"the table {name} is not what was written"
            raise DamagedData(message)


def _sweep(folder: Path) -> None:
    """Remove what a repair that came to nothing has left."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        path.unlink()


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _exchange(folder: Path) -> None:
    """Put the copy into the place of the database; the old one's log must not outlive it."""
    for suffix in ("-wal", "-shm", "-journal"):
        (folder / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    sync(folder)
    (folder / MENDED).replace(folder / DATABASE)
    sync(folder)


def _told_of(left: set[str]) -> list[str]:
    """Say what is left out of a copy; what is derived is in it."""
    found = []
    if left & _ASKED_AGAIN:
        found.append("the list of files that could not be used: they are tried again")
    if left & _PENDING:
        found.append("the vectors that lay beside those in use")
    return found


def _refused(path: Path, reason: str) -> DamagedData:
    return DamagedData(f"{path}: cannot be mended ({reason}): restore a snapshot or index anew")
