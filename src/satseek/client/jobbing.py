"""Verbs about jobs and schedules, for the client that waits and the one that is awaited.

Knows what is asked, not how it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from satseek.client import asking_jobs as asking
from satseek.client.handles import AsyncJobHandle, JobHandle
from satseek.errors import Overloaded, ServerUnreachable

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from satseek.client.asking import Ask
    from satseek.client.jobs import Job, JobFile, Schedule

T = TypeVar("T")


class Sending:
    """A client that waits, as far as jobs need one."""

    @property
    def hold_s(self) -> float:
        """Seconds that an answer may be held."""
        raise NotImplementedError

    def send(self, ask: Ask[T]) -> T:
        """Send one request."""
        raise NotImplementedError

    def save(self, ask: Ask[Any], path: Path | str, *, sha256: str | None = None) -> None:
        """Write what comes into a file, whole or not at all."""
        raise NotImplementedError


class JobVerbs(Sending):
    """What a client may do with jobs."""

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
        """Ask for work that takes minutes or days; it is durable when this returns.

        Args:
            task: ``index``, ``classify``, ``reembed``, ``quantize``, ``evaluate``, ``export``,
                ``verify``, ``repair``, ``compact`` or ``tune``.
            key: Of your making: asked again under it, the same job is given; None: one is made up.
            priority: -10 to 10: higher ones are begun first.
            attempts: How often it is begun at most; None: 3 times.
            keep_seconds: How long it is kept once it has ended, with its files; None: a day.
            not_before: It waits until then, a moment with its zone; None: not for any moment.
            parameters: What the task needs to know, such as ``collection`` and ``folder``.
        """
        ask = asking.ask_submit(
            task,
            key=key,
            priority=priority,
            attempts=attempts,
            keep_seconds=keep_seconds,
            not_before=not_before,
            **parameters,
        )
        return self._hold(self.send(ask))

    def _hold(self, job: Job) -> JobHandle:
        """Hold on to a job that was told."""
        return JobHandle(_Jobs(self), job)

    def job(self, job_id: str) -> JobHandle:
        """Hold on to a job by its id; raises JobNotFound."""
        return self._hold(self.send(asking.ask_job(job_id)))

    def jobs(self, *, state: str | None = None) -> list[Job]:
        """List the jobs that are kept and that you see, the newest first, without their logs."""
        found, cursor = self.send(asking.ask_jobs(state=state))
        while cursor is not None:
            more, cursor = self.send(asking.ask_jobs(state=state, cursor=cursor))
            found += more
        return found

    def cancel(self, job_id: str) -> Job:
        """Have a job end; raises JobNotFound."""
        return self.send(asking.ask_cancel(job_id))

    def schedules(self) -> list[Schedule]:
        """List the schedules that you see, by name."""
        return self.send(asking.ask_schedules())

    def schedule(self, name: str) -> Schedule:
        """Show one schedule; raises ScheduleNotFound."""
        return self.send(asking.ask_schedule(name))

    def put_schedule(
        self,
        name: str,
        cron: str,
        task: str,
        *,
        timezone: str = "UTC",
        priority: int = 0,
        **parameters: Any,
    ) -> Schedule:
        """Have a job asked for at every moment that a cron expression names.

        Args:
            name: Letters, digits and ``-_.``; replaces the schedule of the same name.
            cron: Minute, hour, day of the month, month, day of the week, as crontab(5) has them.
            task: As in ``submit``.
            timezone: IANA name of the zone that these are read in.
            priority: Of its jobs.
            parameters: What the task needs to know, such as ``collection``.
        """
        ask = asking.ask_put_schedule(
            name, cron, task, timezone=timezone, priority=priority, **parameters
        )
        return self.send(ask)

    def remove_schedule(self, name: str) -> None:
        """Forget a schedule; jobs that it has asked for stay. Raises ScheduleNotFound."""
        self.send(asking.ask_remove_schedule(name))


class AsyncSending:
    """A client that is awaited, as far as jobs need one."""

    @property
    def hold_s(self) -> float:
        """Seconds that an answer may be held."""
        raise NotImplementedError

    async def send(self, ask: Ask[T]) -> T:
        """Send one request."""
        raise NotImplementedError

    async def save(self, ask: Ask[Any], path: Path | str, *, sha256: str | None = None) -> None:
        """Write what comes into a file, whole or not at all."""
        raise NotImplementedError


class AsyncJobVerbs(AsyncSending):
    """The same, awaited."""

    async def submit(
        self,
        task: str,
        *,
        key: str | None = None,
        priority: int = 0,
        attempts: int | None = None,
        keep_seconds: float | None = None,
        not_before: datetime | str | None = None,
        **parameters: Any,
    ) -> AsyncJobHandle:
        """Ask for work as ``Client.submit`` does."""
        ask = asking.ask_submit(
            task,
            key=key,
            priority=priority,
            attempts=attempts,
            keep_seconds=keep_seconds,
            not_before=not_before,
            **parameters,
        )
        return self._hold(await self.send(ask))

    def _hold(self, job: Job) -> AsyncJobHandle:
        """Hold on to a job that was told."""
        return AsyncJobHandle(_AsyncJobs(self), job)

    async def job(self, job_id: str) -> AsyncJobHandle:
        """Hold on to a job by its id; raises JobNotFound."""
        return self._hold(await self.send(asking.ask_job(job_id)))

    async def jobs(self, *, state: str | None = None) -> list[Job]:
        """List the jobs that are kept and that you see, the newest first, without their logs."""
        found, cursor = await self.send(asking.ask_jobs(state=state))
        while cursor is not None:
            more, cursor = await self.send(asking.ask_jobs(state=state, cursor=cursor))
            found += more
        return found

    async def cancel(self, job_id: str) -> Job:
        """Have a job end; raises JobNotFound."""
        return await self.send(asking.ask_cancel(job_id))

    async def schedules(self) -> list[Schedule]:
        """List the schedules that you see, by name."""
        return await self.send(asking.ask_schedules())

    async def schedule(self, name: str) -> Schedule:
        """Show one schedule; raises ScheduleNotFound."""
        return await self.send(asking.ask_schedule(name))

    async def put_schedule(
        self,
        name: str,
        cron: str,
        task: str,
        *,
        timezone: str = "UTC",
        priority: int = 0,
        **parameters: Any,
    ) -> Schedule:
        """Have a job asked for again and again as ``Client.put_schedule`` does."""
        ask = asking.ask_put_schedule(
            name, cron, task, timezone=timezone, priority=priority, **parameters
        )
        return await self.send(ask)

    async def remove_schedule(self, name: str) -> None:
        """Forget a schedule; jobs that it has asked for stay. Raises ScheduleNotFound."""
        await self.send(asking.ask_remove_schedule(name))


class _Jobs:
    """The jobs of a server, for handles."""

    def __init__(self, client: Sending) -> None:
        self._client = client

    def look(self, job_id: str, *, wait_s: float, seen: str | None) -> Job:
        wait_s = min(wait_s, self._client.hold_s)
        try:
            return self._client.send(asking.ask_job(job_id, wait_s=wait_s, seen=seen))
        except Overloaded as error:
            if not wait_s or isinstance(error, ServerUnreachable):
                raise
            return self._client.send(asking.ask_job(job_id))  # too many have answers held

    def end(self, job_id: str, /) -> Job:
        return self._client.send(asking.ask_cancel(job_id))

    def fetch(self, job_id: str, one: JobFile, place: Path) -> None:
        self._client.save(asking.ask_file(job_id, one.name), place, sha256=one.sha256)


class _AsyncJobs:
    """The same, awaited."""

    def __init__(self, client: AsyncSending) -> None:
        self._client = client

    async def look(self, job_id: str, *, wait_s: float, seen: str | None) -> Job:
        wait_s = min(wait_s, self._client.hold_s)
        try:
            return await self._client.send(asking.ask_job(job_id, wait_s=wait_s, seen=seen))
        except Overloaded as error:
            if not wait_s or isinstance(error, ServerUnreachable):
                raise
            return await self._client.send(asking.ask_job(job_id))

    async def end(self, job_id: str) -> Job:
        return await self._client.send(asking.ask_cancel(job_id))

    async def fetch(self, job_id: str, one: JobFile, place: Path) -> None:
        await self._client.save(asking.ask_file(job_id, one.name), place, sha256=one.sha256)
