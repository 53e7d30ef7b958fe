"""A command that takes long → a job of the queue, which a worker does.

Does not know what the command does. Where this machine has a queue of its own and no worker lives,
one is started, which ends when nothing waits any more.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import configured
from satseek.cli.printing import print_json, say
from satseek.cli.recording import command_line, operator, recorded
from satseek.errors import InvalidRequest, SatseekError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.jobs.protocol import Job, TaskName
    from satseek.jobs.tasks import Asked
    from satseek.settings import Settings

Detach = Annotated[
    bool, typer.Option("--detach", help="Ask for it as a job, print the job's id, and return.")
]
Priority = Annotated[
    int | None,
    typer.Option(min=-10, max=10, help="Of the job: higher ones are begun first. [default: 0]"),
]
Key = Annotated[
    str | None,
    typer.Option(help="Names the job: asked again with the same key, no second one is made."),
]

OF_THE_WORKER = ("model", "engine", "threads")
"""Options before the command that say how work is done here and now; workers have their own."""

START_SECONDS = 20.0
"""How long a worker that was started is waited for."""

LOG = "worker.log"
"""What it says, in the folder of the queue."""


def wants_job(detach: bool, *, priority: int | None, key: str | None) -> bool:  # noqa: FBT001
    """Tell whether a job is wanted; raises InvalidRequest where options say neither."""
    if not detach and (priority is not None or key is not None):
        raise InvalidRequest("--priority and --key go with --detach")
    return detach


def detached(
    context: typer.Context,
    asked: Asked,
    *,
    priority: int | None = None,
    key: str | None = None,
    json: bool = False,
) -> None:
    """Ask for a job, print its id, and see to it that somebody does it.

    Raises:
        InvalidRequest: options that only work done here and now can follow.
        SatseekError: it would certainly fail, or the queue does not take it.
    """
    refuse_flags(context)
    settings = configured(context).settings
    check(asked, settings)
    job = _submitted(context, asked, settings, priority=priority, key=key)
    started = None if settings.queue_url or _is_final(job) else see_to_worker(settings)
    if json:
        print_json({"id": job.id, "task": job.task, "state": job.state, "worker_log": started})
        return
    typer.echo(job.id)
    if started is not None:
        say(f"no worker was at work, so one was started: it ends when nothing waits; see {started}")
    say(f"job {job.id} is {job.state}: `satseek jobs wait {job.id}` shows how far it is")


def asked_of(task: str, fields: Mapping[str, Any]) -> Asked:
    """Make a task of its name and fields; somebody at a terminal asks for it.

    Paths that it names start where they stand: a worker finds them wherever it was started.

    Raises:
        InvalidRequest, InvalidFilter: there is no such task, or its fields make no sense.
    """
    from satseek.jobs.naming import placed  # noqa: PLC0415 (help must not wait for it)
    from satseek.jobs.tasks import HERE  # noqa: PLC0415

    for name, kind in HERE.items():
        if name == task:
            said = _said_by_hand(kind)
            return _validated(kind, {**placed(task, fields), **said})
    raise InvalidRequest(f"expected a task of {', '.join(HERE)}, came {task[:32]!r}")


def _said_by_hand(kind: type[Asked]) -> dict[str, Any]:
    """Say that somebody at a terminal asks, and where a report tells it: who, by which words."""
    said = {"here": True, "operator": operator().name, "command": command_line()}
    return {name: value for name, value in said.items() if name in kind.model_fields}


def refuse_flags(context: typer.Context) -> None:
    """Refuse what would be lost on the way to a worker."""
    given = [f"--{name}" for name in OF_THE_WORKER if context.obj.get(name) is not None]
    if given:
        raise InvalidRequest(
            f"{', '.join(given)}: a job is done as its worker is set; set that in satseek.toml or "
            "SATSEEK_* of the worker"
        )


def check(asked: Asked, settings: Settings) -> None:
    """Refuse now what would certainly fail later."""
    from satseek.assemble import Assembly  # noqa: PLC0415 (help must not wait for the index)
    from satseek.jobs.tasks import check_task  # noqa: PLC0415

    with closing(Assembly(settings)) as parts:
        check_task(asked, parts)


def _validated(kind: type[Asked], fields: Mapping[str, Any]) -> Asked:
    """Make a task; raises InvalidRequest on one line where its fields make no sense."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return kind.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"{where}: {first['msg']}") from error


def name_of(asked: Asked) -> TaskName:
    """Name a task."""
    from satseek.jobs.tasks import HERE, TASKS  # noqa: PLC0415

    kinds = [*TASKS.items(), *HERE.items()]
    return next(name for name, kind in kinds if type(asked) is kind)


def see_to_worker(settings: Settings) -> Path | None:
    """Start a worker where none lives; returns its log, None where there was one.

    Raises:
        SatseekError: it ended at once; the job waits for another one.
    """
    from satseek.jobs.presence import is_anybody_there  # noqa: PLC0415
    from satseek.jobs.working import FOLDER  # noqa: PLC0415

    folder = settings.data_dir.resolve() / FOLDER
    if is_anybody_there(folder):
        return None
    command = [sys.executable, "-m", "satseek", "--data-dir", str(folder.parent), "worker"]
    log = folder / LOG
    with log.open("ab") as told:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--burst"],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            start_new_session=True,  # it goes on when this terminal is closed
        )
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and not is_anybody_there(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.returncode:
        raise SatseekError(
            f"the job waits, but the worker that was started ended with exit code "
            f"{process.returncode}: see {log}, and run `satseek worker`"
        )
    return log


def _submitted(
    context: typer.Context,
    asked: Asked,
    settings: Settings,
    *,
    priority: int | None,
    key: str | None,
) -> Job:
    from satseek.jobs.protocol import Terms  # noqa: PLC0415
    from satseek.jobs.queues import open_queue  # noqa: PLC0415

    task = name_of(asked)
    with (
        closing(open_queue(settings)) as queue,
        recorded(context, "job.submit", asked.about() or task, task=task),
    ):
        return queue.submit(
            task,
            asked.model_dump(mode="json"),
            collection=asked.about(),
            asked_by=operator().name,
            key=key,
            terms=Terms(priority=priority or 0),
        )


def _is_final(job: Job) -> bool:
    from satseek.jobs.protocol import FINAL  # noqa: PLC0415

    return job.state in FINAL
