"""Who tells is killed again and again, whoever is told fails: each alert arrives, and is one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest
from posting import webhook_desk
from receiving import receiving

if TYPE_CHECKING:
    from receiving import Conduct

TESTS = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("delivering_process.py")
COUNT = 40
MOST_RUNS = 200


class Runs:
    """Runs of the process that finds and tells."""

    def __init__(self, data: Path, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, PROCESS, data, str(port), str(COUNT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
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
        _pipe(self._process.stdin).close()
        assert self._process.wait(timeout=60) == 0
        _pipe(self._process.stdout).close()

    def _line(self) -> str:
        return _pipe(self._process.stdout).readline().strip()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, signal.SIGKILL)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@pytest.mark.parametrize("seed", [1, 2])
def test_no_alert_is_lost_and_none_comes_under_another_key(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    failures: tuple[Conduct, ...] = ("refuse", "drop", "lose", "slow")
    killed = 0
    with receiving() as receiver:
        receiver.conduct = lambda _n: (
            chance.choice(failures) if chance.random() < 0.3 else "take"
        )
        with closing(Runs(tmp_path, receiver.port)) as runs:
            while (code := runs.run(chance.uniform(0.01, 0.25) * (1 + killed / 10))) != 0:
                assert -signal.SIGKILL == code
                killed += 1
                assert killed < MOST_RUNS
    assert killed > 2
    with closing(webhook_desk(tmp_path, receiver.port)) as desk:
        alerts = desk.outbox.alerts(limit=1000)
        findings = {one.id for one in desk.findings.all()}
    assert COUNT == len(findings) == len(alerts)
    assert findings == {one.finding for one in alerts}
    assert {"arrived"} == {one.state for one in alerts}
    assert {one.id for one in alerts} == set(receiver.taken)
    told = {(got.key, got.body) for got in receiver.got}
    assert COUNT == len(told)
    assert findings == {got.said["finding"]["id"] for got in receiver.got}
