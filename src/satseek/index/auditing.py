"""A collection as it lies on disk → a list of damages, or one digest of all that it says.

Does not know how to mend.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import DamagedData
from satseek.index import acknowledging, ledger, traits
from satseek.index import codes as coded
from satseek.index import tuning as tuned
from satseek.index.compacting import ignore_progress
from satseek.index.editions import edition_of, find_pending
from satseek.index.records import CHIP_COLUMNS, LEVELLESS_COLUMNS
from satseek.index.segments import Segments, segment_path
from satseek.index.spec import LEDGER_VERSION, segments_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.index.compacting import OnProgress
    from satseek.index.ledger import Entry

_CHIPS_AT_ONCE = 1024

REMADE = "not what was written; searches pass it over and make it anew"
"""What is said of a derived file."""

UNREADABLE = (
    sqlite3.DatabaseError,
    DamagedData,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
)
"""What reading a damaged database ends in."""


def verify(
    db: sqlite3.Connection,
    segments: Segments,
    folder: Path,
    *,
    on_progress: OnProgress = ignore_progress,
) -> list[str]:
    """List what is not as it was written, one line each; a pending edition's vectors too.

    Vectors are not looked at where the database is damaged: what they should be is said in there.
    Progress is told in rows.
    """
    found = acknowledging.damages(folder)
    on_progress("database", 0, segments.rows)
    damages = database_damages(db)
    if damages:
        return [*(f"{folder}: {line}" for line in damages), *found]
    found += [f"{path}: {REMADE}" for path in derived_damages(db, folder)]
    found += segment_damages(db, segments, "blocks", on_progress=on_progress)
    pending = find_pending(db)
    if pending is None:
        return found
    try:
        beside = Segments(
            folder / segments_name(pending.number),
            rows=pending.next_row,
            dim=pending.dim,
            rows_per_segment=segments.rows_per_segment,
        )
    except DamagedData as error:
        return [*found, str(error)]
    return found + pending_damages(db, beside, on_progress=on_progress)


def derived_damages(db: sqlite3.Connection, folder: Path) -> list[Path]:
    """List the files made from vectors that are not what was written: codes, and their tuning."""
    edition = edition_of(db)
    codes, tuning = folder / edition.codes, folder / edition.tuning
    return [codes] * coded.is_damaged(codes) + [tuning] * tuned.is_damaged(tuning)


def pending_damages(
    db: sqlite3.Connection, segments: Segments, *, on_progress: OnProgress = ignore_progress
) -> list[str]:
    """List what of a pending edition is not as it was written."""
    (rows,) = db.execute("SELECT coalesce(sum(count), 0) FROM pending_blocks").fetchone()
    if rows != segments.rows:
        return [f"{segments.folder}: expected {segments.rows} rows in blocks, came {rows}"]
    return segment_damages(db, segments, "pending_blocks", on_progress=on_progress)


def digest(db: sqlite3.Connection, segments: Segments) -> str:
    """Digest all living chips and their stored vectors, in the order of chip ids."""
    total = hashlib.sha256()
    columns = CHIP_COLUMNS if traits.has_tables(db) else LEVELLESS_COLUMNS
    chips = db.execute(f"SELECT row, {columns} FROM chips WHERE dead = 0 ORDER BY id")  # noqa: S608 - ours
    while part := chips.fetchmany(_CHIPS_AT_ONCE):
        halves = segments.halves(np.array([row for row, *_ in part], dtype=np.int64))
        for (_, *said, level), half in zip(part, halves, strict=True):
            values = said if level == 1 else [*said, level]  # digests stay what they were
            total.update(json.dumps(values).encode("utf-8") + b"\n" + half.tobytes())
    return total.hexdigest()


def database_damages(db: sqlite3.Connection) -> list[str]:
    """List what of the database is not as it was written."""
    found = _told(db, _page_damages)
    tables = _told(db, _table_damages)
    return [*found, *(tables or _told(db, _count_damages))]


def damaged_tables(db: sqlite3.Connection, entry: Entry) -> dict[str, str]:
    """Tell of each table that is not what was written, and of none else, what is wrong.

    Args:
        db: The collection.
        entry: What was written.
    """
    expected = entry.sums
    found = {}
    for name in sorted({*expected, *ledger.names(db)}):
        try:
            came = ledger.add_up(db, name)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            found[name] = f"the table {name} cannot be read: {error}"
            continue
        if came != expected.get(name):
            found[name] = f"the table {name} is not what was written"
    return found


def _told(db: sqlite3.Connection, look: Callable[[sqlite3.Connection], list[str]]) -> list[str]:
    """List what is found; what keeps from looking is a damage as well."""
    try:
        lines = look(db)
    except UNREADABLE as error:
        lines = [str(error)]
    return [" ".join(line.split()) for line in lines]


def _page_damages(db: sqlite3.Connection) -> list[str]:
    return [line for (line,) in db.execute("PRAGMA integrity_check(20)") if line != "ok"]


def _table_damages(db: sqlite3.Connection) -> list[str]:
    if edition_of(db).spec.format_version < LEDGER_VERSION:
        return []
    return list(damaged_tables(db, ledger.read(db)).values())


def _count_damages(db: sqlite3.Connection) -> list[str]:
    chips, blocks, committed = db.execute(
        "SELECT (SELECT count(*) FROM chips), (SELECT coalesce(sum(count), 0) FROM blocks),"
        " (SELECT committed FROM collection)"
    ).fetchone()
    if not chips == blocks == committed:
        return [f"expected {committed} rows, came {chips} chips and {blocks} rows in blocks"]
    return traits.damages(db, rows=committed) if traits.has_tables(db) else []


def segment_damages(
    db: sqlite3.Connection,
    segments: Segments,
    table: str,
    *,
    on_progress: OnProgress = ignore_progress,
) -> list[str]:
    """List the blocks of vectors that are not as they were written."""
    return [
        f"{segment_path(segments.folder, start // segments.rows_per_segment)}: "
        f"rows {start} to {start + count - 1} are not what was written"
        for start, count in damaged_blocks(db, segments, table, on_progress=on_progress)
    ]


def damaged_blocks(
    db: sqlite3.Connection,
    segments: Segments,
    table: str,
    *,
    on_progress: OnProgress = ignore_progress,
) -> list[tuple[int, int]]:
    """Give first row and rows of each block that is not as it was written.

    Args:
        db: The collection.
        segments: The vectors.
        table: ``blocks``, or ``pending_blocks``.
        on_progress: Told how many of the rows were read.
    """
    text = f"SELECT start, count, sha256 FROM {table} ORDER BY start"  # noqa: S608 - ours
    found = []
    for start, count, expected in db.execute(text):
        if checksum(segments, start, count) != expected:
            found.append((start, count))
        on_progress("vectors", start + count, segments.rows)
    return found


def checksum(segments: Segments, start: int, count: int) -> str:
    """SHA-256, as hex, of the rows of a block."""
    content = np.ascontiguousarray(segments.block(start, count)).tobytes()
    return hashlib.sha256(content).hexdigest()


def segments_of(db: sqlite3.Connection, folder: Path, *, rows_per_segment: int) -> Segments:
    """Map the vectors in use.

    Raises:
        DamagedData: A file is missing or too short.
    """
    edition = edition_of(db)
    (rows,) = db.execute("SELECT committed FROM collection").fetchone()
    return Segments(
        folder / edition.segments,
        rows=rows,
        dim=edition.spec.dim,
        rows_per_segment=rows_per_segment,
    )
