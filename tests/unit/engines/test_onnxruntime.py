from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from towers import CARD

from satseek.engines.onnxruntime import OnnxEngine, onnx_devices
from satseek.errors import DamagedData, DependencyMissing, InvalidRequest
from satseek.model.bundle import Bundle

if TYPE_CHECKING:
    from pathlib import Path

onnx = pytest.importorskip("onnx", reason="pip install 'satseek[torch]'")

IMAGES = np.zeros((2, 3, CARD.image_size, CARD.image_size), dtype=np.float32)
IDS = np.ones((2, CARD.context_length), dtype=np.int64)


def _write_image_tower(path: Path, *, entry: str = "pixel_values", size: int = 16) -> None:
    """Mean colour through a fixed matrix: (n, 3, size, size) → (n, 8)."""
    floats, helper = onnx.TensorProto.FLOAT, onnx.helper
    colours = np.arange(24, dtype=np.float32).reshape(3, 8) + 1
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", [entry], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("MatMul", ["flat", "colours"], ["features"]),
        ],
        "image",
        [helper.make_tensor_value_info(entry, floats, ["n", 3, size, size])],
        [helper.make_tensor_value_info("features", floats, ["n", 8])],
        [onnx.numpy_helper.from_array(colours, "colours")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    _write_image_tower(tmp_path / "image.onnx")
    (tmp_path / "text.onnx").write_bytes(b"no tower")
    return Bundle(
        folder=tmp_path,
        card=CARD,
        image_tower=tmp_path / "image.onnx",
        text_tower=tmp_path / "text.onnx",
        tokenizer=tmp_path / "tokenizer.json",
    )


def test_features_are_what_the_graph_says(bundle: Bundle) -> None:
    images = IMAGES.copy()
    images[:, 0] = 1
    expected = [[1, 2, 3, 4, 5, 6, 7, 8]] * 2
    assert expected == OnnxEngine(bundle, threads=1).image_features(images).tolist()


def test_a_tower_is_opened_when_it_is_needed(bundle: Bundle) -> None:
    engine = OnnxEngine(bundle)
    assert engine.image_features(IMAGES).shape == (2, 8)
    with pytest.raises(DamagedData, match=r"text\.onnx: expected an ONNX tower"):
        engine.text_features(IDS)


def test_a_tower_stays_open(bundle: Bundle) -> None:
    engine = OnnxEngine(bundle)
    first = engine.image_features(IMAGES)
    bundle.image_tower.unlink()
    assert np.array_equal(first, engine.image_features(IMAGES))


def test_a_missing_tower_is_named(bundle: Bundle) -> None:
    bundle.image_tower.unlink()
    with pytest.raises(DamagedData, match=r"image\.onnx"):
        OnnxEngine(bundle).image_features(IMAGES)


def test_a_tower_of_another_size_is_refused(bundle: Bundle) -> None:
    _write_image_tower(bundle.image_tower, size=32)
    with pytest.raises(DamagedData, match=r"expected pixel_values \(3, 16, 16\)"):
        OnnxEngine(bundle).image_features(IMAGES)


def test_a_tower_of_another_length_is_refused(bundle: Bundle) -> None:
    other = replace(bundle, card=replace(CARD, dim=9))
    with pytest.raises(DamagedData, match=r"expected features \(9,\)"):
        OnnxEngine(other).image_features(IMAGES)


def test_a_tower_with_another_entry_is_refused(bundle: Bundle) -> None:
    _write_image_tower(bundle.image_tower, entry="input")
    with pytest.raises(DamagedData, match="expected pixel_values"):
        OnnxEngine(bundle).image_features(IMAGES)


@pytest.mark.parametrize(
    "rows", [IMAGES.astype(np.float64), IMAGES[:, :, :8], IMAGES[0], IMAGES.astype(np.uint8)]
)
def test_other_tensors_are_refused_before_they_reach_the_runtime(
    bundle: Bundle, rows: np.ndarray
) -> None:
    with pytest.raises(InvalidRequest, match="expected float32 rows of shape"):
        OnnxEngine(bundle).image_features(rows)


@pytest.mark.parametrize("rows", [IDS[:, :32], IDS.astype(np.int32)])
def test_texts_shorter_than_the_context_are_refused(bundle: Bundle, rows: np.ndarray) -> None:
    with pytest.raises(InvalidRequest, match=r"expected int64 rows of shape \(64,\)"):
        OnnxEngine(bundle).text_features(rows)


@pytest.mark.parametrize("threads", [0, -1])
def test_an_engine_needs_a_thread(bundle: Bundle, threads: int) -> None:
    with pytest.raises(InvalidRequest, match="at least 1 thread"):
        OnnxEngine(bundle, threads=threads)


@pytest.mark.parametrize(
    ("device", "provider"), [("cuda", "CUDAExecution"), ("tensorrt", "TensorrtExecution")]
)
def test_a_provider_that_is_not_built_in_is_an_error_and_no_silent_cpu_run(
    bundle: Bundle, device: str, provider: str
) -> None:
    if device in onnx_devices():
        pytest.skip(f"an ONNX Runtime without {provider}Provider is not on this machine")
    with pytest.raises(DependencyMissing, match=f"no {provider}Provider: .*onnxruntime-gpu"):
        OnnxEngine(bundle, device=device)


@pytest.mark.parametrize("wrong", [{"device": "tpu"}, {"precision": "bfloat16"}])
def test_what_it_cannot_do_is_refused(bundle: Bundle, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match=r"got 'tpu'|computes in float32"):
        OnnxEngine(bundle, **wrong)
