from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import modelmaker
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import SiglipModel

from satseek.checkpoints import siglip
from satseek.checkpoints.weights import WEIGHTS
from satseek.errors import ModelNotFound, UnreadableCheckpoint, UnsafeCheckpoint

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.checkpoints.checkpoint import Checkpoint


def _read(folder: Path, **more: Any) -> Checkpoint:
    return siglip.read(folder, report=lambda _step: None, **more)


def _config(folder: Path, part: str | None = None, **values: Any) -> None:
    path = folder / "config.json"
    told = json.loads(path.read_text())
    (told if part is None else told[part]).update(values)
    path.write_text(json.dumps(told))


def _last_id(folder: Path) -> int:
    """The highest id of a tokenizer; versions of its trainer find more pieces or fewer."""
    return max(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab().values())


def test_everything_is_read_from_the_directory(directory: Path) -> None:
    (directory / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    found = _read(directory)
    assert (found.family, found.score_head, found.dim) == ("siglip", "sigmoid", 64)
    assert (found.image_size, found.context_length) == (64, 64)
    assert found.logit_scale == pytest.approx(4.7)
    assert found.logit_bias == -12.0
    assert found.licences == {"weights": "apache-2.0"}
    assert len(found.source["digest"]) == 64


def test_the_expected_weights_are_those_of_transformers(directory: Path) -> None:
    config = siglip.parse_config(
        json.loads((directory / "config.json").read_text()), directory / "config.json"
    )
    model = SiglipModel(config)
    shapes = {name: tuple(one.shape) for name, one in model.named_parameters()}
    expected = siglip.expected_shapes(config.vision_config.to_dict(), config.text_config.to_dict())
    assert expected == shapes


def test_half_precision_is_read_as_float32(directory: Path) -> None:
    halves = {name: one.half() for name, one in load_file(directory / WEIGHTS).items()}
    save_file(halves, directory / WEIGHTS)
    _config(directory, dtype="float16")
    found = _read(directory)
    name = "text_model.head.weight"
    assert found.weights[name].dtype == np.float32
    assert (found.weights[name] == halves[name].float().numpy()).all()
    oracle: Any = found.oracle()
    assert {one.dtype for one in oracle._model.parameters()} == {torch.float32}


def test_old_counters_are_no_weights(directory: Path) -> None:
    weights = load_file(directory / WEIGHTS)
    weights["text_model.embeddings.position_ids"] = torch.arange(64)[None]
    save_file(weights, directory / WEIGHTS)
    assert _read(directory).context_length == 64


def test_missing_and_unexpected_weights_are_listed(directory: Path) -> None:
    weights = load_file(directory / WEIGHTS)
    weights["vision_model.head.extra"] = weights.pop("vision_model.head.probe")
    save_file(weights, directory / WEIGHTS)
    reason = r"1 missing: vision_model.head.probe; 1 unexpected: vision_model.head.extra"
    with pytest.raises(UnreadableCheckpoint, match=reason):
        _read(directory)
    with pytest.raises(UnreadableCheckpoint, match=reason):
        siglip.load_model(directory)


def test_a_config_of_another_depth_is_refused(directory: Path) -> None:
    _config(directory, "text_config", num_hidden_layers=3)
    with pytest.raises(UnreadableCheckpoint, match="16 missing: text_model"):
        _read(directory)


def test_a_config_of_another_width_is_refused(directory: Path) -> None:
    _config(directory, "vision_config", intermediate_size=96)
    with pytest.raises(UnreadableCheckpoint, match="of another shape: vision_model"):
        _read(directory)


@pytest.mark.parametrize("file", ["config.json", WEIGHTS])
def test_without_model_files_there_is_no_model(directory: Path, file: str) -> None:
    (directory / file).unlink()
    with pytest.raises(ModelNotFound, match="expected"):
        _read(directory)


def test_without_pieces_there_is_no_model(directory: Path) -> None:
    (directory / "tokenizer.json").unlink()
    (directory / "spiece.model").unlink()
    with pytest.raises(ModelNotFound, match=r"expected tokenizer\.json or spiece\.model"):
        _read(directory)


def test_without_a_word_on_pixels_nothing_is_assumed(directory: Path) -> None:
    (directory / "preprocessor_config.json").unlink()
    with pytest.raises(UnreadableCheckpoint, match=r"expected preprocessor_config\.json"):
        _read(directory)


@pytest.mark.parametrize(
    ("part", "values", "reason"),
    [
        (None, {"model_type": "siglip2"}, "variable resolution .NaFlex."),
        (None, {"model_type": "bert"}, "expected model_type siglip, got 'bert'"),
        (None, {"vision_config": 3}, "expected the shapes of a SigLIP"),
        ("vision_config", {"hidden_act": "relu"}, "activation"),
        ("vision_config", {"vision_use_head": False}, "attention pooling"),
        ("vision_config", {"image_size": [64, 32]}, "image_size as one number"),
        ("vision_config", {"patch_size": 0}, "patch_size as one number from 1, got 0"),
        ("vision_config", {"num_channels": 4}, "channels .3., not .4."),
        ("vision_config", {"layer_norm_eps": -1.0}, "layer_norm_eps above 0"),
        ("vision_config", {"num_hidden_layers": 0}, "num_hidden_layers as one number from 1"),
        ("text_config", {"vocab_size": -1}, "vocab_size as one number from 1"),
        ("text_config", {"num_attention_heads": 3}, "heads that share the width"),
        ("text_config", {"num_attention_heads": 0}, "num_attention_heads as one number from 1"),
        ("text_config", {"projection_size": 32}, "length of both towers"),
    ],
)
def test_other_architectures_are_refused(
    directory: Path, part: str | None, values: dict[str, Any], reason: str
) -> None:
    _config(directory, part, **values)
    with pytest.raises(UnreadableCheckpoint, match=reason):
        _read(directory)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "preprocessor_config.json"])
