"""``satseek jobs``: long work that was asked for, seen, waited for, ended. Knows only the queue."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import islice
from json import dumps
from typing import Annotated, Any

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.elsewhere import Looked, ServersJobs
from satseek.cli.printing import print_json, print_table, say
from satseek.cli.recording import recorded
from satseek.cli.waiting import LOOK_SECONDS, logged_since, raise_for, span, waited
from satseek.errors import InvalidRequest
from satseek.jobs.protocol import FINAL, STATES, Job, JobQueue, JobState

group = typer.Typer(help="See long work, wait for it, end it.", no_args_is_help=True)
app.add_typer(group, name="jobs")

Id = Annotated[str, typer.Argument(help="Id of the job.")]
Server = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Of a server's jobs. [default: of the queue of the settings]"),
]

LISTED = 20
"""Jobs listed unless more are asked for."""

PAGE = 500
"""Jobs read at once while those of one state are looked for."""


@group.command("list")
def list_(
    context: typer.Context,
    *,
    state: Annotated[str | None, typer.Option(help="Only these, such as running.")] = None,
    number: Annotated[int, typer.Option("-n", min=1, help="The newest so many.")] = LISTED,
    server: Server = None,
    json: Json = False,
) -> None:
    """List the newest jobs.

    Example: satseek jobs list --state running
    """
    with _looked(context, server) as queue:
        found = list(islice(_newest(queue, _state(state)), number))
        counts = queue.counts()
    if json:
        print_json([shown(job) for job in found])
        return
    head = ("id", "task", "collection", "state", "progress", "asked by", "created")
    print_table(head, [_row(job) for job in found])
    say(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no jobs")


@group.command()
def show(context: typer.Context, job: Id, *, server: Server = None, json: Json = False) -> None:
    """Show a job: how far it is, what came of it, or why it failed.

    Example: satseek jobs show 019a2b3c4d5e6f70
    """
    with _looked(context, server) as queue:
        found = queue.find(job)
    if json:
        print_json(shown(found))
        return
    told = {name: value for name, value in shown(found).items() if value not in (None, "", False)}
    print_table(["what", "value"], [[name, _cell(value)] for name, value in told.items()])


@group.command()
def log(
    context: typer.Context,
    job: Id,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")
    ] = False,
    server: Server = None,
) -> None:
    """Print the end of what a job logged.

    Example: satseek jobs log 019a2b3c4d5e6f70 --follow
    """
    seen = ""
    with _looked(context, server) as queue:
        while True:
            found = queue.find(job)
            if news := logged_since(seen, found.log):
                typer.echo(news)
            seen = found.log or seen
            if not follow or found.state in FINAL:
                break
            time.sleep(LOOK_SECONDS)
    if not seen:
        say(f"job {found.id} is {found.state} and has logged nothing yet")


@group.command()
def wait(
    context: typer.Context,
    job: Id,
    *,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds to wait at most. [default: no limit]")
    ] = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Wait until a job has ended, and print its result; where it failed, end with its exit code.

    Example: satseek jobs wait 019a2b3c4d5e6f70
    """
    with _looked(context, server) as queue:
        ended = waited(queue, job, timeout)
    if json:
        print_json(shown(ended))
    elif ended.state == "done":
        print_json(ended.result)
    raise_for(ended)


@group.command()
def cancel(
    context: typer.Context,
    jobs: Annotated[list[str], typer.Argument(metavar="JOB...", help="Ids of jobs.")],
    *,
    server: Server = None,
    json: Json = False,
) -> None:
    """Have jobs end: at once where they wait, within seconds where they run.

    Example: satseek jobs cancel 019a2b3c4d5e6f70
    """
    with _looked(context, server) as queue:
        for job_id in jobs:
            queue.find(job_id)  # refuse the whole command for one unknown id
        ended = []
        for job_id in jobs:
            trail = nullcontext() if server else recorded(context, "job.cancel", job_id)
            with trail:  # a server keeps its own
                ended.append(queue.cancel(job_id))
    if json:
        print_json([shown(job) for job in ended])
        return
    for job in ended:
        say(f"job {job.id} is {'ending' if job.cancelling else job.state}")


@contextmanager
def opened(context: typer.Context) -> Iterator[JobQueue]:
    """Open the queue that the settings name."""
    from satseek.jobs.queues import open_queue  # noqa: PLC0415 (help must not wait for it)

    with closing(open_queue(configured(context).settings)) as queue:
        yield queue


@contextmanager
def _looked(context: typer.Context, server: str | None) -> Iterator[Looked]:
    """Open the queue that the settings name, or a server's."""
    if server is None:
        with opened(context) as queue:
            yield queue
        return
    with closing(ServersJobs(server, configured(context).settings)) as jobs:
        yield jobs


def shown(job: Job) -> dict[str, Any]:
    """Give all of a job but its log, and how long it still takes."""
    left = job.seconds_left(datetime.now(UTC))
    told = {name: getattr(job, name) for name in Job.__slots__ if name != "log"}
    return told | {"seconds_left": None if left is None else round(left, 1)}


def _newest(queue: Looked, state: JobState | None) -> Iterator[Job]:
    before = ""
    while page := queue.jobs(before=before, limit=PAGE):
        yield from (job for job in page if state in (None, job.state))
        before = page[-1].id


def _state(text: str | None) -> JobState | None:
    if text is None:
        return None
    for one in STATES:
        if one == text:
            return one
    raise InvalidRequest(f"--state: expected one of {', '.join(STATES)}, came {text[:32]!r}")


def _row(job: Job) -> list[str]:
    created = job.created.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    state = "ending" if job.cancelling else job.state
    return [job.id, job.task, job.collection or "-", state, _progress(job), job.asked_by, created]


def _progress(job: Job) -> str:
    if not job.total:
        return "-"
    left = job.seconds_left(datetime.now(UTC))
    return f"{job.done}/{job.total}" + ("" if left is None else f", {span(left)} left")


def _cell(value: Any) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case Mapping():
            said = {key: one for key, one in value.items() if one is not None}
            return dumps(said, ensure_ascii=False, default=str)
    return str(value)
