"""A writer that is killed at any moment leaves what it has acknowledged, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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


def killed(folder: Path, kills: int, *verbs: str) -> Mapping[str, object]:
    command = [sys.executable, str(SCRIPT), "kill_often", str(folder), str(kills), "1", *verbs]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    found: Mapping[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "verbs",
    [("add", "block", "replace", "remove"), ("reembed", "compact", "replace", "remove", "add")],
    ids=["changes", "rewrites"],
)
def test_what_was_acknowledged_outlives_a_kill_at_any_moment(
    tmp_path: Path, verbs: tuple[str, ...]
) -> None:
    found = killed(tmp_path / "mortal", 18, *verbs)
    assert found["kills"] == 18


@pytest.mark.parametrize("verbs", [CODES], ids=["codes"])
def test_codes_that_are_built_in_the_last_moment_harm_nothing(
    tmp_path: Path, verbs: tuple[str, ...]
) -> None:
    assert killed(tmp_path / "mortal", 10, *verbs)["kills"] == 10
