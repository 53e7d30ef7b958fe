"""What may be done with jobs, whatever the door: ask, look, wait, end, take what came of it.

Knows neither HTTP nor gRPC, nor how a queue keeps jobs.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.embed.patience import current_patience
from satseek.errors import JobNotFound
from satseek.jobs.results import open_file as result_file
from satseek.jobs.revisions import is_news
from satseek.service.jobbing_checks import allowed, check, require_task, sees, told_of
from satseek.service.jobbing_files import Opened
from satseek.service.recording import record

if TYPE_CHECKING:
    from satseek.jobs.protocol import Job, JobState
    from satseek.service.access.principals import Principal
    from satseek.service.calling import Caller
    from satseek.service.jobbing_asking import AskedJob
    from satseek.service.running import Running

PAGE = 1000
"""Jobs read from the queue at a time."""

MAX_LOOKED = 20_000
"""Jobs looked at for one page of a list, seconds' work; the next page goes on behind them."""

MAX_WAIT_SECONDS = 30.0
"""An answer is held no longer: proxies close what is silent (nginx after 60 s)."""

SPARE_SECONDS = 2.0
"""An answer is held until so long before its time is over."""

FIRST_LOOK_SECONDS = 0.1
"""A job that is waited for is looked at again after so long, then ever less often."""

LAST_LOOK_SECONDS = 1.0
"""And at least so often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Some jobs of a list."""

    jobs: list[Job]
    """The newest first."""
    after: str | None
    """Id behind which the list goes on; None: it is at its end."""


async def submit(asked: AskedJob, *, key: str | None, shared: Running, caller: Caller) -> Job:
    """Ask for a job; raises as ``jobbing_checks.check`` and ``JobQueue.submit``."""
    who, about = caller.principal, asked.about()
    await shared.in_thread(lambda: check(asked, shared, who))
    async with record("job.submit", about or "-", shared=shared, caller=caller, task=asked.task):
        job = await shared.in_thread(
            lambda: shared.jobs.submit(
                asked.task,
                told_of(asked, who),
                collection=about,
                asked_by=who.name,
                key=key,
                terms=asked.terms(),
            )
        )
    shared.wake()
    return job


async def find(job_id: str, *, shared: Running, caller: Caller) -> Job:
    """Give a job as it stands; raises JobNotFound, PermissionDenied."""
    who = allowed(caller)
    return await shared.in_thread(lambda: _found(job_id, shared, who))


async def cancel(job_id: str, *, shared: Running, caller: Caller) -> Job:
    """Have a job end; raises as ``find``."""
    job = await find(job_id, shared=shared, caller=caller)
    async with record("job.cancel", job.id, shared=shared, caller=caller, task=job.task):
        ended = await shared.in_thread(lambda: shared.jobs.cancel(job.id))
    shared.wake()
    return ended


async def listed(
    *, state: JobState | None, after: str | None, limit: int, shared: Running, caller: Caller
) -> Listed:
    """Give jobs that somebody sees, behind one, the newest first."""
    who = allowed(caller)
    return await shared.in_thread(
        lambda: _listed(state=state, after=after or "", limit=limit, shared=shared, who=who)
    )


async def changed(
    job_id: str, *, seen: str | None, seconds: float, shared: Running, caller: Caller
) -> Job:
    """Give a job once it is another than was seen; after so many seconds as it is.

    Args:
        job_id: Which.
        seen: Revision that is known; None: wait until it has ended.
        seconds: The longest wait.
        shared: What all requests share.
        caller: Who waits.

    Raises:
        Overloaded: too many wait already.
        As ``find``.
    """
    began, left = time.monotonic(), current_patience().left()
    seconds = seconds if left is None else min(seconds, left - SPARE_SECONDS)
    job = await find(job_id, shared=shared, caller=caller)
    if seconds <= 0 or is_news(job, seen):
        return job
    with shared.watchers.one():
        while not is_news(job, seen) and not shared.readiness.stopping:
            passed = time.monotonic() - began
            if passed >= seconds:
                break
            look = min(LAST_LOOK_SECONDS, FIRST_LOOK_SECONDS + passed / 10)
            await asyncio.sleep(min(look, seconds - passed))
            job = await find(job_id, shared=shared, caller=caller)
    return job


async def open_file(job_id: str, name: str, *, shared: Running, caller: Caller) -> Opened:
    """Open a file that a job left.

    Raises:
        PermissionDenied: they may not ask for such a job themselves.
        JobNotFound: there is no such job, or it left no such file.
    """
    job = await find(job_id, shared=shared, caller=caller)
    require_task(caller.principal, job.task)

    def opened() -> Opened:
        facts = result_file(shared.assembly.settings.data_dir, job, name)
        try:
            return Opened(facts=facts, content=facts.path.open("rb"))
        except FileNotFoundError as error:
            raise JobNotFound(f"no file {name[:200]!r} of job {job.id}; it has expired") from error

    return await shared.in_thread(opened)


def _found(job_id: str, shared: Running, who: Principal) -> Job:
    unseen = JobNotFound(f"no job {job_id[:32]!r}; those that ended are kept for a while only")
    try:
        job = shared.jobs.find(job_id)
    except JobNotFound as error:
        raise unseen from error
    if not sees(who, job, shared):
        raise unseen
    return job


def _listed(
    *, state: JobState | None, after: str, limit: int, shared: Running, who: Principal
) -> Listed:
    found: list[Job] = []
    looked = 0
    while looked < MAX_LOOKED:
        page = shared.jobs.jobs(before=after, limit=PAGE)
        for job in page:
            after = job.id
            if state in (None, job.state) and sees(who, job, shared):
                found.append(job)
            if len(found) > limit:
                return Listed(jobs=found[:limit], after=found[limit - 1].id)
        if len(page) < PAGE:
            return Listed(jobs=found, after=None)
        looked += len(page)
    return Listed(jobs=found, after=after)
