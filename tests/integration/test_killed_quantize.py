"""Quantization killed at any moment, or on a full disk, leaves the store as it was."""

from __future__ import annotations

import json
import random
import resource
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("onnx", reason="pip install 'satseek[quantize]'")

from satseek.imagery.county import make_county
from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 5


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    make_county(folder, seed=3, width=1024, height=1024)
    return folder / "scenes"


def _command(data: Path, scenes: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "satseek", "--data-dir", str(data), "--threads", "1"),
        *("model", "quantize", "starter", "--images", str(scenes), "--towers", "text"),
        *("--chips", "32", "--keep", "--json"),
    ]


def _files(data: Path) -> list[str]:
    """Everything in the store but its lock and what an unfinished run has not swept up yet."""
    store = data / "models"
    found = [path.relative_to(store) for path in store.rglob("*") if path.is_file()]
    return sorted(str(path) for path in found if path.parts[0] not in {".staging", ".lock"})


@pytest.mark.timeout(900)
def test_killed_at_any_moment_the_store_is_unchanged(tmp_path: Path, scenes: Path) -> None:
    started = time.monotonic()
    calm = subprocess.run(
        _command(tmp_path / "calm", scenes), check=False, capture_output=True, text=True
    )
    whole = time.monotonic() - started
    version = json.loads(calm.stdout)["card"]["version"]

    seed = random.randrange(10**6)
    chance, killed = random.Random(seed), 0
    while killed < KILLS:
        started = time.monotonic()
        run = subprocess.Popen(
            _command(tmp_path / "killed", scenes),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            run.wait(timeout=whole * (killed + chance.uniform(0.1, 0.9)) / (KILLS + 1))
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            killed += 1
            assert [] == _files(tmp_path / "killed"), f"seed {seed}"
        else:  # quicker than the first one: the next one begins anew
            assert calm.returncode == run.returncode, f"seed {seed}"
            whole = time.monotonic() - started
            shutil.rmtree(tmp_path / "killed")

    subprocess.run(_command(tmp_path / "killed", scenes), check=False, capture_output=True)
    store = ModelStore(tmp_path / "killed" / "models")
    assert [version] == [one.version for one in store.versions()]
    assert [] == store.verify(None)
    assert [] == list((tmp_path / "killed" / "models" / ".staging").iterdir())


@pytest.mark.timeout(300)
def test_on_a_full_disk_nothing_is_stored_and_it_is_said(tmp_path: Path, scenes: Path) -> None:
    def no_large_files() -> None:
        # The image tower, 5 MB, no longer fits: the kernel says so as it does of a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    run = subprocess.run(
        _command(tmp_path, scenes),
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=no_large_files,
    )
    assert (8, "") == (run.returncode, run.stdout)
    assert "no room left on its disk, nothing was stored" in run.stderr
    assert [] == _files(tmp_path)
