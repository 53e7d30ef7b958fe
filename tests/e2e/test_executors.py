"""``satseek index --executor`` at a terminal: the same collection, also when it is killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from apart import account_of, hostile_scenes

if TYPE_CHECKING:
    from collections.abc import Sequence

KILLS = 1
MARK = "MARK_OF_THIS_TEST"
SECONDS = 60.0


def _command(data: Path, scenes: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "satseek", "--data-dir", str(data), "--threads", "1"),
        *("index", str(scenes), "-c", "county", "--chip", "64", "--json", *options),
    ]


def _index(command: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
    told: dict[str, Any] = json.loads(done.stdout)
    told["report"].pop("seconds")
    return told


def _county(data: Path) -> dict[str, Any]:
    return account_of(data / "collections" / "county")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_scenes(tmp_path_factory.mktemp("executors") / "scenes")


def test_killed_at_any_moment_it_ends_like_one_without_workers(
    scenes: Path, tmp_path: Path
) -> None:
    started = time.monotonic()
    expected = _index(_command(tmp_path / "calm", scenes))
    whole = time.monotonic() - started
    command = _command(tmp_path / "killed", scenes, "--executor", "local", "--workers", "2")
    mark = str(tmp_path)
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for _ in range(KILLS):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {MARK: mark})
        try:
            run.wait(timeout=chance.uniform(0.5, max(whole, 1.0)))
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
        _wait_until_none(mark)
    told = _index(command)
    assert _county(tmp_path / "calm") == _county(tmp_path / "killed"), f"seed {seed}"
    assert expected["chips"] == told["chips"], f"seed {seed}"
    assert not list((tmp_path / "killed" / "work").iterdir())


def _wait_until_none(mark: str) -> None:
    """Wait until no worker is left whose caller was killed: a pipe that broke has told them."""
    deadline = time.monotonic() + SECONDS
    while left := _workers_with(mark):
        assert time.monotonic() < deadline, f"still at work: {left}"
        time.sleep(0.05)


def _workers_with(mark: str) -> list[int]:
    wanted = f"{MARK}={mark}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
        except OSError:  # it has just ended, or is another person's
            continue
    return found


def test_workers_without_an_executor_are_refused(scenes: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        _command(tmp_path, scenes, "--workers", "2"), check=False, capture_output=True, text=True
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert "--workers and --address go with --executor" in done.stderr
    assert not (tmp_path / "collections").exists()
