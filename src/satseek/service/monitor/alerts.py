"""``/v1/alerts``: who was told of which finding, who was not, once more; a channel tried.

Knows the wire only; who may look is every door's.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from satseek.monitor.delivery.channels import Form, Language, Reason, Way
from satseek.monitor.delivery.outbox import MAX_PAGE
from satseek.monitor.delivery.rows import LetterState
from satseek.monitor.findings.checking import MAX_NAME
from satseek.service.calling import caller
from satseek.service.describing import PROBLEM
from satseek.service.monitor import alerts_verbs as verbs
from satseek.service.paging import DEFAULT_LIMIT, Cursor, Limit, Listing, link_header, next_path
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running

router = APIRouter(tags=["alerts"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]
AlertId = Annotated[str, PathParameter(max_length=64, description="Whole id of the alert.")]
ChannelName = Annotated[str, PathParameter(max_length=64, description="As the settings name it.")]

_ALERT: dict[str, Any] = {
    "id": "9d1f0c8e7b6a5d4c3b2a",
    "finding": "3f9ac2d1e07b5a8c4d10",
    "source": "mines",
    "reason": "new",
    "channel": "control-room",
    "made": "2025-08-05T10:31:07+00:00",
    "letter": "9d1f0c8e7b6a5d4c3b2a",
    "state": "waiting",
    "attempts": 2,
    "due": "2025-08-05T10:31:27+00:00",
    "settled": None,
    "error": "https://hooks.example.org/…: no answer in time",
}


class AlertShown(BaseModel):
    """One change of one finding, told to one channel."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": _ALERT})

    id: str
    finding: str = Field(description="Id of the finding.")
    source: str
    reason: Reason
    channel: str
    made: str = Field(description="When the finding changed.")
    letter: str = Field(description="Key of its letter; empty: no digest has taken it yet.")
    state: LetterState = Field(
        description="`waiting` also after tries that failed, `arrived`, or `dead`: given up."
    )
    attempts: int
    due: str | None = Field(description="When it is tried next; null: it does not wait.")
    settled: str | None
    error: str = Field(description="What came of the last try that failed; empty: nothing.")


class AlertDetails(AlertShown):
    """The same, and what is sent."""

    said: list[dict[str, Any]] = Field(
        description="What its letter says of findings that you may see; of a digest several."
    )


class AlertsAnswer(BaseModel):
    """One page of alerts, the newest first."""

    model_config = ConfigDict(frozen=True)

    alerts: list[AlertShown]
    counts: dict[LetterState, int] | None = Field(
        description="How many there are in each state; null: you do not see all of them."
    )
    next: str | None = Field(description="Path of the next page; null: this is the last.")


class ResendAsked(BaseModel):
    """What is to be sent again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"dead": True}})

    alerts: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list, max_length=MAX_PAGE, description="Whole ids."
    )
    dead: bool = Field(default=False, description="Instead: all that were given up.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.dead == bool(self.alerts):
            raise ValueError("expected ids of alerts, or dead")
        return self


class ResentAnswer(BaseModel):
    """How many alerts are sent again."""

    model_config = ConfigDict(frozen=True)

    alerts: int


class ChannelShown(BaseModel):
    """Somebody to be told; secrets and paths of addresses are not shown."""

    model_config = ConfigDict(frozen=True)

    name: str
    way: Way
    to: str
    reasons: list[Reason]
    form: Form
    language: Language
    digest_minutes: float
    needs: str = Field(description="What is missing in the settings; empty: nothing.")


class ChannelsAnswer(BaseModel):
    """The channels of the settings."""

    model_config = ConfigDict(frozen=True)

    channels: list[ChannelShown]


class TriedAnswer(BaseModel):
    """What came of sending a sample."""

    model_config = ConfigDict(frozen=True)

    channel: str
    key: str = Field(description="Under which it was sent.")
    arrived: bool
    error: str = Field(description="Why it did not arrive; empty: it did.")


@router.get("/v1/alerts", summary="List alerts", responses={404: PROBLEM})
async def list_alerts(
    request: Request,
    response: Response,
    shared: Shared,
    *,
    state: Annotated[LetterState | None, Query(description="Only these.")] = None,
    source: Annotated[
        str | None, Query(max_length=MAX_NAME, description="Only of this watch, run or assessment.")
    ] = None,
    finding: Annotated[
        str | None, Query(max_length=64, description="Only about the finding of this id.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> AlertsAnswer:
    """List who was told of what, the newest first."""
    where = {"state": state, "source": source, "finding": finding}
    listing = Listing(name="alerts", where=where)
    page = await verbs.listed(
        state=state,
        source=source,
        finding=finding,
        after=listing.after(cursor, kind=str) or "",
        limit=limit,
        shared=shared,
        caller=caller(request),
    )
    path = next_path(request, None if page.after is None else listing.cursor(page.after))
    response.headers.update(link_header(path))
    counts = None if page.counts is None else dict(page.counts)
    return AlertsAnswer(alerts=[AlertShown(**one) for one in page.alerts], counts=counts, next=path)


@router.get("/v1/alerts/channels", summary="List channels")
async def list_channels(request: Request, shared: Shared) -> ChannelsAnswer:
    """List the channels of the settings, and what each of them still needs."""
    found = await verbs.channels(shared=shared, caller=caller(request))
    return ChannelsAnswer(channels=[ChannelShown(**one) for one in found])


@router.post(
    "/v1/alerts/channels/{channel}/test",
    summary="Try a channel",
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def try_channel(request: Request, channel: ChannelName, shared: Shared) -> TriedAnswer:
    """Send a channel a sample, signed as alerts are, and say whether it arrived."""
    found = await verbs.send_sample(channel, shared=shared, caller=caller(request))
    return TriedAnswer(**asdict(found))


@router.post(
    "/v1/alerts/resend",
    summary="Send alerts again",
    responses={404: PROBLEM},
    openapi_extra=REPEATED,
)
async def resend_alerts(request: Request, asked: ResendAsked, shared: Shared) -> ResentAnswer:
    """Have alerts sent again under their keys: who has them already does nothing."""
    who = caller(request)
    if asked.dead:
        return ResentAnswer(alerts=await verbs.resend_dead(shared=shared, caller=who))
    return ResentAnswer(alerts=await verbs.resend(asked.alerts, shared=shared, caller=who))


@router.get("/v1/alerts/{alert}", summary="Show an alert", responses={404: PROBLEM})
async def show_alert(request: Request, alert: AlertId, shared: Shared) -> AlertDetails:
    """Show what became of an alert, and what is sent."""
    return AlertDetails(**await verbs.told(alert, shared=shared, caller=caller(request)))
