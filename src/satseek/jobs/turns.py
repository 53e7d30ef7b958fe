"""A queue's database at a moment → the job whose turn it is.

Does not know who does it. Nothing here looks at more rows than it changes, however many wait.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from satseek.jobs.checks import PRIORITIES
from satseek.jobs.protocol import FINAL, LEASE_SECONDS

if TYPE_CHECKING:
    import sqlite3

    from satseek.jobs.clocks import Moment
    from satseek.jobs.protocol import JobState

logger = logging.getLogger(__name__)

BATCH = 1000
"""Rows that one change settles at most, so that it is short; the next one goes on."""

_READY = "FROM jobs INDEXED BY jobs_ready WHERE state = 'queued' AND ready = 1"

_DUE = (
    "FROM jobs INDEXED BY jobs_later WHERE state = 'queued' AND ready = 0 AND not_before <= :wall"
)

_SILENT = (
    "FROM jobs INDEXED BY jobs_running WHERE state = 'running' AND"
    " CASE WHEN heard_boot = :boot AND :boot <> '' THEN heard_ticks < :ticks - :lease"
    " ELSE heard IS NULL OR heard NOT BETWEEN :wall - :lease AND :wall + :lease END"
)
"""Workers that were not heard of. What this start of the machine wrote is measured by the clock
that does not jump; anything else by the clock on the wall, where the future is no proof of life."""

_EXPIRED = "FROM jobs INDEXED BY jobs_expiring WHERE expires <= :wall"

_ANYTHING = "SELECT " + " OR ".join(
    f"EXISTS (SELECT 1 {one})" for one in (_READY, _DUE, _SILENT, _EXPIRED)
)


def is_anything(db: sqlite3.Connection, now: Moment) -> bool:
    """Tell whether ``settle`` or ``first`` would find anything."""
    return bool(db.execute(_ANYTHING, _at(now)).fetchone()[0])


def settle(db: sqlite3.Connection, now: Moment) -> None:
    """Put right what time alone has changed: dead workers, moments that came, jobs to forget."""
    for row in db.execute(f"SELECT * {_SILENT} LIMIT {BATCH}", _at(now)).fetchall():
        _give_up(db, row, now)
    db.execute(
        f"UPDATE jobs SET ready = 1 WHERE id IN (SELECT id {_DUE} ORDER BY not_before"  # noqa: S608
        f" LIMIT {BATCH})",
        _at(now),
    )
    forget(db, now)


def forget(db: sqlite3.Connection, now: Moment) -> None:
    """Delete jobs that were to be kept no longer."""
    text = f"DELETE FROM jobs WHERE id IN (SELECT id {_EXPIRED} LIMIT {BATCH})"  # noqa: S608
    db.execute(text, _at(now))


def first(db: sqlite3.Connection) -> str | None:
    """Give the id of the job whose turn it is."""
    row = db.execute(f"SELECT id {_READY} ORDER BY priority DESC, id LIMIT 1").fetchone()
    return row[0] if row else None


def longest_wait(db: sqlite3.Connection, now: Moment) -> float:
    """Give the longest wait, in seconds, among the first in line of each priority; 0: none waits.

    One look into an index for each priority, however many wait.
    """
    waits = [0.0]
    for priority in PRIORITIES:
        row = db.execute(
            f"SELECT created, not_before {_READY} AND priority = ? ORDER BY id LIMIT 1",
            (priority,),
        ).fetchone()
        if row is not None:
            waits.append(now.wall - max(row["created"], row["not_before"] or 0.0))
    due = db.execute(f"SELECT min(not_before) {_DUE}", _at(now)).fetchone()[0]  # nobody settled it
    return max(waits) if due is None else max(*waits, now.wall - due)


def end(db: sqlite3.Connection, job_id: str, state: JobState, now: Moment, **said: Any) -> None:
    """Write down a job's final state, and what is said of it."""
    assert state in FINAL
    named = ", ".join(f"{name} = :{name}" for name in said)
    db.execute(
        "UPDATE jobs SET state = :state, ready = 0, cancelling = 0, token = '', finished = :wall,"  # noqa: S608
        f" expires = :wall + keep_seconds{', ' if named else ''}{named} WHERE id = :id",
        {**said, "state": state, "wall": now.wall, "id": job_id},
    )


def wait_again(
    db: sqlite3.Connection,
    job_id: str,
    *,
    attempts: int,
    not_before: float | None,
    error: str,
    kind: str,
) -> None:
    """Write down that a job that was begun waits."""
    db.execute(
        "UPDATE jobs SET state = 'queued', ready = :ready, cancelling = 0, token = '',"
        " attempts = :attempts, not_before = coalesce(:not_before, not_before), error = :error,"
        " error_kind = :kind,"
        " started = CASE WHEN :attempts = 0 THEN NULL ELSE started END,"
        " begun = CASE WHEN :attempts = 0 THEN NULL ELSE begun END,"
        " done = 0, total = 0, note = '' WHERE id = :id",
        {
            "id": job_id,
            "ready": not_before is None,
            "attempts": attempts,
            "not_before": not_before,
            "error": error,
            "kind": kind,
        },
    )


def _give_up(db: sqlite3.Connection, row: sqlite3.Row, now: Moment) -> None:
    """Take a job from a worker that died; what it has committed is found by the next one."""
    job_id, attempts = row["id"], row["attempts"]
    if row["cancelling"]:
        end(db, job_id, "cancelled", now)
        logger.warning("job %s: its worker died; it was to end, and has", job_id)
        return
    if attempts < row["most_attempts"]:
        error = f"its worker was not heard of for {LEASE_SECONDS:g} s"
        wait_again(db, job_id, attempts=attempts, not_before=None, error=error, kind="")
        logger.warning("job %s: %s; it waits again", job_id, error)
        return
    times = "once" if attempts == 1 else f"{attempts} times"
    error = f"its worker died; it was begun {times} and is not begun again"
    end(db, job_id, "failed", now, error=error)
    logger.warning("job %s: %s", job_id, error)


def _at(now: Moment) -> dict[str, Any]:
    return {"wall": now.wall, "ticks": now.ticks, "boot": now.boot, "lease": LEASE_SECONDS}
