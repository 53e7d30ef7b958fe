"""The real commands: measure a model here, keep the choice, run on it, and examine the machine."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import starting

from satseek.assemble import Assembly
from satseek.engines.choosing import QUANTIZED, installed
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

RUNTIMES = [name for name in ("onnxruntime", "openvino", "torch") if installed(name)]  # type: ignore[arg-type]


def satseek(*words: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(
        [*starting.command(), "--data-dir", str(data), *words],
        capture_output=True,
        text=True,
        check=False,
        env=clean | environment,
        cwd=data.parent,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench") / "data"


@pytest.fixture(scope="module")
def report(data: Path) -> Any:
    done = satseek(
        "model", "bench", "starter", "--quick", "--batch", "1", "--batch", "2", "--json", data=data
    )
    assert done.returncode == 0, done.stderr
    assert "measuring 1/" in done.stderr
    return json.loads(done.stdout)


def test_every_installed_engine_is_measured_and_near_float32(report: Any) -> None:
    rows = [row["measured"] for row in report["table"]["rows"]]
    assert set(RUNTIMES) == {row["choice"]["runtime"] for row in rows}
    assert report["table"]["failed"] == []
    for row in rows:
        assert min(row["images_per_s"], row["texts_per_s"], row["image_ms"], row["text_ms"]) > 0
        assert row["least_cosine"] > 0.9999
        assert row["choice"]["batch"] in (1, 2)
        assert 2e7 < row["peak_bytes"] < 4e9


def test_the_reference_is_the_model_cards_way_where_torch_is_there(report: Any) -> None:
    reference = report["table"]["reference"]["measured"]["choice"]
    expected = ("torch", "eager") if "torch" in RUNTIMES else ("onnxruntime", "default")
    assert expected == (reference["runtime"], reference["mode"])


def test_what_was_measured_is_what_runs(report: Any, data: Path) -> None:
    parts = Assembly(Settings(data_dir=data, model="starter"))
    chosen = report["chosen"]
    assert chosen["measured"]
    assert parts.bundle.card.precision not in QUANTIZED
    assert parts.workers == chosen["bulk"]["streams"]
    assert parts.batch == chosen["bulk"]["batch"]
    assert Assembly(Settings(data_dir=data, model="starter", batch=5)).batch == 5
    assert parts.embedder.embed_texts(["a river"]).shape == (1, parts.bundle.card.dim)


def test_doctor_examines_machine_engines_and_model(report: Any, data: Path) -> None:
    done = satseek("doctor", "--json", data=data)
    assert done.returncode == 0, done.stderr
    checks = {one["check"]: one for one in json.loads(done.stdout)}
    wanted = {"machine", "cpu", "cores", "memory", "cpu features", "gpus", "data folder", "model"}
    assert wanted <= checks.keys()
    assert {f"parity {name}" for name in RUNTIMES} <= checks.keys()
    assert all(one["ok"] for one in checks.values())
    assert "measured here" in checks["engine"]["found"]
    assert report["model"]["version"] in checks["model"]["found"]


def test_doctor_fails_where_the_model_is_not_there(tmp_path: Path) -> None:
    done = satseek("doctor", "--json", data=tmp_path, SATSEEK_MODEL="no-such-model")
    assert done.returncode == 1
    checks = {one["check"]: one for one in json.loads(done.stdout)}
    assert not checks["model"]["ok"]
    assert "no-such-model" in checks["model"]["found"]


@pytest.mark.parametrize("engine", RUNTIMES)
def test_the_flag_names_the_engine(engine: str, data: Path) -> None:
    done = satseek("--engine", engine, "config", "show", "--json", data=data)
    assert {"value": engine, "from": "flag"} == json.loads(done.stdout)["engine"]
    parts = Assembly(Settings(data_dir=data, model="starter", engine=engine))
    assert {engine} == {choice.runtime for choice in parts.model().choices}


def test_an_engine_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    done = satseek("--engine", "tensorflow", "doctor", data=tmp_path)
    assert (done.returncode, "setting 'engine' (flag)" in done.stderr) == (2, True)


def test_a_batch_below_one_is_refused(tmp_path: Path) -> None:
    done = satseek("model", "bench", "--batch", "0", data=tmp_path)
    assert (done.returncode, "at least 1 image" in done.stderr) == (2, True)
