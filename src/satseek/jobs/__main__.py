"""A job on standard input → its progress and result on standard output, one line of JSON each.

Does not know who started it, but ends when they do: its standard input is closed then.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from satseek.errors import SatseekError
from satseek.logs import set_up_logging
from satseek.settings import Settings

NICE = 10
"""Steps below the server in the scheduler's eyes: whoever waits for an answer goes first."""

REPORT_SECONDS = 0.2
"""Progress is told no more often than this."""

LEFT_ALONE = 70
"""Exit code where the server died (EX_SOFTWARE of sysexits.h)."""


def main() -> None:
    """Run the job on the first line of standard input."""
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_server, daemon=True).start()
    os.nice(NICE)
    settings = Settings.model_validate(asked["settings"])
    set_up_logging(settings.log_level)
    # imported late: to be killed while it loads must be possible, too
    from satseek.jobs.tasks import run_task  # noqa: PLC0415

    try:
        result = run_task(
            asked["task"], asked["parameters"], settings=settings, on_progress=_Progress()
        )
    except SatseekError as error:
        _tell(error=str(error), kind=type(error).__name__)
        sys.exit(error.exit_code)
    _tell(result=result)


class _Progress:
    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, done: int, total: int, note: str) -> None:
        now = time.monotonic()
        if now - self._told >= REPORT_SECONDS:
            self._told = now
            _tell(done=done, total=total, note=note)


def _tell(**said: Any) -> None:
    sys.stdout.write(json.dumps(said, default=str) + "\n")
    sys.stdout.flush()


def _end_with_server() -> None:
    sys.stdin.read()
    os._exit(LEFT_ALONE)


if __name__ == "__main__":
    main()
