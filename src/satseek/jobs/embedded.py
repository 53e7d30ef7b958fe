"""A file on this machine → the durable queue of jobs that needs no other server.

Does not know what the tasks do. Any number of workers of this machine take its jobs; a try that was
given up is not heard any more.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from satseek.errors import LeaseLost
from satseek.jobs import turns
from satseek.jobs.checks import plain
from satseek.jobs.ledger import Ledger, find_job
from satseek.jobs.protocol import MAX_LOG, Lease
from satseek.jobs.retrying import delay

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from satseek.jobs.clocks import Moment
    from satseek.jobs.protocol import Job, JobState


class EmbeddedQueue(Ledger):
    """Jobs in SQLite, for workers of this machine; see ``LeasingQueue``.

    Leases go by the time since the machine started, which setting the clock does not change; only
    those from before a restart go by the clock on the wall. When a job is to begin and how long it
    is kept are moments of that clock: set forward, it brings them nearer.
    """

    def claim(self, worker: str) -> Lease | None:
        """Take the first that waits; see ``LeasingQueue.claim``. Where none does it only reads."""
        now = self._clock()
        with self._store.reading() as db:
            if not turns.is_anything(db, now):
                return None
        token = secrets.token_hex(8)
        with self._store.transaction() as db:
            turns.settle(db, now)
            job_id = turns.first(db)
            if job_id is None:
                return None
            db.execute(
                "UPDATE jobs SET state = 'running', ready = 0, attempts = attempts + 1,"
                " started = coalesce(started, :wall), begun = :wall, worker = :worker,"
                " token = :token, heard = :wall, heard_ticks = :ticks, heard_boot = :boot,"
                " error = '', error_kind = '', log = '' WHERE id = :id",
                {**_heard(now), "worker": plain(worker), "token": token, "id": job_id},
            )
            return Lease(job=find_job(db, job_id, now), token=token)

    def attend(self, worker: str) -> None:
        """Do nothing: the lock that a worker holds in this folder tells; see ``presence``."""

    def report(self, lease: Lease, *, done: int, total: int, note: str, log: str) -> bool:
        """Write down how far a try is; see ``LeasingQueue.report``."""
        said = {"done": done, "total": total, "note": plain(note), "log": plain(log[-MAX_LOG:])}
        with self._store.notes() as db:
            row = _held(db, lease)
            db.execute(
                "UPDATE jobs SET done = :done, total = :total, note = :note, log = :log,"
                " heard = :wall, heard_ticks = :ticks, heard_boot = :boot WHERE id = :id",
                {**said, **_heard(self._clock()), "id": lease.job.id},
            )
            return bool(row["cancelling"])

    def finish(
        self,
        lease: Lease,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        error: str = "",
        error_kind: str = "",
        log: str = "",
    ) -> Job:
        """Write down what came of a job; see ``LeasingQueue.finish``."""
        now = self._clock()
        said = {
            "result": None if result is None else json.dumps(dict(result)),
            "error": plain(error),
            "error_kind": plain(error_kind),
            "log": plain(log[-MAX_LOG:]),
        }
        with self._store.transaction() as db:
            _held(db, lease)
            turns.end(db, lease.job.id, state, now, **said)
            return find_job(db, lease.job.id, now)

    def retry(self, lease: Lease, *, error: str, error_kind: str = "", log: str = "") -> Job:
        """Have a failed try be made again later; see ``LeasingQueue.retry``."""
        now = self._clock()
        job_id, error, kind = lease.job.id, plain(error), plain(error_kind)
        with self._store.transaction() as db:
            row = _held(db, lease)
            attempts = row["attempts"]
            if row["cancelling"]:
                turns.end(db, job_id, "cancelled", now)
            elif attempts >= row["most_attempts"]:
                turns.end(db, job_id, "failed", now, error=error, error_kind=kind)
            else:
                later = now.wall + delay(attempts)
                turns.wait_again(
                    db, job_id, attempts=attempts, not_before=later, error=error, kind=kind
                )
            db.execute("UPDATE jobs SET log = ? WHERE id = ?", (plain(log[-MAX_LOG:]), job_id))
            return find_job(db, job_id, now)

    def put_back(self, lease: Lease) -> Job:
        """Have a job wait again; see ``LeasingQueue.put_back``."""
        now = self._clock()
        with self._store.transaction() as db:
            row = _held(db, lease)
            if row["cancelling"]:
                turns.end(db, lease.job.id, "cancelled", now)
            else:
                attempts = row["attempts"] - 1
                turns.wait_again(
                    db, lease.job.id, attempts=attempts, not_before=None, error="", kind=""
                )
            return find_job(db, lease.job.id, now)


def _held(db: sqlite3.Connection, lease: Lease) -> sqlite3.Row:
    """Give what counts for a try that goes on."""
    row: sqlite3.Row | None = db.execute(
        "SELECT cancelling, attempts, most_attempts FROM jobs"
        " WHERE id = ? AND token = ? AND state = 'running'",
        (lease.job.id, lease.token),
    ).fetchone()
    if row is None:
        raise LeaseLost(
            f"job {lease.job.id}: its try {lease.job.attempts} was given up meanwhile; what it "
            "says is not written down"
        )
    return row


def _heard(now: Moment) -> dict[str, Any]:
    return {"wall": now.wall, "ticks": now.ticks, "boot": now.boot}
