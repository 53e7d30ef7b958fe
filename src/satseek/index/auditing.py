"""A collection as it lies on disk → a list of damages, or one digest of all that it says.

Does not know how to mend.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.records import CHIP_COLUMNS
from satseek.index.segments import segment_path

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from satseek.index.segments import Segments

_CHIPS_AT_ONCE = 1024


def verify(db: sqlite3.Connection, segments: Segments, folder: Path) -> list[str]:
    """List what is not as it was written, one line each."""
    return [*_database_damages(db, folder), *_segment_damages(db, segments)]


def digest(db: sqlite3.Connection, segments: Segments) -> str:
    """Digest all living chips and their stored vectors, in the order of chip ids."""
    total = hashlib.sha256()
    chips = db.execute(f"SELECT row, {CHIP_COLUMNS} FROM chips WHERE dead = 0 ORDER BY id")  # noqa: S608 - ours
    while part := chips.fetchmany(_CHIPS_AT_ONCE):
        halves = segments.halves(np.array([row for row, *_ in part], dtype=np.int64))
        for (_, *values), half in zip(part, halves, strict=True):
            total.update(json.dumps(values).encode("utf-8") + b"\n" + half.tobytes())
    return total.hexdigest()


def _database_damages(db: sqlite3.Connection, folder: Path) -> list[str]:
    found = [line for (line,) in db.execute("PRAGMA integrity_check(20)") if line != "ok"]
    found += [line for (line,) in db.execute("SELECT rtreecheck('footprints')") if line != "ok"]
    chips, blocks, committed, mapped, drawn = db.execute(
        "SELECT (SELECT count(*) FROM chips), (SELECT coalesce(sum(count), 0) FROM blocks),"
        " (SELECT committed FROM collection),"
        " (SELECT count(*) FROM footprints),"
        " (SELECT count(*) FROM chips WHERE dead = 0 AND west IS NOT NULL)"
    ).fetchone()
    if not chips == blocks == committed:
        found.append(f"expected {committed} rows, came {chips} chips and {blocks} rows in blocks")
    if mapped != drawn:
        found.append(f"expected {drawn} footprints on the map, came {mapped}")
    return [f"{folder}: {' '.join(line.split())}" for line in found]


def _segment_damages(db: sqlite3.Connection, segments: Segments) -> list[str]:
    found = []
    for start, count, expected in db.execute(
        "SELECT start, count, sha256 FROM blocks ORDER BY start"
    ):
        came = hashlib.sha256(
            np.ascontiguousarray(segments.block(start, count)).tobytes()
        ).hexdigest()
        if came != expected:
            path = segment_path(segments.folder, start // segments.rows_per_segment)
            found.append(f"{path}: rows {start} to {start + count - 1} are not what was written")
    return found
