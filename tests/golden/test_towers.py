from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from oddwords import ODD, mixed

from satseek.embed.embedder import unit_rows
from satseek.model.preprocessing import preprocess
from satseek.model.scores import cosines, logits
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from conftest import Golden

    from satseek.types import Pixels, Vectors

torch = pytest.importorskip("torch", reason="pip install 'satseek[torch]'")

TEXTS = [*ODD[:24], *mixed(40)]


def _images(golden: Golden, images: list[Pixels]) -> Vectors:
    """Vectors of transformers' image tower."""
    size = golden.bundle.card.image_size
    with torch.no_grad():
        tensor = torch.from_numpy(preprocess(images, size=size))
        found = golden.oracle.get_image_features(pixel_values=tensor).pooler_output
    return unit_rows(found.numpy())


def _texts(golden: Golden, ids: np.ndarray) -> Vectors:
    """Vectors of transformers' text tower."""
    with torch.no_grad():
        found = golden.oracle.get_text_features(input_ids=torch.from_numpy(ids)).pooler_output
    return unit_rows(found.numpy())


def _ids(golden: Golden, texts: list[str]) -> np.ndarray:
    return Tokenizer.from_bundle(golden.bundle).encode(texts)


def _least(left: Vectors, right: Vectors) -> float:
    """Smallest cosine of a row with its counterpart, in float64."""
    return float((left.astype(np.float64) * right).sum(axis=1).min())


def test_the_oracle_is_float32(golden: Golden) -> None:
    assert {parameter.dtype for parameter in golden.oracle.parameters()} == {torch.float32}


def test_image_vectors_are_those_of_transformers(golden: Golden, images: list[Pixels]) -> None:
    some = images[: golden.images]
    assert _least(_images(golden, some), golden.embedder.embed_images(some)) >= 0.99999


def test_text_vectors_are_those_of_transformers(golden: Golden) -> None:
    some = TEXTS[: golden.texts]
    expected = _texts(golden, _ids(golden, some))
    assert _least(expected, golden.embedder.embed_texts(some)) >= 0.99999


def test_logits_are_those_of_transformers(golden: Golden, images: list[Pixels]) -> None:
    some, texts = images[:4], TEXTS[:8]
    size = golden.bundle.card.image_size
    with torch.no_grad():
        expected = golden.oracle(
            input_ids=torch.from_numpy(_ids(golden, texts)),
            pixel_values=torch.from_numpy(preprocess(some, size=size)),
        ).logits_per_image.numpy()
    embedder = golden.embedder
    found = logits(
        cosines(embedder.embed_images(some), embedder.embed_texts(texts)), golden.bundle.card
    )
    assert found == pytest.approx(expected, abs=2e-3)


def test_a_text_does_not_depend_on_its_batch(golden: Golden) -> None:
    some = TEXTS[-golden.texts :]
    engine, ids = golden.embedder._engine, _ids(golden, some)
    together = unit_rows(engine.text_features(ids))
    picked = range(0, len(some), 8)
    alone = unit_rows(np.concatenate([engine.text_features(ids[i : i + 1]) for i in picked]))
    assert _least(together[::8], alone) >= 0.999999


def test_an_image_does_not_depend_on_its_batch(golden: Golden, images: list[Pixels]) -> None:
    some = images[: min(golden.images, 8)]
    together = golden.embedder.embed_images(some)
    alone = np.concatenate([golden.embedder.embed_images([image]) for image in some])
    assert _least(together, alone) >= 0.999999


def test_these_tests_would_notice_padding_to_the_longest(golden: Golden) -> None:
    ids = _ids(golden, ["a river"])
    longest = int((ids != 1).sum()) + 1
    if longest == ids.shape[1]:
        pytest.fail("the text fills the context: nothing is padded")
    assert _least(_texts(golden, ids), _texts(golden, ids[:, :longest])) < 0.9999


def test_these_tests_would_notice_other_inputs(golden: Golden, images: list[Pixels]) -> None:
    texts = golden.embedder.embed_texts(["a river", "an airport", "dense forest"])
    seen = golden.embedder.embed_images(images[:3])
    assert (cosines(texts, texts) - np.eye(3)).max() < 0.9999
    assert (cosines(seen, seen) - np.eye(3)).max() < 0.9999
