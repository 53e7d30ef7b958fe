"""The real command line: quantize, prove, activate; and a version that fails its gate."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import starting

pytest.importorskip("onnx", reason="pip install 'satseek[quantize]'")

from satseek.imagery.county import make_county
from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    make_county(folder, seed=3, width=1280, height=1280)
    return folder / "scenes"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def _run(data: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(data), "model", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def made(data: Path, scenes: Path) -> dict[str, Any]:
    run = _run(
        data,
        *("quantize", "starter", "--towers", "text", "--images", scenes, "--chips", "32"),
        *("--activate", "--json"),
    )
    assert 0 == run.returncode, run.stderr
    return json.loads(run.stdout)


def test_a_version_is_made_proved_stored_and_used(data: Path, made: dict[str, Any]) -> None:
    card = made["card"]
    assert ("mixed", True, True) == (card["precision"], made["passed"], made["stored"])
    store = ModelStore(data / "models")
    (stored,) = store.versions()
    assert (card["version"], "passed") == (stored.version, stored.gate)
    active = store.active()
    assert active is not None
    assert f"satseek-starter@{card['version']}" == active.ref


def test_it_is_proved_again_and_its_report_replaced(
    data: Path, scenes: Path, made: dict[str, Any]
) -> None:
    ref = f"satseek-starter@{made['card']['version']}"
    run = _run(data, "gate", ref, "--images", scenes, "--chips", "40")
    assert 0 == run.returncode, run.stderr
    assert "top-1 agreement" in run.stdout
    assert "FAILED" not in run.stdout
    (stored,) = ModelStore(data / "models").versions()
    assert stored.report is not None
    assert stored.report.images != made["gate"]["images"]
    assert made["gate"]["details"]["text tower"] == stored.report.details["text tower"]
    assert [] == ModelStore(data / "models").verify(ref)


def test_a_smaller_version_is_not_made_smaller(data: Path, made: dict[str, Any]) -> None:
    run = _run(data, "quantize", f"satseek-starter@{made['card']['version']}", "--chips", "32")
    assert (2, "") == (run.returncode, run.stdout)
    assert "quantize the version it was made from" in run.stderr


def test_what_was_made_of_nothing_needs_to_be_told_against_what(data: Path, scenes: Path) -> None:
    run = _run(data, "gate", "starter", "--images", scenes, "--chips", "32")
    assert (2, "") == (run.returncode, run.stdout)
    assert "name one with --against" in run.stderr


def _unroundable(maker: Any, folder: Path) -> Path:
    """A float bundle in whose MLPs one weight that nothing passes through dwarfs all others."""
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415

    from satseek.train import export_bundle  # noqa: PLC0415

    made = maker.make_directory(folder / "directory", maker.TINY)
    weights = load_file(made / "model.safetensors")
    for name in [name for name in weights if name.endswith("mlp.fc2.weight")]:
        weights[name][:, 0] = 1000
        weights[name.replace("fc2", "fc1")][0] = 0
        weights[name.replace("fc2.weight", "fc1.bias")][0] = -50  # its Gelu is 0
    save_file(weights, made / "model.safetensors", metadata={"format": "pt"})
    told = {"name": "unroundable", "licences": {}, "training_data": "none", "accuracy": {}}
    export_bundle(made, folder / "bundle", precision="float32", **told)
    return folder / "bundle"


def test_a_version_that_fails_is_kept_out_or_kept_and_not_used(
    tmp_path: Path, scenes: Path
) -> None:
    maker = pytest.importorskip(
        "modelmaker", reason="pip install 'satseek[torch]'", exc_type=ImportError
    )
    parent = _unroundable(maker, tmp_path)
    asked = ("quantize", parent, "--images", scenes, "--chips", "32", "--minutes", "0")
    run = _run(tmp_path / "data", *asked)
    assert 5 == run.returncode, run.stderr
    assert "FAILED" in run.stdout
    assert "it is not stored" in run.stderr
    assert [] == ModelStore(tmp_path / "data" / "models").versions()

    assert 5 == _run(tmp_path / "data", *asked, "--keep").returncode
    (stored,) = ModelStore(tmp_path / "data" / "models").versions()
    assert "failed" == stored.gate
    refused = _run(tmp_path / "data", "activate", stored.ref)
    assert 5 == refused.returncode
    assert 0 == _run(tmp_path / "data", "activate", stored.ref, "--force").returncode
