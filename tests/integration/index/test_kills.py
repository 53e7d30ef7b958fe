"""A writer that is killed at any moment leaves what it has acknowledged, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT = Path(__file__).parent / "mortal_process.py"
CODES = pytest.param(
    ("codes", "add"),
    marks=pytest.mark.skipif(
        importlib.util.find_spec("faiss") is None,
        reason="faiss is not on this machine: pip install 'satseek[faiss]'",
    ),
)


def told(*words: object) -> Mapping[str, Any]:
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "verbs",
    [("add", "block", "replace", "remove"), ("reembed", "compact", "replace", "remove", "add")],
    ids=["changes", "rewrites"],
)
def test_what_was_acknowledged_outlives_a_kill_at_any_moment(
    tmp_path: Path, verbs: tuple[str, ...]
) -> None:
    assert told("kill_often", tmp_path / "mortal", 18, 1, *verbs)["kills"] == 18


@pytest.mark.parametrize("verbs", [CODES], ids=["codes"])
def test_codes_that_are_built_in_the_last_moment_harm_nothing(
    tmp_path: Path, verbs: tuple[str, ...]
) -> None:
    assert told("kill_often", tmp_path / "mortal", 10, 1, *verbs)["kills"] == 10


@pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not on this machine: apt-get install strace"
)
def test_a_kill_at_the_very_call_that_writes_harms_nothing(tmp_path: Path) -> None:
    found = told("kill_at_calls", tmp_path / "mortal", 1, 29, "compact")
    assert sum(sum(calls.values()) for calls in found.values()) >= 2
