"""What may be done with samples, whatever the door: look, take the next place, judge, estimate.

Knows neither HTTP nor gRPC, nor how samples are kept. Samples of collections that somebody does not
see are not there.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from satseek.errors import SampleNotFound
from satseek.monitor.samples.describing import described, described_settled
from satseek.monitor.samples.verbs import areas_so_far, told_place
from satseek.search.thumbnails import thumbnail
from satseek.service.monitor.findings_seeing import named
from satseek.service.recording import record

if TYPE_CHECKING:
    from satseek.monitor.areas.intervals import Interval
    from satseek.monitor.samples.drawing import Place
    from satseek.monitor.samples.sample import Sample, Standing
    from satseek.service.access.principals import Principal
    from satseek.service.calling import Caller
    from satseek.service.running import Running

    Described = dict[str, Any]


async def listed(*, shared: Running, caller: Caller) -> list[Described]:
    """Tell of every sample that somebody sees, by name; raises PermissionDenied."""
    who = caller.principal
    who.require("search")

    def told() -> list[Described]:
        found = [one for one in shared.monitor.samples.all() if _sees(who, one, shared)]
        return [described(one, shared.monitor.samples.settled(one.name)) for one in found]

    return await shared.in_thread(told)


async def told(name: str, *, shared: Running, caller: Caller) -> Described:
    """Tell of a sample, and how far each stratum is; raises PermissionDenied, SampleNotFound."""

    def work() -> Described:
        found = _found(name, shared, caller.principal)
        strata = shared.monitor.samples.progress(name)
        by_stratum = {stratum: asdict(one) for stratum, one in strata.items()}
        return described(found, shared.monitor.samples.settled(name)) | {"by_stratum": by_stratum}

    return await shared.in_thread(work)


async def places(
    name: str, *, standing: Standing | None, shared: Running, caller: Caller
) -> list[Described]:
    """Tell what the answers make of each place; raises as ``told``."""

    def work() -> list[Described]:
        _found(name, shared, caller.principal)
        found = shared.monitor.samples.settled(name)
        return [described_settled(one) for one in found if standing in (None, one.standing)]

    return await shared.in_thread(work)


async def place(
    name: str, place_id: str, *, by: str | None, shared: Running, caller: Caller
) -> Described:
    """Tell of a place, and what whoever asks said of it last; raises as ``told``."""
    who = named(caller.principal, by)

    def work() -> Described:
        found = _found(name, shared, caller.principal)
        one = shared.monitor.samples.place(name, place_id)
        return _told_place(one, found, who=who, shared=shared)

    return await shared.in_thread(work)


async def next_place(
    name: str, *, by: str | None, shared: Running, caller: Caller
) -> Described | None:
    """Give somebody the next place to judge, which is kept for them for a while.

    Returns:
        None where there is nothing that they could add.

    Raises:
        PermissionDenied, SampleNotFound: they may not judge, or see no such sample.
    """
    caller.principal.require("findings")
    who = named(caller.principal, by)

    def given() -> Described | None:
        found = _found(name, shared, caller.principal)
        one = shared.monitor.samples.next_for(who, name)
        return None if one is None else _told_place(one, found, who=who, shared=shared)

    return await shared.in_thread(given)


async def judge(
    name: str,
    place_id: str,
    label: str,
    *,
    comment: str,
    by: str | None,
    shared: Running,
    caller: Caller,
) -> Described:
    """Write down what somebody says of a place; durable, and in the audit trail.

    Raises:
        PermissionDenied, SampleNotFound: they may not, or there is no such place.
        InvalidRequest: a label that is not taken.
    """
    caller.principal.require("findings")
    who = named(caller.principal, by)
    found = await shared.in_thread(lambda: _found(name, shared, caller.principal))
    one = await shared.in_thread(lambda: shared.monitor.samples.place(name, place_id))

    def judged() -> Described:
        shared.monitor.samples.answer(name, one.id, label, who=who, comment=comment)
        return _told_place(one, found, who=who, shared=shared)

    async with record("sample.answer", name, shared=shared, caller=caller, place=one.id, by=who):
        return await shared.in_thread(judged)


async def areas(name: str, *, interval: Interval, shared: Running, caller: Caller) -> Described:
    """Estimate the map's accuracy and the areas that follow.

    Raises:
        PermissionDenied, SampleNotFound: as ``told``.
        Conflict: nothing is agreed upon yet.
    """

    def work() -> Described:
        _found(name, shared, caller.principal)
        return areas_so_far(shared.monitor.samples, name, interval=interval)

    return await shared.in_thread(work)


async def picture(
    name: str, place_id: str, number: int, *, size: int, shared: Running, caller: Caller
) -> bytes:
    """Draw a place at one of its dates.

    Raises:
        PermissionDenied: they may not look.
        SampleNotFound: there is no such place or date.
        CollectionNotFound, ChipNotFound, UnreadableImage: it can no longer be drawn.
    """

    def drawn() -> bytes:
        found = _found(name, shared, caller.principal)
        chips = shared.monitor.samples.place(name, place_id).chips
        if not 1 <= number <= len(chips):
            raise SampleNotFound(f"place {place_id[:80]!r} has pictures 1 to {len(chips)}")
        collection = shared.reader(found.collection, caller.principal)
        return thumbnail(chips[number - 1], collection=collection, size=size)

    return await shared.in_decoder(drawn)


def _found(name: str, shared: Running, who: Principal) -> Sample:
    who.require("search")
    unseen = SampleNotFound(f"no sample {name[:64]!r}, or none that you may see")
    try:
        found = shared.monitor.samples.get(name)
    except SampleNotFound as error:
        raise unseen from error
    if not _sees(who, found, shared):
        raise unseen
    return found


def _sees(who: Principal, sample: Sample, shared: Running) -> bool:
    return who.sees(sample.collection, shared.assembly.settings.collection_groups)


def _told_place(place: Place, sample: Sample, *, who: str, shared: Running) -> Described:
    return told_place(
        place, sample, who=who, samples=shared.monitor.samples, opened=shared.assembly.reader
    )
