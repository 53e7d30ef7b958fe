"""``/v1/findings``: what was found, page by page, looked at, decided on, taken away as a file.

Knows the wire only; who may see and decide what is every door's.
"""

from __future__ import annotations

import json
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.export.formats import FORMATS, format_named
from satseek.monitor.findings.exporting import LAYER, write_findings
from satseek.monitor.findings.finding import State
from satseek.service.calling import caller
from satseek.service.describing import FEATURES, PROBLEM
from satseek.service.exporting_files import Written, download, written
from satseek.service.monitor import findings_verbs as verbs
from satseek.service.monitor.findings_asking import (
    ANY_NEXT,
    TO_YOU,
    WORDLESS,
    AssignmentAsked,
    DecisionAsked,
    NextAsked,
    OfCount,
    OfFile,
    OfList,
)
from satseek.service.monitor.findings_showing import (
    EXAMPLE,
    FindingDetails,
    FindingShown,
    details,
    feature,
    shown,
)
from satseek.service.negotiating import GEOJSON, form_of
from satseek.service.paging import Listing, link_header, next_path
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running

if TYPE_CHECKING:
    from satseek.monitor.findings.pages import Page
    from satseek.service.monitor.findings_asking import Decided
    from satseek.service.monitor.findings_verbs import Told

router = APIRouter(tags=["findings"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
FindingId = Annotated[str, PathParameter(max_length=64, description="Whole id of the finding.")]
Digest = Annotated[str, PathParameter(max_length=64, description="SHA-256 of the picture.")]

FOLDER = "exports"
"""Where files are written, in the data folder; each is gone once it is sent."""

PICTURE_SECONDS = 3600
"""Browsers keep a picture so long, then ask whether they may still see it; it never changes."""

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_LISTED: dict[str, Any] = {"findings": [EXAMPLE], "next": None}
_RESPONSES: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM}


class FindingsAnswer(BaseModel):
    """One page of findings."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": _LISTED})

    findings: list[FindingShown]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


class CountsAnswer(BaseModel):
    """How many findings there are."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "counts": {"new": 4, "assigned": 1, "confirmed": 7, "rejected": 2, "closed": 0},
                "you": "ldap:lin",
            }
        },
    )

    counts: dict[State, int] = Field(description="By state, every state named.")
    you: str = Field(description="The name under which you would decide.")


@router.get(
    "/v1/findings",
    summary="List findings",
    response_model=FindingsAnswer,
    responses={200: {"content": {GEOJSON: {"schema": FEATURES}}}, 404: PROBLEM},
)
async def list_findings(request: Request, shared: Shared, wanted: OfList) -> Response:
    """List the findings that you may see, as JSON or GeoJSON; filters hold together."""
    listing = Listing(name="findings", where=wanted.asked())
    page = await verbs.listed(
        wanted.filter(),
        order=wanted.order,
        after=listing.after(wanted.cursor, kind=str) or "",
        limit=wanted.limit,
        shared=shared,
        caller=caller(request),
    )
    path = next_path(request, listing.cursor(page.next) if page.next else None)
    form = form_of(request, wanted.f)
    write = _geojson if form == GEOJSON else _json
    content = await shared.in_thread(lambda: write(page, path, _root(request)))
    return Response(content, media_type=form, headers={"vary": "accept", **link_header(path)})


@router.get("/v1/findings/counts", summary="Count findings", responses={404: PROBLEM})
async def count_findings(request: Request, shared: Shared, wanted: OfCount) -> CountsAnswer:
    """Count the findings that you may see by state, and say who you are."""
    found = await verbs.counted(wanted.filter(), shared=shared, caller=caller(request))
    return CountsAnswer(counts=dict(found.counts), you=found.you)


@router.get(
    "/v1/findings/export",
    summary="Export findings",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {one.media_type: _BINARY for one in FORMATS.values()}
            | {GEOJSON: {"schema": FEATURES}},
        },
        **_RESPONSES,
    },
)
async def export_findings(request: Request, shared: Shared, wanted: OfFile) -> Response:
    """Write the findings that you may see into a file for a GIS, an office or an archive."""
    wanted.check()
    asking = caller(request)
    where = await verbs.narrowed(wanted.filter(), shared=shared, caller=asking)
    write = partial(
        write_findings, shared.monitor.findings, where=where, format=wanted.format, crs=wanted.crs
    )

    def work() -> Written:
        folder = shared.assembly.settings.data_dir / FOLDER
        return written(write, LAYER, format_named(wanted.format), folder=folder)

    one = await shared.in_exporter(work)
    asking.pairs.update(format=wanted.format, findings=one.count)
    return download(one)