def test_damaged_files_are_named(directory: Path, file: str) -> None:
    (directory / file).write_bytes((directory / file).read_bytes()[:100])
    with pytest.raises(UnreadableCheckpoint, match=file.replace(".", r"\.")):
        _read(directory)


def test_more_pieces_than_rows_are_refused(directory: Path) -> None:
    weights = load_file(directory / WEIGHTS)
    name = "text_model.embeddings.token_embedding.weight"
    weights[name] = weights[name][:60].clone()
    save_file(weights, directory / WEIGHTS)
    _config(directory, "text_config", vocab_size=60)
    with pytest.raises(
        UnreadableCheckpoint, match=rf"go up to {_last_id(directory)}, the token table has 60 rows"
    ):
        _read(directory)


def test_fewer_pieces_than_rows_are_said(directory: Path) -> None:
    said: list[str] = []
    siglip.read(directory, report=said.append)
    used = _last_id(directory) + 1
    assert said == [f"the token table has 256 rows, of which the tokenizer uses {used}"]


def test_a_flipped_bit_in_a_weight_is_found_where_the_digest_is_stated(directory: Path) -> None:
    digest = _read(directory).source["digest"]
    (directory / "SHA256SUMS").write_text(f"{digest}  {WEIGHTS}\n")
    assert _read(directory).source["digest"] == digest
    content = bytearray((directory / WEIGHTS).read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    content[8 + length + 4_001] ^= 1
    (directory / WEIGHTS).write_bytes(content)
    with pytest.raises(UnreadableCheckpoint, match="altered since it was published"):
        _read(directory)


def test_a_pickle_is_read_only_when_allowed(directory: Path) -> None:
    weights = load_file(directory / WEIGHTS)
    torch.save({k: v.half() for k, v in weights.items()}, directory / "pytorch_model.bin")
    (directory / WEIGHTS).unlink()
    with pytest.raises(UnsafeCheckpoint, match="--allow-pickle"):
        _read(directory)
    found = _read(directory, allow_pickle=True)
    name = "text_model.head.weight"
    assert (found.weights[name] == weights[name].half().float().numpy()).all()


def test_safetensors_come_before_pickles(directory: Path) -> None:
    (directory / "pytorch_model.bin").write_bytes(b"never opened")
    assert _read(directory, allow_pickle=True).dim == modelmaker.TINY.width
