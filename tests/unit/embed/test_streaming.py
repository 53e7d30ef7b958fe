from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gated import wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from towers import CARD, DIM, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.embed.streaming import embed_stream
from satseek.errors import UnreadableImage
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())


def _pixels(item: int) -> np.ndarray | None:
    """Every third item only passes through."""
    if item % 3 == 2:
        return None
    return np.full((5, 6, 3), (item * 37) % 256, dtype=np.uint8)


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("satseek-")}


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 40), batch=st.integers(1, 9), ahead=st.integers(1, 3))
def test_items_stay_in_order_and_vectors_are_theirs(count: int, batch: int, ahead: int) -> None:
    stream = embed_stream(range(count), pixels=_pixels, embedder=EMBEDDER, batch=batch, ahead=ahead)
    batches = list(stream)
    assert list(range(count)) == [item for items, _ in batches for item in items]
    for items, vectors in batches:
        images = [image for image in map(_pixels, items) if image is not None]
        assert np.allclose(EMBEDDER.embed_images(images), vectors, atol=1e-6)
    assert all(len(vectors) == batch for _, vectors in batches[:-1])
    assert set() == _threads()


def test_pixels_are_prepared_as_the_card_says() -> None:
    cropped = replace(CARD, preprocessing=Preprocessing(resize="crop", mean=(0.1, 0.2, 0.3)))
    embedder = Embedder(ColourEngine(cropped), make_tokenizer())
    banner = np.zeros((8, 40, 3), dtype=np.uint8)
    banner[:, 12:28] = (255, 0, 0)  # more than a crop of the middle sees
    stream = embed_stream(range(3), pixels=lambda _: banner, embedder=embedder, batch=2)
    vectors = np.concatenate([found for _, found in stream])
    red = np.full((8, 8, 3), (255, 0, 0), dtype=np.uint8)
    for whole in (banner, red):
        assert np.allclose(embedder.embed_images([whole]), vectors, atol=1e-6)
    assert not np.allclose(EMBEDDER.embed_images([banner]), vectors, atol=1e-2)


def test_batches_depend_on_the_order_alone() -> None:
    def sizes(pause_s: float) -> list[int]:
        def slow() -> Iterator[int]:
            for item in range(20):
                time.sleep(pause_s)
                yield item

        stream = embed_stream(slow(), pixels=_pixels, embedder=EMBEDDER, batch=4)
        return [len(items) for items, _ in stream]

    assert sizes(0) == sizes(0.005)


def test_items_without_pixels_do_not_pile_up() -> None:
    stream = embed_stream(range(100), pixels=lambda _: None, embedder=EMBEDDER, batch=2)
    batches = list(stream)
    assert [len(items) for items, _ in batches] == [32, 32, 32, 4]
    assert {(0, DIM)} == {vectors.shape for _, vectors in batches}


def test_what_the_reader_raises_is_raised_to_the_caller() -> None:
    def items() -> Iterator[int]:
        yield from (0, 1, 3)
        raise OSError("disk gone")

    stream = embed_stream(items(), pixels=_pixels, embedder=EMBEDDER, batch=2)
    seen, _ = next(stream)
    with pytest.raises(OSError, match="disk gone"):
        next(stream)
    assert seen == [0, 1]
    assert set() == _threads()


def test_what_preprocessing_raises_is_raised_to_the_caller() -> None:
    grey = np.zeros((4, 4), dtype=np.uint8)
    stream = embed_stream(range(10), pixels=lambda _: grey, embedder=EMBEDDER, batch=2)
    with pytest.raises(UnreadableImage, match="expected uint8 pixels"):
        next(iter(stream))
    assert set() == _threads()


def test_giving_up_early_stops_the_threads_and_closes_the_source() -> None:
    closed = threading.Event()
    read: list[int] = []

    def endless() -> Iterator[int]:
        try:
            while True:
                read.append(len(read))
                yield read[-1]
        finally:
            closed.set()

    stream = embed_stream(endless(), pixels=_pixels, embedder=EMBEDDER, batch=4, ahead=1)
    next(stream)
    stream.close()
    assert closed.wait(timeout=5)
    assert set() == _threads()


def test_reading_ahead_is_bounded() -> None:
    read: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            read.append(len(read))
            yield 0

    stream = embed_stream(endless(), pixels=_pixels, embedder=EMBEDDER, batch=4, ahead=2)
    next(stream)
    wait_until(lambda: len(read) > 4)
    time.sleep(0.3)
    bound = (2 + 1 + 3) * 4
    assert len(read) <= bound
    stream.close()


def test_reading_goes_on_while_the_caller_is_busy() -> None:
    turns = threading.Semaphore(0)

    def items() -> Iterator[int]:
        for item in range(4):
            yield item
            turns.release()

    stream = embed_stream(items(), pixels=lambda _: _pixels(0), embedder=EMBEDDER, batch=1)
    next(stream)
    for _ in range(3):
        assert turns.acquire(timeout=5)
    stream.close()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_change_neither_order_nor_vectors(workers: int) -> None:
    def found(count: int) -> list[tuple[list[int], list[float]]]:
        stream = embed_stream(range(50), pixels=_pixels, embedder=EMBEDDER, batch=3, workers=count)
        return [(items, vectors.ravel().tolist()) for items, vectors in stream]

    assert found(1) == found(workers)
    assert set() == _threads()


def test_lone_row_is_embedded_in_company() -> None:
    engine = ColourEngine()
    embedder = Embedder(engine, make_tokenizer())
    ((items, vectors),) = embed_stream([0], pixels=_pixels, embedder=embedder, batch=4)
    assert ([0], (1, DIM), [2]) == (items, vectors.shape, engine.image_batches)


def test_nothing_starts_before_it_is_asked_for() -> None:
    stream = embed_stream(range(5), pixels=_pixels, embedder=EMBEDDER, batch=2)
    assert set() == _threads()
    del stream
