"""Smoothing, the search for sensitive layers, refitting, and looking into layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from satseek.errors import DamagedData
from satseek.quantize.calibrating import Options, calibrate
from satseek.quantize.inspecting import gain_errors
from satseek.quantize.observing import Runner, deviation, observe
from satseek.quantize.rewriting import Tower, write_tower
from satseek.quantize.rounding import Range
from satseek.quantize.searching import Search
from satseek.quantize.smoothing import smoothed
from satseek.quantize.tuning import tuned

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle

LAYER = "text_model.encoder.layers.1.mlp.fc2"


def _ranges(tower: Tower, rows: NDArray[Any]) -> dict[str, Range]:
    return {entry: one.range("minmax") for entry, one in observe(tower, rows, threads=1).items()}


def test_smoothing_changes_weights_but_no_features(text_tower: Tower, ids: NDArray[Any]) -> None:
    seen = observe(text_tower, ids, threads=1)
    easier = smoothed(text_tower, seen, strength=0.5)
    expected = Runner(text_tower.built(), threads=1).features(ids)
    assert deviation(Runner(easier.built(), threads=1).features(ids), expected).max() <= 1e-5
    changed = {
        name for name in easier.weights if easier.weights[name] is not text_tower.weights[name]
    }
    assert "text_model.encoder.layers.0.layer_norm1.weight" in changed
    assert "text_model.encoder.layers.0.self_attn.q_proj.weight" in changed
    assert not any("out_proj" in name for name in changed)


def test_smoothing_evens_the_channels_out(text_tower: Tower, ids: NDArray[Any]) -> None:
    seen = observe(text_tower, ids, threads=1)
    after = observe(smoothed(text_tower, seen, strength=0.9), ids, threads=1)
    for norm in text_tower.norms():
        before, now = seen[norm.output].peaks, after[norm.output].peaks
        assert before is not None
        assert now is not None
        assert now.max() / np.median(now) < before.max() / np.median(before)


def test_the_search_takes_the_damaged_layer_back_to_float(
    text_tower: Tower, ids: NDArray[Any]
) -> None:
    seen = observe(text_tower, ids, threads=1)
    ranges = {entry: one.range("minmax") for entry, one in seen.items()}
    entry = next(one.entry for one in text_tower.linears() if one.name == LAYER)
    ranges[entry] = Range(low=-0.01, high=0.01)
    reference = Runner(text_tower.built(), threads=1).features(ids)
    search = Search(text_tower, ranges, ids, reference, threads=1)
    found = search.run(seen, target=0.999, seconds=120)
    assert (LAYER,) == found.floating
    assert found.cosine >= 0.999
    assert LAYER == max(found.sensitivities, key=lambda one: one.gain).name
    assert 1 == pytest.approx(sum(one.cost for one in found.sensitivities))


def test_the_search_leaves_a_good_tower_alone(text_tower: Tower, ids: NDArray[Any]) -> None:
    reference = Runner(text_tower.built(), threads=1).features(ids)
    search = Search(text_tower, _ranges(text_tower, ids), ids, reference, threads=1)
    found = search.run({}, target=0.99, seconds=120)
    assert ((), ()) == (found.floating, found.sensitivities)


def test_the_search_ends_when_its_time_is_over(text_tower: Tower, ids: NDArray[Any]) -> None:
    reference = Runner(text_tower.built(), threads=1).features(ids)
    seen = observe(text_tower, ids, threads=1)
    search = Search(text_tower, _ranges(text_tower, ids), ids, reference, threads=1)
    found = search.run(seen, target=2.0, seconds=0)
    assert ((), ()) == (found.floating, found.sensitivities)


def test_refitting_the_last_layer_brings_features_nearer(
    text_tower: Tower, ids: NDArray[Any]
) -> None:
    ranges = _ranges(text_tower, ids)
    wanted = Runner(text_tower.built(), threads=1).features(ids)
    before = deviation(Runner(text_tower.built(ranges=ranges), threads=1).features(ids), wanted)
    after = [
        deviation(Runner(tower.built(ranges=ranges), threads=1).features(ids), wanted).mean()
        for tower in tuned(text_tower, ids, wanted, ranges=ranges, floating=(), threads=1)
    ]
    assert 4 == len(after)
    assert min(after) < 0.8 * before.mean()


def test_calibration_keeps_what_measured_best(text_tower: Tower, ids: NDArray[Any]) -> None:
    stages: list[str] = []
    options = Options(threads=1, finetune=True)
    found = calibrate(
        text_tower, ids, options=options, report=lambda one, _d, _a: stages.append(one)
    )
    assert found.chosen == max(found.trials, key=lambda one: one.cosine)
    assert found.cosine >= found.chosen.cosine
    assert {one.method for one in found.trials} == {"minmax", "99.999", "99.99", "99.9", "mse"}
    assert {one.smoothing for one in found.trials} == {None, 0.35, 0.5, 0.65}
    assert {"ranges", "smoothing"} <= set(stages)


def test_a_shuffled_layer_is_named(
    starter: Bundle, text_tower: Tower, ids: NDArray[Any], tmp_path: Path
) -> None:
    real, bad = tmp_path / "real.onnx", tmp_path / "bad.onnx"
    write_tower(text_tower.built(ranges=_ranges(text_tower, ids)), real)
    model = onnx.load(str(real))
    (scales,) = [t for t in model.graph.initializer if t.name == f"{LAYER}.weight.scale"]
    mixed = np.random.default_rng(0).permutation(numpy_helper.to_array(scales))
    scales.CopyFrom(numpy_helper.from_array(mixed, scales.name))
    write_tower(model, bad)
    kept = gain_errors(real, starter.text_tower, ids, threads=1)
    assert max(kept.values()) <= 0.05
    found = gain_errors(bad, starter.text_tower, ids, threads=1)
    assert LAYER == max(found, key=found.__getitem__)
    assert found[LAYER] >= 0.1


def test_a_tower_of_another_model_is_refused(starter: Bundle, ids: NDArray[Any]) -> None:
    with pytest.raises(DamagedData, match="expected the layers of its parent"):
        gain_errors(starter.text_tower, starter.image_tower, ids)
