"""A collection as it lies on disk → a list of damages, or one digest of all that it says.

Does not know how to mend.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import DamagedData
from satseek.index import traits
from satseek.index.editions import find_pending
from satseek.index.records import CHIP_COLUMNS, LEVELLESS_COLUMNS
from satseek.index.segments import Segments, segment_path
from satseek.index.spec import segments_name

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_CHIPS_AT_ONCE = 1024


def verify(db: sqlite3.Connection, segments: Segments, folder: Path) -> list[str]:
    """List what is not as it was written, one line each; a pending edition's vectors too."""
    found = [*_database_damages(db, folder), *_segment_damages(db, segments, "blocks")]
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
    return found + pending_damages(db, beside)


def pending_damages(db: sqlite3.Connection, segments: Segments) -> list[str]:
    """List what of a pending edition is not as it was written."""
    (rows,) = db.execute("SELECT coalesce(sum(count), 0) FROM pending_blocks").fetchone()
    if rows != segments.rows:
        return [f"{segments.folder}: expected {segments.rows} rows in blocks, came {rows}"]
    return _segment_damages(db, segments, "pending_blocks")


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


def _database_damages(db: sqlite3.Connection, folder: Path) -> list[str]:
    found = [line for (line,) in db.execute("PRAGMA integrity_check(20)") if line != "ok"]
    chips, blocks, committed = db.execute(
        "SELECT (SELECT count(*) FROM chips), (SELECT coalesce(sum(count), 0) FROM blocks),"
        " (SELECT committed FROM collection)"
    ).fetchone()
    if not chips == blocks == committed:
        found.append(f"expected {committed} rows, came {chips} chips and {blocks} rows in blocks")
    elif traits.has_tables(db):
        found += traits.damages(db, rows=committed)
    return [f"{folder}: {' '.join(line.split())}" for line in found]


def _segment_damages(db: sqlite3.Connection, segments: Segments, table: str) -> list[str]:
    found = []
    for start, count, expected in db.execute(
        f"SELECT start, count, sha256 FROM {table} ORDER BY start"  # noqa: S608 - ours
    ):
        came = hashlib.sha256(
            np.ascontiguousarray(segments.block(start, count)).tobytes()
        ).hexdigest()
        if came != expected:
            path = segment_path(segments.folder, start // segments.rows_per_segment)
            found.append(f"{path}: rows {start} to {start + count - 1} are not what was written")
    return found
