"""Settings → the queue that they name, and who does its jobs: the only file that names queues.

Does not know doors.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from satseek.errors import ServerUnreachable
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.working import FOLDER, Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.jobs.protocol import JobQueue, LeasingQueue
    from satseek.jobs.rqueue.queue import RqQueue
    from satseek.jobs.working import TryObserver
    from satseek.settings import Settings

FILE = "jobs.sqlite"
"""The queue of one machine, in its folder."""


def open_queue(settings: Settings) -> LeasingQueue:
    """Open the queue of the settings; what is wrong with its server shows when it is asked.

    Raises:
        DependencyMissing: it is in a Redis, and RQ is not installed.
        InvalidSettings: the address is none.
    """
    if settings.queue_url is None:
        return EmbeddedQueue(settings.data_dir / FOLDER / FILE)
    from satseek.jobs.rqueue.queue import RqQueue  # noqa: PLC0415 (an extra)

    url = settings.queue_url.get_secret_value()
    return RqQueue(url, replicas=settings.queue_replicas)


def worker_for(
    queue: LeasingQueue,
    settings: Settings,
    *,
    burst: bool = False,
    program: Sequence[str] | None = None,
    observer: TryObserver | None = None,
) -> Worker:
    """Make who does the jobs of a queue; it begins when told to.

    Args:
        queue: As ``open_queue`` gave it.
        settings: Of this machine.
        burst: Whether it ends when nothing waits any more.
        program: Command that does a job; None: our own.
        observer: As ``Worker`` takes it.

    Raises:
        SatseekError: the queue is in a Redis that would forget jobs.
    """
    worker = Worker(queue, settings=settings, burst=burst, program=program, observer=observer)
    shared = _on_redis(queue)
    if shared is not None:
        with suppress(ServerUnreachable):  # whoever writes the first job is told
            shared.examined()
        shared.listen(worker.wake)
    return worker


def examined(queue: JobQueue) -> str:
    """Look whether a queue keeps jobs as it must; says what it is, on one line.

    Raises:
        SatseekError: it would forget them, or its server is away.
    """
    shared = _on_redis(queue)
    return "a file in the data folder" if shared is None else f"RQ on Redis: {shared.examined()}"


def state_of(queue: JobQueue) -> str | None:
    """Ask the server of a queue how it is: ``up``, or ``down: `` and why; None: it has none.

    Takes half a second at most.
    """
    shared = _on_redis(queue)
    return None if shared is None else shared.state()


def _on_redis(queue: JobQueue) -> RqQueue | None:
    if isinstance(queue, EmbeddedQueue):
        return None
    from satseek.jobs.rqueue.queue import RqQueue  # noqa: PLC0415 (an extra)

    return queue if isinstance(queue, RqQueue) else None
