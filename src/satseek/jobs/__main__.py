"""Tasks on standard input → the use-cases, done one after the other; see ``jobs.obeying``.

Does not know who asks.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from satseek.errors import CollectionLocked
from satseek.index.lock import is_any_held
from satseek.jobs.obeying import obey
from satseek.jobs.results import folder_of
from satseek.jobs.tasks import run_task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.jobs.asking import OnProgress
    from satseek.jobs.obeying import Asked

FIRST_WAIT_SECONDS = 0.5
"""Pause after a collection was found to be written by another process, doubled each time."""

LONGEST_WAIT_SECONDS = 15.0
"""No pause is longer."""

WAITS = "waits: another process is writing to the collection, or runs the same"
"""Told of the job meanwhile."""

HEAVY = ("distributed", "ray")
"""Packages that leave threads and connections to a cluster behind: not for the next job."""


def do(asked: Asked, on_progress: OnProgress) -> Mapping[str, Any]:
    """Do one task; of two that write one collection, or run the same, the second waits here.

    That spends none of its attempts, however long the first one takes: whoever dies lets go
    of what they had, so that nobody waits for the dead. (A task that failed to do so has this
    process replaced.)
    """
    pause = FIRST_WAIT_SECONDS
    while True:
        try:
            return run_task(
                asked.task,
                asked.parameters,
                settings=asked.settings,
                on_progress=on_progress,
                results=folder_of(asked.settings.data_dir, asked.job),
            )
        except CollectionLocked:
            on_progress(0, 0, WAITS)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_WAIT_SECONDS)


def is_worn() -> bool:
    """Tell whether a task left what the next one had better not meet."""
    return is_any_held() or any(name in sys.modules for name in HEAVY)


if __name__ == "__main__":
    obey(do, is_worn=is_worn)
