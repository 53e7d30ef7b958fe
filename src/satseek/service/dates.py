"""``/v1/collections/{name}/dates``: on which days scenes were acquired, for whoever draws time.

Knows the index's own account of itself; changes nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from satseek.service.chips import reading
from satseek.service.describing import PROBLEM
from satseek.service.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.types import Scene

router = APIRouter(tags=["collections"])

Shared = Annotated[Running, Depends(running)]


class DayShown(BaseModel):
    """One day, and what was acquired on it."""

    model_config = ConfigDict(frozen=True)

    day: str = Field(description="ISO 8601 date, UTC.")
    scenes: int


class DatesAnswer(BaseModel):
    """The days of a collection, the earliest first; scenes without a date have none."""

    model_config = ConfigDict(frozen=True)

    dates: list[DayShown]


@router.get(
    "/v1/collections/{name}/dates", summary="List days of acquisition", responses={404: PROBLEM}
)
async def list_dates(request: Request, name: str, shared: Shared) -> DatesAnswer:
    """List the days on which the collection's scenes were acquired, and how many on each."""
    who = reading(request)
    return await shared.in_thread(lambda: _counted(shared.reader(name, who).scenes()))


def _counted(scenes: Iterable[Scene]) -> DatesAnswer:
    days = Counter(scene.datetime.date() for scene in scenes if scene.datetime is not None)
    return DatesAnswer(
        dates=[DayShown(day=day.isoformat(), scenes=count) for day, count in sorted(days.items())]
    )
