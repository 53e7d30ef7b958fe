"""What is written of a watch's hours → the queue's schedule for it.

Does not know what a run does. The watch is written first, with who set it up and whether it waits,
and the queue is told then; whoever died between the two is finished by the next worker that starts.
"""

from __future__ import annotations

import logging
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest, SatseekError, ScheduleNotFound
from satseek.jobs.protocol import Schedule
from satseek.jobs.scheduling import check_schedule
from satseek.monitor.tables import DATABASE, FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.jobs.protocol import JobQueue
    from satseek.monitor.watch.keeping import Watches
    from satseek.monitor.watch.rows import Standing
    from satseek.monitor.watch.watch import Watch
    from satseek.settings import Settings

logger = logging.getLogger(__name__)


def planned(watch: Watch, *, asked_by: str) -> Schedule | None:
    """Say when a watch is to be run; None: when somebody does. Raises InvalidRequest."""
    if watch.hours is None:
        return None
    found = Schedule(
        name=schedule_name(watch.name),
        cron=watch.hours.cron,
        timezone=watch.hours.timezone,
        task="watch",
        parameters={"collection": watch.collection, "watch": watch.name},
        collection=watch.collection,
        asked_by=asked_by,
        created=datetime.now(UTC),
    )
    check_schedule(found)
    return found


def schedule_name(watch: str) -> str:
    """Name the schedule by which the queue asks for a watch of this name."""
    return f"watch-{watch}"


def set_up(
    watch: Watch, *, who: str, watches: Watches, queue: JobQueue, paused: bool | None = None
) -> Watch:
    """Keep a watch, and have the queue ask for it by its hours.

    Args:
        watch: What it is to be.
        who: Who sets it up; its schedule asks in their name.
        watches: Where watches are kept.
        queue: Who asks by the clock.
        paused: Whether it waits to be resumed; None: if it does so far.

    Raises:
        InvalidName, InvalidRequest, InvalidFilter, Conflict, DiskFull: as ``Watches.save``.
    """
    planned(watch, asked_by=who)  # what cannot be asked for is not kept
    former = [one for one in watches.list() if one.name == watch.name]
    if all(one.hours is None for one in (watch, *former)):
        return watches.save(watch)
    if paused is None:
        paused = bool(waiting(former, watches, queue))
    saved = watches.save(watch, who=who, paused=paused)
    settle(saved.name, watches, queue)
    return saved


def pause(name: str, *, who: str, watches: Watches, queue: JobQueue) -> None:
    """Have nobody ask for a watch by its hours until it is resumed; raises as ``resume``."""
    _check_timed(name, watches)
    watches.stand(name, who=who, paused=True)
    settle(name, watches, queue)


def resume(name: str, *, who: str, watches: Watches, queue: JobQueue) -> None:
    """Have a watch asked for by its hours again.

    Raises:
        WatchNotFound: there is none of that name.
        InvalidRequest: it has no hours.
    """
    _check_timed(name, watches)
    watches.stand(name, who=who, paused=False)
    settle(name, watches, queue)


def remove(name: str, watches: Watches, queue: JobQueue) -> None:
    """Forget a watch, and have nobody ask for it any more; raises WatchNotFound.

    The queue is told whatever the watch says of its hours: whoever took them from it may have died
    before the queue knew.
    """
    watches.get(name)
    _unschedule(name, queue)
    watches.remove(name)


def settle(name: str, watches: Watches, queue: JobQueue) -> None:
    """Tell a queue what was written of a watch's hours, where it was not told yet."""
    standing = watches.standing().get(name)
    if standing is None or standing.settled:
        return
    plan = None if standing.paused else planned(watches.get(name), asked_by=standing.who)
    if plan is None:
        _unschedule(name, queue)
    else:
        queue.put_schedule(plan)
    watches.settle(name, standing)


def settle_all(settings: Settings, queue: JobQueue) -> None:
    """Tell a queue what whoever died meanwhile did not; what cannot be told is logged."""
    folder = settings.data_dir / FOLDER
    if not (folder / DATABASE).is_file():
        return
    from satseek.monitor.watch.keeping import Watches  # noqa: PLC0415 - slow to load

    try:
        with closing(Watches(folder)) as watches:
            for name, standing in watches.standing().items():
                if not standing.settled:
                    settle(name, watches, queue)
    except SatseekError as error:  # the next worker tries again
        logger.warning("watches: %s", error)


def waiting(found: list[Watch], watches: Watches, queue: JobQueue) -> set[str]:
    """Give the names of those watches that have hours, and that nobody asks for by them."""
    timed = [one.name for one in found if one.hours is not None]
    if not timed:
        return set()
    standing = watches.standing()
    there = {one.name for one in queue.schedules()}
    return {name for name in timed if _waits(name, standing, there)}


def _unschedule(name: str, queue: JobQueue) -> None:
    with suppress(ScheduleNotFound):
        queue.remove_schedule(schedule_name(name))


def _check_timed(name: str, watches: Watches) -> None:
    if watches.get(name).hours is None:
        raise InvalidRequest(f"watch {name}: has no schedule to pause or resume; give it one")


def _waits(name: str, standing: Mapping[str, Standing], there: set[str]) -> bool:
    """Tell by what is written, and where that says nothing by what the queue knows."""
    written = standing.get(name)
    if written is not None and (written.paused or not written.settled):
        return written.paused
    return schedule_name(name) not in there
