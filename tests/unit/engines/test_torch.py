from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.engines.choosing import EngineChoice, open_engine
from satseek.engines.machine import this_machine
from satseek.errors import DamagedData, DependencyMissing, InvalidRequest, ModelNotFound

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.bundle import Bundle

modelmaker = pytest.importorskip(
    "modelmaker", reason="pip install 'satseek[torch]'", exc_type=ImportError
)

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from satseek.engines.torch import TorchEngine  # noqa: E402


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return modelmaker.make_bundle(tmp_path_factory.mktemp("torch"), modelmaker.TINY)


@pytest.fixture
def bundle(whole: Bundle, tmp_path: Path) -> Bundle:
    return replace(whole, folder=shutil.copytree(whole.folder, tmp_path / "bundle"))


def _images(bundle: Bundle, rows: int) -> np.ndarray:
    size = bundle.card.image_size
    return np.random.default_rng(0).uniform(-1, 1, (rows, 3, size, size)).astype(np.float32)


def test_weights_stored_as_halves_are_computed_with_in_float32(whole: Bundle) -> None:
    stored = load_file(whole.folder / "model.safetensors")
    assert torch.float16 in {tensor.dtype for tensor in stored.values()}
    (replica,) = TorchEngine(whole, threads=1)._replicas
    assert torch.float32 == replica._dtype


def test_replicas_share_rows_and_keep_their_order(whole: Bundle) -> None:
    images = _images(whole, 7)
    expected = TorchEngine(whole, threads=1).image_features(images)
    shared = TorchEngine(whole, threads=1, devices=("cpu", "cpu", "cpu"))
    assert np.allclose(expected, shared.image_features(images), atol=1e-5)
    assert np.allclose(expected[:2], shared.image_features(images[:2]), atol=1e-5)


def test_a_quantized_bundle_is_refused_with_what_to_do(bundle: Bundle) -> None:
    (bundle.folder / "model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match="choose engine onnxruntime or openvino"):
        open_engine(bundle, EngineChoice(runtime="torch"))


def test_a_missing_weight_is_an_error_and_not_made_up(bundle: Bundle) -> None:
    path = bundle.folder / "model.safetensors"
    weights = load_file(path)
    weights.pop("vision_model.post_layernorm.weight")
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(DamagedData, match=r"missing_keys .*post_layernorm\.weight"):
        TorchEngine(bundle)


def test_an_unexpected_weight_is_an_error(bundle: Bundle) -> None:
    path = bundle.folder / "model.safetensors"
    weights = load_file(path)
    weights["another.weight"] = torch.zeros(3)
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(DamagedData, match=r"unexpected_keys .*another\.weight"):
        TorchEngine(bundle)


def test_a_truncated_file_is_named(bundle: Bundle) -> None:
    path = bundle.folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedData, match=r"model\.safetensors: expected the weights"):
        TorchEngine(bundle)


@pytest.mark.parametrize("text", ["{", json.dumps({"model_type": "bert"})])
def test_another_architecture_is_refused(bundle: Bundle, text: str) -> None:
    (bundle.folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(DamagedData, match=r"config\.json: expected"):
        TorchEngine(bundle)


@pytest.mark.parametrize(
    "wrong", [{"precision": "int8"}, {"mode": "fast"}, {"threads": 0}, {"devices": ()}]
)
def test_what_does_not_exist_is_refused(whole: Bundle, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        TorchEngine(whole, **wrong)  # type: ignore[arg-type]


def test_a_gpu_that_is_not_there_is_an_error_and_no_silent_cpu_run(whole: Bundle) -> None:
    if this_machine().gpus:
        pytest.skip("a machine without a GPU is not on this machine")
    with pytest.raises(DependencyMissing, match="GPU cuda:0, which is not on this machine"):
        open_engine(whole, EngineChoice(runtime="torch", device="cuda"))
