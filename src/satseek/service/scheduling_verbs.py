"""What may be done with schedules, whatever the door: set one up, look, remove it.

Knows neither HTTP nor gRPC. That each moment asks for one job is the queue's affair.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.errors import Conflict, ScheduleNotFound
from satseek.jobs.protocol import Schedule
from satseek.jobs.scheduling import check_schedule
from satseek.service.jobbing_checks import allowed, check, sees, told_of
from satseek.service.recording import record

if TYPE_CHECKING:
    from satseek.service.calling import Caller
    from satseek.service.jobbing_asking import AskedTask
    from satseek.service.running import Running


async def put_schedule(
    name: str,
    work: AskedTask,
    *,
    cron: str,
    timezone: str,
    priority: int,
    shared: Running,
    caller: Caller,
) -> Schedule:
    """Set a schedule up, or another one under its name.

    Raises:
        InvalidName, InvalidRequest: such a name, expression or zone cannot be.
        Conflict: somebody else's has the name, which they do not see.
        As ``jobbing_checks.check``.
    """
    who = allowed(caller)
    schedule = Schedule(
        name=name,
        cron=cron,
        timezone=timezone,
        task=work.task,
        parameters=told_of(work, who),
        collection=work.about(),
        asked_by=who.name,
        priority=priority,
        created=datetime.now(UTC),
    )

    def check_all() -> None:
        check_schedule(schedule)
        check(work, shared, who)
        taken = [one for one in shared.jobs.schedules() if one.name == name]
        if any(not sees(who, one, shared) for one in taken):
            raise Conflict(f"schedule {name!r}: the name is taken; choose another one")

    await shared.in_thread(check_all)
    async with record("schedule.put", name, shared=shared, caller=caller, task=work.task):
        return await shared.in_thread(lambda: shared.jobs.put_schedule(schedule))


async def schedules(*, shared: Running, caller: Caller) -> list[Schedule]:
    """Give the schedules that somebody sees, by name."""
    who = allowed(caller)
    found = await shared.in_thread(shared.jobs.schedules)
    return [one for one in found if sees(who, one, shared)]


async def find_schedule(name: str, *, shared: Running, caller: Caller) -> Schedule:
    """Give one schedule; raises ScheduleNotFound."""
    for one in await schedules(shared=shared, caller=caller):
        if one.name == name:
            return one
    raise ScheduleNotFound(f"no schedule {name[:64]!r}")


async def remove_schedule(name: str, *, shared: Running, caller: Caller) -> None:
    """Forget a schedule; raises ScheduleNotFound."""
    found = await find_schedule(name, shared=shared, caller=caller)
    async with record("schedule.remove", name, shared=shared, caller=caller, task=found.task):
        await shared.in_thread(lambda: shared.jobs.remove_schedule(found.name))
