"""``/v1/samples``: places drawn for people to judge, their answers, and the areas that follow.

Knows the wire only; who may see and judge what is every door's.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import ChipNotFound, CollectionNotFound, UnreadableImage
from satseek.jobs.tasks import SampleTask
from satseek.monitor.findings.checking import MAX_NAME
from satseek.monitor.samples.keeping import MAX_COMMENT
from satseek.monitor.samples.pictures import SIZE_PX
from satseek.monitor.samples.sample import Standing
from satseek.service.calling import caller
from satseek.service.chips import MAX_SIZE, MIN_SIZE
from satseek.service.describing import PROBLEM
from satseek.service.jobbing_asking import AskedJob
from satseek.service.jobbing_showing import JobDetails
from satseek.service.monitor import samples_verbs as verbs
from satseek.service.monitor.asking_jobs import ask_for_job
from satseek.service.monitor.findings_asking import Person
from satseek.service.monitor.samples_showing import (
    AreasAnswer,
    PlacesAnswer,
    PlaceShown,
    SampleDetails,
    SamplesAnswer,
    SampleShown,
    SettledShown,
    place_shown,
)
from satseek.service.paging import DEFAULT_LIMIT, Cursor, Limit, Listing, link_header, next_path
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running
from satseek.service.withholding import told

router = APIRouter(tags=["samples"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
SampleName = Annotated[str, PathParameter(max_length=64, description="Name of the sample.")]
PlaceId = Annotated[str, PathParameter(max_length=1000, description="Id of the place.")]
By = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=MAX_NAME,
        description="Your name, where the server asks nobody who they are.",
    ),
]


class SampleAsked(AskedJob, SampleTask):
    """What is to be drawn, and how it is to be done as a job."""

    model_config = ConfigDict(json_schema_extra={
        "example": {"collection": "county", "run": "county-2025", "name": "june", "size": 300}
    })  # fmt: skip

    task: Literal["sample"] = Field("sample", description="Need not be given.")


class NextPlaceAsked(BaseModel):
    """Who judges."""

    model_config = ConfigDict(extra="forbid")

    who: Person | None = Field(
        None, description="Your name, where the server asks nobody who they are."
    )


class AnswerAsked(NextPlaceAsked):
    """What a place is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"label": "forest", "comment": ""}}
    )

    label: str = Field(
        min_length=1, max_length=MAX_NAME, description="One of the labels, or `cannot tell`."
    )
    comment: str = Field("", max_length=MAX_COMMENT, description="Why, in a few words.")


_ANYBODY = NextPlaceAsked.model_validate({})


@router.get("/v1/samples", summary="List samples")
async def list_samples(request: Request, shared: Shared) -> SamplesAnswer:
    """List the samples that you may see, by name, and how far people are with them."""
    found = await verbs.listed(shared=shared, caller=caller(request))
    return SamplesAnswer(samples=[SampleShown(**one) for one in found])


@router.post(
    "/v1/samples",
    summary="Ask for a sample",
    status_code=HTTPStatus.ACCEPTED,
    responses={404: PROBLEM, 409: PROBLEM},
    openapi_extra=REPEATED,
)
async def ask_sample(
    request: Request, response: Response, asked: SampleAsked, shared: Shared
) -> JobDetails:
    """Draw places of the map of a run of land use for people to judge, as a job."""
    return await ask_for_job(asked, request, response, shared=shared)


@router.get("/v1/samples/{name}", summary="Show a sample", responses={404: PROBLEM})
async def show_sample(request: Request, name: SampleName, shared: Shared) -> SampleDetails:
    """Show how a sample was drawn, and how far each stratum is."""
    return SampleDetails(**await verbs.told(name, shared=shared, caller=caller(request)))


