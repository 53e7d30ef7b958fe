"""What is asked of a queue → rows of its database: jobs and schedules written down, found, ended.

Does not know who does the jobs. Changes are short transactions: a kill loses none, and what was
given out as queued or cancelled outlives a power failure, too.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest, JobNotFound, Overloaded, ScheduleNotFound
from satseek.index.storing import Store
from satseek.jobs import turns
from satseek.jobs.checks import check_terms, check_text, plain, written
from satseek.jobs.clocks import Moment, moment_here
from satseek.jobs.presence import is_anybody_there
from satseek.jobs.protocol import STATES, Terms
from satseek.jobs.scheduling import check_schedule
from satseek.jobs.tables import SHOWN, job_of, lay_out, schedule_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from satseek.jobs.protocol import Job, JobState, Schedule, TaskName

MAX_WAITING = 5_000_000
"""Jobs that may wait; more are refused. A queue of a million is as fast as an empty one
(bench/job_queue.py); so many take about 1 GB of disk, which is what this bounds."""

_TERMS = Terms()

_BEHIND_ALL = "g"
"""Sorts behind every hex digit, and so behind every id."""


class Ledger:
    """Jobs in SQLite; see ``JobQueue``."""

    def __init__(self, path: Path, *, clock: Callable[[], Moment] = moment_here) -> None:
        """Open nothing yet.

        Args:
            path: The file; made when the first job is asked for.
            clock: What time it is.
        """
        self._store = Store(path, lay_out)
        self._clock = clock

    def submit(
        self,
        task: TaskName,
        parameters: Mapping[str, Any],
        *,
        collection: str,
        asked_by: str,
        key: str | None = None,
        terms: Terms = _TERMS,
        schedule: str = "",
    ) -> Job:
        """Write a job down; see ``JobQueue.submit``."""
        check_terms(terms)
        text = written(parameters)
        for what, name in (("collection", collection), ("asked_by", asked_by), ("key", key or "")):
            check_text(what, name)
        now = self._clock()
        with self._store.transaction() as db:
            turns.forget(db, now)
            if key is not None:
                before = _of_key(db, asked_by, key, now)
                if before is not None:
                    if (before["task"], before["parameters"]) != (task, text):
                        raise InvalidRequest("key: came before with another job; take a new one")
                    return find_job(db, before["id"], now)
            asked = {
                "task": task,
                "parameters": text,
                "collection": collection,
                "asked_by": asked_by,
                "key": key,
                "schedule": schedule,
            }
            return _written_down(db, asked, terms, now)

    def find(self, job_id: str) -> Job:
        """Give a job as it stands; see ``JobQueue.find``."""
        with self._store.reading() as db:
            return find_job(db, plain(job_id), self._clock())

    def jobs(self, *, before: str = "", limit: int | None = None) -> list[Job]:
        """Give those that are kept, the newest first; see ``JobQueue.jobs``."""
        text = (
            f"SELECT {SHOWN} FROM jobs WHERE id < ? AND (expires IS NULL OR expires > ?)"  # noqa: S608
            " ORDER BY id DESC LIMIT ?"
        )
        asked = (plain(before) or _BEHIND_ALL, self._clock().wall, -1 if limit is None else limit)
        with self._store.reading() as db:
            return [job_of(row) for row in db.execute(text, asked)]

    def cancel(self, job_id: str) -> Job:
        """Have a job end; see ``JobQueue.cancel``."""
        now = self._clock()
        job_id = plain(job_id)
        with self._store.transaction() as db:
            job = find_job(db, job_id, now)
            if job.state == "queued":
                turns.end(db, job_id, "cancelled", now)
            elif job.state == "running":
                db.execute("UPDATE jobs SET cancelling = 1 WHERE id = ?", (job_id,))
            return find_job(db, job_id, now)

    def counts(self) -> Mapping[JobState, int]:
        """Count the jobs that are kept, by state."""
        if not self._store.path.is_file():
            return dict.fromkeys(STATES, 0)
        expired = (
            "SELECT state, -count(*) FROM jobs INDEXED BY jobs_expiring WHERE expires <= ?"
            " GROUP BY state"
        )
        with self._store.reading() as db:
            counts: dict[JobState, int] = dict(db.execute("SELECT state, n FROM counts").fetchall())
            for state, less in db.execute(expired, (self._clock().wall,)):
                counts[state] += less
        return {state: counts[state] for state in STATES}

    def wait_seconds(self) -> float:
        """Say how long a job has waited for its turn; see ``JobQueue.wait_seconds``."""
        if not self._store.path.is_file():
            return 0.0
        with self._store.reading() as db:
            return turns.longest_wait(db, self._clock())

    def is_attended(self) -> bool:
        """Tell whether a worker of this machine takes its jobs."""
        return is_anybody_there(self._store.path.parent)

    def put_schedule(self, schedule: Schedule) -> Schedule:
        """Set a schedule up; see ``JobQueue.put_schedule``."""
        check_schedule(schedule)
        text = written(schedule.parameters)
        with self._store.transaction() as db:
            before = _schedule(db, schedule.name)
            if before is not None and _same(before, schedule):
                return before
            db.execute(
                "INSERT OR REPLACE INTO schedules (name, cron, timezone, task, parameters,"
                " collection, asked_by, priority, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    schedule.name,
                    schedule.cron,
                    schedule.timezone,
                    schedule.task,
                    text,
                    schedule.collection,
                    schedule.asked_by,
                    schedule.priority,
                    schedule.created.timestamp(),
                ),
            )
            after = _schedule(db, schedule.name)
            assert after is not None
            return after

    def schedules(self) -> list[Schedule]:
        """Give all schedules, by name."""
        if not self._store.path.is_file():
            return []
        with self._store.reading() as db:
            rows = db.execute("SELECT * FROM schedules ORDER BY name").fetchall()
        return [schedule_of(row) for row in rows]

    def remove_schedule(self, name: str) -> None:
        """Forget a schedule; see ``JobQueue.remove_schedule``."""
        with self._store.transaction() as db:
            if not db.execute("DELETE FROM schedules WHERE name = ?", (plain(name),)).rowcount:
                raise ScheduleNotFound(f"no schedule {name[:64]!a}")

    def fire(self, schedule: Schedule, moment: datetime) -> Job | None:
        """Ask for the job of one moment, once; see ``JobQueue.fire``."""
        now = self._clock()
        with self._store.transaction() as db:
            stored = _schedule(db, schedule.name)
            if stored is None or not _same(stored, schedule):
                return None
            if stored.created != schedule.created or (stored.last and stored.last >= moment):
                return None
            text = "UPDATE schedules SET last = ? WHERE name = ?"
            db.execute(text, (moment.astimezone(UTC).timestamp(), schedule.name))
            asked = {
                "task": stored.task,
                "parameters": written(stored.parameters),
                "collection": stored.collection,
                "asked_by": stored.asked_by,
                "key": None,
                "schedule": stored.name,
            }
            return _written_down(db, asked, Terms(priority=stored.priority), now)

    def close(self) -> None:
        """Close the database."""
        self._store.close()


def _written_down(
    db: sqlite3.Connection, asked: Mapping[str, Any], terms: Terms, now: Moment
) -> Job:
    waiting = db.execute("SELECT n FROM counts WHERE state = 'queued'").fetchone()[0]
    if waiting >= MAX_WAITING:
        raise Overloaded(f"{MAX_WAITING} jobs are waiting already; try again later")
    later = None if terms.not_before is None else terms.not_before.timestamp()
    row = {
        **asked,
        "id": _new_id(db, now.wall),
        "state": "queued",
        "ready": later is None or later <= now.wall,
        "priority": terms.priority,
        "most_attempts": terms.attempts,
        "keep_seconds": terms.keep_seconds,
        "not_before": later,
        "created": now.wall,
    }
    names = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    db.execute(f"INSERT INTO jobs ({names}) VALUES ({places})", row)  # noqa: S608 - our own names
    return find_job(db, row["id"], now)


def _of_key(db: sqlite3.Connection, asked_by: str, key: str, now: Moment) -> sqlite3.Row | None:
    """Find what a principal asked for with a key; a job that has expired makes room."""
    db.execute(
        "DELETE FROM jobs WHERE asked_by = ? AND key = ? AND expires <= ?",
        (asked_by, key, now.wall),
    )
    text = "SELECT id, task, parameters FROM jobs WHERE asked_by = ? AND key = ?"
    found: sqlite3.Row | None = db.execute(text, (asked_by, key)).fetchone()
    return found


def _schedule(db: sqlite3.Connection, name: str) -> Schedule | None:
    row = db.execute("SELECT * FROM schedules WHERE name = ?", (name,)).fetchone()
    return None if row is None else schedule_of(row)


def _same(one: Schedule, other: Schedule) -> bool:
    """Tell whether two ask for the same at the same moments."""
    return replace(one, last=None, created=other.created) == replace(other, last=None)


def _new_id(db: sqlite3.Connection, wall: float) -> str:
    """Milliseconds, then chance: later ones sort behind, also where a clock went back."""
    last = db.execute("SELECT max(id) FROM jobs").fetchone()[0]
    moment = max(int(wall * 1000), int(last[:12], 16) + 1 if last else 0)
    return f"{moment:012x}{secrets.token_hex(2)}"


def find_job(db: sqlite3.Connection, job_id: str, now: Moment) -> Job:
    """Give a job as it stands.

    Raises:
        JobNotFound: there is none of that id, or it has expired.
    """
    row = db.execute(f"SELECT {SHOWN}, log FROM jobs WHERE id = ?", (job_id,)).fetchone()  # noqa: S608
    if row is None or (row["expires"] is not None and row["expires"] <= now.wall):
        raise JobNotFound(
            f"no job {job_id[:32]!a}; those that ended are kept for a day unless told otherwise"
        )
    return job_of(row)
