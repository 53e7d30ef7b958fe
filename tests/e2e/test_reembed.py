"""The real command over real files and real towers: another model's vectors, and the way back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import starting
from serving import index, make_scenes, running_server

from satseek.index import open_collection

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("torch", reason="pip install 'satseek[torch]'")
pytest.importorskip("transformers", reason="pip install 'satseek[torch]'")

import httpx
from modelmaker import TINY, make_bundle

NAME = "three"


def satseek(*words: str | Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(data), *map(str, words)]
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def answered(*words: str | Path, data: Path) -> Any:
    done = satseek(*words, "--json", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("tiny"), TINY).folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with ``scenes`` and, in ``data``, a collection of them."""
    home = tmp_path_factory.mktemp("reembed")
    index(home / "data", make_scenes(home / "scenes"), NAME)
    return home


@pytest.fixture
def data(indexed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(indexed / "data", tmp_path / "data")


def test_there_and_back_again(data: Path, tiny: Path) -> None:
    before = answered("collection", "show", NAME, data=data)
    report = answered("collection", "reembed", NAME, "--to", tiny, "--keep-old", data=data)
    report = report["report"]
    assert ("switched", 12, 12, 64) == (
        report["outcome"], report["chips"], report["embedded"], report["dim"],
    )  # fmt: skip
    assert (10, 12) == (report["images"]["k"], report["images"]["queries"])
    assert 0 <= report["images"]["low"] <= report["images"]["mean"] <= 1
    assert report["texts"]["queries"] == 50
    shown = answered("collection", "show", NAME, data=data)
    assert "random" == shown["spec"]["model_name"]
    assert (True, 12) == (shown["pending"]["kept"], shown["pending"]["next_row"])
    assert "kept " in satseek("collection", "show", NAME, data=data).stdout
    assert "sound" in satseek("collection", "verify", "-c", NAME, data=data).stderr
    found = satseek("--model", str(tiny), "search", "a river", "-c", NAME, "--json", data=data)
    assert 10 == len(json.loads(found.stdout)["hits"])

    back = answered("collection", "reembed", NAME, data=data)["report"]
    assert ("switched", 0) == (back["outcome"], back["embedded"])
    after = answered("collection", "show", NAME, data=data)
    assert after["pending"] is None
    assert (before["spec"]["model_version"], 12) == (
        after["spec"]["model_version"], after["stats"]["chips"],
    )  # fmt: skip
    again = satseek("collection", "reembed", NAME, data=data)
    assert (0, "nothing to do") == (again.returncode, again.stderr.strip()[-13:])


def test_a_person_is_told_what_was_compared(data: Path, tiny: Path) -> None:
    done = satseek("collection", "reembed", NAME, "--to", tiny, "--k", "3", data=data)
    assert (0, "") == (done.returncode, done.stdout)
    assert "12 chips embedded with random@" in done.stderr
    assert "overlap@3 with satseek-starter@" in done.stderr
    assert "over 12 chips: mean 0." in done.stderr
    assert "over 50 texts: mean 0." in done.stderr
    assert "12 chips answer with random@" in done.stderr


def test_too_little_overlap_keeps_the_old_vectors(data: Path, tiny: Path) -> None:
    words = ("collection", "reembed", NAME, "--to", tiny, "--k", "1", "--min-overlap", "1")
    done = satseek(*words, data=data)
    assert done.returncode == 5
    assert "old vectors stay in use" in done.stderr
    shown = satseek("collection", "show", NAME, data=data).stdout
    assert "satseek-starter@" in shown
    assert "pending  random@" in shown
    assert "12 of 12 rows" in shown
    other = satseek("collection", "reembed", NAME, "--discard", data=data)
    assert (0, None) == (
        other.returncode, answered("collection", "show", NAME, data=data)["pending"],
    )  # fmt: skip


def test_a_scene_that_is_away_is_named(data: Path, tiny: Path, tmp_path: Path) -> None:
    scenes = make_scenes(tmp_path / "other")
    index(data, scenes, "other")
    (scenes / "2024-08-17 scene.tif").unlink()
    words = ("collection", "reembed", "other", "--to", str(tiny))
    done = satseek(*words, data=data)
    assert done.returncode == 4
    assert "lost 2024-08-17 scene.tif with 4 chips" in done.stderr
    assert "--drop-unreadable" in done.stderr
    assert 8 == answered(*words, "--drop-unreadable", data=data)["report"]["chips"]


def test_nobody_writes_meanwhile(data: Path, indexed: Path) -> None:
    with open_collection(data / "collections" / NAME, mode="write"):
        done = satseek("index", indexed / "scenes", "-c", NAME, data=data)
    assert done.returncode == 5
    assert "embedding it again" in done.stderr
    missing = satseek("collection", "reembed", "nowhere", data=data)
    assert (3, True) == (missing.returncode, NAME in missing.stderr)


def test_a_running_server_goes_over(data: Path, tiny: Path) -> None:
    models = data / "models" / "random"
    shutil.copytree(tiny, models)
    with running_server(data) as server:
        ask = f"{server.url}/v1/search"
        asked = {"text": "a forest", "collection": NAME}
        assert httpx.get(ask, params=asked, timeout=20).json()["model"]["name"] != "random"
        assert 0 == satseek("collection", "reembed", NAME, "--to", "random", data=data).returncode
        assert httpx.get(ask, params=asked, timeout=20).json()["model"]["name"] == "random"
