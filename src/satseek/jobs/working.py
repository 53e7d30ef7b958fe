"""A queue → its jobs done, so many at once, each in a process of its own.

Does not know who asked. Any number of workers may live over one queue: a lease says whose a job is.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, get_args

from satseek.errors import JobNotFound, SatseekError
from satseek.jobs.attempting import Attempt
from satseek.jobs.delivering import Deliverer
from satseek.jobs.hours import settle_all
from satseek.jobs.presence import Presence
from satseek.jobs.protocol import ATTENDED_SECONDS, KEEP_SECONDS, LEASE_SECONDS
from satseek.jobs.results import folder_of, sweep
from satseek.jobs.running import Runner
from satseek.jobs.scheduling import Scheduler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from satseek.jobs.protocol import JobState, Lease, LeasingQueue, TaskName
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

FOLDER = "jobs"
"""Of the queue and its workers, in the data folder."""

LOOK_SECONDS = 0.1
"""How often the queue is asked for work while there is none; asking takes it about 50 µs."""

SOON_SECONDS = 0.02
"""The same for a while after a job: whoever waits for one often asks for the next one then."""

LIVELY_SECONDS = 10.0
"""How long that while is."""

PAUSE_SECONDS = 1.0
"""Pause after what nobody foresaw, so that a log is not flooded."""

WARM_SECONDS = 60.0
"""How long a process is kept for the next job; it holds 100 MB and more."""

TIDY_SECONDS = 600.0
"""How often what forgotten jobs left is cleared away."""

STOP_SECONDS = 10.0
"""How long the end of the jobs at work is waited for, once they were told to end."""


BEAT_SECONDS = ATTENDED_SECONDS / 3
"""How often a worker tells that it is there, whether it has a job or not."""

TryEnding: TypeAlias = Literal["done", "failed", "cancelled", "again", "lost"]
"""How a try of a job ended; ``again``: the job waits for another try; ``lost``: its worker was not
heard of in time, and somebody else has the job."""

ENDINGS: tuple[TryEnding, ...] = get_args(TryEnding)
"""All of them."""


_ENDING: Mapping[JobState, TryEnding] = {
    "queued": "again",
    "running": "again",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""How a try ended, by the job's state then."""


class TryObserver(Protocol):
    """Whoever counts tries; told from several threads."""

    def on_try(self, task: TaskName, ending: TryEnding, seconds: float) -> None:
        """Hear that a try of a job is over, how it ended and what time it took."""


