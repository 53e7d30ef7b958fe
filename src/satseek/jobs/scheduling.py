"""A schedule → its moments, and the job of each of them asked for once.

Does not know what the jobs do. Any number of schedulers may run over one queue: which of them asks
for a moment's job is settled there.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from satseek.errors import InvalidRequest, SatseekError
from satseek.index.checks import check_name
from satseek.jobs.checks import check_priority, check_text, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.jobs.protocol import Job, JobQueue, Schedule

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the queue is asked what is due: cron's own step is a minute."""

STOP_SECONDS = 10.0
"""How long a change that is under way is waited for at the end."""

NEXT = 3
"""Moments told of a schedule."""

FIELDS = 5
"""Of a cron expression: minute, hour, day of month, month, day of week."""

MAX_CRON = 200
"""Letters of a cron expression."""

_WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=40), timedelta(days=400))
"""How far back the latest moment is looked for, one after the other: so that one that comes each
minute is not counted through from years ago."""


def check_schedule(schedule: Schedule) -> None:
    """Refuse a schedule that can never be fired, or not kept.

    Raises:
        InvalidRequest: what is wrong with it.
    """
    check_name(schedule.name, "schedule")
    check_priority(schedule.priority)
    check_text("collection", schedule.collection)
    check_text("asked_by", schedule.asked_by)
    written(schedule.parameters)
    if schedule.created.utcoffset() is None:
        raise InvalidRequest(f"created: expected a time zone, came {schedule.created}")
    if next(moments(schedule, schedule.created), None) is None:
        raise InvalidRequest(f"cron: {schedule.cron!r} names no moment of the next 50 years")


def moments(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Give the moments of a schedule in UTC, each later than the one before.

    Where a clock is set forward over a moment of fixed hours, it comes right behind the gap; where
    it is set back, it comes once, the first time. Expressions that name every hour, or every minute
    of some, follow the time that passes instead: both as Debian's cron(8) does.

    Raises:
        InvalidRequest: no cron expression, or no time zone.
    """
    return moments_of(schedule.cron, schedule.timezone, after)


def moments_of(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Give the moments of an expression in a zone; see ``moments``."""
    zone = _zone(timezone)
    for moment in _cron(cron, after.astimezone(zone)):
        found = moment.astimezone(UTC)
        if found > after:  # not the first of two hours of one name, seen from the second
            yield found
            after = found


def following(schedule: Schedule) -> list[datetime]:
    """Give the next few moments of a schedule, UTC; raises as ``moments``."""
    return list(islice(moments(schedule, datetime.now(UTC)), NEXT))


def latest_due(schedule: Schedule, now: datetime) -> datetime | None:
    """Give the latest moment that came and was not asked for; earlier ones are let pass.

    Returns:
        The moment in UTC; None: none came since the last one, or since the schedule was set up.

    Raises:
        InvalidRequest: as ``moments``.
    """
    after = schedule.last or schedule.created
    for window in _WINDOWS:
        start = max(after, now - window)
        found = _latest(schedule, start, now)
        if found is not None or start == after:
            return found
    return _latest(schedule, after, now)


def _latest(schedule: Schedule, after: datetime, now: datetime) -> datetime | None:
    latest = None
    for moment in moments(schedule, after):
        if moment > now:
            break
        latest = moment
    return latest


def _cron(text: str, start: datetime) -> CronSim:
    told = f"cron: expected {FIELDS} fields as in crontab(5), such as '30 2 * * *', came "
    if len(text) > MAX_CRON or len(text.split()) != FIELDS:
        raise InvalidRequest(f"{told}{text[:MAX_CRON]!r}")
    try:
        return CronSim(text, start)
    except CronSimError as error:
        raise InvalidRequest(f"{told}{text!r}: {str(error).lower()}") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown; no name; a folder of names
        raise InvalidRequest(
            f"timezone: expected a name of the IANA database, such as Europe/Berlin, "
            f"came {name[:80]!a}"
        ) from error


class Scheduler:
    """The thread that asks for what is due."""

    def __init__(
        self, queue: JobQueue, *, clock: Callable[[], datetime] = lambda: datetime.now(tz=UTC)
    ) -> None:
        """Start nothing yet.

        Args:
            queue: Where the schedules are, and the jobs go.
            clock: What time it is, with its time zone.
        """
        self._queue = queue
        self._clock = clock
        self._stop = threading.Event()
        self._next: dict[str, tuple[Schedule, datetime]] = {}
        """The moment that each schedule waits for, so that it is not looked for every second."""
        self._said: dict[str, str] = {}
        self._thread = threading.Thread(target=self._work, name="schedules", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def fire_due(self) -> list[Job]:
        """Ask for the jobs of the moments that came, and give those that nobody else asked for.

        Raises:
            SatseekError: the queue cannot be read.
        """
        now = self._clock()
        schedules = self._queue.schedules()
        self._next = {one.name: self._next[one.name] for one in schedules if one.name in self._next}
        return [job for one in schedules if (job := self._fired(one, now)) is not None]

    def _fired(self, schedule: Schedule, now: datetime) -> Job | None:
        waits = self._next.get(schedule.name)
        if waits is not None and waits[0] == schedule and now < waits[1]:
            return None
        try:
            due = latest_due(schedule, now)
            if due is None:
                self._next[schedule.name] = (schedule, next(moments(schedule, now)))
                return None
            job = self._queue.fire(schedule, due)
        except (SatseekError, StopIteration) as error:  # the others are none the worse for it
            self._say_once(schedule.name, str(error) or "it has no moment any more")
            return None
        self._said.pop(schedule.name, None)
        if job is not None:
            logger.info("schedule %s: job %s of %s", schedule.name, job.id, due.isoformat())
        return job

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self.fire_due()
                self._said.pop("", None)
            except SatseekError as error:
                self._say_once("", str(error))
            except Exception:  # the outermost loop: the next round is another one
                logger.exception("schedules")
            self._stop.wait(LOOK_SECONDS)

    def _say_once(self, name: str, reason: str) -> None:
        """Log why a schedule does not work, or all of them; the same not again."""
        if self._said.get(name) != reason:
            logger.warning("schedule %s: %s", name or "all", reason)
        self._said[name] = reason
