"""What may be done with watches, whatever the door: set one up, look, run, pause, teach, remove it.

Knows neither HTTP nor gRPC. A watch of a collection that somebody does not see is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.errors import Conflict
from satseek.imagery.outlines import outline
from satseek.jobs import hours
from satseek.jobs.indexing import IndexTask, check_index
from satseek.jobs.watching import check_channels, described, tools_for
from satseek.monitor.watch.describing import described_held_out, described_learnt
from satseek.monitor.watch.judging import expect, judge
from satseek.monitor.watch.keeping import find_watch
from satseek.search.concepts import parse_reference
from satseek.service.jobbing_asking import job_asked
from satseek.service.jobbing_checks import Seen, allowed
from satseek.service.jobbing_verbs import submit
from satseek.service.monitor.watches_showing import HeldOutShown, LearntShown, WatchDetails
from satseek.service.recording import record

if TYPE_CHECKING:
    from satseek.jobs.protocol import Job
    from satseek.monitor.watch.tools import WatchTools
    from satseek.monitor.watch.watch import Watch
    from satseek.service.access.principals import Principal
    from satseek.service.calling import Caller
    from satseek.service.monitor.watches_asking import ExamplesAsked, HeldOutAsked, WatchAsked
    from satseek.service.running import Running


async def watches_seen(*, shared: Running, caller: Caller) -> list[WatchDetails]:
    """Give the watches that somebody sees, by name; raises PermissionDenied."""
    who = _reading(caller)

    def shown() -> list[WatchDetails]:
        return [_shown(one, shared) for one in _all_seen(shared, who)]

    return await shared.in_thread(shown)


async def show_watch(name: str, *, shared: Running, caller: Caller) -> WatchDetails:
    """Give one of them; raises WatchNotFound, PermissionDenied."""
    who = _reading(caller)
    return await shared.in_thread(lambda: _shown(found_watch(name, shared, who), shared))


async def put_watch(
    name: str, asked: WatchAsked, *, shared: Running, caller: Caller
) -> WatchDetails:
    """Set a watch up, or change it; what it has looked at stays so.

    Raises:
        PermissionDenied: they may ask for no jobs, or not search.
        CollectionNotFound, ConceptNotFound, FolderNotFound, UnsafeReference: it names what is not
            there, or not for them.
        InvalidName, InvalidRequest, InvalidFilter, InvalidConfig: it cannot be.
        Conflict: the name is taken by a watch of another collection.
    """
    who = _changing(caller)

    def checked() -> Watch:
        former = {one.name: one for one in _all_seen(shared, who)}.get(name)
        watch = asked.watch(name, former)
        hours.planned(watch, asked_by=who.name)
        _check(watch, shared, who)
        return watch

    watch = await shared.in_thread(checked)

    def put() -> WatchDetails:
        saved = hours.set_up(
            watch,
            who=who.name,
            watches=shared.monitor.watches,
            queue=shared.jobs,
            paused=asked.paused,
        )
        return _shown(saved, shared)

    async with record("watch.put", name, shared=shared, caller=caller):
        return await shared.in_thread(put)


async def remove_watch(name: str, *, shared: Running, caller: Caller) -> None:
    """Forget a watch and what it has looked at; its findings stay. Raises as ``show_watch``."""
    await _seen(name, shared=shared, caller=caller)

    def remove() -> None:
        hours.remove(name, shared.monitor.watches, shared.jobs)

    async with record("watch.remove", name, shared=shared, caller=caller):
        await shared.in_thread(remove)


async def pause_watch(name: str, *, shared: Running, caller: Caller) -> WatchDetails:
    """Have nobody ask for a watch by its schedule any more; raises as ``resume_watch``."""
    watch = await _seen(name, shared=shared, caller=caller)

    def pause() -> WatchDetails:
        who, watches = caller.principal.name, shared.monitor.watches
        hours.pause(name, who=who, watches=watches, queue=shared.jobs)
        return _shown(watch, shared)

    async with record("watch.pause", name, shared=shared, caller=caller):
        return await shared.in_thread(pause)


async def resume_watch(name: str, *, shared: Running, caller: Caller) -> WatchDetails:
    """Have a watch asked for by its schedule again.

    Raises:
        InvalidRequest: it has none.
        As ``show_watch``.
    """
    watch = await _seen(name, shared=shared, caller=caller)

    def resume() -> WatchDetails:
        who, watches = caller.principal.name, shared.monitor.watches
        hours.resume(name, who=who, watches=watches, queue=shared.jobs)
        return _shown(watch, shared)

    async with record("watch.resume", name, shared=shared, caller=caller):
        return await shared.in_thread(resume)


async def run_watch(
    name: str, *, again: bool, key: str | None, shared: Running, caller: Caller
) -> Job:
    """Ask for a run of a watch, as a job; raises as ``show_watch`` and ``jobbing_verbs.submit``.

    Args:
        name: Which.
        again: Whether all dates are to be looked at again.
        key: The same from the same principal means the same job.
        shared: What all requests share.
        caller: Who asks.
    """
    watch = await _seen(name, shared=shared, caller=caller)
    if again:
        async with record("watch.again", name, shared=shared, caller=caller):
            await shared.in_thread(lambda: shared.monitor.watches.look_again(name))
    asked = job_asked("watch", {"watch": name, "collection": watch.collection})
    return await submit(asked, key=key, shared=shared, caller=caller)


async def teach_watch(name: str, asked: ExamplesAsked, *, shared: Running, caller: Caller) -> None:
    """Show a watch chips that do or do not show it.

    Raises:
        CollectionNotFound: a chip lies where they do not see it.
        As ``show_watch``.
    """
    who = caller.principal
    await _seen(name, shared=shared, caller=caller)

    def teach() -> None:
        for chip in (*asked.liked, *asked.disliked):
            shared.require(chip.partition("/")[0], who)
        shared.monitor.watches.answer(name, asked.liked, "liked", who=who.name)
        shared.monitor.watches.answer(name, asked.disliked, "disliked", who=who.name)

    async with record("watch.teach", name, shared=shared, caller=caller):
        await shared.in_thread(teach)


async def expected_of(name: str, *, shared: Running, caller: Caller) -> LearntShown:
    """Tell what a watch has learnt, and what is expected of its next run.

    Raises:
        InvalidRequest: too little ground, or too few answers, for the operating point.
        CollectionNotFound, ModelMismatch: its collection cannot be searched.
        Overloaded: too much of this is being worked on already.
        As ``show_watch``.
    """
    who = _reading(caller)

    def learnt() -> LearntShown:
        watch = found_watch(name, shared, who)
        return LearntShown(**described_learnt(name, expect(watch, _tools(watch, shared))))

    return await shared.in_exporter(learnt)


async def held_out(
    name: str, asked: HeldOutAsked, *, shared: Running, caller: Caller
) -> HeldOutShown:
    """Measure a watch on ground held out from it; raises as ``expected_of``, and InvalidFilter."""
    who = _reading(caller)
    truth = None if asked.truth is None else outline(asked.truth, crs=asked.truth_crs)

    def judged() -> HeldOutShown:
        watch = found_watch(name, shared, who)
        held = judge(watch, _tools(watch, shared), truth=truth, day=asked.day)
        return HeldOutShown(**described_held_out(name, held))

    return await shared.in_exporter(judged)


def found_watch(name: str, shared: Running, who: Principal) -> Watch:
    """Find a watch that somebody sees; raises WatchNotFound, which names those that they see."""
    return find_watch(name, _all_seen(shared, who))


def _all_seen(shared: Running, who: Principal) -> list[Watch]:
    """Give the watches of collections that somebody sees, by name."""
    limits = shared.assembly.settings.collection_groups
    return [one for one in shared.monitor.watches.list() if who.sees(one.collection, limits)]


async def _seen(name: str, *, shared: Running, caller: Caller) -> Watch:
    who = _changing(caller)
    return await shared.in_thread(lambda: found_watch(name, shared, who))


def _reading(caller: Caller) -> Principal:
    caller.principal.require("search")
    return caller.principal


def _changing(caller: Caller) -> Principal:
    allowed(caller)
    return _reading(caller)


def _check(watch: Watch, shared: Running, who: Principal) -> None:
    """Refuse what names anything that is not there, or not for whoever asks."""
    shared.require(watch.collection, who)
    if watch.scenes is None:
        shared.reader(watch.collection, who)
    elif not watch.scenes.here:  # else a person at this machine's terminal named them
        scenes = watch.scenes
        told: dict[str, Any] = {"collection": watch.collection, "folder": scenes.folder}
        names = ("search", "recipe", "chip_px", "stride_px", "pixel_size", "crs", "min_valid")
        told |= {name: getattr(scenes, name) for name in names}
        check_index(IndexTask.model_validate(told), Seen(shared, who))
    concept = watch.concept
    for chip in (*concept.liked, *concept.disliked):
        shared.require(chip.partition("/")[0], who)
    if concept.saved:
        shared.assembly.concepts.get(*parse_reference(concept.saved))
    check_channels(watch, shared.assembly.settings)
    for one in shared.monitor.watches.list():
        if one.name == watch.name and one.collection != watch.collection:
            raise Conflict(f"watch {watch.name!r}: a watch of another collection has the name")


def _tools(watch: Watch, shared: Running) -> WatchTools:
    stores = shared.monitor
    return tools_for(watch, shared.assembly, watches=stores.watches, findings=stores.findings)


def _shown(watch: Watch, shared: Running) -> WatchDetails:
    stores = shared.monitor
    told = described(watch, watches=stores.watches, findings=stores.findings, queue=shared.jobs)
    return WatchDetails(**told)
