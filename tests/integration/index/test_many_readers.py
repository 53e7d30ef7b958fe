"""The benchmark of readers, short: eight processes read what a ninth one changes and compacts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "bench" / "readers.py"


def test_eight_readers_and_a_writer_agree() -> None:
    command = [sys.executable, str(SCRIPT), "--minutes", "0.1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (0, "") == (done.returncode, done.stderr)
    told = json.loads(done.stdout)
    assert ([], []) == (told["wrong"], told["damages"])
    assert 8 == len(told["generations_seen"])
    assert min(told["generations_seen"]) > 1
    assert told["changes"]["add"] >= 1
