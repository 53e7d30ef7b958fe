"""A run killed at ten random moments and started again ends as an undisturbed one."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from satseek.index.collection import open_collection

RASTERS = Path(__file__).parents[3] / "shared" / "data" / "rasters"
KILLS = 10


def _command(data: Path, scenes: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "satseek", "--data-dir", str(data)),
        *("index", str(scenes), "-c", "killed", "--chip", "512"),
    ]


def _account(data: Path) -> tuple[str, int, list[str]]:
    with open_collection(data / "collections" / "killed", mode="read") as collection:
        assert collection.verify() == []
        refused = [refusal.path for refusal in collection.refusals()]
        return collection.digest(), len(collection), refused


@pytest.mark.timeout(900)
@pytest.mark.skipif(not RASTERS.is_dir(), reason=f"{RASTERS} is absent")
def test_killed_ten_times_ends_like_undisturbed(tmp_path: Path) -> None:
    started = time.monotonic()
    subprocess.run(_command(tmp_path / "calm", RASTERS), check=True)
    whole = time.monotonic() - started

    seed = random.randrange(10**6)
    chance = random.Random(seed)
    expected = _account(tmp_path / "calm")
    killed = 0
    while killed < KILLS:
        run = subprocess.Popen(_command(tmp_path / "killed", RASTERS))
        try:
            run.wait(timeout=chance.uniform(0.3, max(whole / 4, 1.0)))
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            killed += 1
        else:  # it came to its end: the next one begins anew
            assert 0 == run.returncode, f"seed {seed}"
            assert expected == _account(tmp_path / "killed"), f"seed {seed}"
            shutil.rmtree(tmp_path / "killed")
    subprocess.run(_command(tmp_path / "killed", RASTERS), check=True)

    assert expected == _account(tmp_path / "killed"), f"seed {seed}"
