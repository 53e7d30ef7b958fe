"""``/v1/assessments``: ask what became of parcels, and what was found of each.

Knows the wire only. Asking is asking for a job; what it found is kept under its name.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.jobs.tasks import AssessTask
from satseek.monitor.damage.grading import USUAL_GRADES, EvidenceRules
from satseek.monitor.damage.keeping import sheet_name
from satseek.monitor.damage.labels import hazard_labels, hazards
from satseek.service.calling import caller
from satseek.service.describing import AWAY, PROBLEM
from satseek.service.jobbing_asking import AskedJob
from satseek.service.jobbing_files import sent
from satseek.service.jobbing_showing import JobDetails
from satseek.service.monitor.asking_jobs import ask_for_job
from satseek.service.monitor.assessments_showing import (
    AssessmentDetails,
    AssessmentShown,
    GradeShown,
    HazardsAnswer,
    assessment_details,
    shown_assessment,
)
from satseek.service.monitor.landuse_showing import shown_set
from satseek.service.monitor.runs import (
    kept_run,
    kept_runs,
    open_kept,
    remove_run,
    rows_of,
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

router = APIRouter(tags=["damage"], route_class=Repeatable)

KIND: Literal["damage"] = "damage"

Shared = Annotated[Running, Depends(running)]
Name = Annotated[str, PathParameter(max_length=64, description="Name of the assessment.")]
Policy = Annotated[str, PathParameter(max_length=1000, description="Policy, as the file has it.")]
TableName = Literal["policies", "districts", "problems"]
LightName = Literal["red", "amber", "insufficient evidence", "green"]


class AssessmentAsked(AskedJob, AssessTask):
    """What an assessment is of, and how it is to be done as a job."""

    model_config = ConfigDict(json_schema_extra={
        "example": {
            "collection": "county",
            "name": "flood-2025",
            "parcels": "upload:8e03978e40d543e8bc936894a57f9324",
            "before": "2025-06",
            "after": "2025-08-20/2025-09-10",
            "event": "2025-08-20",
            "hazard": "flood",
            "sheets": ["html"],
        }
    })  # fmt: skip

    task: Literal["assess"] = Field("assess", description="Need not be given.")


class AssessmentsAnswer(BaseModel):
    """One page of assessments, by name."""

    model_config = ConfigDict(frozen=True)

    assessments: list[AssessmentShown]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


@router.post(
    "/v1/assessments",
    summary="Ask for an assessment",
    status_code=HTTPStatus.ACCEPTED,
    responses={404: PROBLEM, 409: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def ask_assessment(
    request: Request, response: Response, asked: AssessmentAsked, shared: Shared
) -> JobDetails:
    """Say how much of each parcel is affected, as a job; what it finds is kept under its name."""
    return await ask_for_job(asked, request, response, shared=shared)


@router.get("/v1/assessments", summary="List assessments")
async def list_assessments(
    request: Request,
    response: Response,
    shared: Shared,
    *,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> AssessmentsAnswer:
    """List the assessments that are kept, of collections that you see, by name."""
    found = await kept_runs(KIND, shared=shared, caller=caller(request))
    listing = Listing(name=KIND, where={})
    page = page_of(found, listing, key=lambda one: one.name, cursor=cursor, limit=limit)
    path = next_path(request, page.cursor)
    response.headers.update(link_header(path))
    return AssessmentsAnswer(assessments=[shown_assessment(one) for one in page.items], next=path)


@router.get("/v1/assessments/hazards", summary="List hazards")
async def list_hazards(shared: Shared) -> HazardsAnswer:
    """List the hazards that labels are shipped for, the usual table of losses, usual rules."""
    names = hazards()
    sets = await shared.in_thread(
        lambda: [shown_set(hazard_labels(one, folder=Path())) for one in names]
    )
    return HazardsAnswer(
        hazards=list(names),
        label_sets=sets,
        grades=[
            GradeShown(name=one.name, from_share=one.from_share, light=one.light)
            for one in USUAL_GRADES.grades
        ],
        rules=asdict(EvidenceRules()),
    )


@router.get("/v1/assessments/{name}", summary="Show an assessment", responses={404: PROBLEM})
async def show_assessment(request: Request, name: Name, shared: Shared) -> AssessmentDetails:
    """Show what came of an assessment as a whole, by what rules, and its files."""
    run = await kept_run(KIND, name, shared=shared, caller=caller(request))
    return assessment_details(run, root=str(request.scope.get("root_path", "")))


@router.delete(
    "/v1/assessments/{name}",
    summary="Forget an assessment",
    status_code=HTTPStatus.NO_CONTENT,
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def delete_assessment(request: Request, name: Name, shared: Shared) -> Response:
    """Forget what an assessment found, and its files; its findings stay."""
    await remove_run(KIND, name, shared=shared, caller=caller(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/v1/assessments/{name}/parcels",
    summary="List parcels",
    response_class=Response,
    responses=GEO,
)
async def list_assessed(
    request: Request,
    name: Name,
    shared: Shared,
    *,
    light: Annotated[LightName | None, Query(description="Only of this light.")] = None,
    policy: Annotated[str | None, Query(max_length=1000, description="Only of this one.")] = None,
    district: Annotated[str | None, Query(max_length=1000, description="Only in this one.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """List what became of each parcel, as GeoJSON: its light, and why."""
    return await features_of_run(
        request,
        KIND,
        name,
        "parcels",
        where={"light": light, "policy": policy, "district": district},
        cursor=cursor,
        limit=limit,
        shared=shared,
    )


@router.get(
    "/v1/assessments/{name}/visits",
    summary="List visits",
    response_class=Response,
    responses=GEO,
)
async def list_visits(
    request: Request,
    name: Name,
    shared: Shared,
    *,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """List the parcels that were drawn for surveyors, as GeoJSON, in the order of visiting."""
    return await features_of_run(
        request, KIND, name, "visits", cursor=cursor, limit=limit, where={}, shared=shared
    )


@router.get(
    "/v1/assessments/{name}/tables/{table}",
    summary="List sums or oddities",
    responses={404: PROBLEM, 409: PROBLEM},
)
async def list_rows(
    request: Request,
    response: Response,
    name: Name,
    table: TableName,
    shared: Shared,
    *,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> RowsAnswer:
    """List sums by policy or district, or what is odd about the list of parcels."""
    return await rows_of_run(
        request, response, KIND, name, table, cursor=cursor, limit=limit, shared=shared
    )


@router.get(
    "/v1/assessments/{name}/sheets/{policy:path}",
    summary="Take a claim sheet",
    response_class=Response,
    responses=FILE,
)
async def take_sheet(
    request: Request,
    name: Name,
    policy: Policy,
    shared: Shared,
    *,
    form: Annotated[Literal["html", "pdf"], Query(description="As what.")] = "html",
) -> Response:
    """Send the claim sheet of a policy that is not all green, if sheets were asked for."""
    asking = caller(request)
    page = await rows_of(
        KIND,
        name,
        "policies",
        cursor=None,
        limit=1,
        where={"policy": policy},
        shared=shared,
        caller=asking,
    )
    file = sheet_name(page.run, page.rows[0] if page.rows else None, form=form)
    one = await open_kept(KIND, name, file, shared=shared, caller=asking)
    return sent(one, request.headers)


@router.get(
    "/v1/assessments/{name}/files/{file:path}",
    summary="Take a file of an assessment",
    response_class=Response,
    responses=FILE,
)
async def take_assessment_file(
    request: Request, name: Name, file: FileName, shared: Shared
) -> Response:
    """Send a file of an assessment: a table, the report, a claim sheet."""
    one = await open_kept(KIND, name, file, shared=shared, caller=caller(request))
    return sent(one, request.headers)
