"""Schedules at a moment → for how long what was due has not been done.

Does not know who asks. Of schedules whose moments cannot be told, nothing is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.jobs.scheduling import moments_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from satseek.jobs.protocol import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """How late something is."""

    name: str
    """Of the schedule, or of the watch."""
    collection: str
    """That it is about; empty: about none."""
    seconds: float
    """Since the first moment at which it was due and has not come since; 0: it is in time."""


def late_schedules(schedules: Iterable[Schedule], now: datetime) -> Iterator[Overdue]:
    """Say of each schedule for how long nobody has asked for the job that was due."""
    for one in schedules:
        seconds = _seconds_late(one, one.last or one.created, now)
        if seconds is not None:
            yield Overdue(name=one.name, collection=one.collection, seconds=seconds)


def late_watches(
    schedules: Iterable[Schedule], last_run: Callable[[str], datetime | None], now: datetime
) -> Iterator[Overdue]:
    """Say of each watch that has its hours for how long it should have been run and was not.

    Args:
        schedules: All of a queue; those of watches are looked at.
        last_run: Says when a watch was run last; None: never.
        now: What time it is.
    """
    for one in schedules:
        watch = str(one.parameters.get("watch", ""))
        if one.task != "watch" or not watch:
            continue
        run = last_run(watch)
        since = one.created if run is None else max(run, one.created)
        seconds = _seconds_late(one, since, now)
        if seconds is not None:
            yield Overdue(name=watch, collection=one.collection, seconds=seconds)


def _seconds_late(schedule: Schedule, since: datetime, now: datetime) -> float | None:
    """Give the time since its first moment after another one; None: it has none any more."""
    with suppress(InvalidRequest, StopIteration):
        due = _first_after(schedule.cron, schedule.timezone, since)
        return max(0.0, (now - due).total_seconds())
    return None


@lru_cache(maxsize=4096)  # asked again and again until the schedule has been seen to
def _first_after(cron: str, timezone: str, since: datetime) -> datetime:
    return next(moments_of(cron, timezone, since))
