"""The tables of a collection → which vectors are in use, which lie beside them, and what they lack.

Does not know files. The tables of a pending edition are made when the first one begins.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.index.spec import Edition, Loss, Pending

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from satseek.index.segments import Block

_TABLES = """
CREATE TABLE IF NOT EXISTS pending (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  number INTEGER NOT NULL,
  model_name TEXT NOT NULL,
  model_version TEXT NOT NULL,
  dim INTEGER NOT NULL,
  next_row INTEGER NOT NULL,
  scene_id TEXT NOT NULL,
  next_position INTEGER NOT NULL,
  kept INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS pending_blocks (
  start INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  sha256 TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pending_losses (
  scene_id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  reason TEXT NOT NULL
)
"""

_INSERT = "INSERT INTO pending VALUES (1, ?, ?, ?, ?, ?, '', 0, ?)"


def edition_of(db: sqlite3.Connection) -> Edition:
    """Read which edition is in use."""
    return Edition.from_json(db.execute("SELECT spec FROM collection").fetchone()[0])


def find_pending(db: sqlite3.Connection) -> Pending | None:
    """Read what lies beside the edition in use; None where nothing does."""
    if not _has_tables(db):
        return None
    found = db.execute(
        "SELECT number, model_name, model_version, dim, next_row, committed, scene_id,"
        " next_position, kept FROM pending, collection"
    ).fetchone()
    if found is None:
        return None
    number, name, version, dim, next_row, rows, scene_id, position, kept = found
    return Pending(
        number=number,
        model_name=name,
        model_version=version,
        dim=dim,
        next_row=next_row,
        rows=rows,
        scene_id=scene_id,
        next_position=position,
        kept=bool(kept),
    )


def make_tables(db: sqlite3.Connection) -> None:
    """Make the tables of a pending edition where there are none."""
    for table in _TABLES.split(";\n"):
        db.execute(table)


def start_pending(db: sqlite3.Connection, *, name: str, version: str, dim: int) -> None:
    """Write down that an edition begins."""
    make_tables(db)
    db.execute(_INSERT, (edition_of(db).highest + 1, name, version, dim, 0, 0))


def forget_pending(db: sqlite3.Connection) -> None:
    """Forget the pending edition."""
    if _has_tables(db):
        for table in ("pending", "pending_blocks", "pending_losses"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608 - ours


def advance_pending(
    db: sqlite3.Connection,
    blocks: Iterable[Block],
    *,
    next_row: int,
    scene_id: str,
    next_position: int,
) -> None:
    """Write down blocks and how far the pending edition has come with them."""
    db.executemany(
        "INSERT INTO pending_blocks VALUES (?, ?, ?)",
        [(block.start, block.count, block.sha256) for block in blocks],
    )
    text = "UPDATE pending SET next_row = ?, scene_id = ?, next_position = ?"
    db.execute(text, (next_row, scene_id, next_position))


def go_back(db: sqlite3.Connection, scene_ids: Iterable[str]) -> None:
    """Forget that scenes were lost, and everything from the block of their first chip on."""
    wanted = [(scene_id,) for scene_id in scene_ids]
    db.executemany("DELETE FROM pending_losses WHERE scene_id = ?", wanted)
    text = "SELECT min(row) FROM chips WHERE dead = 0 AND scene_id = ?"
    found = [db.execute(text, one).fetchone()[0] for one in wanted]
    first = min((row for row in found if row is not None), default=None)
    if first is None:
        return
    text = "SELECT max(start) FROM pending_blocks WHERE start <= ? AND start + count > ?"
    (start,) = db.execute(text, (first, first)).fetchone()
    if start is not None:
        db.execute("DELETE FROM pending_blocks WHERE start >= ?", (start,))
        advance_pending(db, (), next_row=start, scene_id="", next_position=0)


def record_loss(db: sqlite3.Connection, *, scene_id: str, state: str, reason: str) -> None:
    """Write down a scene that cannot be embedded again."""
    values = (scene_id, state, reason)
    db.execute("INSERT OR REPLACE INTO pending_losses VALUES (?, ?, ?)", values)


def find_losses(db: sqlite3.Connection) -> list[Loss]:
    """List the scenes that the pending edition lacks and that still have chips, by id."""
    if not _has_tables(db):
        return []
    found = db.execute(
        "SELECT scene_id, state, reason, (SELECT count(*) FROM chips AS c WHERE c.dead = 0"
        " AND c.scene_id = l.scene_id) AS n FROM pending_losses AS l WHERE n > 0 ORDER BY scene_id"
    ).fetchall()
    return [
        Loss(scene_id=scene_id, state=state, reason=reason, chips=chips)
        for scene_id, state, reason, chips in found
    ]


def swap(db: sqlite3.Connection, pending: Pending) -> Edition:
    """Put the pending edition into the place of the one in use, which is kept in its place."""
    old = edition_of(db)
    spec = replace(
        old.spec,
        model_name=pending.model_name,
        model_version=pending.model_version,
        dim=pending.dim,
    )
    highest = max(old.highest, pending.number)
    new = replace(old, spec=spec, number=pending.number, highest=highest)
    db.execute("CREATE TEMP TABLE swapped AS SELECT start, count, sha256 FROM blocks")
    db.execute("DELETE FROM blocks")
    db.execute("INSERT INTO blocks SELECT start, count, sha256 FROM pending_blocks")
    forget_pending(db)
    db.execute("INSERT INTO pending_blocks SELECT start, count, sha256 FROM swapped")
    db.execute("DROP TABLE swapped")
    values = (old.number, old.spec.model_name, old.spec.model_version, old.spec.dim)
    db.execute(_INSERT, (*values, pending.rows, 1))
    db.execute("UPDATE collection SET spec = ?", (new.to_json(),))
    return new


def _has_tables(db: sqlite3.Connection) -> bool:
    text = "SELECT 1 FROM sqlite_master WHERE name = 'pending_losses'"
    return db.execute(text).fetchone() is not None
