"""``/v1/jobs``: ask for long work, see how far it is, have it end, take what it left.

Knows the wire only; who may do what, and how jobs are waited for, is every door's.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from satseek.jobs.protocol import JobState
from satseek.service import jobbing_verbs as verbs
from satseek.service.calling import caller
from satseek.service.describing import AWAY, PROBLEM
from satseek.service.jobbing_asking import JobAsked
from satseek.service.jobbing_files import sent
from satseek.service.jobbing_showing import JobDetails, JobShown, details, files_of, shown
from satseek.service.jobbing_verbs import MAX_WAIT_SECONDS
from satseek.service.paging import DEFAULT_LIMIT, Cursor, Limit, Listing, link_header, next_path
from satseek.service.repeating import REPEATED, Repeatable, key_of
from satseek.service.running import Running, running
from satseek.service.withholding import without_folders

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter(tags=["jobs"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
JobId = Annotated[str, PathParameter(max_length=64, description="Id of the job.")]
FileName = Annotated[str, PathParameter(max_length=255, description="Name of the file.")]


class JobsAnswer(BaseModel):
    """One page of jobs, the newest first."""

    model_config = ConfigDict(frozen=True)

    jobs: list[JobShown]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


class FileShown(BaseModel):
    """A file that a job left."""

    model_config = ConfigDict(frozen=True)

    name: str
    bytes: int
    sha256: str = Field(description="Digest of its bytes; also its `ETag`.")
    media_type: str
    path: str = Field(description="Where it is had on this server.")

    @classmethod
    def of(cls, told: Mapping[str, Any], below: str) -> FileShown:
        """Show a file by what a job says of it."""
        name = str(told["name"])
        return cls(
            name=name,
            bytes=told["bytes"],
            sha256=told["sha256"],
            media_type=told["media_type"],
            path=f"{below}/{quote(name, safe='')}",
        )


class FilesAnswer(BaseModel):
    """What a job left, by name."""

    model_config = ConfigDict(frozen=True)

    files: list[FileShown]


@router.post(
    "/v1/jobs",
    summary="Ask for a job",
    status_code=HTTPStatus.ACCEPTED,
    responses={404: PROBLEM, 409: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def submit_job(
    request: Request, response: Response, asked: JobAsked, shared: Shared
) -> JobDetails:
    """Ask for work that takes minutes or days; it is durable once this is answered."""
    job = await verbs.submit(asked, key=key_of(request), shared=shared, caller=caller(request))
    response.headers["location"] = f"{_root(request)}/v1/jobs/{job.id}"
    return details(job)


@router.get("/v1/jobs", summary="List jobs", responses={502: AWAY})
async def list_jobs(
    request: Request,
    response: Response,
    shared: Shared,
    *,
    state: Annotated[JobState | None, Query(description="Only these.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> JobsAnswer:
    """List the jobs that are kept and that you may see, the newest first."""
    listing = Listing(name="jobs", where={"state": state})
    after = listing.after(cursor, kind=str)
    found = await verbs.listed(
        state=state, after=after, limit=limit, shared=shared, caller=caller(request)
    )
    path = next_path(request, None if found.after is None else listing.cursor(found.after))
    response.headers.update(link_header(path))
    return JobsAnswer(jobs=[shown(one) for one in found.jobs], next=path)


@router.get("/v1/jobs/{job_id}", summary="Show a job", responses={404: PROBLEM, 502: AWAY})
async def show_job(
    request: Request,
    job_id: JobId,
    shared: Shared,
    *,
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=MAX_WAIT_SECONDS,
            description="Hold the answer for at most so many seconds, until the job has ended or, "
            "with `seen`, is another.",
        ),
    ] = 0,
    seen: Annotated[
        str | None, Query(max_length=64, description="The job's `revision` that you know.")
    ] = None,
) -> JobDetails:
    """Show how far a job is, what came of it, and the end of its log."""
    who = caller(request)
    return details(await verbs.changed(job_id, seen=seen, seconds=wait, shared=shared, caller=who))


@router.post(
    "/v1/jobs/{job_id}/cancel",
    summary="Have a job end",
    responses={404: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def cancel_job(request: Request, job_id: JobId, shared: Shared) -> JobDetails:
    """End a job: at once where it waits, within seconds where it runs; what it committed stays."""
    return details(await verbs.cancel(job_id, shared=shared, caller=caller(request)))


@router.get(
    "/v1/jobs/{job_id}/log",
    summary="Read a job's log",
    response_class=PlainTextResponse,
    responses={404: PROBLEM, 502: AWAY},
)
async def job_log(
    request: Request,
    job_id: JobId,
    shared: Shared,
    *,
    lines: Annotated[
        int | None, Query(ge=1, le=10_000, description="The last so many; unset: all kept.")
    ] = None,
) -> PlainTextResponse:
    """Read the end of what a job logged: one JSON object a line, or what a library says."""
    job = await verbs.find(job_id, shared=shared, caller=caller(request))
    told = without_folders(job.log).splitlines()
    return PlainTextResponse("".join(f"{line}\n" for line in told[-lines if lines else 0 :]))


@router.get(
    "/v1/jobs/{job_id}/files", summary="List a job's files", responses={404: PROBLEM, 502: AWAY}
)
async def list_job_files(request: Request, job_id: JobId, shared: Shared) -> FilesAnswer:
    """List the files that a job left; they go with the job."""
    job = await verbs.find(job_id, shared=shared, caller=caller(request))
    below = f"{_root(request)}/v1/jobs/{job.id}/files"
    return FilesAnswer(files=[FileShown.of(one, below) for one in files_of(job)])


@router.get(
    "/v1/jobs/{job_id}/files/{name}",
    summary="Take a job's file",
    response_class=Response,
    responses={
        200: {"description": "The file.", "content": {"*/*": {}}},
        206: {"description": "The part that `Range` asks for."},
        304: {"description": "You have it: `If-None-Match` names its `ETag`."},
        404: PROBLEM,
        416: PROBLEM,
        502: AWAY,
    },
)
async def take_job_file(
    request: Request, job_id: JobId, name: FileName, shared: Shared
) -> Response:
    """Send a file that a job left; a broken download goes on with `Range` and `If-Range`."""
    one = await verbs.open_file(job_id, name, shared=shared, caller=caller(request))
    return sent(one, request.headers)


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
