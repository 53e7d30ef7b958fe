"""One lease → its job done, told of meanwhile, and settled when it has ended.

Does not know where leases come from. What cannot be written down is told again until it is: a job
is never done before its result is safe, and never forgotten because a disk was full.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from satseek.errors import LeaseLost, SatseekError
from satseek.jobs.protocol import LEASE_SECONDS
from satseek.jobs.retrying import may_pass
from satseek.logs import log_line

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from satseek.jobs.protocol import Job, Lease, LeasingQueue
    from satseek.jobs.running import Runner

logger = logging.getLogger(__name__)

T = TypeVar("T")

TICK_SECONDS = 0.3
"""How often it is read whether somebody wants the job to end: it takes effect within a second."""

REPORT_SECONDS = 1.0
"""Progress is written down no more often than this."""

BEAT_SECONDS = LEASE_SECONDS / 5
"""How often a worker is heard of while its job is silent."""

AGAIN_SECONDS = 1.0
"""Pause before what could not be written down is told again."""

Ending: TypeAlias = Literal["by itself", "wanted", "stopped"]
"""How it came that a job ended; ``stopped``: its worker does."""


class Attempt:
    """One try of a job."""

    def __init__(
        self, lease: Lease, *, queue: LeasingQueue, runner: Runner, stopping: threading.Event
    ) -> None:
        """Begin nothing yet.

        Args:
            lease: As the queue gave it.
            queue: Where it is told of.
            runner: Has no job.
            stopping: Set where the job is to be put back, for another worker.
        """
        self._lease = lease
        self._queue = queue
        self._runner = runner
        self._stopping = stopping
        self._told: tuple[object, ...] = ()
        self._heard = time.monotonic()
        self._said = ""

    def make(self) -> Job | None:
        """Make it; returns the job as it is then.

        None: it is another worker's by now, or will be, as its end could not be written down
        before this one stopped.
        """
        started = time.monotonic()
        lease = self._lease
        try:
            job = self._made()
        except LeaseLost as error:
            self._runner.end()
            logger.warning("%s", error)
            return None
        if job is not None:
            log_line(
                logger,
                "job",
                id=job.id,
                task=job.task,
                collection=job.collection,
                asked_by=job.asked_by,
                state=job.state,
                attempt=lease.job.attempts,
                seconds=round(time.monotonic() - started, 2),
                **({"error": job.error} if job.error else {}),
            )
        return job

    def _made(self) -> Job | None:
        try:
            self._runner.begin(self._lease.job)
        except SatseekError as error:  # memory or processes are short, which passes
            told = str(error)
            return self._write(lambda: self._queue.retry(self._lease, error=told))
        return self._settled(self._watched())

    def _watched(self) -> Ending:
        """Wait until the job has ended, or end it."""
        while not self._runner.wait(TICK_SECONDS):
            if self._stopping.is_set():
                self._runner.close()
                return "stopped"
            if self._is_to_end():
                self._runner.end()
                return "wanted"
        return "by itself"

    def _settled(self, ending: Ending) -> Job | None:
        queue, lease, runner = self._queue, self._lease, self._runner
        result, error, kind, log = runner.result, runner.error, runner.error_kind, runner.log
        if result is not None:
            self._tell_last_progress()
            return self._write(lambda: queue.finish(lease, "done", result=result, log=log))
        match ending:
            case "wanted":
                return self._write(lambda: queue.finish(lease, "cancelled", log=log))
            case "stopped":
                return self._write(lambda: queue.put_back(lease))
        if may_pass(kind, runner.exit_code):
            return self._write(lambda: queue.retry(lease, error=error, error_kind=kind, log=log))
        return self._write(
            lambda: queue.finish(lease, "failed", error=error, error_kind=kind, log=log)
        )

    def _is_to_end(self) -> bool:
        """Be heard of where it is time, and read whether somebody wants an end."""
        since = time.monotonic() - self._heard
        news = self._told != self._news() and since >= REPORT_SECONDS
        try:
            if news or since >= BEAT_SECONDS:
                return self._reported()
            return self._queue.find(self._lease.job.id).cancelling
        except LeaseLost:
            raise
        except SatseekError as error:  # progress that is not written down is no reason to fail
            self._say_once(f"its progress is not written down: {error}")
            return False

    def _news(self) -> tuple[object, ...]:
        told = self._runner.progress
        return (told.get("done"), told.get("total"), told.get("note"), self._runner.log)

    def _reported(self) -> bool:
        told = self._runner.progress
        self._told, self._heard = self._news(), time.monotonic()
        return self._queue.report(
            self._lease,
            done=int(told.get("done", 0)),
            total=int(told.get("total", 0)),
            note=str(told.get("note", "")),
            log=self._runner.log,
        )

    def _tell_last_progress(self) -> None:
        """Have a job that is done show all of it as done."""
        if self._runner.progress and self._told != self._news():
            self._write(self._reported, once=True)

    def _write(self, write: Callable[[], T], *, once: bool = False) -> T | None:
        """Write down what must be, however long it takes; None: not before this worker stopped.

        Raises:
            LeaseLost: the job is another worker's by now.
        """
        while True:
            try:
                return write()
            except LeaseLost:
                raise
            except (SatseekError, OSError) as error:
                self._say_once(f"what came of it cannot be written down yet: {error}")
            if once or self._stopping.wait(AGAIN_SECONDS):
                return None
            self._beat()

    def _beat(self) -> None:
        """Keep the lease where that can be written, though something larger cannot."""
        if time.monotonic() - self._heard >= BEAT_SECONDS:
            try:
                self._reported()
            except LeaseLost:
                raise
            except (SatseekError, OSError):  # told above
                return

    def _say_once(self, reason: str) -> None:
        """Log what goes wrong; the same not again."""
        if reason != self._said:
            logger.warning("job %s: %s", self._lease.job.id, reason)
        self._said = reason
