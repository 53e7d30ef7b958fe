"""One suite for every engine, over a model of random weights and over the one that is shipped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from towers import ColourEngine

from satseek.embed.embedder import unit_rows
from satseek.engines.onnxruntime import OnnxEngine
from satseek.errors import ModelNotFound
from satseek.model.bundle import starter_bundle

if TYPE_CHECKING:
    from satseek.engines import Engine
    from satseek.types import Tensor, TokenIds


@pytest.fixture(scope="module", params=["onnxruntime-random", "onnxruntime-starter", "colours"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    if request.param == "colours":
        return ColourEngine()
    if request.param == "onnxruntime-starter":
        try:
            return OnnxEngine(starter_bundle(), threads=2)
        except ModelNotFound as error:
            pytest.skip(str(error))
    modelmaker = pytest.importorskip(
        "modelmaker", reason="pip install 'satseek[torch]'", exc_type=ImportError
    )
    return OnnxEngine(
        modelmaker.make_bundle(tmp_path_factory.mktemp("engine"), modelmaker.TINY), threads=2
    )


@pytest.fixture(scope="module")
def tensor(engine: Engine) -> Tensor:
    size = engine.card.image_size
    return np.random.default_rng(0).uniform(-1, 1, (9, 3, size, size)).astype(np.float32)


@pytest.fixture(scope="module")
def ids(engine: Engine) -> TokenIds:
    return np.random.default_rng(1).integers(2, 60, (9, engine.card.context_length))


def _alike(left: np.ndarray, right: np.ndarray) -> bool:
    cosine = (unit_rows(left).astype(np.float64) * unit_rows(right)).sum(axis=1)
    return bool((cosine >= 0.999999).all())


def test_features_have_the_shape_of_the_card(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    for features in (engine.image_features(tensor), engine.text_features(ids)):
        assert ((9, engine.card.dim), np.float32) == (features.shape, features.dtype)
        assert np.isfinite(features).all()


def test_rows_differ(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    assert len(np.unique(engine.image_features(tensor), axis=0)) == 9
    assert len(np.unique(engine.text_features(ids), axis=0)) == 9


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_a_row_does_not_depend_on_its_batch(
    engine: Engine, tensor: Tensor, ids: TokenIds, size: int
) -> None:
    starts = range(0, 9, size)
    images = [engine.image_features(tensor[i : i + size]) for i in starts]
    assert _alike(engine.image_features(tensor), np.concatenate(images))
    texts = [engine.text_features(ids[i : i + size]) for i in starts]
    assert _alike(engine.text_features(ids), np.concatenate(texts))


def test_a_row_does_not_depend_on_its_place(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    turned = engine.image_features(np.ascontiguousarray(tensor[::-1]))
    assert _alike(engine.image_features(tensor)[::-1], turned)
    turned = engine.text_features(np.ascontiguousarray(ids[::-1]))
    assert _alike(engine.text_features(ids)[::-1], turned)


def test_the_same_again_is_the_same(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    assert np.array_equal(engine.image_features(tensor), engine.image_features(tensor))
    assert np.array_equal(engine.text_features(ids), engine.text_features(ids))


def test_no_rows_give_no_rows(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    assert engine.image_features(tensor[:0]).shape == (0, engine.card.dim)
    assert engine.text_features(ids[:0]).shape == (0, engine.card.dim)


def test_threads_share_an_engine(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    images, texts = engine.image_features(tensor), engine.text_features(ids)

    def both(_: int) -> tuple[np.ndarray, np.ndarray]:
        return engine.image_features(tensor), engine.text_features(ids)

    with ThreadPoolExecutor(4) as pool:
        for found_images, found_texts in pool.map(both, range(8)):
            assert np.array_equal(images, found_images)
            assert np.array_equal(texts, found_texts)


def test_what_is_given_is_left_alone(engine: Engine, tensor: Tensor, ids: TokenIds) -> None:
    tensor_before, ids_before = tensor.copy(), ids.copy()
    engine.image_features(tensor)
    engine.text_features(ids)
    assert np.array_equal(tensor_before, tensor)
    assert np.array_equal(ids_before, ids)
