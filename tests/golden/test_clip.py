"""CLIP bundles against transformers, and open_clip's files against an independent forward pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from oddwords import ODD, mixed

from satseek.embed.embedder import Embedder, unit_rows
from satseek.engines.onnxruntime import OnnxEngine
from satseek.model.bundle import Bundle, open_bundle
from satseek.model.scores import cosines, logits
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.checkpoints.checkpoint import Checkpoint, Oracle
    from satseek.types import Features, Pixels, Tensor, TokenIds

INSTALL = "the oracle is missing: pip install 'satseek[torch]'"
clipmaker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)
torch = pytest.importorskip("torch", reason=INSTALL)

TEXTS = [*(text for text in ODD if text.strip()), *mixed(12)]
"""Emoji, Chinese, special tokens written out, far too long ones, one to forty words."""

LEAST = 0.99999
"""Asked for is 0.9999; this is what float32 gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A bundle as satseek runs it, and the same weights as another library runs them."""

    bundle: Bundle
    """What was written."""
    embedder: Embedder
    """What satseek makes of it."""
    oracle: Oracle
    """What an import compares it with."""
    image_features: Callable[[Tensor], Features]
    """The reference's image tower."""
    text_features: Callable[[TokenIds], Features]
    """The reference's text tower."""


def _written(checkpoint: Checkpoint, folder: Path, precision: Any = "float32") -> Bundle:
    from satseek.checkpoints.writing import write_bundle  # noqa: PLC0415

    folder.mkdir()
    write_bundle(
        checkpoint,
        folder,
        name="random",
        precision=precision,
        licences={},
        training_data="none",
        accuracy={},
        report=lambda _step: None,
    )
    return open_bundle(folder)


def _golden(checkpoint: Checkpoint, folder: Path, reference: Any, precision: str) -> Golden:
    bundle = _written(checkpoint, folder, precision)
    return Golden(
        bundle=bundle,
        oracle=checkpoint.oracle(),
        embedder=Embedder(OnnxEngine(bundle, threads=1), Tokenizer.from_bundle(bundle)),
        image_features=lambda tensor: _numbers(reference, "image", tensor),
        text_features=lambda ids: _numbers(reference, "text", ids),
    )


def _numbers(reference: Any, tower: str, taken: np.ndarray) -> Features:
    with torch.no_grad():
        given = torch.from_numpy(taken)
        if hasattr(reference, "encode_image"):
            return getattr(reference, f"encode_{tower}")(given).numpy()
        return getattr(reference, f"get_{tower}_features")(given).pooler_output.numpy()


def _from_directory(folder: Path, name: str) -> Golden:
    from satseek.checkpoints import clip  # noqa: PLC0415

    shape = clipmaker.SMALL
    if "exact" in name:
        shape = replace(shape, activation="gelu")
    pad = "!" if "zero-pad" in name else clipmaker.END
    made = clipmaker.make_clip_directory(
        folder / "made", shape, old_end="old-end" in name, pad=pad, half="half" in name
    )
    checkpoint = clip.read(made, report=pytest.fail)
    reference = clipmaker.load_clip_oracle(made)
    precision = "float16" if "half" in name else "float32"
    return _golden(checkpoint, folder / "bundle", reference, precision)


def _from_openclip(folder: Path, name: str) -> Golden:
    from satseek.checkpoints import openclip  # noqa: PLC0415

    shape = replace(clipmaker.SMALL, activation="gelu" if "exact" in name else "quick_gelu")
    file = clipmaker.make_openclip_directory(
        folder / "made", shape, file="a.safetensors" if "safetensors" in name else "a.pt"
    )
    checkpoint = openclip.read(file, report=pytest.fail, allow_pickle=file.suffix == ".pt")
    return _golden(checkpoint, folder / "bundle", clipmaker.OpenClip(shape), "float32")


NAMES = (
    "directory-quick",
    "directory-exact",
    "directory-old-end",
    "directory-zero-pad",
    "directory-half",
    "openclip-quick",
    "openclip-exact-safetensors",
)


@pytest.fixture(scope="module", params=NAMES)
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    make = _from_directory if request.param.startswith("directory") else _from_openclip
    return make(tmp_path_factory.mktemp(request.param), request.param)


def _least(left: Features, right: Features) -> float:
    """Smallest cosine of a row with its counterpart, in float64."""
    return float((unit_rows(left).astype(np.float64) * unit_rows(right)).sum(axis=1).min())


def _encoded(golden: Golden, texts: list[str]) -> TokenIds:
    return Tokenizer.from_bundle(golden.bundle).encode(texts)


def test_image_vectors_are_those_of_the_reference(golden: Golden, images: list[Pixels]) -> None:
    tensors = golden.oracle.tensors(images[:16])
    found = golden.embedder.embed_images(images[:16])
    assert _least(golden.image_features(tensors), found) >= LEAST


def test_text_vectors_are_those_of_the_reference(golden: Golden) -> None:
    expected = golden.text_features(_encoded(golden, TEXTS))
    assert _least(expected, golden.embedder.embed_texts(TEXTS)) >= LEAST


def test_ids_are_those_of_transformers(golden: Golden) -> None:
    expected = golden.oracle.token_ids(TEXTS)
    assert expected.tolist() == _encoded(golden, TEXTS).tolist()


