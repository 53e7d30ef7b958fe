from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from towers import CARD, DIM, ColourEngine, make_tokenizer

from satseek.embed.embedder import IMAGE_BATCH, TEXT_BATCH, Embedder, unit_rows
from satseek.errors import DamagedData, EmptyText, InvalidRequest, UnreadableImage


@pytest.fixture
def engine() -> ColourEngine:
    return ColourEngine()


@pytest.fixture
def embedder(engine: ColourEngine) -> Embedder:
    return Embedder(engine, make_tokenizer())


def _images(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [
        np.full((9, 7, 3), 0, dtype=np.uint8) + rng.integers(0, 256, 3, dtype=np.uint8)
        for _ in range(count)
    ]


def _unit(vectors: np.ndarray) -> bool:
    return bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6))


def test_images_become_unit_rows_in_their_order(embedder: Embedder) -> None:
    images = _images(3)
    vectors = embedder.embed_images(images)
    assert ((3, DIM), np.float32, True) == (vectors.shape, vectors.dtype, _unit(vectors))
    assert np.allclose(vectors[::-1], embedder.embed_images(images[::-1]), atol=1e-6)


def test_many_images_reach_the_engine_in_bounded_batches(
    embedder: Embedder, engine: ColourEngine
) -> None:
    assert embedder.embed_images(_images(2 * IMAGE_BATCH + 1)).shape == (2 * IMAGE_BATCH + 1, DIM)
    assert engine.image_batches == [IMAGE_BATCH, IMAGE_BATCH, 1]


def test_nothing_becomes_no_rows(embedder: Embedder, engine: ColourEngine) -> None:
    assert embedder.embed_images([]).shape == (0, DIM)
    assert embedder.embed_texts([]).shape == (0, DIM)
    assert embedder.label_vectors([]).shape == (0, DIM)
    assert engine.image_batches + engine.text_batches == []


def test_a_wrong_image_is_refused(embedder: Embedder) -> None:
    with pytest.raises(UnreadableImage):
        embedder.embed_images([np.zeros((4, 4), dtype=np.uint8)])


def test_texts_become_unit_rows_in_their_order(embedder: Embedder) -> None:
    vectors = embedder.embed_texts(["river", "forest", "river"])
    assert _unit(vectors)
    assert np.array_equal(vectors[0], vectors[2])
    assert not np.allclose(vectors[0], vectors[1])


def test_a_text_seen_before_costs_nothing(embedder: Embedder, engine: ColourEngine) -> None:
    first = embedder.embed_texts(["river", "forest", "river"])
    assert engine.text_batches == [2]
    again = embedder.embed_texts(["forest", "bridge"])
    assert engine.text_batches == [2, 1]
    assert np.array_equal(first[1], again[0])


def test_many_texts_reach_the_engine_in_bounded_batches(
    embedder: Embedder, engine: ColourEngine
) -> None:
    embedder.embed_texts([f"river {number}" for number in range(TEXT_BATCH + 1)])
    assert engine.text_batches == [TEXT_BATCH, 1]


def test_a_text_changed_by_the_caller_stays_what_it_is(embedder: Embedder) -> None:
    embedder.embed_texts(["river"])[:] = 0
    assert _unit(embedder.embed_texts(["river"]))


@pytest.mark.parametrize("text", ["", "  ", "?"])
def test_a_text_without_a_word_is_refused(embedder: Embedder, text: str) -> None:
    with pytest.raises(EmptyText):
        embedder.embed_texts(["river", text])
    with pytest.raises(EmptyText):
        embedder.label_vectors([text], templates=["a satellite image of {}"])


def test_a_label_is_the_mean_of_its_prompts(embedder: Embedder) -> None:
    templates = ["{}", "a satellite image of {}"]
    found = embedder.label_vectors(["river", "forest"], templates=templates)
    prompts = embedder.embed_texts(["river", "a satellite image of river"])
    mean = prompts.mean(axis=0)
    assert np.allclose(mean / np.linalg.norm(mean), found[0], atol=1e-6)
    assert _unit(found)


def test_labels_need_a_template(embedder: Embedder) -> None:
    with pytest.raises(InvalidRequest, match="template"):
        embedder.label_vectors(["river"], templates=[])


def test_threads_share_an_embedder(embedder: Embedder) -> None:
    texts = [f"river {number % 7}" for number in range(70)]
    expected = embedder.embed_texts(texts)
    fresh = Embedder(ColourEngine(), embedder._tokenizer)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: fresh.embed_texts([text])[0], texts))
    assert np.allclose(expected, np.stack(found), atol=1e-6)


def test_the_card_is_the_engines(embedder: Embedder) -> None:
    assert CARD is embedder.card


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_features_without_direction_are_damaged(value: float) -> None:
    features = np.ones((2, 3), dtype=np.float32)
    features[1] = value
    with pytest.raises(DamagedData, match="finite"):
        unit_rows(features)
