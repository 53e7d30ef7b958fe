"""Calls about land use and assessments → the verbs, the same ones that REST's routes call.

Knows messages and verbs, nothing of how runs are kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field

from satseek.service.bodies import validated
from satseek.service.monitor.assessments_showing import (
    AssessmentShown,
    assessment_details,
    shown_assessment,
)
from satseek.service.monitor.landuse_showing import LandUseShown, run_details, shown_run
from satseek.service.monitor.parcels import UploadAsked
from satseek.service.monitor.parcels_verbs import (
    find_upload,
    remove_upload,
    send_parcels,
    uploads_seen,
)
from satseek.service.monitor.runs import (
    kept_run,
    kept_runs,
    open_kept,
    remove_run,
    rows_of,
)
from satseek.service.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, Listing, page_of
from satseek.service.rpc.calling import current_caller
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.service.rpc.translating import present

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from satseek.monitor.damage.uploads import Upload
    from satseek.monitor.runs.run import KeptRun, RunKind
    from satseek.service.paging import Page
    from satseek.service.running import Running

PIECE = 1 << 18
"""Bytes of a file in one message, far below what any client takes."""

MOST = 20
"""Columns of a filter."""

_SIDES = ("west", "south", "east", "north")
_COLUMNS = ("name", "crs", "layer", "policy_column", "parcel_column", "crop_column")


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)

    page_size: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    page_token: str | None = Field(None, max_length=MAX_CURSOR)


class _Kind(BaseModel):
    """Of which runs a call is."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["landuse", "damage"]


class _Rows(_Page, _Kind):
    table: Literal["changes", "districts", "parcels", "policies", "visits", "problems"]
    where: dict[str, str] = Field(default_factory=dict, max_length=MOST)


class Lands:
    """The methods about land use and assessments; the interceptor has let their callers in."""

    _shared: Running

    async def list_land_use(
        self, request: pb.ListLandUseRequest, _context: Any
    ) -> pb.ListLandUseResponse:
        """List runs of land use."""
        page = await self._page("landuse", request)
        return pb.ListLandUseResponse(
            runs=[pb.LandUse(**shown_run(one).model_dump()) for one in page.items],
            next_page_token=page.cursor or "",
        )

    async def get_land_use(
        self, request: pb.GetLandUseRequest, _context: Any
    ) -> pb.GetLandUseResponse:
        """Show a run of land use."""
        run = await kept_run("landuse", request.name, shared=self._shared, caller=current_caller())
        told = run_details(run)
        details = told.model_dump_json(exclude=set(LandUseShown.model_fields))
        return pb.GetLandUseResponse(run=pb.LandUse(**shown_run(run).model_dump(), details=details))

    async def list_assessments(
        self, request: pb.ListAssessmentsRequest, _context: Any
    ) -> pb.ListAssessmentsResponse:
        """List assessments."""
        page = await self._page("damage", request)
        return pb.ListAssessmentsResponse(
            assessments=[pb.Assessment(**shown_assessment(one).model_dump()) for one in page.items],
            next_page_token=page.cursor or "",
        )

    async def get_assessment(
        self, request: pb.GetAssessmentRequest, _context: Any
    ) -> pb.GetAssessmentResponse:
        """Show an assessment."""
        run = await kept_run("damage", request.name, shared=self._shared, caller=current_caller())
        told = assessment_details(run)
        details = told.model_dump_json(exclude=set(AssessmentShown.model_fields))
        return pb.GetAssessmentResponse(
            assessment=pb.Assessment(**shown_assessment(run).model_dump(), details=details)
        )

    async def list_run_rows(
        self, request: pb.ListRunRowsRequest, _context: Any
    ) -> pb.ListRunRowsResponse:
        """List the rows of a table of a run."""
        given = present(request, "page_size", "page_token")
        given |= {"kind": request.kind, "table": request.table, "where": dict(request.where)}
        asked = validated(_Rows, given)
        page = await rows_of(
            asked.kind,
            request.name,
            asked.table,
            cursor=asked.page_token or None,
            limit=asked.page_size,
            where=asked.where,
            shared=self._shared,
            caller=current_caller(),
        )
        rows = [json.dumps(row, ensure_ascii=False) for row in page.rows]
        return pb.ListRunRowsResponse(rows=rows, next_page_token=page.cursor or "")

    async def take_run_file(
        self, request: pb.TakeRunFileRequest, _context: Any
    ) -> AsyncIterator[pb.TakeRunFileResponse]:
        """Send a file that a run left."""
        kind = validated(_Kind, {"kind": request.kind}).kind
        one = await open_kept(
            kind, request.name, request.file, shared=self._shared, caller=current_caller()
        )
        with one.content as file:
            while piece := await to_thread.run_sync(file.read, PIECE):
                yield pb.TakeRunFileResponse(content=piece)

    async def remove_run(self, request: pb.RemoveRunRequest, _context: Any) -> pb.RemoveRunResponse:
        """Forget a run."""
        kind = validated(_Kind, {"kind": request.kind}).kind
        await remove_run(kind, request.name, shared=self._shared, caller=current_caller())
        return pb.RemoveRunResponse()

    async def send_parcels(
        self, request: pb.SendParcelsRequest, _context: Any
    ) -> pb.SendParcelsResponse:
        """Keep a file of parcels."""
        names = (*_COLUMNS, "insured_column", "district_column", "insured_unit")
        asked = validated(UploadAsked, present(request, *names))
        upload = await send_parcels(
            request.content,
            name=asked.name,
            reading=asked.reading(),
            shared=self._shared,
            caller=current_caller(),
        )
        return pb.SendParcelsResponse(upload=_upload(upload))

    async def list_uploads(
        self, _request: pb.ListUploadsRequest, _context: Any
    ) -> pb.ListUploadsResponse:
        """List files of parcels."""
        found = await uploads_seen(shared=self._shared, caller=current_caller())
        return pb.ListUploadsResponse(uploads=[_upload(one) for one in found])

    async def get_upload(self, request: pb.GetUploadRequest, _context: Any) -> pb.GetUploadResponse:
        """Show a file of parcels."""
        found = await find_upload(request.id, shared=self._shared, caller=current_caller())
        return pb.GetUploadResponse(upload=_upload(found))

    async def remove_upload(
        self, request: pb.RemoveUploadRequest, _context: Any
    ) -> pb.RemoveUploadResponse:
        """Remove a file of parcels."""
        await remove_upload(request.id, shared=self._shared, caller=current_caller())
        return pb.RemoveUploadResponse()

    async def _page(
        self, kind: RunKind, request: pb.ListLandUseRequest | pb.ListAssessmentsRequest
    ) -> Page[KeptRun]:
        asked = validated(_Page, present(request, "page_size", "page_token"))
        found = await kept_runs(kind, shared=self._shared, caller=current_caller())
        return page_of(
            found,
            Listing(name=kind, where={}),
            key=lambda one: one.name,
            cursor=asked.page_token or None,
            limit=asked.page_size,
        )


def _upload(one: Upload) -> pb.Upload:
    told = one.told()
    box = dict(zip(_SIDES, told.pop("bbox"), strict=True))
    problems = [pb.ParcelProblem(**odd) for odd in told.pop("problems")]
    return pb.Upload(**told, bbox=pb.BoundingBox(**box), problems=problems)
