from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file

from satseek.checkpoints import siglip
from satseek.checkpoints.writing import write_bundle, write_weights
from satseek.errors import InvalidConfig, UnreadableCheckpoint
from satseek.model.bundle import open_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.checkpoints.checkpoint import Checkpoint

SCORES = {"logit_scale", "logit_bias"}


@pytest.fixture
def checkpoint(directory: Path) -> Checkpoint:
    return siglip.read(directory, report=lambda _step: None)


def _write(checkpoint: Checkpoint, folder: Path, precision: Any, said: list[str]) -> Any:
    folder.mkdir(exist_ok=True)
    return write_bundle(
        checkpoint,
        folder,
        name="tiny",
        precision=precision,
        licences={},
        training_data="noise",
        accuracy={},
        report=said.append,
    )


def test_weights_are_written_as_they_are(checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_weights(checkpoint, tmp_path / "w.safetensors", half=False)
    found = load_file(tmp_path / "w.safetensors")
    assert set(found) == set(checkpoint.weights)
    assert all((found[name] == checkpoint.weights[name]).all() for name in found)


def test_halves_are_rounded_once_and_scores_not(checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_weights(checkpoint, tmp_path / "w.safetensors", half=True)
    found = load_file(tmp_path / "w.safetensors")
    assert {found[name].dtype for name in found.keys() - SCORES} == {np.dtype(np.float16)}
    assert {found[name].dtype for name in SCORES} == {np.dtype(np.float32)}
    for name in found.keys() - SCORES:
        assert (found[name] == checkpoint.weights[name].astype(np.float16)).all()


def test_what_no_half_can_hold_stays_float32(checkpoint: Checkpoint, tmp_path: Path) -> None:
    name = "text_model.head.bias"
    wide = {one: checkpoint.weights[one] for one in checkpoint.weights}
    wide[name] = np.full_like(wide[name], 1e5)
    write_weights(replace(checkpoint, weights=wide), tmp_path / "w.safetensors", half=True)
    assert (load_file(tmp_path / "w.safetensors")[name] == np.float32(1e5)).all()


def test_the_card_says_what_was_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    card = _write(checkpoint, tmp_path / "bundle", None, [])
    assert open_bundle(tmp_path / "bundle").card == card
    assert card.precision == "float32"
    assert card.licences == {"weights": "not stated"}
    assert card.source == {"digest": checkpoint.source["digest"]}
    assert (card.logit_scale, card.logit_bias) == (checkpoint.logit_scale, checkpoint.logit_bias)


def test_the_same_checkpoint_gives_the_same_version(checkpoint: Checkpoint, tmp_path: Path) -> None:
    one, two = (_write(checkpoint, tmp_path / name, "float16", []) for name in "ab")
    assert one.version == two.version


def test_each_step_is_said(checkpoint: Checkpoint, tmp_path: Path) -> None:
    said: list[str] = []
    _write(checkpoint, tmp_path / "bundle", "float16", said)
    assert said == [
        "writing image.onnx (float16)",
        "writing text.onnx (float16)",
        "writing model.safetensors",
    ]


def test_other_precisions_are_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="expected precision float16 or float32, not 'int8'"):
        _write(checkpoint, tmp_path / "bundle", "int8", [])


def test_a_tower_too_large_for_float32_is_stored_as_float16(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """SigLIP 2's 256,000 pieces at a width of 1,152 do not fit 2 GiB as float32."""
    large = _large(checkpoint, rows=600_000_000)
    said: list[str] = []
    with pytest.raises(Started):
        _write(large, tmp_path / "bundle", None, said)
    assert said[0].startswith("text.onnx: 600,")
    assert said[0].endswith("do not fit 2 GiB as float32: stored as float16")
    assert said[1] == "writing image.onnx (float16)"
    with pytest.raises(InvalidConfig, match="store as float16"):
        _write(large, tmp_path / "bundle", "float32", [])


def test_a_tower_too_large_for_float16_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="do not fit an ONNX file of 2 GiB"):
        _write(_large(checkpoint, rows=1_200_000_000), tmp_path / "bundle", None, [])


def test_what_is_not_finite_is_not_written(checkpoint: Checkpoint, tmp_path: Path) -> None:
    name = "vision_model.head.probe"
    broken = load_file(checkpoint.weights.files[0])  # type: ignore[attr-defined]
    broken[name][0, 0, 0] = np.nan
    from safetensors.numpy import save_file  # noqa: PLC0415

    save_file(broken, checkpoint.weights.files[0])  # type: ignore[attr-defined]
    again = siglip.read(checkpoint.weights.files[0].parent, report=lambda _step: None)  # type: ignore[attr-defined]
    with pytest.raises(UnreadableCheckpoint, match=f"expected finite weights, {name}"):
        _write(again, tmp_path / "bundle", None, [])


def test_graphs_hold_each_weight_once(checkpoint: Checkpoint, tmp_path: Path) -> None:
    _write(checkpoint, tmp_path / "bundle", "float32", [])
    graph = onnx.load(tmp_path / "bundle" / "text.onnx").graph
    names = [one.name for one in graph.initializer]
    assert len(names) == len(set(names))


class Started(Exception):
    """Writing has begun: the precision is chosen."""


def _large(checkpoint: Checkpoint, *, rows: int) -> Checkpoint:
    """The same with a token table of so many numbers, which takes no memory."""

    def begin(*_: Any, **__: Any) -> Any:
        raise Started

    name = "text_model.embeddings.token_embedding.weight"
    wide = {one: checkpoint.weights[one] for one in checkpoint.weights}
    wide[name] = np.broadcast_to(np.float32(0), (rows, 1))
    return replace(checkpoint, weights=wide, image_tower=begin)
