"""A Redis → the durable queue of jobs of several machines, which RQ's own tools can look into.

Does not know what the tasks do. Every change is one step that Redis takes whole and by its own
clock; a try that was given up is not heard any more.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from satseek.errors import LeaseLost
from satseek.jobs.checks import plain
from satseek.jobs.protocol import ATTENDED_SECONDS, LEASE_SECONDS, MAX_LOG, Lease
from satseek.jobs.retrying import delay
from satseek.jobs.rqueue.bell import Bell
from satseek.jobs.rqueue.fields import STATUS_OF, job_of, our_fields, told_to_rq
from satseek.jobs.rqueue.ledger import RqLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.jobs.protocol import Job, JobState

_SILENT = f"its worker was not heard of for {LEASE_SECONDS:g} s"
_DIED = "its worker died; it was begun %s and is not begun again"


class RqQueue(RqLedger):
    """Jobs in Redis, for workers of any machine that reaches it; see ``LeasingQueue``.

    Leases go by the clock of Redis alone, so that machines' clocks may differ. While Redis is away
    nobody can be heard of, so whoever found it away takes no job from another for as long as a
    lease lasts after it is back.
    """

    def __init__(
        self, url: str, *, replicas: int = 0, clock: Callable[[], float] | None = None
    ) -> None:
        """Connect when first asked, not yet; see ``RqLedger``."""
        super().__init__(url, replicas=replicas, clock=clock)
        self._url = url
        self._bells: list[Bell] = []
        self._logged: dict[str, str] = {}
        """What was last written down of the log of each try: it is sent where it changed."""

    def listen(self, on_news: Callable[[], None]) -> None:
        """Call somebody whenever a job came, ended or is to end, until this is closed."""
        self._bells.append(Bell(self._url, on_news))

    def close(self) -> None:
        """Let go of the connections; they are made again when needed."""
        while self._bells:
            self._bells.pop().close()
        super().close()

    def claim(self, worker: str) -> Lease | None:
        """Take the first that waits; see ``LeasingQueue.claim``."""
        token = secrets.token_hex(8)
        answer: list[Any] = [b"again"]
        while answer[0] == b"again":  # it has passed thousands that were cancelled
            answer = self._steps.take(
                "claim",
                worker=plain(worker),
                token=token,
                silent=_SILENT,
                died=_DIED,
                take_back=True if self._steps.heard_for(LEASE_SECONDS) else None,
            )
        if answer[0] == b"none":
            return None
        return Lease(job=job_of(answer[1], answer[2]), token=token)

    def attend(self, worker: str) -> None:
        """Tell that a worker takes its jobs; see ``LeasingQueue.attend``."""
        self._steps.take("attend", worker=plain(worker), seconds=ATTENDED_SECONDS)

    def report(self, lease: Lease, *, done: int, total: int, note: str, log: str) -> bool:
        """Write down how far a try is; see ``LeasingQueue.report``."""
        told = our_fields(done=done, total=total, note=plain(note))
        tail = plain(log[-MAX_LOG:])
        if self._logged.get(lease.token, "") != tail:
            told += our_fields(log=tail)
        answer = self._held("report", lease, told)
        self._logged[lease.token] = tail
        return bool(answer[0] == b"cancelling")

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
        told = _said(error, error_kind, log)
        entry = None
        if result is not None:
            told += our_fields(result=json.dumps(dict(result)))
            entry = told_to_rq(self._steps.client, lease.job.id, lease.job.worker, result)
        return self._ended("finish", lease, told, status=STATUS_OF[state], entry=entry)

    def retry(self, lease: Lease, *, error: str, error_kind: str = "", log: str = "") -> Job:
        """Have a failed try be made again later; see ``LeasingQueue.retry``."""
        told = _said(error, error_kind, log)
        return self._ended("retry", lease, told, delay=delay(lease.job.attempts))

    def put_back(self, lease: Lease) -> Job:
        """Have a job wait again; see ``LeasingQueue.put_back``."""
        return self._ended("put_back", lease, [])

    def _ended(self, step: str, lease: Lease, told: Sequence[str | bytes], **given: Any) -> Job:
        """Take a step after which a try is over."""
        answer = self._held(step, lease, told, **given)
        self._logged.pop(lease.token, None)
        return job_of(answer[1], answer[2])

    def _held(
        self, step: str, lease: Lease, told: Sequence[str | bytes], **given: Any
    ) -> list[Any]:
        """Take a step of a try, as long as it is the one at work."""
        answer = self._steps.take(step, fields=told, id=lease.job.id, token=lease.token, **given)
        if answer[0] == b"lost":
            self._logged.pop(lease.token, None)
            raise LeaseLost(
                f"job {lease.job.id}: its try {lease.job.attempts} was given up meanwhile; what it "
                "says is not written down"
            )
        return answer


def _said(error: str, error_kind: str, log: str) -> list[str | bytes]:
    tail = plain(log[-MAX_LOG:])
    return our_fields(error=plain(error), error_kind=error_kind, log=tail)
