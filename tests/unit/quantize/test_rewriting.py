from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from satseek.errors import DamagedData
from satseek.quantize.observing import Runner, deviation, observe
from satseek.quantize.rewriting import Tower, check_tower, write_tower
from satseek.quantize.rounding import LEVELS, WEIGHT_LIMIT, Range, integers

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle


def _ranges(tower: Tower, rows: NDArray[Any]) -> dict[str, Range]:
    seen = observe(tower, rows, threads=1)
    return {entry: one.range("minmax") for entry, one in seen.items()}


def _integer_layers(model: Any) -> list[str]:
    return [t.name for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8]


def test_an_unchanged_tower_gives_the_same_features_bit_for_bit(
    starter: Bundle, image_tower: Tower, pixels: NDArray[Any]
) -> None:
    expected = Runner(onnx.load(str(starter.image_tower)), threads=1).features(pixels[:4])
    found = Runner(image_tower.built(), threads=1).features(pixels[:4])
    assert np.array_equal(expected, found)


def test_every_linear_layer_is_found(image_tower: Tower, text_tower: Tower) -> None:
    # six layers of q, k, v, out, fc1, fc2; pooling: key, value, out, fc1, fc2
    assert len(image_tower.linears()) == 6 * 6 + 5
    assert len(text_tower.linears()) == 2 * 6 + 1
    assert image_tower.last_linear().name == "vision_model.head.mlp.fc2"
    assert text_tower.last_linear().name == "text_model.head"
    assert image_tower.bias_of(image_tower.last_linear()) == "vision_model.head.mlp.fc2.bias"


def test_norms_are_those_that_only_linear_layers_read(image_tower: Tower) -> None:
    readers = {norm.scale: len(norm.linears) for norm in image_tower.norms()}
    assert readers["vision_model.encoder.layers.0.layer_norm1.weight"] == 3
    assert readers["vision_model.encoder.layers.0.layer_norm2.weight"] == 1
    assert readers["vision_model.post_layernorm.weight"] == 2


def test_integer_towers_are_valid_near_and_a_third_smaller(
    image_tower: Tower, pixels: NDArray[Any]
) -> None:
    model = image_tower.built(ranges=_ranges(image_tower, pixels))
    check_tower(model)
    expected = Runner(image_tower.built(), threads=1).features(pixels)
    found = Runner(model, threads=1).features(pixels)
    assert deviation(found, expected).max() <= 0.005
    assert len(_integer_layers(model)) == 2 * 41  # weights, and their zero points
    assert model.ByteSize() <= 0.6 * image_tower.built().ByteSize()


def test_a_layer_may_stay_in_float(image_tower: Tower, pixels: NDArray[Any]) -> None:
    ranges, kept = _ranges(image_tower, pixels[:4]), "vision_model.encoder.layers.3.mlp.fc2"
    model = image_tower.built(ranges=ranges, floating=[kept])
    check_tower(model)
    assert len(_integer_layers(model)) == 2 * 40
    assert not any(kept in name for name in _integer_layers(model))


def test_layers_that_read_one_tensor_round_it_once(image_tower: Tower) -> None:
    ranges = {linear.entry: Range(low=-1, high=1) for linear in image_tower.linears()}
    kinds = [node.op_type for node in image_tower.built(ranges=ranges).graph.node]
    # norm1 → q, k, v; mixed → out; norm2 → fc1; gelu → fc2; pooling: 4 tensors
    assert kinds.count("QuantizeLinear") == 6 * 4 + 4


def test_a_float32_table_of_tokens_becomes_float16(tmp_path: Path) -> None:
    maker = pytest.importorskip(
        "modelmaker", reason="pip install 'satseek[torch]'", exc_type=ImportError
    )
    tower = Tower.read(maker.make_bundle(tmp_path, maker.TINY, precision="float32").text_tower)
    rows = np.random.default_rng(0).integers(3, 90, (8, 64))
    model = tower.built(ranges=_ranges(tower, rows))
    check_tower(model)
    expected = Runner(tower.built(), threads=1).features(rows)
    assert deviation(Runner(model, threads=1).features(rows), expected).max() <= 0.02
    tables = [t.data_type for t in model.graph.initializer if list(t.dims) == [256, 64]]
    assert [onnx.TensorProto.FLOAT16] == tables


def test_token_rows_of_an_integer_tower_are_cast_after_the_look_up(text_tower: Tower) -> None:
    ranges = {linear.entry: Range(low=-1, high=1) for linear in text_tower.linears()}
    model = text_tower.built(ranges=ranges)
    table = max(model.graph.initializer, key=lambda one: np.prod(one.dims))
    (reader,) = [node for node in model.graph.node if table.name in node.input]
    assert (table.data_type, reader.op_type) == (onnx.TensorProto.FLOAT16, "Gather")


@pytest.mark.parametrize(("store", "most"), [("float16", 1e-6), ("bfloat16", 1e-4)])
def test_weights_may_only_be_stored_smaller(
    image_tower: Tower, pixels: NDArray[Any], store: Any, most: float
) -> None:
    model = image_tower.built(store=store)
    check_tower(model)
    expected = Runner(image_tower.built(), threads=1).features(pixels[:8])
    assert deviation(Runner(model, threads=1).features(pixels[:8]), expected).max() <= most


def test_bfloat16_is_rounded_to_nearest_even(image_tower: Tower) -> None:
    name = image_tower.last_linear().weight
    values = np.zeros_like(image_tower.weights[name])
    # 1 + 2⁻⁸ lies between 1 and 1 + 2⁻⁷: a tie, to the even 1; 1 + 3 · 2⁻⁸: to the even 1 + 2⁻⁶
    values.flat[:3] = 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-9
    built = image_tower.changed({name: values}).built(store="bfloat16")
    found = Tower.of(built).weights[f"{name}.bfloat16"].flat[:3]
    assert [1, 1 + 2**-6, -1] == list(found)


@given(arrays(np.float32, (5, 3), elements=st.floats(-8, 8, width=32)))
def test_rounded_weights_are_half_a_step_away_at_most(weight: NDArray[np.float32]) -> None:
    whole, scales = integers(weight)
    assert np.abs(whole).max() <= WEIGHT_LIMIT
    assert (np.abs(whole * scales - weight) <= scales * 0.5001 + 1e-12).all()


def test_no_pair_of_products_leaves_16_bits() -> None:
    assert 2 * LEVELS * WEIGHT_LIMIT <= np.iinfo(np.int16).max
    assert 2 * LEVELS * 127 > np.iinfo(np.int16).max


@given(low=st.floats(-100, 0), high=st.floats(0, 100))
def test_zero_is_exact_and_the_ends_are_reached(low: float, high: float) -> None:
    step, zero = Range(low=low, high=high).step()
    assert 0 <= int(zero) <= LEVELS
    assert (LEVELS - int(zero)) * step >= high - step
    assert -int(zero) * step <= low + step


def test_a_file_that_is_no_tower_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.onnx").write_bytes(b"no graph")
    with pytest.raises(DamagedData, match=r"image\.onnx: expected"):
        Tower.read(tmp_path / "image.onnx")


def test_an_integer_tower_is_not_made_integer_again(image_tower: Tower, tmp_path: Path) -> None:
    ranges = {linear.entry: Range(low=-1, high=1) for linear in image_tower.linears()}
    write_tower(image_tower.built(ranges=ranges), tmp_path / "image.onnx")
    with pytest.raises(DamagedData, match="float weights, found none"):
        Tower.read(tmp_path / "image.onnx")
