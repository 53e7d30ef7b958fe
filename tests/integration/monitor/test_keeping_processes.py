"""Who is killed or has no room loses nothing that was said to be kept; many share one queue."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from findingmaking import make_finding

from satseek.errors import DiskFull
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def no_file_may_grow_beyond(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_keeps_what_was_kept_and_takes_more_later(tmp_path: Path) -> None:
    with closing(Findings(tmp_path)) as findings:
        findings.keep([make_finding(0)])
        size = max(path.stat().st_size for path in tmp_path.iterdir())
        many = [make_finding(at) for at in range(1, 60)]
        with no_file_may_grow_beyond(size), pytest.raises(DiskFull):
            findings.keep(many)
        assert [one.id for one in findings.all()] == [make_finding(0).id]
        findings.keep(many)
        assert (findings.counts()["new"], findings.verify()) == (60, [])


def test_a_picture_without_room_leaves_nothing_behind(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with no_file_may_grow_beyond(1000), pytest.raises(DiskFull):
        pictures.keep(pixels)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert pictures.path(pictures.keep(pixels)).is_file()
