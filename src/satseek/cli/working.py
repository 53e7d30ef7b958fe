"""``satseek worker``: the jobs of a queue, done. Knows only how to start and to end it."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import app, configured
from satseek.cli.placing import check_data_dir
from satseek.logs import log_line, set_up_logging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from satseek.jobs.protocol import JobQueue
    from satseek.jobs.working import Worker
    from satseek.service.working import WorkerDoor, WorkerFigures
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""How often it is looked whether a signal came."""


@app.command()
def worker(
    context: typer.Context,
    *,
    burst: Annotated[bool, typer.Option("--burst", help="End when no job waits any more.")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=64, help="Jobs done at once. [default: as set, 1]")
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds that jobs may go on for when it is to end; then another has them."
        ),
    ] = 10.0,
    metrics_port: Annotated[
        int | None,
        typer.Option(help="Port of figures and probes; 0: a free one. [default: as set, none]"),
    ] = None,
) -> None:
    """Do the jobs of the queue until SIGTERM; several may run, on one machine or on many.

    Example: satseek worker --jobs 2
    """
    from satseek.jobs.queues import open_queue, worker_for  # noqa: PLC0415

    given = {"worker_processes": jobs, "metrics_port": metrics_port}
    settings = configured(context, **given).settings
    set_up_logging(settings.log_level)  # who runs it wants to read what it does
    check_data_dir(settings)
    ending = _Ending()
    with closing(open_queue(settings)) as queue:
        figures = _figures(settings, queue)
        doing = worker_for(queue, settings, burst=burst, observer=figures)
        door = _door(doing, queue, figures, settings)
        log_line(logger, "worker begins", jobs=settings.worker_processes, burst=burst)
        doing.start()
        with _opened(door):
            while not doing.wait(LOOK_SECONDS) and not ending.wanted.is_set():
                pass
            _end(doing, ending, grace)
    log_line(logger, "worker ends")


def _figures(settings: Settings, queue: JobQueue) -> WorkerFigures | None:
    """Count what the worker does where somebody may ask for it."""
    if settings.metrics_port is None:
        return None
    from satseek.service.working import WorkerFigures  # noqa: PLC0415 - slow to load

    return WorkerFigures(settings, queue)


def _door(
    doing: Worker, queue: JobQueue, figures: WorkerFigures | None, settings: Settings
) -> WorkerDoor | None:
    """Take the port that the figures are shown on; nobody is answered yet."""
    if figures is None or settings.metrics_port is None:
        return None
    from satseek.service.working import WorkerDoor  # noqa: PLC0415 - slow to load

    return WorkerDoor(
        figures,
        queue=queue,
        is_alive=lambda: not doing.wait(0),
        host=settings.metrics_host,
        port=settings.metrics_port,
    )


@contextmanager
def _opened(door: WorkerDoor | None) -> Iterator[None]:
    """Show figures while the worker works."""
    if door is None:
        yield
        return
    door.open()
    log_line(logger, "worker shows figures", url=door.url)
    try:
        yield
    finally:
        door.close()


class _Ending:
    """Signals to end: the first has jobs drained, the second has them put back at once."""

    def __init__(self) -> None:
        self.wanted = threading.Event()
        self.now = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._came)

    def _came(self, _number: int, _frame: FrameType | None) -> None:
        (self.now if self.wanted.is_set() else self.wanted).set()


def _end(doing: Worker, ending: _Ending, grace: float) -> None:
    """Let the jobs at work go on for a while, unless a second signal says otherwise."""
    if doing.wait(0):
        return
    log_line(logger, "worker drains", seconds=grace)
    draining = threading.Thread(target=doing.stop, args=(grace,), name="draining", daemon=True)
    draining.start()
    while draining.is_alive() and not ending.now.is_set():
        draining.join(LOOK_SECONDS)
    if draining.is_alive():
        doing.stop()
        draining.join()
