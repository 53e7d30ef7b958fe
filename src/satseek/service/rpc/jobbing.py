"""Calls about jobs and schedules → the verbs, the same ones that REST's routes call.

Knows messages and verbs, nothing of queues.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from satseek.errors import InvalidRequest, ServerUnreachable
from satseek.jobs.protocol import FINAL, JobState
from satseek.jobs.revisions import revision_of
from satseek.jobs.scheduling import following
from satseek.service import jobbing_verbs as verbs
from satseek.service.bodies import validated
from satseek.service.jobbing_asking import job_asked, work_asked
from satseek.service.jobbing_showing import (
    ScheduleShown,
    details,
    shown,
    shown_schedule,
)
from satseek.service.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, Listing
from satseek.service.rpc.calling import current_caller
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.service.rpc.statuses import STOPPING
from satseek.service.rpc.translating import present
from satseek.service.scheduling import ScheduleAsked
from satseek.service.scheduling_verbs import put_schedule, remove_schedule, schedules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from satseek.service.jobbing_showing import JobShown
    from satseek.service.running import Running

_TERMS = ("priority", "attempts", "keep_seconds", "not_before")

WATCH_SECONDS = 3600.0
"""A job that does not change is looked at in turns of so long; the stream goes on."""


class _Page(BaseModel):
    """Which jobs are listed."""

    model_config = ConfigDict(frozen=True)

    state: JobState | None = None
    page_size: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    page_token: str | None = Field(None, max_length=MAX_CURSOR)


class Jobbing:
    """The methods about jobs; the interceptor has let their callers in."""

    _shared: Running

    async def submit_job(self, request: pb.SubmitJobRequest, _context: Any) -> pb.SubmitJobResponse:
        """Ask for a job."""
        given = parameters_of(request.parameters) | present(request, *_TERMS)
        asked = job_asked(request.task, given)
        job = await verbs.submit(
            asked, key=request.key or None, shared=self._shared, caller=current_caller()
        )
        return pb.SubmitJobResponse(job=written(details(job)))

    async def get_job(self, request: pb.GetJobRequest, _context: Any) -> pb.GetJobResponse:
        """Show a job."""
        job = await verbs.find(request.id, shared=self._shared, caller=current_caller())
        return pb.GetJobResponse(job=written(details(job)))

    async def list_jobs(self, request: pb.ListJobsRequest, _context: Any) -> pb.ListJobsResponse:
        """List jobs, the newest first."""
        asked = validated(_Page, present(request, "state", "page_size", "page_token"))
        listing = Listing(name="jobs", where={"state": asked.state})
        found = await verbs.listed(
            state=asked.state,
            after=listing.after(asked.page_token or None, kind=str),
            limit=asked.page_size,
            shared=self._shared,
            caller=current_caller(),
        )
        return pb.ListJobsResponse(
            jobs=[written(shown(one)) for one in found.jobs],
            next_page_token="" if found.after is None else listing.cursor(found.after),
        )

    async def cancel_job(self, request: pb.CancelJobRequest, _context: Any) -> pb.CancelJobResponse:
        """Have a job end."""
        job = await verbs.cancel(request.id, shared=self._shared, caller=current_caller())
        return pb.CancelJobResponse(job=written(details(job)))

    async def watch_job(
        self, request: pb.WatchJobRequest, _context: Any
    ) -> AsyncIterator[pb.WatchJobResponse]:
        """Show a job whenever it has changed, until it has ended."""
        shared, who = self._shared, current_caller()
        job = await verbs.find(request.id, shared=shared, caller=who)
        while True:
            told = revision_of(job)
            yield pb.WatchJobResponse(job=written(details(job)))
            if job.state in FINAL:
                return
            while revision_of(job) == told:
                if shared.readiness.stopping:
                    raise ServerUnreachable(STOPPING)
                job = await verbs.changed(
                    job.id, seen=told, seconds=WATCH_SECONDS, shared=shared, caller=who
                )

    async def list_schedules(
        self, _request: pb.ListSchedulesRequest, _context: Any
    ) -> pb.ListSchedulesResponse:
        """List schedules, by name."""
        found = await schedules(shared=self._shared, caller=current_caller())
        told = [_schedule(shown_schedule(one, following(one))) for one in found]
        return pb.ListSchedulesResponse(schedules=told)

    async def put_schedule(
        self, request: pb.PutScheduleRequest, _context: Any
    ) -> pb.PutScheduleResponse:
        """Set a schedule up."""
        work = work_asked(request.task, parameters_of(request.parameters))
        fields = {"cron": request.cron, **present(request, "timezone", "priority")}
        asked = validated(ScheduleAsked, {**fields, "job": work.model_dump()})
        found = await put_schedule(
            request.name,
            asked.job,
            cron=asked.cron,
            timezone=asked.timezone,
            priority=asked.priority,
            shared=self._shared,
            caller=current_caller(),
        )
        told = _schedule(shown_schedule(found, following(found)))
        return pb.PutScheduleResponse(schedule=told)

    async def remove_schedule(
        self, request: pb.RemoveScheduleRequest, _context: Any
    ) -> pb.RemoveScheduleResponse:
        """Forget a schedule."""
        await remove_schedule(request.name, shared=self._shared, caller=current_caller())
        return pb.RemoveScheduleResponse()


def parameters_of(text: str) -> dict[str, Any]:
    """Read a JSON object; an empty text is an empty one.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"parameters: expected a JSON object, came no JSON: {error}"
        ) from error
    if not isinstance(given, dict):
        raise InvalidRequest(f"parameters: expected a JSON object, came {type(given).__name__}")
    return given


def written(job: JobShown) -> pb.Job:
    """Write a job."""
    fields = job.model_dump(exclude={"progress", "parameters", "result", "revision"})
    return pb.Job(
        **fields,
        parameters=json.dumps(job.parameters),
        result=None if job.result is None else json.dumps(job.result),
        progress=pb.Progress(**job.progress.model_dump()),
    )


def _schedule(one: ScheduleShown) -> pb.Schedule:
    fields = one.model_dump(exclude={"parameters"})
    return pb.Schedule(**fields, parameters=json.dumps(one.parameters))
