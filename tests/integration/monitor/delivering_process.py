"""Finds things and tells of them, as often as it is asked, each time in a fork that may be killed.

``python delivering_process.py DATA PORT COUNT`` says ``ready``; for each line that it reads it
prints the fork's process id, and its exit code once it has ended. A fork keeps COUNT findings, a
few at a time, beside what was found before, and delivers until nothing waits.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from findingmaking import make_finding
from posting import webhook_desk

PATIENCE_SECONDS = 60.0
A_FEW = 4


def work(data: Path, port: int, count: int) -> None:
    """Find and tell."""
    desk = webhook_desk(data, port, webhook_timeout_s=0.1)
    for at in range(0, count, A_FEW):
        desk.keep(*map(make_finding, range(at, min(count, at + A_FEW))))
        desk.deliver()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while desk.outbox.counts()["waiting"] and time.monotonic() < deadline:
        desk.deliver(patience_seconds=1.0)
        time.sleep(0.005)


def serve(data: Path, port: int, count: int) -> None:
    """Fork whenever a line comes."""
    say("ready")
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work(data, port, count)
            os._exit(0)
        say(pid)
        say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
