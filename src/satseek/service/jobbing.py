"""``/v1/jobs``: ask for long work, see how far it is, have it end.

Knows the queue and the wire; jobs about collections that somebody does not see are not there.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import JobNotFound
from satseek.index.checks import check_name
from satseek.jobs.keeping import CompactTask, RepairTask, VerifyTask
from satseek.jobs.protocol import JobState, TaskName
from satseek.jobs.sources import source_for
from satseek.jobs.tasks import IndexTask, ReembedTask, layout_of
from satseek.jobs.tuning import TuneTask
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.paging import DEFAULT_LIMIT, Cursor, Limit, Listing, link_header, next_path
from satseek.service.recording import record
from satseek.service.repeating import REPEATED, Repeatable, key_of
from satseek.service.running import Running, running
from satseek.service.withholding import without_folders

if TYPE_CHECKING:
    from datetime import datetime

    from satseek.jobs.protocol import Job
    from satseek.service.access.principals import Principal

router = APIRouter(tags=["jobs"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
JobId = Annotated[str, PathParameter(max_length=64, description="Id of the job.")]


class IndexAsked(IndexTask):
    """Index scenes that lie beside the server, or that a STAC host lists."""

    task: Literal["index"]


class ReembedAsked(ReembedTask):
    """Embed a collection again with another model."""

    task: Literal["reembed"]


class VerifyAsked(VerifyTask):
    """Check a collection against its checksums."""

    task: Literal["verify"]


class RepairAsked(RepairTask):
    """Mend what can be mended."""

    task: Literal["repair"]


class CompactAsked(CompactTask):
    """Give back the room of chips that were replaced or removed."""

    task: Literal["compact"]


class TuneAsked(TuneTask):
    """Measure how much a search must look at."""

    task: Literal["tune"]


JobAsked = Annotated[
    IndexAsked | ReembedAsked | VerifyAsked | RepairAsked | CompactAsked | TuneAsked,
    Body(
        discriminator="task",
        openapi_examples={
            "index": {"value": {"task": "index", "collection": "county", "folder": "2025"}},
            "index a STAC API": {
                "value": {
                    "task": "index",
                    "collection": "county",
                    "folder": "https://stac.example.org/",
                    "search": {"collections": ["sentinel-2-l2a"], "query": ["eo:cloud_cover<20"]},
                }
            },
            "reembed": {"value": {"task": "reembed", "collection": "county"}},
            "verify": {"value": {"task": "verify", "collection": "county"}},
            "repair": {"value": {"task": "repair", "collection": "county"}},
            "compact": {"value": {"task": "compact", "collection": "county"}},
            "tune": {"value": {"task": "tune", "collection": "county"}},
        },
    ),
]


class ProgressShown(BaseModel):
    """How far a job is."""

    done: int
    total: int = Field(description="0: not known yet.")
    note: str = Field(description="What is at work, such as a scene.")


class JobShown(BaseModel):
    """One job."""

    model_config = ConfigDict(frozen=True)

    id: str
    task: TaskName
    collection: str
    parameters: dict[str, Any]
    state: JobState
    asked_by: str
    created: str = Field(description="ISO 8601, UTC.")
    started: str | None
    finished: str | None
    attempts: int = Field(description="How often it was begun: again after its server died.")
    cancelling: bool = Field(description="True while it runs though it is to end.")
    progress: ProgressShown = Field(
        description="Files of an index job, chips of a reembed job, rows of a compact job."
    )
    result: dict[str, Any] | None = Field(description="What came of it; null unless it is done.")
    error: str | None = Field(description="Why it failed; null unless it did.")


class JobDetails(JobShown):
    """The same, and the end of what it logged."""

    log: str


class JobsAnswer(BaseModel):
    """One page of jobs, the newest first."""

    model_config = ConfigDict(frozen=True)

    jobs: list[JobShown]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


@router.post(
    "/v1/jobs",
    summary="Ask for a job",
    status_code=HTTPStatus.ACCEPTED,
    responses={404: PROBLEM, 409: PROBLEM},
    openapi_extra=REPEATED,
)
async def submit_job(
    request: Request, response: Response, asked: JobAsked, shared: Shared
) -> JobDetails:
    """Index a folder, embed a collection again, verify, repair, compact or tune one."""
    asking = caller(request)
    who = _allowed(request)
    await shared.in_thread(lambda: _check(asked, shared, who))
    name, task = asked.collection, asked.task
    async with record("job.submit", name, shared=shared, caller=asking, task=task):
        job = await shared.in_thread(
            lambda: shared.jobs.submit(
                task,
                asked.model_dump(exclude={"task"}),
                collection=name,
                asked_by=who.name,
                key=key_of(request),
            )
        )
    shared.worker.wake()
    response.headers["location"] = f"{request.scope.get('root_path', '')}/v1/jobs/{job.id}"
    return JobDetails(**_shown(job), log="")


@router.get("/v1/jobs", summary="List jobs")
async def list_jobs(
    request: Request,
    response: Response,
    shared: Shared,
    *,
    state: Annotated[JobState | None, Query(description="Only these.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> JobsAnswer:
    """List the jobs of the last day about collections that you may see, the newest first."""
    who = _allowed(request)
    jobs = await shared.in_thread(shared.jobs.jobs)
    seen = [one for one in jobs if _sees(who, one, shared) and state in (None, one.state)]
    listing = Listing(name="jobs", where={"state": state})
    after = listing.after(cursor, kind=str)
    left = [one for one in seen if after is None or one.id < after]
    more = len(left) > limit
    path = next_path(request, listing.cursor(left[limit - 1].id) if more else None)
    response.headers.update(link_header(path))
    return JobsAnswer(jobs=[JobShown(**_shown(one)) for one in left[:limit]], next=path)


@router.get("/v1/jobs/{job_id}", summary="Show a job", responses={404: PROBLEM})
async def show_job(request: Request, job_id: JobId, shared: Shared) -> JobDetails:
    """Show how far a job is, what came of it, and the end of its log."""
    who = _allowed(request)
    return _details(await shared.in_thread(lambda: _found(job_id, shared, who)))


@router.post(
    "/v1/jobs/{job_id}/cancel",
    summary="Have a job end",
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def cancel_job(request: Request, job_id: JobId, shared: Shared) -> JobDetails:
    """End a job: at once where it waits, within seconds where it runs; what it committed stays."""
    asking, who = caller(request), _allowed(request)
    job = await shared.in_thread(lambda: _found(job_id, shared, who))
    async with record("job.cancel", job.id, shared=shared, caller=asking, task=job.task):
        return _details(await shared.in_thread(lambda: shared.jobs.cancel(job.id)))


def _allowed(request: Request) -> Principal:
    who = caller(request).principal
    who.require("jobs")
    return who


def _sees(who: Principal, job: Job, shared: Running) -> bool:
    return who.sees(job.collection, shared.assembly.settings.collection_groups)


def _found(job_id: str, shared: Running, who: Principal) -> Job:
    job = shared.jobs.find(job_id)
    if not _sees(who, job, shared):
        raise JobNotFound(f"no job {job_id[:32]!r}; those that ended are kept for a day")
    return job


def _check(asked: JobAsked, shared: Running, who: Principal) -> None:
    """Refuse now what would certainly fail later."""
    check_name(asked.collection)
    shared.require(asked.collection, who)
    match asked:
        case IndexAsked():
            layout_of(asked)
            source_for(asked, shared.assembly.settings)
        case ReembedAsked(to=to):
            shared.reader(asked.collection, who)
            if to is not None:
                shared.assembly.model_named(to)
        case VerifyAsked() | TuneAsked():
            shared.reader(asked.collection, who)
        case RepairAsked() | CompactAsked():  # it may be too damaged to be opened
            shared.local_folder(asked.collection, who)


def _details(job: Job) -> JobDetails:
    return JobDetails(**_shown(job), log=without_folders(job.log))


def _shown(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "task": job.task,
        "collection": job.collection,
        "parameters": dict(job.parameters),
        "state": job.state,
        "asked_by": job.asked_by,
        "created": job.created.isoformat(),
        "started": _text(job.started),
        "finished": _text(job.finished),
        "attempts": job.attempts,
        "cancelling": job.cancelling,
        "progress": ProgressShown(done=job.done, total=job.total, note=job.note),
        "result": None if job.result is None else dict(job.result),
        "error": without_folders(job.error) if job.error else None,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