class Worker:
    """The threads that have a queue's jobs done."""

    def __init__(
        self,
        queue: LeasingQueue,
        *,
        settings: Settings,
        lanes: int | None = None,
        burst: bool = False,
        program: Sequence[str] | None = None,
        observer: TryObserver | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            queue: Where the jobs come from.
            settings: Of the worker; jobs are told what they need.
            lanes: Jobs done at once; None: as set.
            burst: True: it ends when no job waits any more, also of those that wait for a moment.
            program: As ``Runner`` takes it.
            observer: Told of each try of a job when it is over; None: nobody is.
        """
        self._queue = queue
        self._settings = settings
        self._burst = burst
        self._program = program
        self._observer = observer
        self._woken = [threading.Event() for _ in range(lanes or settings.worker_processes)]
        self._draining = threading.Event()
        self._stopping = threading.Event()
        self._presence = Presence(settings.data_dir / FOLDER)
        self._entering = threading.Lock()
        self._said = ""
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    @property
    def name(self) -> str:
        """Say who it is: machine and process."""
        return f"{socket.gethostname()}:{os.getpid()}"

    def start(self) -> None:
        """Begin to look for work; returns at once."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work now: there is a new job, or one to be ended."""
        for woken in self._woken:
            woken.set()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; returns whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self, seconds: float = 0.0) -> None:
        """Take no more jobs, and end.

        Args:
            seconds: How long those at work may go on; then they are put back, for another worker.
        """
        self._draining.set()
        self.wake()
        if self._thread.is_alive() and not (seconds and self.wait(seconds)):
            self._stopping.set()
            self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        scheduler, deliverer = Scheduler(self._queue), Deliverer(self._settings)
        settle_all(self._settings, self._queue)
        scheduler.start()
        deliverer.start()
        try:
            self._work_in_lanes()
            if not self._draining.is_set():
                deliverer.finish()  # what the last job has written down
        finally:
            scheduler.stop()
            deliverer.stop()

    def _work_in_lanes(self) -> None:
        while True:
            lanes = [
                threading.Thread(target=self._lane, args=(at,), name=f"jobs-{at}", daemon=True)
                for at in range(len(self._woken))
            ]
            for lane in lanes:
                lane.start()
            self._look_after(lanes)
            self._presence.leave()
            # whoever asked before it left saw a worker, and started none
            if self._draining.is_set() or not self._count("queued"):
                return

    def _look_after(self, lanes: Sequence[threading.Thread]) -> None:
        tidied = attended = -TIDY_SECONDS
        while alive := [lane for lane in lanes if lane.is_alive()]:
            if time.monotonic() - attended >= BEAT_SECONDS and not self._draining.is_set():
                attended = time.monotonic()
                with suppress(SatseekError):  # the lanes say what is wrong with the queue
                    self._queue.attend(self.name)
            if time.monotonic() - tidied >= TIDY_SECONDS:
                tidied = time.monotonic()
                sweep(self._settings.data_dir, self._is_kept)
            alive[0].join(PAUSE_SECONDS)

    def _lane(self, at: int) -> None:
        runner = Runner(self._settings, self._program)
        busy = time.monotonic()
        try:
            while not self._draining.is_set():
                if self._did_one(runner, at):
                    busy = time.monotonic()
                    continue
                idle = time.monotonic() - busy
                if self._burst and self._is_over(idle):
                    return
                if idle >= WARM_SECONDS:
                    runner.close()
                self._woken[at].wait(SOON_SECONDS if idle < LIVELY_SECONDS else LOOK_SECONDS)
                self._woken[at].clear()
        finally:
            runner.close()

    def _did_one(self, runner: Runner, at: int) -> bool:
        """Do the next job; returns whether there was one."""
        try:
            lease = self._claimed(at)
            if lease is None:
                return False
            started = time.monotonic()
            job = Attempt(lease, queue=self._queue, runner=runner, stopping=self._stopping).make()
            if self._observer is not None:
                seconds = time.monotonic() - started
                ending = "lost" if job is None else _ENDING[job.state]
                self._observer.on_try(lease.job.task, ending, seconds)
        except Exception:  # the outermost loop: the next job is another one
            logger.exception("jobs")
            runner.close()
            self._draining.wait(PAUSE_SECONDS)
            return False
        return True

    def _claimed(self, at: int) -> Lease | None:
        try:
            with self._entering:
                self._presence.enter()
            lease = self._queue.claim(f"{self.name}/{at + 1}")
        except (SatseekError, OSError) as error:
            self._say_once(str(error))
            return None
        self._said = ""
        return lease

    def _is_over(self, idle: float) -> bool:
        """Tell whether a burst may end: what runs elsewhere may be a dead worker's, for a while."""
        if self._count("queued"):
            return False
        return idle > LEASE_SECONDS or not self._count("running")

    def _count(self, state: JobState) -> int:
        try:
            return self._queue.counts()[state]
        except SatseekError as error:
            self._say_once(str(error))
            return 1

    def _is_kept(self, job_id: str) -> bool:
        try:
            self._queue.find(job_id)
        except JobNotFound:  # young ones may be another queue's over the same folder
            return _age(folder_of(self._settings.data_dir, job_id)) < KEEP_SECONDS
        except SatseekError:  # nobody knows
            return True
        return True

    def _say_once(self, reason: str) -> None:
        """Log why no work can be done, such as a folder that is read-only; the same not again."""
        if reason != self._said:
            logger.warning("jobs: %s", reason)
        self._said = reason


def _age(folder: Path) -> float:
    """Seconds since a folder got a new entry; 0 where it is gone."""
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0