@router.post(
    "/v1/samples/{name}/next",
    summary="Take the next place",
    response_model=PlaceShown,
    responses={204: {"description": "There is nothing that you could add."}, 404: PROBLEM},
    openapi_extra=REPEATED,
)
async def next_place(
    request: Request, name: SampleName, shared: Shared, asked: NextPlaceAsked = _ANYBODY
) -> Response:
    """Give you the next place to judge; it is kept for you for half an hour."""
    found = await verbs.next_place(name, by=asked.who, shared=shared, caller=caller(request))
    if found is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    shown = place_shown(found, root=_root(request))
    return Response(shown.model_dump_json(), media_type="application/json")


@router.get(
    "/v1/samples/{name}/areas", summary="Estimate areas", responses={404: PROBLEM, 409: PROBLEM}
)
async def estimate_areas(
    request: Request,
    name: SampleName,
    shared: Shared,
    interval: Annotated[
        Literal["wilson", "wald"],
        Query(description="Of 95 %: `wilson`, or `wald` as the literature has it."),
    ] = "wilson",
) -> AreasAnswer:
    """Tell the map's accuracy and the areas that follow from it, by the places judged so far."""
    who = caller(request)
    return AreasAnswer(**await verbs.areas(name, interval=interval, shared=shared, caller=who))


@router.get("/v1/samples/{name}/places", summary="List a sample's places", responses={404: PROBLEM})
async def list_places(
    request: Request,
    response: Response,
    name: SampleName,
    shared: Shared,
    *,
    standing: Annotated[Standing | None, Query(description="Only these.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> PlacesAnswer:
    """List what the answers make of each place, those that are due first in front."""
    found = await verbs.places(name, standing=standing, shared=shared, caller=caller(request))
    listing = Listing(name=f"places of {name}", where={"standing": standing})
    begin = listing.after(cursor, kind=int) or 0
    end = begin + limit
    path = next_path(request, listing.cursor(end) if end < len(found) else None)
    response.headers.update(link_header(path))
    shown = [SettledShown(**one) for one in found[begin:end]]
    return PlacesAnswer(places=shown, next=path)


@router.get(
    "/v1/samples/{name}/places/{place}/pictures/{number}",
    summary="Show a place at one date",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        404: PROBLEM,
        410: PROBLEM,
    },
)
async def show_place_picture(
    request: Request,
    name: SampleName,
    place: PlaceId,
    number: Annotated[int, PathParameter(ge=1, le=1000, description="1 is the earliest date.")],
    shared: Shared,
    *,
    size: Annotated[
        int, Query(ge=MIN_SIZE, le=MAX_SIZE, description="Longer edge in pixels.")
    ] = SIZE_PX,
) -> Response:
    """Show a place as its chip was embedded; `mark` of the place says what is to be judged."""
    try:
        content = await verbs.picture(
            name, place, number, size=size, shared=shared, caller=caller(request)
        )
    except (ChipNotFound, CollectionNotFound, UnreadableImage) as error:
        raise HTTPException(HTTPStatus.GONE, f"it can no longer be drawn: {told(error)}") from error
    headers = {"cache-control": "private, max-age=600"}
    return Response(content, media_type="image/jpeg", headers=headers)


@router.post(
    "/v1/samples/{name}/places/{place}/answers",
    summary="Judge a place",
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def judge_place(
    request: Request, name: SampleName, place: PlaceId, shared: Shared, asked: AnswerAsked
) -> PlaceShown:
    """Say what a place is; said again, the last answer counts and all are kept."""
    found = await verbs.judge(
        name,
        place,
        asked.label,
        comment=asked.comment,
        by=asked.who,
        shared=shared,
        caller=caller(request),
    )
    return place_shown(found, root=_root(request))


@router.get("/v1/samples/{name}/places/{place}", summary="Show a place", responses={404: PROBLEM})
async def show_place(
    request: Request, name: SampleName, place: PlaceId, shared: Shared, who: By = None
) -> PlaceShown:
    """Show what is to be judged, and what you said of it last."""
    found = await verbs.place(name, place, by=who, shared=shared, caller=caller(request))
    return place_shown(found, root=_root(request))


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
