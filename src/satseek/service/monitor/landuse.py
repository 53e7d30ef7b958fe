"""``/v1/landuse``: ask for a run of land use, and what runs found: maps, areas, changes, files.

Knows the wire only. Asking is asking for a job; what a run found is kept under its name.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.jobs.tasks import LanduseTask
from satseek.monitor.labels.files import preset, preset_names
from satseek.service.calling import caller
from satseek.service.describing import AWAY, PROBLEM
from satseek.service.jobbing_asking import AskedJob
from satseek.service.jobbing_files import sent
from satseek.service.jobbing_showing import JobDetails
from satseek.service.monitor.asking_jobs import ask_for_job
from satseek.service.monitor.landuse_showing import (
    LabelSetShown,
    LandUseDetails,
    LandUseShown,
    run_details,
    shown_run,
    shown_set,
)
from satseek.service.monitor.landuse_tiles import check_date, paint
from satseek.service.monitor.runs import (
    found_run,
    kept_run,
    kept_runs,
    open_kept,
    remove_run,
)
from satseek.service.monitor.runs_answering import (
    FILE,
    GEO,
    FileName,
    RowsAnswer,
    features_of_run,
    rows_of_run,
)
from satseek.service.paging import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Listing,
    link_header,
    next_path,
    page_of,
)
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running
from satseek.service.tiling import is_known, picture_of, unchanged
from satseek.service.tiling_asking import OfTile
from satseek.service.tiling_drawing import Painted, tag_of_text

router = APIRouter(tags=["land use"], route_class=Repeatable)

KIND: Literal["landuse"] = "landuse"

_MAP = "/v1/landuse/{name}/maps/{date}"

Shared = Annotated[Running, Depends(running)]
RunName = Annotated[str, PathParameter(max_length=64, description="Name of the run.")]
Date = Annotated[str, PathParameter(max_length=32, description="Date, as the run names it.")]


class LanduseAsked(AskedJob, LanduseTask):
    """What a run of land use is to do, and how it is to be done as a job."""

    model_config = ConfigDict(json_schema_extra={
        "example": {"collection": "county", "name": "county-2025", "labels": "planning"}
    })  # fmt: skip

    task: Literal["landuse"] = Field("landuse", description="Need not be given.")


class LandUseAnswer(BaseModel):
    """One page of runs, by name."""

    model_config = ConfigDict(frozen=True)

    runs: list[LandUseShown]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


class PresetsAnswer(BaseModel):
    """The label sets that are shipped."""

    model_config = ConfigDict(frozen=True)

    label_sets: list[LabelSetShown]


@router.post(
    "/v1/landuse",
    summary="Ask for a run of land use",
    status_code=HTTPStatus.ACCEPTED,
    responses={404: PROBLEM, 409: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def ask_land_use(
    request: Request, response: Response, asked: LanduseAsked, shared: Shared
) -> JobDetails:
    """Tell what each place was at each date, as a job; what it finds is kept under its name."""
    return await ask_for_job(asked, request, response, shared=shared)


@router.get("/v1/landuse", summary="List runs of land use")
async def list_land_use(
    request: Request,
    response: Response,
    shared: Shared,
    *,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> LandUseAnswer:
    """List the runs that are kept, by name, of each the latest."""
    found = await kept_runs(KIND, shared=shared, caller=caller(request))
    listing = Listing(name=KIND, where={})
    page = page_of(found, listing, key=lambda one: one.name, cursor=cursor, limit=limit)
    path = next_path(request, page.cursor)
    response.headers.update(link_header(path))
    return LandUseAnswer(runs=[shown_run(one) for one in page.items], next=path)


@router.get("/v1/landuse/presets", summary="List label sets")
async def list_presets(shared: Shared) -> PresetsAnswer:
    """List the label sets that are shipped, with their labels, prompts and colours."""
    found = await shared.in_thread(lambda: [shown_set(preset(name)) for name in preset_names()])
    return PresetsAnswer(label_sets=found)


@router.get("/v1/landuse/{name}", summary="Show a run of land use", responses={404: PROBLEM})
async def show_land_use(request: Request, name: RunName, shared: Shared) -> LandUseDetails:
    """Show areas by class and date, what became of what, maps and files of a run."""
    run = await kept_run(KIND, name, shared=shared, caller=caller(request))
    return run_details(run, root=str(request.scope.get("root_path", "")))


@router.delete(
    "/v1/landuse/{name}",
    summary="Forget a run of land use",
    status_code=HTTPStatus.NO_CONTENT,
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def delete_land_use(request: Request, name: RunName, shared: Shared) -> Response:
    """Forget what a run found, and its files; its findings stay."""
    await remove_run(KIND, name, shared=shared, caller=caller(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/v1/landuse/{name}/changes",
    summary="List what changed",
    response_class=Response,
    responses=GEO,
)
async def list_changes(
    request: Request,
    name: RunName,
    shared: Shared,
    *,
    before: Annotated[
        str | None, Query(max_length=200, description="Only what was of this class.")
    ] = None,
    after: Annotated[
        str | None, Query(max_length=200, description="Only what is of this class.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """List the patches that became something else, as GeoJSON; ids are those of their findings."""
    where = {"before": before, "after": after}
    return await features_of_run(
        request, KIND, name, "changes", cursor=cursor, limit=limit, where=where, shared=shared
    )


@router.get(
    "/v1/landuse/{name}/districts",
    summary="List areas by district",
    responses={404: PROBLEM, 409: PROBLEM},
)
async def list_districts(
    request: Request,
    response: Response,
    name: RunName,
    shared: Shared,
    *,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> RowsAnswer:
    """List the hectares of each class in each district at each date, where districts were asked."""
    return await rows_of_run(
        request, response, KIND, name, "districts", cursor=cursor, limit=limit, shared=shared
    )


@router.get(
    "/v1/landuse/{name}/files/{file:path}",
    summary="Take a file of a run",
    response_class=Response,
    responses=FILE,
)
async def take_land_use_file(
    request: Request, name: RunName, file: FileName, shared: Shared
) -> Response:
    """Send a file of a run: a map as COG, a table, the report."""
    one = await open_kept(KIND, name, file, shared=shared, caller=caller(request))
    return sent(one, request.headers)


@router.get(
    f"{_MAP}/{{z}}/{{x}}/{{y}}.png",
    summary="Show a class map as a tile",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The tile has not changed since it was fetched."},
        404: PROBLEM,
    },
)
async def show_map(
    request: Request,
    name: RunName,
    date: Date,
    tile: OfTile,
    shared: Shared,
    *,
    made: Annotated[
        str | None,
        Query(max_length=32, description="Which run is meant: lets clients keep tiles for a day."),
    ] = None,
) -> Response:
    """Show what each place was at a date, in the colours of the classes."""
    asking = caller(request)
    asking.principal.require("search")

    def looked() -> tuple[str, bool, Painted | None]:
        run = found_run(KIND, name, shared, asking.principal)
        check_date(run, date)
        tag = tag_of_text(KIND, name, run.stamp, date, tile.name)
        if is_known(request, tag):
            return tag, made == run.stamp, None
        drawn = shared.tiling.kept(tag, lambda: paint(run, date, tile, runs=shared.monitor.runs))
        return tag, made == run.stamp, drawn

    async with shared.tiling.maps.turn():
        tag, fresh, found = await shared.in_thread(looked)
    return (
        unchanged(tag, fresh=fresh) if found is None else picture_of(found, tag, tile, fresh=fresh)
    )
