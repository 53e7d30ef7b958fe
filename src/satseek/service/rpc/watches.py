"""Calls about watches → the verbs, the same ones that REST's routes call.

Knows messages and verbs, nothing of how watches are kept or run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.service.bodies import validated
from satseek.service.jobbing_showing import details
from satseek.service.monitor import watches_verbs as verbs
from satseek.service.monitor.watches_asking import ExamplesAsked, HeldOutAsked, WatchAsked
from satseek.service.rpc.calling import current_caller
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.service.rpc.jobbing import parameters_of, written
from satseek.service.rpc.translating import area_in, present

if TYPE_CHECKING:
    from satseek.service.monitor.watches_showing import WatchDetails
    from satseek.service.running import Running


class Watching:
    """The methods about watches; the interceptor has let their callers in."""

    _shared: Running

    async def list_watches(
        self, _request: pb.ListWatchesRequest, _context: Any
    ) -> pb.ListWatchesResponse:
        """List watches."""
        found = await verbs.watches_seen(shared=self._shared, caller=current_caller())
        return pb.ListWatchesResponse(watches=[_watch(one, without="runs") for one in found])

    async def get_watch(self, request: pb.GetWatchRequest, _context: Any) -> pb.GetWatchResponse:
        """Show a watch."""
        found = await verbs.show_watch(request.name, shared=self._shared, caller=current_caller())
        return pb.GetWatchResponse(watch=_watch(found))

    async def put_watch(self, request: pb.PutWatchRequest, _context: Any) -> pb.PutWatchResponse:
        """Set a watch up."""
        asked = validated(WatchAsked, parameters_of(request.watch))
        found = await verbs.put_watch(
            request.name, asked, shared=self._shared, caller=current_caller()
        )
        return pb.PutWatchResponse(watch=_watch(found))

    async def remove_watch(
        self, request: pb.RemoveWatchRequest, _context: Any
    ) -> pb.RemoveWatchResponse:
        """Forget a watch."""
        await verbs.remove_watch(request.name, shared=self._shared, caller=current_caller())
        return pb.RemoveWatchResponse()

    async def run_watch(self, request: pb.RunWatchRequest, _context: Any) -> pb.RunWatchResponse:
        """Ask for a run of a watch."""
        job = await verbs.run_watch(
            request.name,
            again=request.again,
            key=request.key or None,
            shared=self._shared,
            caller=current_caller(),
        )
        return pb.RunWatchResponse(job=written(details(job)))

    async def pause_watch(
        self, request: pb.PauseWatchRequest, _context: Any
    ) -> pb.PauseWatchResponse:
        """Have a watch's schedule wait."""
        found = await verbs.pause_watch(request.name, shared=self._shared, caller=current_caller())
        return pb.PauseWatchResponse(watch=_watch(found))

    async def resume_watch(
        self, request: pb.ResumeWatchRequest, _context: Any
    ) -> pb.ResumeWatchResponse:
        """Have a watch run by its schedule again."""
        found = await verbs.resume_watch(request.name, shared=self._shared, caller=current_caller())
        return pb.ResumeWatchResponse(watch=_watch(found))

    async def teach_watch(
        self, request: pb.TeachWatchRequest, _context: Any
    ) -> pb.TeachWatchResponse:
        """Show a watch chips."""
        given = {"liked": list(request.liked), "disliked": list(request.disliked)}
        asked = validated(ExamplesAsked, given)
        await verbs.teach_watch(request.name, asked, shared=self._shared, caller=current_caller())
        return pb.TeachWatchResponse()

    async def get_watch_expected(
        self, request: pb.GetWatchExpectedRequest, _context: Any
    ) -> pb.GetWatchExpectedResponse:
        """Tell what a watch has learnt."""
        found = await verbs.expected_of(request.name, shared=self._shared, caller=current_caller())
        return pb.GetWatchExpectedResponse(**found.model_dump(exclude={"watch"}))

    async def measure_watch(
        self, request: pb.MeasureWatchRequest, _context: Any
    ) -> pb.MeasureWatchResponse:
        """Measure a watch."""
        given = present(request, "truth", "truth_crs", "day")
        if "truth" in given:
            given["truth"] = area_in(given["truth"])
        asked = validated(HeldOutAsked, given)
        found = await verbs.held_out(
            request.name, asked, shared=self._shared, caller=current_caller()
        )
        return pb.MeasureWatchResponse(**found.model_dump(exclude={"watch"}))


def _watch(one: WatchDetails, *, without: str = "") -> pb.Watch:
    return pb.Watch(
        name=one.name,
        version=one.version,
        collection=one.collection,
        label=one.concept["label"],
        paused=one.paused,
        next=one.next,
        scenes_looked_at=one.scenes_looked_at,
        findings={str(state): count for state, count in one.findings.items()},
        details=one.model_dump_json(exclude={without} if without else None),
    )
