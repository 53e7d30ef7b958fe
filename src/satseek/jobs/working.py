"""A queue → its jobs done, one after the other, each in a process of its own.

Does not know who asked. Of several servers over one folder one works; another takes over when it
ends.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from satseek.errors import CollectionLocked, SatseekError
from satseek.index.lock import WriterLock
from satseek.jobs.running import Child
from satseek.logs import log_line

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.jobs.protocol import Job, JobQueue
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often the queue is asked for work, by whoever may do it."""

REPORT_SECONDS = 0.5
"""How often progress is written down, and whether somebody wants the job to end is read."""

STOP_SECONDS = 10.0
"""How long the end of a job is waited for when the server stops."""


class Worker:
    """The thread that has one job done at a time."""

    def __init__(self, queue: JobQueue, *, settings: Settings, lock: Path) -> None:
        """Start nothing yet.

        Args:
            queue: Where the jobs come from.
            settings: Of the server; jobs are told what they need.
            lock: File that only one worker holds.
        """
        self._queue = queue
        self._settings = settings
        self._lock_path = lock
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work now: there is a new job, or one to be ended."""
        self._woken.set()

    def stop(self) -> None:
        """End the job at work, which goes on when a server starts again, and the thread."""
        self._stop.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        lock: WriterLock | None = None
        settled = False
        while not self._stop.is_set():
            try:
                lock = lock or self._take_over()
                if lock and not settled:
                    self._recover()
                    settled = True
                job = self._queue.claim() if lock else None
                if job is not None:
                    self._do(job)
                    continue
                self._said = ""
            except (SatseekError, OSError) as error:
                settled = False  # what came of a job may not have been written down
                self._say_once(str(error))
            except Exception:  # the outermost loop: the next job is another one
                settled = False
                logger.exception("jobs")
            self._woken.wait(LOOK_SECONDS)
            self._woken.clear()
        if lock is not None:
            lock.release()

    def _say_once(self, reason: str) -> None:
        """Log why no work can be done, such as a folder that is read-only; the same not again."""
        if reason != self._said:
            logger.warning("jobs: %s", reason)
        self._said = reason

    def _take_over(self) -> WriterLock | None:
        """Become the one worker, unless another lives."""
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return WriterLock(self._lock_path)
        except CollectionLocked:
            return None

    def _recover(self) -> None:
        """Put right what a dead worker left, or this one where the disk failed in the middle."""
        for job in self._queue.recover():
            logger.warning("job %s: it was left in the middle; it is %s now", job.id, job.state)

    def _do(self, job: Job) -> None:
        started = time.monotonic()
        try:
            child = Child(job, self._settings)
        except SatseekError as error:
            self._queue.finish(job.id, "failed", error=str(error))
            return
        try:
            cancelled = self._watch(job, child)
        finally:
            child.end()  # where it has ended, nothing
            child.close()
        if self._stop.is_set() and not cancelled and child.result is None and not child.error:
            self._queue.put_back(job.id)
            return
        ended = self._finish(job, child, cancelled=cancelled)
        log_line(
            logger,
            "job",
            id=job.id,
            task=job.task,
            collection=job.collection,
            asked_by=job.asked_by,
            state=ended.state,
            seconds=round(time.monotonic() - started, 2),
        )

    def _watch(self, job: Job, child: Child) -> bool:
        """Wait until a job has ended, or end it; returns whether somebody wanted that."""
        while not child.wait(REPORT_SECONDS):
            cancelling = self._report(job, child)
            if cancelling or self._stop.is_set():
                child.end()
                return cancelling
        return False

    def _report(self, job: Job, child: Child) -> bool:
        told = child.progress
        try:
            return self._queue.report(
                job.id,
                done=int(told.get("done", 0)),
                total=int(told.get("total", 0)),
                note=str(told.get("note", "")),
                log=child.log,
            )
        except SatseekError as error:  # progress that is not written down is no reason to fail
            logger.warning("job %s: its progress is not written down: %s", job.id, error)
            return False

    def _finish(self, job: Job, child: Child, *, cancelled: bool) -> Job:
        if child.result is not None:
            return self._queue.finish(job.id, "done", result=child.result, log=child.log)
        if cancelled:
            return self._queue.finish(job.id, "cancelled", log=child.log)
        return self._queue.finish(job.id, "failed", error=child.how_it_ended(), log=child.log)
