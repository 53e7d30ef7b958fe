from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from safetensors.torch import load_file, save_file

from satseek.checkpoints.importing import import_checkpoint, read_checkpoint
from satseek.errors import (
    GateNotPassed,
    InvalidConfig,
    InvalidName,
    ModelNotFound,
    UnreadableCheckpoint,
)
from satseek.model.reports import REPORT

if TYPE_CHECKING:
    from pathlib import Path


def _read(path: Path) -> Any:
    return read_checkpoint(path, allow_pickle=False, report=lambda _step: None)


def test_a_tokenizer_that_disagrees_with_its_own_pieces_is_refused(
    directory: Path, tmp_path: Path
) -> None:
    """``tokenizer.json`` and ``spiece.model`` of two models: transformers reads the second."""
    path = directory / "tokenizer.json"
    told = json.loads(path.read_text())
    pieces = told["model"]["vocab"]
    pieces[10], pieces[11] = pieces[11], pieces[10]
    path.write_text(json.dumps(told))
    (tmp_path / "staged").mkdir()
    with pytest.raises(GateNotPassed, match="token ids as the reference gives them, share 0"):
        import_checkpoint(directory, tmp_path / "staged")
    assert not (tmp_path / "staged" / REPORT).exists()


def test_weights_that_overflow_are_refused(directory: Path, tmp_path: Path) -> None:
    """A flipped exponent bit leaves a weight finite, but not the features."""
    weights = load_file(directory / "model.safetensors")
    weights["vision_model.head.mlp.fc2.weight"][0, 0] = 3e38
    weights["vision_model.head.mlp.fc2.bias"][0] = 3e38
    save_file(weights, directory / "model.safetensors")
    (tmp_path / "staged").mkdir()
    with pytest.raises(GateNotPassed, match="image cosine, least"):
        import_checkpoint(directory, tmp_path / "staged")


def test_a_name_that_cannot_be_one_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidName):
        import_checkpoint(tmp_path / "nowhere", tmp_path, name="a/b")


def test_a_precision_that_is_none_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="expected precision float16 or float32"):
        import_checkpoint(tmp_path / "nowhere", tmp_path, precision="int8")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["bert", None, 7, ["siglip"]])
def test_other_families_are_refused(directory: Path, kind: object) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": kind}))
    with pytest.raises(UnreadableCheckpoint, match="expected model_type siglip"):
        _read(directory)


def test_variable_resolution_is_refused_by_its_name(directory: Path) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "siglip2"}))
    with pytest.raises(UnreadableCheckpoint, match="NaFlex"):
        _read(directory)


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"expected config\.json"):
        _read(tmp_path)


def test_a_file_of_another_kind_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"")
    with pytest.raises(UnreadableCheckpoint, match="expected a folder or"):
        _read(tmp_path / "model.h5")
