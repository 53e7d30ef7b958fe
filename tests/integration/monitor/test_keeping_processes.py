"""Processes that are killed lose no finding that they were told is kept; many share one queue."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from findingmaking import make_finding

from satseek.monitor.keeping import Findings

TESTS = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("keeping_process.py")
TURNS = 10
WRITERS = 2
SECONDS = 60


def said(*words: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", PROCESS, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(TESTS), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_what_was_acknowledged_outlives_every_kill(tmp_path: Path) -> None:
    told = said(tmp_path, "kill", TURNS)
    with closing(Findings(tmp_path)) as findings:
        kept = {one.source: one for one in findings.all()}
        assert findings.verify() == []
        with findings.reading() as db:
            letters = [tuple(row) for row in db.execute("SELECT finding, deed FROM letters")]
    assert len(told) >= TURNS
    assert {f"mines{at}" for at in told} <= set(kept)
    assert len(kept) <= len(told) + TURNS * WRITERS  # at most one more of each, not told yet
    assert sorted(letters) == sorted((one.id, "found") for one in kept.values())


def test_no_two_people_are_given_the_same(tmp_path: Path) -> None:
    count = 60
    with closing(Findings(tmp_path)) as findings:
        findings.keep([make_finding(at) for at in range(count)])
        taken = [line.split() for line in said(tmp_path, "share", 3)]
        every = {one.id: one for one in findings.all()}
        assert sorted(name for _, name in taken) == sorted(every)
        assert [every[name].assignee for _, name in taken] == [who for who, _ in taken]
        deeds = [[step.deed for step in findings.history(name)] for name in every]
    assert deeds == [["found", "assign", "confirm"]] * count
