"""The queue's file: of a former layout, of a newer one, read while it is written."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from satseek.errors import DamagedData, SatseekError
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.protocol import KEEP_SECONDS
from satseek.jobs.tables import LAYOUT

if TYPE_CHECKING:
    from pathlib import Path

FORMER = """
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, task TEXT NOT NULL, parameters TEXT NOT NULL, collection TEXT NOT NULL,
  asked_by TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, started REAL, finished REAL,
  attempts INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '', log TEXT NOT NULL DEFAULT '',
  result TEXT, error TEXT NOT NULL DEFAULT '', cancelling INTEGER NOT NULL DEFAULT 0, key TEXT,
  UNIQUE (asked_by, key)
);
CREATE INDEX jobs_by_state ON jobs (state, id);
"""
"""What satseek 0.1 wrote."""


def former(path: Path, now: float) -> None:
    """Write a file of the former layout with a job in each state."""
    rows = [
        ("a", "done", now - 50, 1, '{"chips": 4}', 0, "k"),
        ("b", "failed", now - KEEP_SECONDS - 5, 1, None, 0, None),
        ("c", "running", None, 1, None, 0, None),
        ("d", "running", None, 3, None, 0, None),
        ("e", "running", None, 1, None, 1, None),
        ("f", "queued", None, 0, None, 0, None),
    ]
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(FORMER)
        db.execute("PRAGMA journal_mode = WAL")
        for at, (name, state, finished, attempts, result, cancelling, key) in enumerate(rows):
            db.execute(
                "INSERT INTO jobs (id, task, parameters, collection, asked_by, state, created,"
                " finished, attempts, result, cancelling, key)"
                " VALUES (?, 'verify', ?, ?, 'local', ?, ?, ?, ?, ?, ?, ?)",
                (
                    f"{at:016x}",
                    f'{{"collection": "{name}"}}',
                    name,
                    state,
                    now - 100,
                    finished,
                    attempts,
                    result,
                    cancelling,
                    key,
                ),
            )


def test_jobs_of_the_former_layout_are_kept(tmp_path: Path) -> None:
    path, now = tmp_path / "jobs.sqlite", datetime.now(tz=UTC).timestamp()
    former(path, now)
    with closing(EmbeddedQueue(path)) as queue:
        kept = {job.collection: job.state for job in queue.jobs()}
        assert {"a": "done", "c": "running", "d": "running", "e": "running", "f": "queued"} == kept
        asked = {"collection": "a"}
        again = queue.submit("verify", asked, collection="a", asked_by="local", key="k")
        assert ("done", {"chips": 4}) == (again.state, again.result)
        taken = [queue.claim("w") for _ in range(3)]
        assert ["c", "f", None] == [one and one.job.collection for one in taken]
        states = {job.collection: job.state for job in queue.jobs()}
        assert ("failed", "cancelled") == (states["d"], states["e"])
        assert {"queued": 0, "running": 2, "done": 1, "failed": 1, "cancelled": 1} == queue.counts()
    with closing(EmbeddedQueue(path)) as queue:  # and it opens again as what it has become
        assert states == {job.collection: job.state for job in queue.jobs()}


def test_a_newer_layout_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    before = path.read_bytes()
    with closing(EmbeddedQueue(path)) as queue, pytest.raises(SatseekError, match="newer satseek"):
        queue.jobs()
    assert before[:18] == path.read_bytes()[:18]
    with closing(sqlite3.connect(path)) as db:
        assert [] == db.execute("SELECT name FROM sqlite_master").fetchall()


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"no database" * 1000)
    with closing(EmbeddedQueue(path)) as queue, pytest.raises(DamagedData, match=r"jobs\.sqlite"):
        queue.jobs()


def test_who_looks_waits_for_nobody_who_writes(tmp_path: Path) -> None:
    with closing(EmbeddedQueue(tmp_path / "jobs.sqlite")) as queue:
        job = queue.submit("verify", {}, collection="c", asked_by="local")
        seen = [queue.find(job.id).note]
        with queue._store.transaction() as db:
            db.execute("UPDATE jobs SET note = 'half'")
            looker = threading.Thread(
                target=lambda: seen.extend((queue.find(job.id).note, queue.counts()["queued"]))
            )
            looker.start()
            looker.join(20)
        assert ["", "", 1] == seen


def test_a_change_that_fails_is_undone(tmp_path: Path) -> None:
    with closing(EmbeddedQueue(tmp_path / "jobs.sqlite")) as queue:
        job = queue.submit("verify", {}, collection="c", asked_by="local")
        with pytest.raises(KeyError), queue._store.notes() as db:
            _spoil(db)
        assert job == queue.find(job.id)
        assert 1 == queue.counts()["queued"]


def _spoil(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM jobs")
    raise KeyError
