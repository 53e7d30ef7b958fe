"""Processes that are killed lose no finding that they were told is kept; many share one queue."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from findingmaking import make_finding

from satseek.monitor.keeping import Findings

if TYPE_CHECKING:
    from collections.abc import Sequence

TESTS = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("keeping_process.py")
KILLS = 3
WRITERS = 2
SECONDS = 60


def started(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROCESS), *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_after(writers: Sequence[subprocess.Popen[str]], seconds: float) -> list[int]:
    """Give what was acknowledged before each was killed, at least one of every writer."""
    told = []
    for writer in writers:
        assert writer.stdout is not None
        told.append(int(writer.stdout.readline()))
    time.sleep(seconds)
    for writer in writers:
        writer.kill()
    for writer in writers:
        rest, _ = writer.communicate(timeout=SECONDS)
        told += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    return told


def test_what_was_acknowledged_outlives_every_kill(tmp_path: Path) -> None:
    chance, told = random.Random(7), list[int]()
    for turn in range(KILLS):
        writers = [
            started(tmp_path, "keep", 1000 * (WRITERS * turn + one)) for one in range(WRITERS)
        ]
        told += killed_after(writers, chance.uniform(0.0, 0.2))
    with closing(Findings(tmp_path)) as findings:
        kept = {one.source: one for one in findings.all()}
        assert findings.verify() == []
        with findings.reading() as db:
            letters = [tuple(row) for row in db.execute("SELECT finding, deed FROM letters")]
    assert {f"mines{at}" for at in told} <= set(kept)
    assert len(kept) <= len(told) + KILLS * WRITERS  # at most one more of each, not told yet
    assert sorted(letters) == sorted((one.id, "found") for one in kept.values())


def test_no_two_people_are_given_the_same(tmp_path: Path) -> None:
    count = 60
    with closing(Findings(tmp_path)) as findings:
        findings.keep([make_finding(at) for at in range(count)])
        people = [started(tmp_path, "take", f"person{one}") for one in range(3)]
        taken = [one.communicate(timeout=SECONDS)[0].split() for one in people]
        assert [one.returncode for one in people] == [0, 0, 0]
        every = {one.id: one for one in findings.all()}
        assert sorted(name for own in taken for name in own) == sorted(every)
        for person, own in enumerate(taken):
            assert {every[name].assignee for name in own} <= {f"person{person}"}
        deeds = [[step.deed for step in findings.history(name)] for name in every]
    assert deeds == [["found", "assign", "confirm"]] * count
