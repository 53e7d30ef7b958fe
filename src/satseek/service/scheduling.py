"""``/v1/schedules``: what is asked for again and again, at moments that a cron expression names.

Knows the wire only; the moments, and that each is asked for once, are the queue's.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.jobs.scheduling import following
from satseek.service.calling import caller
from satseek.service.describing import AWAY, PROBLEM
from satseek.service.jobbing_asking import MAX_PRIORITY, WorkAsked
from satseek.service.jobbing_showing import ScheduleShown, shown_schedule
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running
from satseek.service.scheduling_verbs import (
    find_schedule,
    put_schedule,
    remove_schedule,
    schedules,
)

router = APIRouter(tags=["jobs"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
Name = Annotated[str, PathParameter(max_length=64, description="Name of the schedule.")]


class ScheduleAsked(BaseModel):
    """When to ask for which job."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={
        "example": {
            "cron": "30 3 * * *",
            "timezone": "Europe/Berlin",
            "job": {"task": "index", "collection": "county", "folder": "2025"},
        }
    })  # fmt: skip

    cron: str = Field(
        min_length=9,
        max_length=200,
        description="Minute, hour, day of the month, month, day of the week, as crontab(5) has "
        "them: `30 3 * * *` is every night at half past three.",
    )
    timezone: str = Field(
        "UTC", min_length=1, max_length=64, description="IANA name, such as `Asia/Shanghai`."
    )
    job: WorkAsked = Field(description="What is to be done.")
    priority: int = Field(
        0, ge=-MAX_PRIORITY, le=MAX_PRIORITY, description="Of its jobs; higher are begun first."
    )


class SchedulesAnswer(BaseModel):
    """All schedules that you see, by name."""

    model_config = ConfigDict(frozen=True)

    schedules: list[ScheduleShown]


@router.get("/v1/schedules", summary="List schedules", responses={502: AWAY})
async def list_schedules(request: Request, shared: Shared) -> SchedulesAnswer:
    """List the schedules whose jobs you would see, by name."""
    found = await schedules(shared=shared, caller=caller(request))
    return SchedulesAnswer(schedules=[shown_schedule(one, following(one)) for one in found])


@router.get("/v1/schedules/{name}", summary="Show a schedule", responses={404: PROBLEM, 502: AWAY})
async def show_schedule(request: Request, name: Name, shared: Shared) -> ScheduleShown:
    """Show a schedule and the next moments at which it asks."""
    found = await find_schedule(name, shared=shared, caller=caller(request))
    return shown_schedule(found, following(found))


@router.put(
    "/v1/schedules/{name}",
    summary="Set a schedule up",
    responses={404: PROBLEM, 409: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def save_schedule(
    request: Request, name: Name, asked: ScheduleAsked, shared: Shared
) -> ScheduleShown:
    """Ask for a job at every moment that the expression names; replaces one of the same name."""
    found = await put_schedule(
        name,
        asked.job,
        cron=asked.cron,
        timezone=asked.timezone,
        priority=asked.priority,
        shared=shared,
        caller=caller(request),
    )
    return shown_schedule(found, following(found))


@router.delete(
    "/v1/schedules/{name}",
    summary="Remove a schedule",
    status_code=HTTPStatus.NO_CONTENT,
    responses={404: PROBLEM, 502: AWAY},
    openapi_extra=REPEATED,
)
async def delete_schedule(request: Request, name: Name, shared: Shared) -> Response:
    """Ask no more; jobs that were asked for stay."""
    await remove_schedule(name, shared=shared, caller=caller(request))
    return Response(status_code=HTTPStatus.NO_CONTENT)
