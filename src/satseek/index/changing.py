"""What is to be said of scenes and their chips → rows of the tables, within a change being made.

Does not know when the change is committed, nor where vectors lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.index.records import scene_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from satseek.types import Refusal, Scene

_REPLACE_SCENE = "INSERT OR REPLACE INTO scenes VALUES (?, ?, ?, ?, ?, ?, ?)"

OF_SCENES = "scene_id IN (SELECT value FROM wanted)"
"""Condition of ``bury``: chips of the scenes that are wanted."""


def advance(
    db: sqlite3.Connection,
    scene: Scene,
    *,
    next_position: int,
    chips: int,
    skipped: int,
    finished: bool,
) -> None:
    """Write down how far a scene has come; the old chips of a changed scene go."""
    kept, skipped_before = _so_far(db, scene)
    values = (
        scene.id,
        scene.digest,
        scene_text(scene),
        next_position,
        kept + chips,
        skipped_before + skipped,
        int(finished),
    )
    db.execute(_REPLACE_SCENE, values)
    db.execute("DELETE FROM refusals WHERE path IN (?, ?)", (scene.id, scene.path))


def refuse_scene(db: sqlite3.Connection, scene_id: str, refusal: Refusal) -> int:
    """Say that a scene cannot be used: its chips go; returns how many there were."""
    buried = bury(db, OF_SCENES, [scene_id])
    db.execute("DELETE FROM scenes WHERE id = ?", (scene_id,))
    record_refusal(db, refusal, digest="")
    return buried


def record_refusal(db: sqlite3.Connection, refusal: Refusal, *, digest: str) -> None:
    """Say that a file could not be used; again replaces."""
    values = (refusal.path, refusal.reason, refusal.kind, digest)
    db.execute("INSERT OR REPLACE INTO refusals VALUES (?, ?, ?, ?)", values)


def forget_refusal(db: sqlite3.Connection, path: str) -> None:
    """Say that a file can be used after all."""
    db.execute("DELETE FROM refusals WHERE path = ?", (path,))


def move_scene(db: sqlite3.Connection, scene: Scene) -> None:
    """Say where the file of a scene lies now."""
    text = "UPDATE chips SET scene_path = ? WHERE dead = 0 AND scene_id = ?"
    db.execute(text, (scene.path, scene.id))
    db.execute("UPDATE scenes SET record = ? WHERE id = ?", (scene_text(scene), scene.id))


def bury(db: sqlite3.Connection, condition: str, wanted: Sequence[Any]) -> int:
    """Mark chips dead; the condition may read the table ``wanted``."""
    db.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (value PRIMARY KEY) WITHOUT ROWID")
    db.execute("DELETE FROM wanted")
    db.executemany("INSERT INTO wanted VALUES (?)", [(value,) for value in wanted])
    text = f"SELECT row FROM chips WHERE dead = 0 AND {condition}"  # noqa: S608 - ours
    rows = db.execute(text).fetchall()
    db.executemany("UPDATE chips SET dead = 1 WHERE row = ?", rows)
    return len(rows)


def _so_far(db: sqlite3.Connection, scene: Scene) -> tuple[int, int]:
    """Give chips and candidates passed over so far; another content counts as new."""
    found = db.execute(
        "SELECT digest, kept, skipped FROM scenes WHERE id = ?", (scene.id,)
    ).fetchone()
    if found is None:
        return 0, 0
    digest, kept, skipped = found
    if digest == scene.digest:
        return kept, skipped
    bury(db, OF_SCENES, [scene.id])
    return 0, 0
