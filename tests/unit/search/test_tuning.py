"""Queries such as people ask, made of a model's words and a collection's chips."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
from towers import DIM, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import InvalidRequest, Untranslatable
from satseek.index import CollectionSpec, ExactIndex, PlanLimits, create_collection
from satseek.model.prompts import TEMPLATES
from satseek.search.tuning import (
    QUERIES,
    facts_of,
    tune,
    tune_if_new,
    tuning_queries,
    tuning_texts,
)
from satseek.types import Chip, Filter, GridSpec, Recipe, Window

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.types import Vectors

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
ROWS = 2_000


def _vectors(count: int) -> Vectors:
    vectors = np.random.default_rng(1).normal(size=(count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _chips(count: int) -> list[Chip]:
    return [
        Chip(
            id=f"s/{at}",
            scene_id="s",
            cell=str(at),
            scene_path="/s.tif",
            window=Window(column=0, row=0, width=1, height=1),
            footprint=None,
            datetime=None,
            valid_fraction=1.0,
        )
        for at in range(count)
    ]


def _index(count: int) -> ExactIndex:
    made = ExactIndex(DIM)
    if count:
        made.add(_chips(count), _vectors(count))
    return made


def test_texts_are_many_different_and_the_same_every_time() -> None:
    texts = tuning_texts()
    assert texts == tuning_texts()
    assert 0.95 * QUERIES <= len(texts) == len(set(texts)) <= QUERIES
    for template in TEMPLATES:
        begin, end = template.split("{}")
        assert 20 <= sum(text.startswith(begin) and text.endswith(end) for text in texts)
    assert 30 == len(tuning_texts(30))


def test_every_kind_is_asked_for_in_unit_vectors() -> None:
    index = _index(ROWS)
    queries = tuning_queries(index, embedder=EMBEDDER, count=60)
    assert {"text", "image", "mixed"} == set(queries)
    for vectors in queries.values():
        assert len(vectors) >= 55
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    words, blended = queries["text"], queries["mixed"]
    between = np.vecdot(words[1:3] + queries["image"][1:3], blended[1:3])
    lengths = np.linalg.norm(words[1:3] + queries["image"][1:3], axis=1)
    np.testing.assert_allclose(between, lengths, rtol=1e-5)  # words and an image count alike
    assert not np.allclose(words[0], blended[0])  # a liked chip turned it
    own = index.search(queries["image"], k=1, where=Filter())
    np.testing.assert_allclose(own.cosines[:, 0], 1, atol=1e-6)


def test_a_collection_of_few_chips_is_asked_with_words_alone() -> None:
    assert {"text"} == set(tuning_queries(_index(0), embedder=EMBEDDER))
    assert {"text", "mixed"} == set(tuning_queries(_index(3), embedder=EMBEDDER))


def test_words_of_ones_own_are_asked_as_a_search_asks_them() -> None:
    index = _index(ROWS)
    texts = [f"river {at}" for at in range(19)] + ["港口"]
    own = tuning_queries(index, embedder=EMBEDDER, texts=texts)["text"]
    np.testing.assert_allclose(EMBEDDER.embed_texts(texts[:1])[0], own[0], atol=1e-6)
    assert 20 == len(own)
    with pytest.raises(Untranslatable):
        tuning_queries(index, embedder=EMBEDDER, texts=["火星蓝莓"] * 20)


def test_a_slow_model_makes_fewer_words() -> None:
    made = tuning_queries(_index(ROWS), embedder=EMBEDDER, seconds=0)
    assert 20 == len(made["text"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip(
        "faiss", reason="faiss is not on this machine: pip install 'satseek[faiss]'"
    )
    return tmp_path / "tuned"


def _spec() -> CollectionSpec:
    return CollectionSpec(
        name="tuned",
        model_name=EMBEDDER.card.name,
        model_version=EMBEDDER.card.version,
        dim=DIM,
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
        min_valid=0.5,
    )


def test_new_codes_are_tuned_once(folder: Path) -> None:
    limits = PlanLimits(codes_from=1_000, exact_rows=20, matrix_bytes=0)
    with create_collection(folder, _spec(), limits=limits) as collection:
        collection.add(_chips(ROWS), _vectors(ROWS))
        first = tune_if_new(collection, embedder=EMBEDDER)
        assert first is not None
        assert {"text", "image", "mixed"} == set(first.kinds)
        assert all(one.recall >= 0.98 for one in first.kinds.values())
        assert collection.tuning() == first
        assert tune_if_new(collection, embedder=EMBEDDER) is None
        told = facts_of(first)
        assert ["recall", "codes", "rows", "generation", "when", "kinds"] == list(told)
        again = tune(collection, embedder=EMBEDDER, recall=0.9)
        assert again.kinds["text"].candidates <= first.kinds["text"].candidates
        with pytest.raises(InvalidRequest, match="20 queries"):
            tune(collection, embedder=EMBEDDER, texts=["a river"])


def test_what_is_scanned_needs_no_tuning(tmp_path: Path) -> None:
    with create_collection(tmp_path / "tuned", _spec()) as collection:
        collection.add(_chips(50), _vectors(50))
        assert tune_if_new(collection, embedder=EMBEDDER) is None
        assert "" == tune(collection, embedder=EMBEDDER).codes


def test_indexing_does_not_fail_for_want_of_tuning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limits = PlanLimits(codes_from=1_000, exact_rows=20, matrix_bytes=0)
    other = Embedder(ColourEngine(), make_tokenizer())
    with create_collection(folder, _spec(), limits=limits) as collection:
        collection.add(_chips(ROWS), _vectors(ROWS))
        collection.prepare()
        (folder / "tuning.json").mkdir()  # a file system that refuses
        with caplog.at_level(logging.WARNING):
            tune_if_new(collection, embedder=other)
        assert collection.search(_vectors(1), k=1).rows[0, 0] == 0
