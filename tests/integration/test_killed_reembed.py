"""Embedding again, killed at random moments or out of disk: old or new vectors answer, whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "reembedding_process.py"


def _run(verb: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), verb, str(home)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)


def test_killed_ten_times_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    done = _run("die_often", tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    killed, half_done, _ = map(int, done.stdout.split())
    assert killed >= 10
    assert half_done > 0, "no kill hit a half made edition"


def test_a_full_disk_leaves_the_old_vectors_answering(tmp_path: Path) -> None:
    done = _run("starve", tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    refusals = done.stdout.splitlines()
    assert len(refusals) == 4
    assert {"refused"} == {line.split()[0] for line in refusals}
