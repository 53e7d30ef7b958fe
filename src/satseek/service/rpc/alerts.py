"""Calls about alerts → the verbs, the same ones that REST's routes call.

Knows messages and verbs, nothing of how a letter travels.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from satseek.monitor.delivery.rows import LetterState
from satseek.monitor.findings.checking import MAX_NAME
from satseek.service.bodies import validated
from satseek.service.monitor import alerts_verbs as verbs
from satseek.service.monitor.alerts import ResendAsked
from satseek.service.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, Listing
from satseek.service.rpc.calling import current_caller
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.service.rpc.translating import present

if TYPE_CHECKING:
    from satseek.service.running import Running


class _Page(BaseModel):
    """Which alerts are listed."""

    model_config = ConfigDict(frozen=True)

    state: LetterState | None = None
    source: str | None = Field(None, max_length=MAX_NAME)
    finding: str | None = Field(None, max_length=64)
    page_size: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    page_token: str | None = Field(None, max_length=MAX_CURSOR)


class Alerting:
    """The methods about alerts; the interceptor has let their callers in."""

    _shared: Running

    async def list_alerts(
        self, request: pb.ListAlertsRequest, _context: Any
    ) -> pb.ListAlertsResponse:
        """List alerts, the newest first."""
        names = ("state", "source", "finding", "page_size", "page_token")
        asked = validated(_Page, present(request, *names))
        where = asked.model_dump(include={"state", "source", "finding"})
        listing = Listing(name="alerts", where=where)
        page = await verbs.listed(
            **where,
            after=listing.after(asked.page_token or None, kind=str) or "",
            limit=asked.page_size,
            shared=self._shared,
            caller=current_caller(),
        )
        return pb.ListAlertsResponse(
            alerts=[pb.Alert(**one) for one in page.alerts],
            counts={str(state): count for state, count in (page.counts or {}).items()},
            next_page_token="" if page.after is None else listing.cursor(page.after),
        )

    async def get_alert(self, request: pb.GetAlertRequest, _context: Any) -> pb.GetAlertResponse:
        """Show an alert."""
        found = await verbs.told(request.id, shared=self._shared, caller=current_caller())
        said = [json.dumps(one, ensure_ascii=False) for one in found.pop("said")]
        return pb.GetAlertResponse(alert=pb.Alert(**found), said=said)

    async def resend_alerts(
        self, request: pb.ResendAlertsRequest, _context: Any
    ) -> pb.ResendAlertsResponse:
        """Have alerts sent again."""
        given = {"alerts": list(request.alerts), "dead": request.dead}
        asked = validated(ResendAsked, given)
        shared, who = self._shared, current_caller()
        if asked.dead:
            count = await verbs.resend_dead(shared=shared, caller=who)
        else:
            count = await verbs.resend(asked.alerts, shared=shared, caller=who)
        return pb.ResendAlertsResponse(alerts=count)

    async def list_channels(
        self, _request: pb.ListChannelsRequest, _context: Any
    ) -> pb.ListChannelsResponse:
        """List the channels of the settings."""
        found = await verbs.channels(shared=self._shared, caller=current_caller())
        return pb.ListChannelsResponse(channels=[pb.Channel(**one) for one in found])

    async def try_channel(
        self, request: pb.TryChannelRequest, _context: Any
    ) -> pb.TryChannelResponse:
        """Send a channel a sample."""
        found = await verbs.send_sample(
            request.channel, shared=self._shared, caller=current_caller()
        )
        return pb.TryChannelResponse(**asdict(found))
