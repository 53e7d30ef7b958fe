"""``/v1/watches``: what is looked for again and again: set up, run, paused, taught, measured.

Knows the wire only.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from satseek.monitor.findings.keeping import FindingFilter
from satseek.service.calling import caller
from satseek.service.describing import AWAY, PROBLEM
from satseek.service.jobbing_showing import JobDetails, details
from satseek.service.monitor import watches_verbs as verbs
from satseek.service.monitor.findings_showing import feature
from satseek.service.monitor.findings_verbs import listed
from satseek.service.monitor.runs_answering import GEO, features_answer
from satseek.service.monitor.watches_asking import (
    ExamplesAsked,
    HeldOutAsked,
    WatchAsked,
    WatchRunAsked,
)
from satseek.service.monitor.watches_showing import (
    HeldOutShown,
    LearntShown,
    WatchDetails,
    WatchShown,
)
from satseek.service.paging import DEFAULT_LIMIT, Cursor, Limit, Listing
from satseek.service.repeating import REPEATED, Repeatable, key_of
from satseek.service.running import Running, running

router = APIRouter(tags=["watches"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
WatchName = Annotated[str, PathParameter(max_length=64, description="Name of the watch.")]


class WatchesAnswer(BaseModel):
    """All watches that you see, by name."""

    model_config = ConfigDict(frozen=True)

    watches: list[WatchShown]


@router.get("/v1/watches", summary="List watches", responses={502: AWAY})
async def list_watches(request: Request, shared: Shared) -> WatchesAnswer:
    """List the watches of collections that you see, and how they stand."""
    found = await verbs.watches_seen(shared=shared, caller=caller(request))
    plain = [WatchShown(**one.model_dump(exclude={"runs"})) for one in found]
    return WatchesAnswer(watches=plain)


@router.get("/v1/watches/{name}", summary="Show a watch", responses={404: PROBLEM, 502: AWAY})
async def show_watch(request: Request, name: WatchName, shared: Shared) -> WatchDetails:
    """Show a watch, when it is run next, and what its latest runs did."""
    return await verbs.show_watch(name, shared=shared, caller=caller(request))


@router.put(
    "/v1/watches/{name}",
    summary="Set a watch up",
    responses={404: PROBLEM, 409: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def save_watch(
    request: Request, name: WatchName, asked: WatchAsked, shared: Shared
) -> WatchDetails:
    """Set a watch up, or change it: every version is kept, and what it has looked at stays so."""
    return await verbs.put_watch(name, asked, shared=shared, caller=caller(request))


@router.delete(
    "/v1/watches/{name}",
    summary="Remove a watch",
    status_code=HTTPStatus.NO_CONTENT,
    responses={404: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def delete_watch(request: Request, name: WatchName, shared: Shared) -> Response:
    """Forget a watch and what it has looked at; its findings stay."""
    await verbs.remove_watch(name, shared=shared, caller=caller(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/v1/watches/{name}/run",
    summary="Run a watch",
    status_code=HTTPStatus.ACCEPTED,
    responses={404: PROBLEM, 409: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def run_watch(
    request: Request,
    response: Response,
    name: WatchName,
    shared: Shared,
    asked: WatchRunAsked | None = None,
) -> JobDetails:
    """Index what is new of a watch's scenes, and look at it, as a job."""
    again = asked is not None and asked.again
    job = await verbs.run_watch(
        name, again=again, key=key_of(request), shared=shared, caller=caller(request)
    )
    root = str(request.scope.get("root_path", ""))
    response.headers["location"] = f"{root}/v1/jobs/{job.id}"
    return details(job)


@router.post(
    "/v1/watches/{name}/pause",
    summary="Pause a watch",
    responses={404: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def pause_watch(request: Request, name: WatchName, shared: Shared) -> WatchDetails:
    """Have its schedule wait until it is resumed; it can be run all the same."""
    return await verbs.pause_watch(name, shared=shared, caller=caller(request))


@router.post(
    "/v1/watches/{name}/resume",
    summary="Resume a watch",
    responses={404: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def resume_watch(request: Request, name: WatchName, shared: Shared) -> WatchDetails:
    """Have it run by its schedule again; moments that came meanwhile are let pass."""
    return await verbs.resume_watch(name, shared=shared, caller=caller(request))


@router.get(
    "/v1/watches/{name}/findings",
    summary="List a watch's alerts",
    response_class=Response,
    responses=GEO,
)
async def list_alerts(
    request: Request,
    name: WatchName,
    shared: Shared,
    *,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """List the findings of a watch as GeoJSON, the most urgent first; `/v1/findings` filters."""
    asking = caller(request)
    watch = await verbs.show_watch(name, shared=shared, caller=asking)
    listing = Listing(name=f"alerts of {name}", where={})
    page = await listed(
        FindingFilter(kinds=("watch",), sources=(name,), collections=(watch.collection,)),
        order="urgent",
        after=listing.after(cursor, kind=str) or "",
        limit=limit,
        shared=shared,
        caller=asking,
    )
    root = str(request.scope.get("root_path", ""))
    features = [feature(one, root=root) for one in page.findings]
    return features_answer(request, features, listing.cursor(page.next) if page.next else None)


@router.get(
    "/v1/watches/{name}/expected",
    summary="Tell what to expect of a watch",
    responses={404: PROBLEM, 409: PROBLEM},
)
async def show_expected(request: Request, name: WatchName, shared: Shared) -> LearntShown:
    """Tell what it has learnt from answers, and what is expected at the cut of its next run."""
    return await verbs.expected_of(name, shared=shared, caller=caller(request))


@router.post(
    "/v1/watches/{name}/examples",
    summary="Teach a watch",
    status_code=HTTPStatus.NO_CONTENT,
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def teach_watch(
    request: Request, name: WatchName, asked: ExamplesAsked, shared: Shared
) -> Response:
    """Show it chips that do, or do not, show what it looks for; the next run learns from them."""
    await verbs.teach_watch(name, asked, shared=shared, caller=caller(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/v1/watches/{name}/held-out",
    summary="Measure a watch",
    responses={404: PROBLEM, 409: PROBLEM},
)
async def measure_watch(
    request: Request, name: WatchName, asked: HeldOutAsked, shared: Shared
) -> HeldOutShown:
    """Measure it on ground that it has not learnt from: sensitivity, specificity, alerts."""
    return await verbs.held_out(name, asked, shared=shared, caller=caller(request))
