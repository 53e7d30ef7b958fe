"""Graphs of CLIP's towers, as files."""

from __future__ import annotations

import numpy as np
import pytest

from satseek.errors import InvalidConfig

INSTALL = "writing graphs needs it: pip install 'satseek[torch]'"
onnx = pytest.importorskip("onnx", reason=INSTALL)
clipgraphs = pytest.importorskip("satseek.checkpoints.clipgraphs", reason=INSTALL)
clipnames = pytest.importorskip("satseek.checkpoints.clipnames", reason=INSTALL)
graphing = pytest.importorskip("satseek.checkpoints.graphing", reason=INSTALL)

TOWER = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
    "projection_dim": 24,
}
VISION = TOWER | {"image_size": 32, "patch_size": 8, "num_channels": 3}
TEXT = TOWER | {"vocab_size": 50, "max_position_embeddings": 9, "eos_token_id": 49}
MAKERS = {
    "image": (clipgraphs.image_tower, VISION),
    "text": (clipgraphs.text_tower, TEXT),
}


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    listed = clipnames.clip_weights(VISION, TEXT)
    return {one.name: rng.standard_normal(one.shape).astype(np.float32) for one in listed}


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("tower", MAKERS)
def test_graphs_are_sound_standard_and_the_same_each_time(
    weights: dict[str, np.ndarray], tower: str, *, half: bool
) -> None:
    make, config = MAKERS[tower]
    graph = make(weights, config, half=half)
    onnx.checker.check_model(graph, full_check=True)
    assert {""} == {node.domain for node in graph.graph.node}
    assert [("", graphing.OPSET)] == [(one.domain, one.version) for one in graph.opset_import]
    again = make(weights, config, half=half)
    assert graph.SerializeToString(deterministic=True) == again.SerializeToString(
        deterministic=True
    )


@pytest.mark.parametrize("tower", MAKERS)
def test_half_as_many_bytes_are_stored_as_float16(
    weights: dict[str, np.ndarray], tower: str
) -> None:
    make, config = MAKERS[tower]
    whole, half = (len(make(weights, config, half=half).SerializeToString()) for half in (0, 1))
    assert half < 0.65 * whole


@pytest.mark.parametrize("tower", MAKERS)
def test_each_weight_is_looked_up_once(weights: dict[str, np.ndarray], tower: str) -> None:
    looked_up: list[str] = []

    class Watched(dict[str, np.ndarray]):
        def __getitem__(self, name: str) -> np.ndarray:
            looked_up.append(name)
            return super().__getitem__(name)

    make, config = MAKERS[tower]
    make(Watched(weights), config, half=False)
    prefixes = ("vision_model.", "visual_") if tower == "image" else ("text_",)
    assert sorted(looked_up) == sorted(name for name in weights if name.startswith(prefixes))


@pytest.mark.parametrize("tower", MAKERS)
def test_an_activation_that_clip_never_had_is_refused(
    weights: dict[str, np.ndarray], tower: str
) -> None:
    make, config = MAKERS[tower]
    with pytest.raises(InvalidConfig, match="expected hidden_act quick_gelu or gelu, not 'relu'"):
        make(weights, {**config, "hidden_act": "relu"}, half=False)


def test_both_spellings_hold_the_same_numbers(weights: dict[str, np.ndarray]) -> None:
    listed = clipnames.clip_weights(VISION, TEXT)
    count = sum(int(np.prod(shape)) for shape in clipnames.own_shapes(listed).values())
    fused = sum(int(np.prod(shape)) for shape in clipnames.fused_shapes(listed).values())
    assert count == fused == sum(values.size for values in weights.values())
