from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, SiglipConfig, SiglipModel

from satseek.engines.onnxruntime import OnnxEngine
from satseek.errors import ModelNotFound, UnreadableCheckpoint
from satseek.model.bundle import open_bundle
from satseek.model.tokenizer import Tokenizer
from satseek.train import export_bundle
from satseek.train.saving import save_model
from satseek.train.tokenizing import train_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["a plane", "ships in a harbour", "storage tanks", "forest", "a river and a road"]


def _siglip(**vision: Any) -> Any:
    torch.manual_seed(0)
    shape = {
        "hidden_size": 48,
        "intermediate_size": 80,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
    }
    return SiglipModel(
        SiglipConfig(
            text_config={
                **shape,
                "hidden_size": 36,
                "projection_size": 48,
                "vocab_size": 120,
                "bos_token_id": 1,
                "eos_token_id": 1,
            },
            vision_config={**shape, "image_size": 32, "patch_size": 8, **vision},
        )
    ).eval()


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    tokenizer = train_tokenizer(WORDS * 3, vocab_size=100, context_length=64)
    save_model(_siglip(), tokenizer, tmp_path / "model")
    return tmp_path / "model"


def _export(model_dir: Path, out: Path, **more: Any) -> Any:
    told = {"name": "tiny", "licences": {"weights": "none"}, "training_data": "noise"}
    return export_bundle(model_dir, out, accuracy={"top1": 0.5}, **{**told, **more})


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_towers_agree_with_transformers_on_the_same_bundle(model_dir: Path, tmp_path: Path) -> None:
    _export(model_dir, tmp_path / "bundle")
    bundle = open_bundle(tmp_path / "bundle")
    engine = OnnxEngine(bundle, threads=1)
    model = SiglipModel.from_pretrained(tmp_path / "bundle")
    assert torch.float32 == model.dtype
    pixels = np.random.default_rng(1).uniform(-1, 1, (64, 3, 32, 32)).astype(np.float32)
    texts = [f"{WORDS[i % 5]} {i} {WORDS[i // 5 % 5]}" for i in range(64)]
    ids = Tokenizer.from_bundle(bundle).encode(texts)
    hugging = AutoTokenizer.from_pretrained(tmp_path / "bundle")
    theirs = hugging(texts, padding="max_length", truncation=True, return_tensors="np")
    assert theirs["input_ids"].tolist() == ids.tolist()
    with torch.no_grad():
        images = model.get_image_features(torch.from_numpy(pixels)).pooler_output.numpy()
        words = model.get_text_features(torch.from_numpy(ids)).pooler_output.numpy()
    assert _cosines(images, engine.image_features(pixels)).min() >= 0.99999
    assert _cosines(words, engine.text_features(ids)).min() >= 0.99999
    np.testing.assert_allclose(engine.image_features(pixels), images, atol=1e-4)


def test_a_chip_alone_has_the_vector_it_has_in_a_batch(model_dir: Path, tmp_path: Path) -> None:
    _export(model_dir, tmp_path / "bundle")
    engine = OnnxEngine(open_bundle(tmp_path / "bundle"), threads=1)
    pixels = np.random.default_rng(1).uniform(-1, 1, (5, 3, 32, 32)).astype(np.float32)
    alone = np.concatenate([engine.image_features(one[None]) for one in pixels])
    np.testing.assert_allclose(alone, engine.image_features(pixels), atol=1e-5)


def test_the_card_says_what_the_model_is(model_dir: Path, tmp_path: Path) -> None:
    card = _export(model_dir, tmp_path / "bundle")
    assert open_bundle(tmp_path / "bundle").card == card
    assert (
        card.dim,
        card.image_size,
        card.context_length,
        card.precision,
    ) == (48, 32, 64, "float16")
    model = SiglipModel.from_pretrained(tmp_path / "bundle")
    assert card.logit_scale == float(model.logit_scale.detach())
    assert card.accuracy == {"top1": 0.5}


def test_the_same_weights_give_the_same_bytes(model_dir: Path, tmp_path: Path) -> None:
    one, two = _export(model_dir, tmp_path / "one"), _export(model_dir, tmp_path / "two")
    assert one.version == two.version


def test_single_precision_is_exact(model_dir: Path, tmp_path: Path) -> None:
    card = _export(model_dir, tmp_path / "bundle", precision="float32")
    assert card.precision == "float32"
    engine = OnnxEngine(open_bundle(tmp_path / "bundle"), threads=1)
    pixels = np.random.default_rng(1).uniform(-1, 1, (4, 3, 32, 32)).astype(np.float32)
    with torch.no_grad():
        images = _siglip().get_image_features(torch.from_numpy(pixels)).pooler_output.numpy()
    np.testing.assert_allclose(engine.image_features(pixels), images, atol=1e-5)


def test_refuses_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"config\.json"):
        _export(tmp_path, tmp_path / "bundle")


def test_refuses_shapes_it_does_not_know(model_dir: Path, tmp_path: Path) -> None:
    config = json.loads((model_dir / "config.json").read_text())
    config["vision_config"]["hidden_act"] = "relu"
    (model_dir / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnreadableCheckpoint, match="activation"):
        _export(model_dir, tmp_path / "bundle")
