"""A job's id → the job once it has ended, shown meanwhile; and its end as a command's.

Knows only the queue.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.cli.printing import progress_bar
from satseek.errors import Abandoned, DeadlineExceeded, Overloaded, kind_named
from satseek.jobs.protocol import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.cli.elsewhere import Looked
    from satseek.jobs.protocol import Job

LOOK_SECONDS = 0.3
"""How often a job is read while it is waited for."""

AWAY_SECONDS = 60.0
"""How long a queue that does not answer is waited for: a Redis that starts again reads its file."""


def waited(queue: Looked, job_id: str, timeout: float | None) -> Job:
    """Wait for a job to end.

    Raises:
        DeadlineExceeded: not within so many seconds.
        JobNotFound: there is none of that id.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with progress_bar("waiting") as show_at:
        while (job := _found(queue, job_id)).state not in FINAL:
            _show(job, show_at)
            if deadline is not None and time.monotonic() >= deadline:
                raise DeadlineExceeded(
                    f"job {job_id} is {job.state} after {timeout:g} s; it goes on without you"
                )
            time.sleep(LOOK_SECONDS)
    return job


def _found(queue: Looked, job_id: str) -> Job:
    """Read a job; a queue that is away for a moment is waited for, as the job goes on."""
    deadline = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return queue.find(job_id)
        except Overloaded:
            if time.monotonic() >= deadline:
                raise
        time.sleep(LOOK_SECONDS)


def _show(job: Job, show_at: Callable[[str, int, int], None]) -> None:
    left = job.seconds_left(datetime.now(UTC))
    told = (job.state, job.note, "" if left is None else f"{span(left)} left")
    show_at(" · ".join(part for part in told if part), job.done, job.total)


def raise_for(job: Job) -> None:
    """Fail as the job did."""
    if job.state == "cancelled":
        raise Abandoned(f"job {job.id} was cancelled; what it had committed is kept")
    if job.state == "failed":
        raise kind_named(job.error_kind)(f"job {job.id}: {job.error}")


def span(seconds: float) -> str:
    """Tell a time as people do."""
    minutes, hours = seconds / 60, seconds / 3600
    return f"{hours:.1f} h" if hours >= 1 else f"{minutes:.0f} min" if minutes >= 1 else "<1 min"


def logged_since(seen: str, now: str) -> str:
    """Give the lines of a log that were not there before; both are the end of it."""
    before, lines = seen.splitlines(), now.splitlines()
    for start in range(len(before)):  # the oldest lines go as new ones come
        known = len(before) - start
        if lines[:known] == before[start:]:
            return "\n".join(lines[known:])
    return now
