"""The queue of a data folder → the verbs about jobs that a client has, in this very process.

Knows no HTTP. Whoever asks here sits at this machine: folders need not lie below the settings'
roots. What is asked for is worked on by a worker of this process while it is open, beside whatever
other workers there are; what is not done then waits for the next one.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.client import jobs as told
from satseek.client.exporting import digested, saved
from satseek.client.handles import JobHandle
from satseek.errors import InvalidRequest, ScheduleNotFound
from satseek.jobs.naming import placed
from satseek.jobs.protocol import KEEP_SECONDS, MAX_ATTEMPTS, Schedule, Terms
from satseek.jobs.queues import open_queue, worker_for
from satseek.jobs.results import open_file
from satseek.jobs.revisions import is_news, revision_of
from satseek.jobs.scheduling import following
from satseek.jobs.tasks import HERE, TASKS, check_task, read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.assemble import Assembly
    from satseek.jobs.asking import Task
    from satseek.jobs.protocol import Job, LeasingQueue, TaskName
    from satseek.jobs.working import Worker

LOCAL = "local"
"""Who asks, as everybody is called where nobody is asked who they are."""

LOOK_SECONDS = 0.2
"""How often a job is looked at while somebody waits for it."""

PAGE = 1000
"""Jobs read at a time."""

CHUNK = 1 << 20
"""Bytes copied at a time."""


class LocalJobs:
    """The jobs of one data folder; safe to share between threads."""

    def __init__(self, assembly: Assembly) -> None:
        """Open nothing yet."""
        self._parts = assembly
        self._lock = threading.Lock()
        self._opened: LeasingQueue | None = None
        self._worker: Worker | None = None
        self._place = _Place(self._queue, self.cancel, assembly.settings.data_dir)

    def submit(
        self,
        task: str,
        *,
        key: str | None = None,
        priority: int = 0,
        attempts: int | None = None,
        keep_seconds: float | None = None,
        not_before: datetime | str | None = None,
        **parameters: Any,
    ) -> JobHandle:
        """Ask for work that takes minutes or days; takes what ``Client.submit`` takes.

        Raises:
            InvalidRequest: no such task, or not what it needs to know.
            SatseekError: it would certainly fail, or cannot be taken.
        """
        asked = self._checked(task, parameters)
        terms = Terms(
            priority=priority,
            attempts=MAX_ATTEMPTS if attempts is None else attempts,
            keep_seconds=KEEP_SECONDS if keep_seconds is None else keep_seconds,
            not_before=_moment(not_before),
        )
        job = self._queue().submit(
            _named(task),
            asked.model_dump(mode="json"),
            collection=asked.about(),
            asked_by=LOCAL,
            key=key,
            terms=terms,
        )
        self._work()
        return JobHandle(self._place, _told(job))

    def job(self, job_id: str) -> JobHandle:
        """Hold on to a job by its id; raises JobNotFound."""
        return JobHandle(self._place, _told(self._queue().find(job_id)))

    def jobs(self, *, state: str | None = None) -> list[told.Job]:
        """List the jobs that are kept, the newest first, without their logs."""
        found: list[told.Job] = []
        before = ""
        while page := self._queue().jobs(before=before, limit=PAGE):
            found += [_told(job) for job in page if state in (None, job.state)]
            before = page[-1].id
        return found

    def cancel(self, job_id: str) -> told.Job:
        """Have a job end; raises JobNotFound."""
        job = _told(self._queue().cancel(job_id))
        if self._worker is not None:
            self._worker.wake()
        return job

    def wait(self, job: JobHandle, *, seconds: float = 3600.0) -> JobHandle:
        """Wait until a job has ended, or so many seconds are over; returns how it is then."""
        return job.wait(seconds)

    def schedules(self) -> list[told.Schedule]:
        """List the schedules, by name."""
        return [_told_schedule(one) for one in self._queue().schedules()]

    def schedule(self, name: str) -> told.Schedule:
        """Show one schedule; raises ScheduleNotFound."""
        for one in self._queue().schedules():
            if one.name == name:
                return _told_schedule(one)
        raise ScheduleNotFound(f"no schedule {name[:64]!r}")

    def put_schedule(
        self,
        name: str,
        cron: str,
        task: str,
        *,
        timezone: str = "UTC",
        priority: int = 0,
        **parameters: Any,
    ) -> told.Schedule:
        """Have a job asked for again and again; takes what ``Client.put_schedule`` takes.

        Its moments are those at which a worker runs somewhere: while this is open, one does.
        """
        asked = self._checked(task, parameters)
        schedule = Schedule(
            name=name,
            cron=cron,
            timezone=timezone,
            task=_named(task),
            parameters=asked.model_dump(mode="json"),
            collection=asked.about(),
            asked_by=LOCAL,
            priority=priority,
            created=datetime.now(UTC),
        )
        found = _told_schedule(self._queue().put_schedule(schedule))
        self._work()
        return found

    def remove_schedule(self, name: str) -> None:
        """Forget a schedule; jobs that it has asked for stay. Raises ScheduleNotFound."""
        self._queue().remove_schedule(name)

    def close(self) -> None:
        """End what is at work, which goes on where another worker takes it up."""
        with self._lock:
            if self._worker is not None:
                self._worker.stop()
            if self._opened is not None:
                self._opened.close()
            self._worker = self._opened = None

    def _queue(self) -> LeasingQueue:
        with self._lock:
            if self._opened is None:
                self._opened = open_queue(self._parts.settings)
            return self._opened

    def _work(self) -> None:
        """Have a worker of this process do what waits."""
        queue = self._queue()
        with self._lock:
            if self._worker is None:
                self._worker = worker_for(queue, self._parts.settings)
                self._worker.start()
            self._worker.wake()

    def _checked(self, task: str, parameters: Mapping[str, Any]) -> Task:
        """Check what a task needs to know, as somebody at this machine may ask for it."""
        given = {key: str(one) if isinstance(one, Path) else one for key, one in parameters.items()}
        name = _named(task)
        asked = read_task(name, given)
        if "here" in HERE[name].model_fields:
            asked = HERE[name].model_validate({**placed(name, given), "here": True})
        check_task(asked, self._parts)
        return asked


class _Place:
    """Where the jobs lie, for those who hold on to one."""

    def __init__(
        self, queue: Callable[[], LeasingQueue], end: Callable[[str], told.Job], data_dir: Path
    ) -> None:
        self._queue = queue
        self._data_dir = data_dir
        self.end = end

    def look(self, job_id: str, *, wait_s: float, seen: str | None) -> told.Job:
        """Give a job as it stands, or once it is another than was seen, after so long."""
        ends = time.monotonic() + wait_s
        job = self._queue().find(job_id)
        while not is_news(job, seen) and (left := ends - time.monotonic()) > 0:
            time.sleep(min(LOOK_SECONDS, left))
            job = self._queue().find(job_id)
        return _told(job)

    def fetch(self, job_id: str, one: told.JobFile, place: Path) -> None:
        """Copy a file that a job left, whole or not at all."""
        found = open_file(self._data_dir, self._queue().find(job_id), one.name)
        with (
            found.path.open("rb") as source,
            saved(place) as file,
            digested(place, found.sha256) as digest,
        ):
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)


def _named(task: str) -> TaskName:
    for name in TASKS:
        if name == task:
            return name
    raise InvalidRequest(f"task: expected one of {', '.join(TASKS)}, came {task[:32]!r}")


def _moment(given: datetime | str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError as error:
        raise InvalidRequest(f"not_before: expected a moment, came {given!r}") from error


def _told(job: Job) -> told.Job:
    return told.Job(
        id=job.id,
        task=job.task,
        collection=job.collection,
        state=job.state,
        done=job.done,
        total=job.total,
        note=job.note,
        seconds_left=job.seconds_left(datetime.now(UTC)),
        result=job.result,
        error=job.error or None,
        error_kind=job.error_kind or None,
        asked_by=job.asked_by,
        priority=job.priority,
        attempts=job.attempts,
        cancelling=job.cancelling,
        created=job.created,
        started=job.started,
        finished=job.finished,
        expires=job.expires,
        schedule=job.schedule or None,
        log=job.log,
        revision=revision_of(job),
    )


def _told_schedule(one: Schedule) -> told.Schedule:
    return told.Schedule(
        name=one.name,
        cron=one.cron,
        timezone=one.timezone,
        task=one.task,
        collection=one.collection,
        parameters=one.parameters,
        priority=one.priority,
        asked_by=one.asked_by,
        last=one.last,
        next=tuple(following(one)),
    )
