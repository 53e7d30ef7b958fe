from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from towers import CARD, DIM, SIZE, ColourEngine, make_tokenizer

from satseek.embed.caching import MemoryCache
from satseek.embed.embedder import Embedder
from satseek.embed.patience import Patience, waiting
from satseek.embed.recalling import VectorMemory, pixels_digest, text_digest
from satseek.errors import Abandoned, DamagedData, EmptyText
from satseek.types import Preprocessing, Tokenization

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import Vectors

ROOM = 1 << 20


class Counts:
    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def on_lookup(self, kind: str, hits: int, misses: int) -> None:
        self.told.append((kind, hits, misses))


def image(value: int, *, edge: int = 20) -> np.ndarray:
    return np.full((edge, edge, 3), value, dtype=np.uint8)


def embedder(cache: MemoryCache, card=CARD, **how: object) -> tuple[Embedder, ColourEngine]:  # noqa: ANN001
    engine = ColourEngine(card)
    return Embedder(engine, make_tokenizer(), memory=VectorMemory(cache, card=card, **how)), engine


def test_an_image_seen_before_costs_nothing() -> None:
    cache, counts = MemoryCache(ROOM), Counts()
    one, engine = embedder(cache, observer=counts)
    first = one.embed_images([image(3), image(9), image(3)])
    again = one.embed_images([image(9), image(3)])
    assert [2] == engine.image_batches
    assert np.array_equal(first[[1, 0]], again)
    assert np.array_equal(first[0], first[2])
    assert [("image", 0, 3), ("image", 2, 0)] == counts.told


def test_images_of_the_same_square_are_the_same() -> None:
    one, engine = embedder(MemoryCache(ROOM))
    large, small = one.embed_images([image(3, edge=50)]), one.embed_images([image(3, edge=SIZE)])
    assert [1] == engine.image_batches
    assert np.array_equal(large, small)


def test_a_hit_is_what_was_computed_bit_for_bit() -> None:
    cache = MemoryCache(ROOM)
    one, _ = embedder(cache)
    other, engine = embedder(cache)
    images = [image(value) for value in range(20)]
    assert np.array_equal(one.embed_images(images), other.embed_images(images))
    assert np.array_equal(one.embed_texts(["river"]), other.embed_texts(["  River! "]))
    assert ([], []) == (engine.image_batches, engine.text_batches)


def test_what_is_computed_again_is_the_same_within_a_millionth() -> None:
    one, _ = embedder(MemoryCache(ROOM))
    images = [image(value) for value in range(20)]
    batched = one.embed_images(images)
    alone = np.concatenate([one.compute_images([it]) for it in images])
    assert (batched * alone).sum(axis=1).min() > 1 - 1e-6


@pytest.mark.parametrize(
    "other",
    [
        {"card": replace(CARD, version="ba9876543210")},
        {"card": replace(CARD, name="colors")},
        {"card": replace(CARD, preprocessing=Preprocessing(resize="crop"))},
        {"card": replace(CARD, preprocessing=Preprocessing(mean=(0.5, 0.5, 0.4)))},
        {"card": replace(CARD, tokenization=Tokenization(case="lower"))},
        {"way": "onnxruntime cuda float16"},
    ],
)
def test_another_model_recipe_or_way_has_nothing_of_it(other: dict[str, object]) -> None:
    cache = MemoryCache(ROOM)
    one, _ = embedder(cache, way="onnxruntime float32")
    one.embed_images([image(3)])
    one.embed_texts(["river"])
    two, engine = embedder(cache, **({"way": "onnxruntime float32"} | other))
    two.embed_images([image(3)])
    two.embed_texts(["river"])
    assert ([1], [1]) == (engine.image_batches, engine.text_batches)


