"""A file on this machine → the durable queue of jobs that needs no other server.

Does not know what the tasks do. Changes are short transactions, so that a kill loses none.
"""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest, JobNotFound, Overloaded
from satseek.jobs.protocol import FINAL, STATES, Job
from satseek.jobs.storing import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from satseek.jobs.protocol import JobState, TaskName

KEEP_SECONDS = 24 * 3600.0
"""How long a job is kept once it is final."""

MAX_WAITING = 1000
"""Jobs that may wait; more are refused."""

MAX_ATTEMPTS = 3
"""How often a job is begun: what dies with its server every time may be what kills it."""

MAX_LOG = 16_000
"""Letters kept of what a job logs: its end, where it says why it failed."""

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY,
  task TEXT NOT NULL,
  parameters TEXT NOT NULL,
  collection TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  state TEXT NOT NULL,
  created REAL NOT NULL,
  started REAL,
  finished REAL,
  attempts INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '',
  log TEXT NOT NULL DEFAULT '',
  result TEXT,
  error TEXT NOT NULL DEFAULT '',
  cancelling INTEGER NOT NULL DEFAULT 0,
  key TEXT,
  UNIQUE (asked_by, key)
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, id);
"""

_ALL_BUT_LOG = (
    "id, task, parameters, collection, asked_by, state, created, started, finished, attempts,"
    " done, total, note, '' AS log, result, error, cancelling"
)


class EmbeddedQueue:
    """Jobs in SQLite; see ``JobQueue``."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open nothing yet.

        Args:
            path: The file; made when the first job is asked for.
            clock: Seconds since 1970.
        """
        self._store = Store(path, _TABLES)
        self._clock = clock

    def submit(
        self,
        task: TaskName,
        parameters: Mapping[str, Any],
        *,
        collection: str,
        asked_by: str,
        key: str | None = None,
    ) -> Job:
        """Write a job down; see ``JobQueue.submit``."""
        now = self._clock()
        written = json.dumps(dict(parameters), sort_keys=True)
        with self._store.transaction() as db:
            self._forget_old(db, now)
            before = db.execute(
                "SELECT * FROM jobs WHERE asked_by = ? AND key = ?", (asked_by, key)
            ).fetchone()
            if before is not None:
                if (before["task"], before["parameters"]) != (task, written):
                    raise InvalidRequest("key: came before with another job; take a new one")
                return _job(before)
            text = "SELECT count(*) FROM jobs WHERE state = 'queued'"
            if db.execute(text).fetchone()[0] >= MAX_WAITING:
                raise Overloaded(f"{MAX_WAITING} jobs are waiting already; try again later")
            job_id = _new_id(db, now)
            db.execute(
                "INSERT INTO jobs (id, task, parameters, collection, asked_by, state, created, key)"
                " VALUES (?, ?, ?, ?, ?, 'queued', ?, ?)",
                (job_id, task, written, collection, asked_by, now, key),
            )
            return _found(db, job_id)

    def find(self, job_id: str) -> Job:
        """Give a job as it stands; see ``JobQueue.find``."""
        with self._store.transaction() as db:
            self._forget_old(db, self._clock())
            return _found(db, job_id)

    def jobs(self) -> list[Job]:
        """Give all that are kept, the newest first."""
        with self._store.transaction() as db:
            self._forget_old(db, self._clock())
            text = f"SELECT {_ALL_BUT_LOG} FROM jobs ORDER BY id DESC"  # noqa: S608 - ours
            return [_job(row) for row in db.execute(text)]

    def cancel(self, job_id: str) -> Job:
        """Have a job end; see ``JobQueue.cancel``."""
        with self._store.transaction() as db:
            job = _found(db, job_id)
            if job.state == "queued":
                text = "UPDATE jobs SET state = 'cancelled', finished = ? WHERE id = ?"
                db.execute(text, (self._clock(), job_id))
            elif job.state == "running":
                db.execute("UPDATE jobs SET cancelling = 1 WHERE id = ?", (job_id,))
            return _found(db, job_id)

    def claim(self) -> Job | None:
        """Take the oldest that waits; see ``JobQueue.claim``."""
        with self._store.transaction() as db:
            text = "SELECT id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1"
            row = db.execute(text).fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1,"
                " started = coalesce(started, ?) WHERE id = ?",
                (self._clock(), row["id"]),
            )
            return _found(db, row["id"])

    def recover(self) -> list[Job]:
        """Put back what was running when its worker died; see ``JobQueue.recover``."""
        changed = []
        with self._store.transaction() as db:
            rows = db.execute("SELECT * FROM jobs WHERE state = 'running'").fetchall()
            for job in map(_job, rows):
                state, error = _after_death(job)
                finished = self._clock() if state in FINAL else None
                db.execute(
                    "UPDATE jobs SET state = ?, error = ?, finished = ?, cancelling = 0"
                    " WHERE id = ?",
                    (state, error, finished, job.id),
                )
                changed.append(_found(db, job.id))
        return changed

    def report(self, job_id: str, *, done: int, total: int, note: str, log: str) -> bool:
        """Write down how far a running job is; returns whether somebody wants it to end."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE jobs SET done = ?, total = ?, note = ?, log = ? WHERE id = ?",
                (done, total, note, log[-MAX_LOG:], job_id),
            )
            return _found(db, job_id).cancelling

    def finish(
        self,
        job_id: str,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        error: str = "",
        log: str = "",
    ) -> Job:
        """Write down what came of a running job."""
        written = None if result is None else json.dumps(dict(result))
        with self._store.transaction() as db:
            db.execute(
                "UPDATE jobs SET state = ?, result = ?, error = ?, log = ?, finished = ?,"
                " cancelling = 0 WHERE id = ? AND state = 'running'",
                (state, written, error, log[-MAX_LOG:], self._clock(), job_id),
            )
            return _found(db, job_id)

    def put_back(self, job_id: str) -> Job:
        """Have a running job wait again; see ``JobQueue.put_back``."""
        with self._store.transaction() as db:
            db.execute(
                "UPDATE jobs SET state = 'queued', attempts = attempts - 1"
                " WHERE id = ? AND state = 'running'",
                (job_id,),
            )
            return _found(db, job_id)

    def counts(self) -> Mapping[JobState, int]:
        """Count the jobs that are kept, by state."""
        if not self._store.path.is_file():
            return dict.fromkeys(STATES, 0)
        with self._store.transaction() as db:
            found = db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall()
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in found}

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def _forget_old(self, db: sqlite3.Connection, now: float) -> None:
        db.execute("DELETE FROM jobs WHERE finished < ?", (now - KEEP_SECONDS,))


