"""Jobs that left reports → the reports that somebody sees, whatever the door.

Knows neither HTTP nor gRPC. A report goes with its job; who sees the job's collection may read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import JobNotFound
from satseek.jobs.reports import reports_of
from satseek.jobs.results import files_of
from satseek.jobs.results import open_file as result_file
from satseek.service.jobbing_checks import sees
from satseek.service.jobbing_files import Opened

if TYPE_CHECKING:
    from satseek.jobs.protocol import Job
    from satseek.jobs.results import ResultFile
    from satseek.service.access.principals import Principal
    from satseek.service.calling import Caller
    from satseek.service.running import Running

PAGE = 1000
"""Jobs read from the queue at a time."""

MAX_LOOKED = 20_000
"""Jobs looked at for one page; the next page goes on behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report, and the job that left it."""

    job: Job
    """The job."""
    file: ResultFile
    """The report's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """Some reports."""

    reports: list[Report]
    """Of the newest job first, by name within each."""
    after: str | None
    """Id of the job behind which the list goes on; None: it is at its end."""


async def listed(
    *, collection: str | None, after: str, limit: int, shared: Running, caller: Caller
) -> ReportPage:
    """Give so many reports or more, those of one job together; raises PermissionDenied."""
    who = caller.principal
    who.require("search")

    def work() -> ReportPage:
        found: list[Report] = []
        place, looked = after, 0
        while looked < MAX_LOOKED:
            page = shared.jobs.jobs(before=place, limit=PAGE)
            for job in page:
                place = job.id
                if collection in (None, job.collection):
                    found += _reports(job, shared, who)
                if len(found) >= limit:
                    return ReportPage(reports=found, after=place)
            if len(page) < PAGE:
                return ReportPage(reports=found, after=None)
            looked += len(page)
        return ReportPage(reports=found, after=place)

    return await shared.in_thread(work)


async def opened(job_id: str, name: str, *, shared: Running, caller: Caller) -> Opened:
    """Open a report; raises PermissionDenied, JobNotFound."""
    who = caller.principal
    who.require("search")
    unseen = JobNotFound(f"no report {name[:100]!r} of a job {job_id[:32]!r}, or it has expired")

    def work() -> Opened:
        try:
            job = shared.jobs.find(job_id)
            if not any(name == one.file.name for one in _reports(job, shared, who)):
                raise unseen
            facts = result_file(shared.assembly.settings.data_dir, job, name)
            return Opened(facts=facts, content=facts.path.open("rb"))
        except (JobNotFound, FileNotFoundError) as error:
            raise unseen from error

    return await shared.in_thread(work)


def _reports(job: Job, shared: Running, who: Principal) -> list[Report]:
    if not sees(who, job, shared):
        return []
    files = files_of(shared.assembly.settings.data_dir, job)
    return [Report(job=job, file=one) for one in reports_of(job, files)]