def test_shape_and_samples_tell_images_apart() -> None:
    flat = np.arange(48, dtype=np.uint8)
    wide, high = flat.reshape(2, 8, 3), flat.reshape(8, 2, 3)
    turned = np.ascontiguousarray(wide[:, ::-1])
    assert 3 == len({pixels_digest(one) for one in (wide, high, turned)})
    assert pixels_digest(turned) == pixels_digest(wide[:, ::-1])  # not contiguous
    assert text_digest("river") != text_digest("rivers")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"short",
        np.ones(DIM, dtype="<f4").tobytes(),  # not of length one
        np.full(DIM, np.nan, dtype="<f4").tobytes(),
        np.eye(1, DIM + 1, dtype="<f4").tobytes(),  # of another model
    ],
)
def test_what_cannot_be_a_vector_is_a_miss(value: bytes) -> None:
    cache = MemoryCache(ROOM)
    one, engine = embedder(cache)
    expected = one.embed_images([image(3)])
    (key,) = cache._kept
    cache.put_many({key: value})
    assert np.array_equal(expected, one.embed_images([image(3)]))
    assert [1, 1] == engine.image_batches


def test_a_vector_given_out_can_be_changed_without_harm() -> None:
    one, _ = embedder(MemoryCache(ROOM))
    first = one.embed_images([image(3)])
    expected = first.copy()
    first[:] = 0
    assert np.array_equal(expected, one.embed_images([image(3)]))


def test_a_text_without_a_word_is_refused_and_the_others_can_be_asked_again() -> None:
    one, _ = embedder(MemoryCache(ROOM))
    with pytest.raises(EmptyText):
        one.embed_texts(["river", "?"])
    assert (1, DIM) == one.embed_texts(["river"]).shape


class Slow:
    """Computes when told to, and counts what it computes."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.go = threading.Event()
        self.rows = 0
        self.fails = False

    def __call__(self, places: Sequence[int]) -> Vectors:
        self.rows += len(places)
        self.started.set()
        assert self.go.wait(20)
        if self.fails:
            self.fails = False
            raise DamagedData("the first time it fails")
        return np.eye(len(places), DIM, dtype=np.float32)


def test_what_several_miss_at_once_is_computed_once() -> None:
    memory, slow = VectorMemory(MemoryCache(ROOM), card=CARD), Slow()
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(memory.recall, "text", ["a"], slow, batch=4)
        assert slow.started.wait(20)
        rest = [pool.submit(memory.recall, "text", ["a"], slow, batch=4) for _ in range(5)]
        slow.go.set()
        found = [one.result(20) for one in (first, *rest)]
    assert 1 == slow.rows
    assert all(np.array_equal(found[0], one) for one in found)
    assert not memory._flights


def test_whoever_waited_for_a_failure_computes_it_themselves() -> None:
    memory, slow = VectorMemory(MemoryCache(0), card=CARD), Slow()
    slow.fails = True
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(memory.recall, "text", ["a"], slow, batch=4)
        assert slow.started.wait(20)
        second = pool.submit(memory.recall, "text", ["a"], slow, batch=4)
        slow.go.set()
        with pytest.raises(DamagedData):
            first.result(20)
        assert (1, DIM) == second.result(20).shape
    assert not memory._flights


def test_two_who_miss_each_others_inputs_both_get_them() -> None:
    memory = VectorMemory(MemoryCache(0), card=CARD)
    meet = threading.Barrier(2, timeout=20)

    def work(digests: Sequence[str]) -> Vectors:
        def compute(places: Sequence[int]) -> Vectors:
            if digests[places[0]] == digests[0]:
                meet.wait()
            return np.eye(len(places), DIM, dtype=np.float32)

        return memory.recall("text", digests, compute, batch=1)

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(work, order) for order in (["a", "x"], ["b", "x"])]
        assert [(2, DIM)] * 2 == [one.result(20).shape for one in both]


def test_whoever_nobody_waits_for_does_not_wait_either() -> None:
    memory, slow = VectorMemory(MemoryCache(ROOM), card=CARD), Slow()
    patience = Patience()

    def impatient() -> Vectors:
        with waiting(patience):
            return memory.recall("text", ["a"], slow, batch=4)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(memory.recall, "text", ["a"], slow, batch=4)
        assert slow.started.wait(20)
        second = pool.submit(impatient)
        patience.give_up()
        with pytest.raises(Abandoned):
            second.result(20)
        slow.go.set()
        assert (1, DIM) == first.result(20).shape