def _after_death(job: Job) -> tuple[JobState, str]:
    """What becomes of a job whose worker died: tasks go on where they were killed."""
    if job.cancelling:
        return "cancelled", ""
    if job.attempts < MAX_ATTEMPTS:
        return "queued", ""
    return "failed", f"the server ended {job.attempts} times while it ran; it was not begun again"


def _new_id(db: sqlite3.Connection, now: float) -> str:
    """Milliseconds, then chance: later ones sort behind, also where a clock went back."""
    last = db.execute("SELECT max(id) FROM jobs").fetchone()[0]
    moment = max(int(now * 1000), int(last[:12], 16) + 1 if last else 0)
    return f"{moment:012x}{secrets.token_hex(2)}"


def _found(db: sqlite3.Connection, job_id: str) -> Job:
    row = db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise JobNotFound(f"no job {job_id[:32]!r}; those that ended are kept for a day")
    return _job(row)


def _job(row: sqlite3.Row) -> Job:
    fields = {name: row[name] for name in row.keys() if name != "key"}  # noqa: SIM118 - a row
    for name in ("created", "started", "finished"):
        seconds = fields[name]
        fields[name] = None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)
    fields["parameters"] = json.loads(fields["parameters"])
    fields["result"] = None if fields["result"] is None else json.loads(fields["result"])
    fields["cancelling"] = bool(fields["cancelling"])
    return Job(**fields)
