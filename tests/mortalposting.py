"""Finds things and tells of them in processes that are killed, to a receiver that often fails.

``python mortalposting.py DATA PORT COUNT`` says ``ready``; for each line that it reads it forks,
prints the fork's process id, and its exit code once it has ended. A fork keeps COUNT findings, a
few at a time, beside what was found before, and delivers until nothing waits.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from findingmaking import make_finding
from posting import webhook_desk
from receiving import receiving

if TYPE_CHECKING:
    from receiving import Conduct, Receiver

    from satseek.monitor.delivery.rows import Alert

PATIENCE_SECONDS = 60.0
A_FEW = 4
FAILING = 0.3
FAILURES: tuple[Conduct, ...] = ("refuse", "drop", "lose", "slow")
MOST_RUNS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of it."""

    kills: int
    findings: set[str]
    alerts: list[Alert]
    receiver: Receiver

    @property
    def letters(self) -> set[tuple[str, bytes]]:
        """Keys and bodies of all that arrived, however often."""
        return {(got.key, got.body) for got in self.receiver.got}


def kill_often(data: Path, *, seed: int, count: int) -> Told:
    """Run and kill until a run comes to its end."""
    chance, kills = random.Random(seed), 0
    with receiving() as receiver:
        receiver.conduct = lambda _n: (
            chance.choice(FAILURES) if chance.random() < FAILING else "take"
        )
        with closing(_Runs(data, receiver.port, count)) as runs:
            while (code := runs.run(chance.uniform(0.01, 0.25) * (1 + kills / 10))) != 0:
                assert -signal.SIGKILL == code
                kills += 1
                assert kills < MOST_RUNS
    with closing(webhook_desk(data, receiver.port)) as desk:
        return Told(
            kills=kills,
            findings={one.id for one in desk.findings.all()},
            alerts=desk.outbox.alerts(limit=1000),
            receiver=receiver,
        )


class _Runs:
    """Forks of one process that has everything open."""

    def __init__(self, data: Path, port: int, count: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, data, str(port), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def run(self, seconds: float) -> int:
        """Run once, killed after so long; returns the exit code, below zero where it was killed."""
        stdin = _pipe(self._process.stdin)
        stdin.write("go\n")
        stdin.flush()
        killer = threading.Timer(seconds, _kill, [int(self._line())])
        killer.start()
        code = int(self._line())
        killer.cancel()
        killer.join()
        return code

    def close(self) -> None:
        """End it."""
        _pipe(self._process.stdin).close()
        assert self._process.wait(timeout=PATIENCE_SECONDS) == 0
        _pipe(self._process.stdout).close()

    def _line(self) -> str:
        return _pipe(self._process.stdout).readline().strip()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, signal.SIGKILL)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _work(data: Path, port: int, count: int) -> None:
    desk = webhook_desk(data, port, webhook_timeout_s=0.1)
    for at in range(0, count, A_FEW):
        desk.keep(*map(make_finding, range(at, min(count, at + A_FEW))))
        desk.deliver()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while desk.outbox.counts()["waiting"] and time.monotonic() < deadline:
        desk.deliver(patience_seconds=1.0)
        time.sleep(0.005)


def _serve(data: Path, port: int, count: int) -> None:
    _say("ready")
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _work(data, port, count)
            os._exit(0)
        _say(pid)
        _say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
