"""Calls about findings → the verbs, the same ones that REST's routes call.

Knows messages and verbs, nothing of how findings are kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from satseek.monitor.findings.pages import Order
from satseek.service.bodies import validated
from satseek.service.monitor import findings_verbs as verbs
from satseek.service.monitor.findings_asking import AssignmentAsked, FilterAsked
from satseek.service.monitor.findings_showing import details, shown
from satseek.service.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, Listing
from satseek.service.rpc.calling import current_caller
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.service.rpc.translating import area_in, present

if TYPE_CHECKING:
    from satseek.service.monitor.findings_showing import EvidenceShown, FindingShown, StepShown
    from satseek.service.monitor.findings_verbs import Told
    from satseek.service.running import Running

_LISTS = ("kinds", "sources", "collections", "states", "labels", "flags")
_SIDES = ("west", "south", "east", "north")


class _Page(BaseModel):
    """Which findings are listed."""

    model_config = ConfigDict(frozen=True)

    order: Order = "newest"
    page_size: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    page_token: str | None = Field(None, max_length=MAX_CURSOR)


class Reviewing:
    """The methods about findings; the interceptor has let their callers in."""

    _shared: Running

    async def list_findings(
        self, request: pb.ListFindingsRequest, _context: Any
    ) -> pb.ListFindingsResponse:
        """List findings."""
        asked = validated(_Page, present(request, "order", "page_size", "page_token"))
        where = filter_asked(request.filter)
        told = {"order": asked.order, **where.model_dump(mode="json")}
        listing = Listing(name="findings", where=told)
        page = await verbs.listed(
            where.filter(),
            order=asked.order,
            after=listing.after(asked.page_token or None, kind=str) or "",
            limit=asked.page_size,
            shared=self._shared,
            caller=current_caller(),
        )
        return pb.ListFindingsResponse(
            findings=[written(shown(one)) for one in page.findings],
            next_page_token=listing.cursor(page.next) if page.next else "",
        )

    async def count_findings(
        self, request: pb.CountFindingsRequest, _context: Any
    ) -> pb.CountFindingsResponse:
        """Count findings by state."""
        where = filter_asked(request.filter).filter()
        found = await verbs.counted(where, shared=self._shared, caller=current_caller())
        return pb.CountFindingsResponse(
            counts={str(state): count for state, count in found.counts.items()}, you=found.you
        )

    async def get_finding(
        self, request: pb.GetFindingRequest, _context: Any
    ) -> pb.GetFindingResponse:
        """Show a finding."""
        found = await verbs.told(request.id, shared=self._shared, caller=current_caller())
        return pb.GetFindingResponse(finding=_whole(found))

    async def get_finding_picture(
        self, request: pb.GetFindingPictureRequest, _context: Any
    ) -> pb.GetFindingPictureResponse:
        """Give a picture of a finding."""
        png = await verbs.picture(
            request.id, request.picture, shared=self._shared, caller=current_caller()
        )
        return pb.GetFindingPictureResponse(png=png)

    async def next_finding(
        self, request: pb.NextFindingRequest, _context: Any
    ) -> pb.NextFindingResponse:
        """Give the next finding to look at."""
        where = filter_asked(request.filter).filter()
        name = validated(AssignmentAsked, present(request, "who")).who
        found = await verbs.next_one(where, name=name, shared=self._shared, caller=current_caller())
        return pb.NextFindingResponse(finding=None if found is None else _whole(found))

    async def decide_finding(
        self, request: pb.DecideFindingRequest, _context: Any
    ) -> pb.DecideFindingResponse:
        """Do what somebody decided."""
        given = present(request, "revision", "assignee", "who") | {"comment": request.comment}
        asked = validated(AssignmentAsked, given)
        decided = asked.decided(request.deed, assignee=asked.assignee)
        found = await verbs.decide(
            request.id, decided, shared=self._shared, caller=current_caller()
        )
        return pb.DecideFindingResponse(finding=_whole(found))


def filter_asked(given: pb.FindingFilter) -> FilterAsked:
    """Check a filter; raises RequestValidationError."""
    fields = present(given, "assignee", "area_crs", "start", "end")
    fields |= {name: list(getattr(given, name)) for name in _LISTS}
    if given.HasField("bbox"):
        fields["bbox"] = tuple(getattr(given.bbox, side) for side in _SIDES)
    if given.HasField("area"):
        fields["area"] = area_in(given.area)
    return validated(FilterAsked, fields)


def written(one: FindingShown) -> pb.Finding:
    """Write a finding."""
    apart = {"footprint", "properties", "evidence", "history"}
    steps: list[StepShown] = getattr(one, "history", [])
    return pb.Finding(
        **one.model_dump(exclude=apart),
        footprint=None if one.footprint is None else json.dumps(one.footprint),
        properties=json.dumps(one.properties, ensure_ascii=False),
        evidence=[_evidence(part) for part in one.evidence],
        history=[pb.Step(**step.model_dump()) for step in steps],
    )


def _whole(found: Told) -> pb.Finding:
    return written(details(found.finding, found.history))


def _evidence(one: EvidenceShown) -> pb.Evidence:
    box = None
    if one.bounds is not None:
        box = pb.BoundingBox(**dict(zip(_SIDES, one.bounds, strict=True)))
    return pb.Evidence(**one.model_dump(exclude={"bounds"}), bounds=box)
