"""``satseek jobs schedule``: work that is asked for again and again. Knows only the queue."""

from __future__ import annotations

import json as json_module
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli import detaching
from satseek.cli.application import CollectionName, Json, configured
from satseek.cli.jobs import group as jobs_group
from satseek.cli.jobs import opened
from satseek.cli.printing import print_json, print_table, say
from satseek.cli.recording import operator, recorded
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.jobs.protocol import Schedule
    from satseek.jobs.tasks import Asked

group = typer.Typer(help="Ask for work by the clock.", no_args_is_help=True)
jobs_group.add_typer(group, name="schedule")


@group.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the schedule.")],
    cron: Annotated[str, typer.Argument(help="Five fields as in crontab(5): '30 2 * * *'.")],
    task: Annotated[str, typer.Argument(help="index, verify, compact …")],
    *,
    collection: CollectionName = None,
    parameters: Annotated[
        str, typer.Option("--parameters", "-p", metavar="JSON", help="What the task needs to know.")
    ] = "{}",
    timezone: Annotated[str, typer.Option(help="IANA zone that the fields are read in.")] = "UTC",
    priority: Annotated[int, typer.Option(min=-10, max=10, help="Of its jobs.")] = 0,
    json: Json = False,
) -> None:
    """Ask for a job at certain moments, once each however many workers run; or set that anew.

    Example: satseek jobs schedule add nightly '30 2 * * *' index -c county -p '{"folder": "new"}'
    """
    from satseek.jobs.protocol import Schedule  # noqa: PLC0415 (help must not wait for it)

    detaching.refuse_flags(context)
    given = _read(parameters) | ({"collection": collection} if collection else {})
    asked = _by_hand(task, given)
    detaching.check(asked, configured(context).settings)
    wanted = Schedule(
        name=name,
        cron=cron,
        timezone=timezone,
        task=detaching.name_of(asked),
        parameters=asked.model_dump(mode="json"),
        collection=asked.about(),
        asked_by=operator().name,
        priority=priority,
        created=datetime.now(UTC),
    )
    with opened(context) as queue, recorded(context, "schedule.put", name, task=task):
        put = queue.put_schedule(wanted)
    if json:
        print_json(_shown(put))
    else:
        say(f"schedule {put.name}: next at {_next(put)}, wherever a worker runs then")


@group.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the schedules, with the moment that comes next.

    Example: satseek jobs schedule list
    """
    with opened(context) as queue:
        found = queue.schedules()
    if json:
        print_json([_shown(one) for one in found])
        return
    head = ("name", "cron", "timezone", "task", "collection", "last", "next")
    print_table(head, [_row(one) for one in found])


@group.command()
def remove(
    context: typer.Context, name: Annotated[str, typer.Argument(help="Name of the schedule.")]
) -> None:
    """Forget a schedule; jobs that it has asked for stay.

    Example: satseek jobs schedule remove nightly
    """
    with opened(context) as queue, recorded(context, "schedule.remove", name):
        queue.remove_schedule(name)
    say(f"schedule {name} is removed")


def _read(text: str) -> dict[str, Any]:
    try:
        read = json_module.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"--parameters: expected JSON: {error}") from error
    if not isinstance(read, dict):
        raise InvalidRequest('--parameters: expected a JSON object, such as \'{"folder": "new"}\'')
    return read


def _by_hand(task: str, given: Mapping[str, Any]) -> Asked:
    """Check what is asked by somebody who may read whatever this machine lets them."""
    return detaching.asked_of(task, given)


def _row(one: Schedule) -> list[str]:
    last = "-" if one.last is None else f"{one.last:%Y-%m-%d %H:%M}Z"
    return [one.name, one.cron, one.timezone, one.task, one.collection or "-", last, _next(one)]


def _shown(one: Schedule) -> dict[str, Any]:
    return {name: getattr(one, name) for name in type(one).__slots__} | {"next": _next(one)}


def _next(schedule: Schedule) -> str:
    """Tell the moment that comes next, on the clock that the schedule goes by."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from satseek.jobs.scheduling import moments  # noqa: PLC0415

    found = next(islice(moments(schedule, datetime.now(UTC)), 1), None)
    return "never" if found is None else found.astimezone(ZoneInfo(schedule.timezone)).isoformat()
