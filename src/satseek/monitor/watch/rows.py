"""The tables of watches in the room's database: what is written there, and what is read back.

Does not know who asks. What a watch has looked at is written together with what it found there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from satseek.monitor.tables import Part
from satseek.monitor.watch.texts import watch_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from satseek.index.storing import Database, Row
    from satseek.monitor.watch.watch import Watch

Verdict: TypeAlias = Literal["liked", "disliked"]
"""Whether a chip shows what is looked for."""

PART = Part(
    name="watches",
    layouts=(
        (
            (
                "CREATE TABLE watches (name TEXT NOT NULL, version INTEGER NOT NULL,"
                " removed INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (name, version))"
                " WITHOUT ROWID"
            ),
            (
                "CREATE TABLE watches_scenes (watch TEXT NOT NULL, scene TEXT NOT NULL,"
                " digest TEXT NOT NULL, looked TEXT NOT NULL, PRIMARY KEY (watch, scene))"
                " WITHOUT ROWID"
            ),
            (
                "CREATE TABLE watches_sightings (watch TEXT NOT NULL, finding TEXT NOT NULL,"
                " day TEXT NOT NULL, PRIMARY KEY (watch, finding, day)) WITHOUT ROWID"
            ),
            (
                "CREATE TABLE watches_answers (watch TEXT NOT NULL, chip TEXT NOT NULL,"
                " verdict TEXT NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL,"
                " PRIMARY KEY (watch, chip)) WITHOUT ROWID"
            ),
            (
                "CREATE TABLE watches_runs (watch TEXT NOT NULL, number INTEGER NOT NULL,"
                " at TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (watch, number)) WITHOUT ROWID"
            ),
        ),
        (
            (
                "CREATE TABLE watches_standing (watch TEXT PRIMARY KEY, paused INTEGER NOT NULL,"
                " who TEXT NOT NULL, at TEXT NOT NULL, settled INTEGER NOT NULL) WITHOUT ROWID"
            ),
        ),
    ),
)
"""Tables of this part: versions of watches; what each has looked at, seen and been told; its runs;
whether its hours wait.
"""

KEPT_RUNS = 1000
"""Of one watch: three years of nights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A chip of which somebody said whether it shows what is looked for."""

    chip: str
    """``collection/chip id``."""
    verdict: Verdict
    """What was said."""
    who: str
    """Who said it."""
    at: datetime
    """When, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a watch's hours wait, as somebody wrote it down last."""

    paused: bool
    """True: until they are resumed."""
    who: str
    """Who said so; its schedule asks in their name."""
    at: str
    """When, ISO 8601, UTC."""
    settled: bool
    """Whether the queue was told."""


def stand(db: Database, name: str, *, who: str, paused: bool, now: datetime) -> None:
    """Write down whether a watch's hours wait; the queue is to be told yet."""
    values = (name, int(paused), who, now.isoformat())
    db.execute("INSERT OR REPLACE INTO watches_standing VALUES (?, ?, ?, ?, 0)", values)


def all_standing(db: Database) -> dict[str, Standing]:
    """Give what is written so of each watch; of one of a former layout nothing is."""
    return {
        row["watch"]: Standing(
            paused=bool(row["paused"]), who=row["who"], at=row["at"], settled=bool(row["settled"])
        )
        for row in db.execute("SELECT * FROM watches_standing")
    }


def newest_row(db: Database, name: str) -> Row | None:
    """Give the row of a watch's newest version, which may say that it was removed."""
    text = "SELECT * FROM watches WHERE name = ? ORDER BY version DESC LIMIT 1"
    found: Row | None = db.execute(text, (name,)).fetchone()
    return found


def all_watches(db: Database) -> list[Watch]:
    """Give the newest version of every watch that was not removed, by name."""
    text = (
        "SELECT body FROM watches AS one WHERE removed = 0 AND version ="
        " (SELECT max(version) FROM watches WHERE name = one.name) ORDER BY name"
    )
    return [watch_of(row["body"]) for row in db.execute(text)]


def forget(db: Database, name: str) -> None:
    """Forget all that a watch has looked at, seen, been told and done."""
    for table in ("scenes", "sightings", "answers", "runs", "standing"):
        db.execute(f"DELETE FROM watches_{table} WHERE watch = ?", (name,))  # noqa: S608 - ours


def mark(
    db: Database,
    name: str,
    *,
    scenes: Mapping[str, str],
    sightings: Mapping[str, Iterable[str]],
    now: datetime,
) -> None:
    """Write down what a watch has looked at, within the transaction that keeps what it found.

    Args:
        db: Of `keeping.Findings.changing`.
        name: The watch.
        scenes: Scenes that were looked at, with their digests.
        sightings: Days on which findings were seen, by the finding's id.
        now: When.
    """
    db.executemany(
        "INSERT OR REPLACE INTO watches_scenes VALUES (?, ?, ?, ?)",
        [(name, scene, digest, now.isoformat()) for scene, digest in scenes.items()],
    )
    db.executemany(
        "INSERT OR IGNORE INTO watches_sightings VALUES (?, ?, ?)",
        [(name, finding, day) for finding, days in sightings.items() for day in days],
    )


def write_run(
    db: Database, name: str, told: Mapping[str, Any], *, now: datetime, number: int | None = None
) -> int:
    """Write down what a run did so far; of very many runs the oldest are forgotten.

    Args:
        db: Within the transaction of what it did last.
        name: The watch.
        told: What it did, as JSON.
        now: When.
        number: Which run; None: another one than those before.

    Returns:
        Its number.
    """
    if number is None:
        text = "SELECT coalesce(max(number), 0) + 1 AS next FROM watches_runs WHERE watch = ?"
        number = int(db.execute(text, (name,)).fetchone()["next"])
        last = number - KEPT_RUNS
        db.execute("DELETE FROM watches_runs WHERE watch = ? AND number <= ?", (name, last))
    values = (name, number, now.isoformat(), json.dumps(told, ensure_ascii=False))
    db.execute("INSERT OR REPLACE INTO watches_runs VALUES (?, ?, ?, ?)", values)
    return number


def idle_run(db: Database, name: str) -> int | None:
    """Give the number of a watch's newest run if that had nothing new to look at; None: it had."""
    text = "SELECT number, body FROM watches_runs WHERE watch = ? ORDER BY number DESC LIMIT 1"
    row = db.execute(text, (name,)).fetchone()
    idle = row is not None and not json.loads(row["body"]).get("new_scenes")
    return int(row["number"]) if idle else None


def answer_of(row: Row) -> Answer:
    """Read an answer back."""
    at = datetime.fromisoformat(row["at"])
    return Answer(chip=row["chip"], verdict=row["verdict"], who=row["who"], at=at)
