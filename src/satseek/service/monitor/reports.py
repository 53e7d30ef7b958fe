"""``/v1/reports``: what jobs wrote for those who act on findings, to be read in a browser.

Knows the wire only. A report holds words of many people: it is shown as a page that may run no
script, load nothing and lead nowhere, of an origin of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.client.reports import FORMS
from satseek.jobs.reports import told_report
from satseek.service.calling import caller
from satseek.service.describing import AWAY, PROBLEM
from satseek.service.jobbing_files import sent
from satseek.service.monitor import reports_verbs as verbs
from satseek.service.paging import DEFAULT_LIMIT, Cursor, Limit, Listing, link_header, next_path
from satseek.service.running import Running, running

if TYPE_CHECKING:
    from satseek.service.monitor.reports_verbs import Report

router = APIRouter(tags=["reports"])

Shared = Annotated[Running, Depends(running)]
JobId = Annotated[str, PathParameter(max_length=64, description="Id of the job that left it.")]
FileName = Annotated[str, PathParameter(max_length=255, description="Name of the report's file.")]

POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""For HTML (W3C CSP3): no script, nothing from anywhere, an origin of its own; the page of this
server may show it in a frame."""

SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}

_BINARY = {"schema": {"type": "string", "format": "binary"}}


class ReportShown(BaseModel):
    """A report that a job left; it goes with its job."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "job": "0b9d5c1e7a3f4862",
                "task": "report",
                "collection": "county",
                "title": "What changed in the county",
                "name": "report.html",
                "form": "html",
                "bytes": 1200345,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "made": "2025-08-05T10:31:07+00:00",
                "expires": "2025-08-06T10:31:07+00:00",
                "by": "ldap:lin",
                "path": "/v1/reports/0b9d5c1e7a3f4862/report.html",
            }
        },
    )

    job: str
    task: Literal["report", "landuse", "watch", "assess"]
    collection: str
    title: str = Field(description="As it was asked for; empty: by what was asked.")
    name: str = Field(description="Of its file.")
    form: Literal["html", "pdf"]
    bytes: int
    sha256: str = Field(description="Of its file; also its `ETag`.")
    made: str | None
    expires: str | None = Field(description="When it is forgotten with its job.")
    by: str = Field(description="Who asked for it.")
    path: str = Field(description="Where it is read.")


class ReportsAnswer(BaseModel):
    """Some reports, of the newest job first."""

    model_config = ConfigDict(frozen=True)

    reports: list[ReportShown]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


@router.get("/v1/reports", summary="List reports", responses={502: AWAY})
async def list_reports(
    request: Request,
    response: Response,
    shared: Shared,
    *,
    collection: Annotated[
        str | None, Query(max_length=64, description="Only about this one.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> ReportsAnswer:
    """List the reports that jobs left about collections that you may see; all of a job together."""
    listing = Listing(name="reports", where={"collection": collection})
    page = await verbs.listed(
        collection=collection,
        after=listing.after(cursor, kind=str) or "",
        limit=limit,
        shared=shared,
        caller=caller(request),
    )
    path = next_path(request, None if page.after is None else listing.cursor(page.after))
    response.headers.update(link_header(path))
    root = str(request.scope.get("root_path", ""))
    return ReportsAnswer(reports=[_shown(one, root) for one in page.reports], next=path)


@router.get(
    "/v1/reports/{job}/{name}",
    summary="Read a report",
    response_class=Response,
    responses={
        200: {
            "description": "The report.",
            "content": {"text/html": _BINARY, "application/pdf": _BINARY},
        },
        206: {"description": "The part that `Range` asks for."},
        304: {"description": "You have it: `If-None-Match` names its `ETag`."},
        404: PROBLEM,
        416: PROBLEM,
        502: AWAY,
    },
)
async def read_report(request: Request, job: JobId, name: FileName, shared: Shared) -> Response:
    """Read a report in a browser: it runs no script and loads nothing."""
    one = await verbs.opened(job, name, shared=shared, caller=caller(request))
    response = sent(one, request.headers)
    response.headers.update(SAFE)
    if FORMS[one.facts.media_type] == "html":
        response.headers["content-security-policy"] = POLICY
    if "content-disposition" in response.headers:
        named = response.headers["content-disposition"].partition(";")[2]
        response.headers["content-disposition"] = f"inline;{named}"
    return response


def _shown(one: Report, root: str) -> ReportShown:
    below = f"{root}/v1/reports/{quote(one.job.id, safe='')}"
    path = f"{below}/{quote(one.file.name, safe='')}"
    return ReportShown(**told_report(one.job, one.file), path=path)