@router.post(
    "/v1/findings/next",
    summary="Take the next finding",
    response_model=FindingDetails,
    responses={204: {"description": "Nothing waits to be looked at."}, **_RESPONSES},
    openapi_extra=REPEATED,
)
async def next_finding(request: Request, shared: Shared, asked: NextAsked = ANY_NEXT) -> Response:
    """Give you the next finding to look at: one that you have, or the most urgent new one."""
    found = await verbs.next_one(
        asked.filter(), name=asked.who, shared=shared, caller=caller(request)
    )
    if found is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return _told(found, request)


@router.get("/v1/findings/{finding}", summary="Show a finding", responses={404: PROBLEM})
async def show_finding(request: Request, finding: FindingId, shared: Shared) -> FindingDetails:
    """Show a finding, its evidence of both dates and all that was ever done with it."""
    found = await verbs.told(finding, shared=shared, caller=caller(request))
    return details(found.finding, found.history, root=_root(request))


@router.get(
    "/v1/findings/{finding}/pictures/{digest}",
    summary="Show a finding's picture",
    response_class=Response,
    responses={
        200: {"content": {"image/png": _BINARY}},
        304: {"description": "You have it."},
        404: PROBLEM,
    },
)
async def show_picture(
    request: Request, finding: FindingId, digest: Digest, shared: Shared
) -> Response:
    """Show what was seen when it was found, as a PNG of 256 × 256 pixels."""
    tag = f'"{digest}"'
    headers = {"etag": tag, "cache-control": f"private, max-age={PICTURE_SECONDS}"}
    asking = caller(request)
    await verbs.own_picture(finding, digest, shared=shared, caller=asking)
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = await verbs.picture(finding, digest, shared=shared, caller=asking)
    return Response(content, media_type="image/png", headers=headers)


@router.post(
    "/v1/findings/{finding}/assign",
    summary="Assign a finding",
    response_model=FindingDetails,
    responses=_RESPONSES,
    openapi_extra=REPEATED,
)
async def assign_finding(
    request: Request,
    finding: FindingId,
    shared: Shared,
    asked: AssignmentAsked = TO_YOU,
) -> Response:
    """Have somebody look at a finding: you, or whom you name."""
    decided = asked.decided("assign", assignee=asked.assignee)
    return await _decide(request, finding, decided, shared)


async def _decided(
    request: Request,
    finding: FindingId,
    shared: Shared,
    asked: DecisionAsked = WORDLESS,
) -> Response:
    deed = request.scope["path"].rpartition("/")[2]
    return await _decide(request, finding, asked.decided(deed), shared)


_DEEDS = {
    "release": ("Put a finding back", "Put a finding back among the new ones, for somebody else."),
    "confirm": ("Confirm a finding", "Say that it is so; a new one is yours by that."),
    "reject": ("Reject a finding", "Say that it is not so; a new one is yours by that."),
    "close": ("Close a finding", "Be done with a finding that is confirmed or rejected."),
    "reopen": ("Reopen a finding", "Look again at a finding that was decided or closed."),
    "comment": ("Comment on a finding", "Write something down beside a finding."),
}
"""Summary and description of each route that takes a decision alone."""

for _deed, (_summary, _description) in _DEEDS.items():
    router.add_api_route(
        f"/v1/findings/{{finding}}/{_deed}",
        _decided,
        methods=["POST"],
        name=f"{_deed}_finding",
        summary=_summary,
        description=_description,
        response_model=FindingDetails,
        responses=_RESPONSES,
        openapi_extra=REPEATED,
    )


async def _decide(request: Request, finding: str, decided: Decided, shared: Running) -> Response:
    found = await verbs.decide(finding, decided, shared=shared, caller=caller(request))
    return _told(found, request)


def _told(one: Told, request: Request) -> Response:
    told = details(one.finding, one.history, root=_root(request))
    return Response(told.model_dump_json(), media_type="application/json")


def _json(page: Page, path: str | None, root: str) -> bytes:
    found = [shown(one, root=root) for one in page.findings]
    return FindingsAnswer(findings=found, next=path).model_dump_json().encode()


def _geojson(page: Page, path: str | None, root: str) -> bytes:
    links = [{"rel": "next", "href": path, "type": GEOJSON}] if path else []
    content = {
        "type": "FeatureCollection",
        "features": [feature(one, root=root) for one in page.findings],
        "numberReturned": len(page.findings),
        "links": links,
        "next": path,
    }
    return json.dumps(content).encode()


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