def test_logits_are_those_of_the_reference(golden: Golden, images: list[Pixels]) -> None:
    oracle, texts = golden.oracle, TEXTS[:8]
    left = unit_rows(golden.image_features(oracle.tensors(images[:4])))
    right = unit_rows(golden.text_features(_encoded(golden, texts)))
    expected = left @ right.T * np.exp(oracle.logit_scale)
    embedder = golden.embedder
    found = cosines(embedder.embed_images(images[:4]), embedder.embed_texts(texts))
    assert logits(found, golden.bundle.card) == pytest.approx(expected, abs=2e-3)


def test_a_text_does_not_depend_on_its_batch_nor_on_what_fills_it_up(golden: Golden) -> None:
    engine, ids = golden.embedder._engine, _encoded(golden, TEXTS)
    together = engine.text_features(ids)
    alone = np.concatenate([engine.text_features(ids[i : i + 1]) for i in range(0, len(ids), 5)])
    assert _least(together[::5], alone) >= 0.999999
    other = ids.copy()
    for row in other:  # all that comes behind the first end token
        end = int(np.argmax(row == clipmaker.vocabulary()[clipmaker.END]))
        row[end + 1 :] = 7
    assert _least(together, engine.text_features(other)) >= 0.999999


def test_a_shorter_batch_of_the_reference_gives_the_same_text(golden: Golden) -> None:
    ids = _encoded(golden, ["a river"])
    shorter = golden.text_features(np.ascontiguousarray(ids[:, :6]))
    assert _least(shorter, golden.embedder.embed_texts(["a river"])) >= LEAST


def test_an_image_does_not_depend_on_its_batch(golden: Golden, images: list[Pixels]) -> None:
    together = golden.embedder.embed_images(images[:6])
    alone = np.concatenate([golden.embedder.embed_images([image]) for image in images[:6]])
    assert _least(together, alone) >= 0.999999


def test_these_tests_would_notice_other_inputs(golden: Golden, images: list[Pixels]) -> None:
    texts = golden.embedder.embed_texts(["a river", "an airport", "dense forest"])
    seen = golden.embedder.embed_images(images[:3])
    assert (cosines(texts, texts) - np.eye(3)).max() < 0.99
    assert (cosines(seen, seen) - np.eye(3)).max() < 0.99


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., float]:
    """Plant an error in what was read; give the smallest cosine with the honest reference."""
    from satseek.checkpoints import openclip  # noqa: PLC0415

    file = clipmaker.make_openclip_directory(tmp_path_factory.mktemp("planted") / "made")
    honest = clipmaker.OpenClip()
    ids = np.array([[522, 320, 517, 330, 340, 523] + [0] * 18, [522, 64, 9, 523] + [0] * 20])
    rng = np.random.default_rng(0)
    pixels = rng.standard_normal((2, 3, 64, 64)).astype(np.float32)

    def compared(**changed: Any) -> float:
        checkpoint = openclip.read(file, report=pytest.fail, allow_pickle=True)
        weights = dict(checkpoint.weights) | changed.pop("weights", {})
        folder = tmp_path_factory.mktemp("bundle") / "bundle"
        bundle = _written(replace(checkpoint, weights=weights, **changed), folder)
        engine = OnnxEngine(bundle, threads=1)
        return min(
            _least(_numbers(honest, "image", pixels), engine.image_features(pixels)),
            _least(_numbers(honest, "text", ids), engine.text_features(ids)),
        )

    compared.read = lambda: openclip.read(file, report=pytest.fail, allow_pickle=True)  # type: ignore[attr-defined]
    return compared


def test_without_a_planted_error_nothing_differs(planted: Any) -> None:
    assert planted() >= LEAST


@pytest.mark.parametrize("tower", ["vision", "text"])
def test_the_other_gelu_would_be_noticed(planted: Any, tower: str) -> None:
    config = getattr(planted.read(), tower)
    assert planted(**{tower: {**config, "hidden_act": "gelu"}}) < 0.9999


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("self_attn.q_proj.weight", "self_attn.k_proj.weight"),
        ("self_attn.k_proj.bias", "self_attn.v_proj.bias"),
        ("layer_norm1.weight", "layer_norm2.weight"),
    ],
)
@pytest.mark.parametrize("tower", ["vision_model", "text_model"])
def test_permuted_keys_would_be_noticed(planted: Any, tower: str, one: str, other: str) -> None:
    weights = planted.read().weights
    left, right = (f"{tower}.encoder.layers.1.{part}" for part in (one, other))
    if one.endswith("bias") and tower == "text_model":
        left, right = (f"{tower}.encoder.layers.{i}.{other}" for i in (0, 1))
    assert planted(weights={left: weights[right], right: weights[left]}) < 0.9999


def test_a_projection_that_is_not_turned_would_be_noticed(planted: Any) -> None:
    weights = planted.read().weights
    turned = weights["text_projection.weight"][:, ::-1].copy()
    assert planted(weights={"text_projection.weight": turned}) < 0.9999


def test_another_end_token_would_be_noticed(planted: Any) -> None:
    config = planted.read().text
    assert planted(text={**config, "eos_token_id": 320}) < 0.9999
