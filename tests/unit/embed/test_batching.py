"""Callers that share an engine: whose rows are whose, who is refused, what is never computed."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from gated import GatedEngine, images, texts, wait_until
from towers import ColourEngine

from satseek.embed.batching import BatchingEngine, TowerName
from satseek.embed.patience import Patience, waiting
from satseek.errors import (
    Abandoned,
    DamagedData,
    DeadlineExceeded,
    InvalidRequest,
    OutOfMemory,
    Overloaded,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.types import Features

ORACLE = ColourEngine()


class Watcher:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.batches: list[tuple[TowerName, int]] = []
        self.waits: list[float] = []
        self.depths: list[tuple[TowerName, int]] = []

    def on_batch(self, tower: TowerName, rows: int, waited_s: float, engine_s: float) -> None:
        assert engine_s >= 0
        self.batches.append((tower, rows))
        self.waits.append(waited_s)

    def on_queue(self, tower: TowerName, rows: int) -> None:
        self.depths.append((tower, rows))


def _batching(engine: GatedEngine, **asked: Any) -> BatchingEngine:
    defaults = {"max_rows": 8, "max_delay_s": 0.0, "queue_rows": 1000}
    return BatchingEngine(engine, **(defaults | asked))


@contextmanager
def callers() -> Iterator[Callable[..., Future[Any]]]:
    """Call in threads of one's own."""
    with ThreadPoolExecutor(64) as pool:
        yield pool.submit


def _ask(engine: BatchingEngine, rows: Any, patience: Patience | None = None) -> Features:
    with waiting(patience or Patience()):
        return engine.image_features(rows) if rows.ndim == 4 else engine.text_features(rows)


@contextmanager
def busy(**asked: Any) -> Iterator[tuple[GatedEngine, BatchingEngine, Callable[..., Future[Any]]]]:
    """An engine at whose gate one call of one text and one of one image stand."""
    inner = GatedEngine()
    engine = _batching(inner, **asked)
    with callers() as call:
        first = [call(_ask, engine, texts(1)), call(_ask, engine, images(1))]
        wait_until(lambda: inner.at_once == 2)
        try:
            yield inner, engine, call
        finally:
            inner.gate.set()
        for one in first:
            one.result()
    engine.close()


def test_what_gathers_while_the_engine_runs_goes_next_in_one_batch() -> None:
    with busy() as (inner, engine, call):
        rows = [texts(1 + number % 3, seed=number) for number in range(12)]
        asked = [call(_ask, engine, one) for one in rows]
        wait_until(lambda: engine.waiting("text") == sum(len(one) for one in rows))
        inner.gate.set()
        for one, answer in zip(rows, asked, strict=True):
            assert np.array_equal(ORACLE.text_features(one), answer.result())
    assert [1, 24] == inner.text_batches


def test_images_do_not_wait_for_texts() -> None:
    with busy() as (inner, engine, call):
        asked = call(_ask, engine, texts(40))
        wait_until(lambda: engine.waiting("text") == 40)
        assert (0, 1) == (engine.waiting("image"), len(inner.image_batches))
        inner.gate.set()
        asked.result()


@pytest.mark.parametrize("streams", [1, 3])
def test_each_of_many_threads_gets_its_own_rows(streams: int) -> None:
    """Random lengths from random threads; the oracle computes each caller's rows alone."""
    inner = GatedEngine(is_open=True)
    inner.failure = lambda _: time.sleep(0.002)  # whatever a call holds: batches pay
    engine = _batching(inner, streams=streams, max_delay_s=0.002, queue_rows=10_000)
    all_texts, all_images = texts(600), images(120)

    def ask_on(seed: int) -> tuple[int, int]:
        rng = np.random.default_rng(seed)
        count = alone = 0
        for _ in range(25):
            rows = all_images if rng.random() < 0.3 else all_texts
            length = int(rng.choice([1, 1, 1, 2, 5, 20, 60]))
            start = int(rng.integers(len(rows) - length))
            given = rows[start : start + length]
            oracle = ORACLE.image_features if rows is all_images else ORACLE.text_features
            assert np.allclose(oracle(given), _ask(engine, given), rtol=0, atol=1e-5)
            count += length
            alone += -(-length // (8 if rows is all_images else 32))
        return count, alone

    with callers() as call:
        asked = [call(ask_on, seed) for seed in range(32)]
        rows, calls = (sum(part) for part in zip(*(one.result() for one in asked), strict=True))
    assert rows == inner.rows
    assert max(inner.image_batches) <= 8
    assert max(inner.text_batches) <= 32
    assert len(inner.text_batches) + len(inner.image_batches) < calls  # of each caller alone
    engine.close()


def test_a_row_is_the_same_in_any_company() -> None:
    with busy(max_rows=64) as (inner, engine, call):
        row = images(1, seed=3)
        loud = [call(_ask, engine, 20 * images(7, seed=number)) for number in range(4)]
        asked = call(_ask, engine, row)
        wait_until(lambda: engine.waiting("image") == 29)
        inner.gate.set()
        assert np.allclose(ORACLE.image_features(row), asked.result(), rtol=0, atol=1e-6)
        assert [one.result().shape for one in loud] == [(7, 8)] * 4
    assert 29 in inner.image_batches


def test_a_large_request_is_split_and_starves_nobody() -> None:
    with busy() as (inner, engine, call):
        large = call(_ask, engine, images(80))
        wait_until(lambda: engine.waiting("image") == 80)
        small = call(_ask, engine, images(1, seed=4))
        wait_until(lambda: engine.waiting("image") == 81)
        answered = threading.Event()

        def stall(_: int) -> None:
            if len(inner.image_batches) > 3:  # one before, and at most two of the large one
                assert answered.wait(20), "the small one waits for the large one"

        inner.failure = stall
        inner.gate.set()
        small.result(timeout=20)
        assert not large.done()
        answered.set()
        assert np.allclose(ORACLE.image_features(images(80)), large.result(), atol=1e-5)
    assert max(inner.image_batches) <= 8


def test_a_full_line_refuses_and_says_when_to_come_again() -> None:
    watcher = Watcher()
    with busy(queue_rows=10, observer=watcher) as (inner, engine, call):
        assert engine.refusal("text") is None
        asked = call(_ask, engine, texts(10))
        wait_until(lambda: engine.waiting("text") == 10)
        with pytest.raises(Overloaded, match="10 texts wait for the model already, 10 may"):
            engine.text_features(texts(1))
        refusal = engine.refusal("text")
        assert refusal is not None
        assert 1 <= refusal.retry_after_s <= 60
        assert engine.refusal("image") is None
        inner.gate.set()
        assert len(asked.result()) == 10
        assert engine.refusal("text") is None
    assert 11 == sum(inner.text_batches)
    assert ("text", 10) in watcher.depths
    assert watcher.depths[-1][1] == 0
    assert sorted(watcher.batches) == [("image", 1), ("text", 1), ("text", 10)]
    assert max(watcher.waits) > 0


def test_a_slow_engine_asks_for_longer_patience() -> None:
    inner = GatedEngine(is_open=True)
    inner.failure = lambda _: time.sleep(0.25)
    engine = _batching(inner, queue_rows=20)
    engine.text_features(texts(1))
    inner.gate.clear()
    with callers() as call:
        asked = [call(_ask, engine, texts(1))]
        wait_until(lambda: inner.at_once == 1)
        asked.append(call(_ask, engine, texts(20)))
        wait_until(lambda: engine.waiting("text") == 20)
        refusal = engine.refusal("text")
        inner.failure = lambda _: None
        inner.gate.set()
        for one in asked:
            one.result()
    assert refusal is not None
    assert 4 <= refusal.retry_after_s <= 10  # 20 rows at a quarter of a second each
    engine.close()


def test_more_rows_than_may_wait_are_taken_alone() -> None:
    engine = _batching(GatedEngine(is_open=True), queue_rows=4)
    assert len(engine.image_features(images(9))) == 9
    engine.close()


def test_abandoned_rows_are_never_computed() -> None:
    with busy(queue_rows=10) as (inner, engine, call):
        patience = Patience()
        gone = call(_ask, engine, texts(10, seed=1), patience)
        wait_until(lambda: engine.waiting("text") == 10)
        patience.give_up()
        assert engine.waiting("text") == 0  # its place is free at once
        with pytest.raises(Abandoned):
            gone.result(timeout=5)
        staying = call(_ask, engine, texts(2, seed=2))
        wait_until(lambda: engine.waiting("text") == 2)
        inner.gate.set()
        staying.result()
    assert [1, 2] == inner.text_batches


def test_who_gave_up_before_is_not_even_in_line() -> None:
    inner = GatedEngine(is_open=True)
    engine = _batching(inner)
    patience = Patience()
    patience.give_up()
    with pytest.raises(Abandoned):
        _ask(engine, texts(1), patience)
    with pytest.raises(DeadlineExceeded):
        _ask(engine, texts(1), Patience(0))
    assert inner.rows == 0


def test_rows_that_cannot_begin_in_time_are_never_computed() -> None:
    with busy() as (inner, engine, call):
        started = time.monotonic()
        late = call(_ask, engine, texts(3, seed=1), Patience(0.05))
        with pytest.raises(DeadlineExceeded):
            late.result(timeout=5)
        assert time.monotonic() - started < 2  # told at its deadline, not when the engine is free
        assert engine.waiting("text") == 0
        staying = call(_ask, engine, texts(2, seed=2), Patience(60))
        wait_until(lambda: engine.waiting("text") == 2)
        inner.gate.set()
        staying.result()
    assert [1, 2] == inner.text_batches


def test_who_waits_no_longer_for_what_is_computed_is_told_and_others_get_theirs() -> None:
    inner = GatedEngine()
    engine = _batching(inner)
    with callers() as call:
        late = call(_ask, engine, texts(1), Patience(0.1))
        wait_until(lambda: inner.at_once == 1)
        with pytest.raises(DeadlineExceeded):
            late.result(timeout=5)
        staying = call(_ask, engine, texts(2))
        inner.gate.set()
        assert np.array_equal(ORACLE.text_features(texts(2)), staying.result())
    engine.close()


def test_the_rest_of_a_large_request_is_not_computed_for_who_went_away() -> None:
    inner = GatedEngine()
    engine = _batching(inner)
    patience = Patience()
    with callers() as call:
        large = call(_ask, engine, images(80), patience)
        wait_until(lambda: inner.at_once == 1)
        patience.give_up()
        inner.gate.set()
        with pytest.raises(Abandoned):
            large.result(timeout=5)
    engine.close()
    assert [8] == inner.image_batches


def test_a_failure_reaches_those_in_its_batch_and_nobody_else() -> None:
    with busy() as (inner, engine, call):
        inner.failure = lambda rows: ValueError("broken") if rows == 5 else None
        failing = [call(_ask, engine, texts(count, seed=count)) for count in (2, 3)]
        wait_until(lambda: engine.waiting("text") == 5)
        inner.gate.set()
        for one in failing:
            with pytest.raises(ValueError, match="broken"):
                one.result(timeout=5)
        assert np.array_equal(ORACLE.text_features(texts(4)), _ask(engine, texts(4)))


def test_a_failed_large_request_leaves_no_rows_in_line() -> None:
    inner = GatedEngine(is_open=True)
    engine = _batching(inner)
    inner.failure = lambda _: ValueError("broken")
    with pytest.raises(ValueError, match="broken"):
        engine.image_features(images(80))
    inner.failure = lambda _: None
    assert engine.waiting("image") == 0
    assert len(engine.image_features(images(3))) == 3
    engine.close()
    assert [8, 3] == inner.image_batches


def test_rows_that_no_tower_takes_are_refused_before_they_meet_others() -> None:
    with busy() as (inner, engine, _):
        with pytest.raises(InvalidRequest):
            engine.image_features(images(1).astype(np.float64))
        with pytest.raises(InvalidRequest):
            engine.text_features(texts(1)[:, :3])
        assert (0, 0) == (engine.waiting("image"), engine.waiting("text"))
        assert inner.rows == 2


def test_memory_that_is_short_halves_a_batch() -> None:
    with busy() as (inner, engine, call):
        inner.failure = lambda rows: OutOfMemory("too many") if rows > 2 else None
        asked = [call(_ask, engine, images(1, seed=number)) for number in range(6)]
        wait_until(lambda: engine.waiting("image") == 6)
        inner.gate.set()
        for number, one in enumerate(asked):
            expected = ORACLE.image_features(images(1, seed=number))
            assert np.allclose(expected, one.result(), rtol=0, atol=1e-5)


def test_an_engine_that_loses_rows_is_found_out() -> None:
    class Losing(ColourEngine):
        def text_features(self, ids: Any) -> Features:
            return super().text_features(ids)[1:]

    engine = BatchingEngine(Losing(), max_rows=8, max_delay_s=0, queue_rows=10)
    with pytest.raises(DamagedData, match="expected 3 rows from the model, came 2"):
        engine.text_features(texts(3))
    engine.close()


def test_a_second_call_runs_beside_the_first_only_for_a_full_batch() -> None:
    with busy(streams=2) as (inner, engine, call):
        some = call(_ask, engine, images(5))
        wait_until(lambda: engine.waiting("image") == 5)
        time.sleep(0.05)
        assert [1] == inner.image_batches
        more = call(_ask, engine, images(3))
        wait_until(lambda: sum(inner.image_batches) == 9)
        assert [1, 8] == inner.image_batches
        inner.gate.set()
        some.result()
        more.result()
    assert inner.most_at_once == 3  # one text beside


def test_one_who_asks_alone_waits_for_nobody() -> None:
    inner = GatedEngine(is_open=True)
    engine = _batching(inner, max_delay_s=5.0)
    started = time.monotonic()
    for _ in range(20):
        engine.text_features(texts(1))
    assert time.monotonic() - started < 4
    engine.close()


def test_company_that_came_before_is_waited_for_but_not_for_long() -> None:
    inner = GatedEngine()
    engine = _batching(inner, max_delay_s=0.3)
    with callers() as call:
        asked = [call(_ask, engine, texts(1))]
        wait_until(lambda: inner.at_once == 1)
        asked += [call(_ask, engine, texts(1)) for _ in range(8)]
        wait_until(lambda: engine.waiting("text") == 8)
        inner.gate.set()
        for one in asked:
            one.result()
        alone_s = []
        for _ in range(10):  # the others do not come again
            started = time.monotonic()
            engine.text_features(texts(1))
            alone_s.append(time.monotonic() - started)
    engine.close()
    assert [1, 8, 1] == inner.text_batches[:3]
    assert alone_s[0] >= 0.3
    assert alone_s[-1] < 0.3


def test_closing_computes_what_is_in_line_and_takes_nothing_more() -> None:
    inner = GatedEngine()
    engine = _batching(inner)
    with callers() as call:
        asked = [call(_ask, engine, texts(3, seed=0))]
        wait_until(lambda: inner.at_once == 1)
        asked += [call(_ask, engine, texts(3, seed=number)) for number in range(1, 30)]
        wait_until(lambda: engine.waiting("text") == 87)
        closing = call(engine.close)
        wait_until(lambda: engine.refusal("text") is not None)
        with pytest.raises(Overloaded, match="put away"):
            engine.text_features(texts(1))
        inner.gate.set()
        closing.result(timeout=10)
        for number, one in enumerate(asked):
            answer = one.result(timeout=10)
            assert np.array_equal(ORACLE.text_features(texts(3, seed=number)), answer)
    assert [one for one in threading.enumerate() if one.name.startswith("satseek-text")] == []


def test_an_engine_that_nobody_needs_any_more_is_freed_with_its_threads() -> None:
    gc.disable()
    try:
        inner = GatedEngine(is_open=True)
        engine = _batching(inner, streams=2)
        engine.text_features(texts(3))
        unused = _batching(GatedEngine())
        freed = [weakref.ref(one) for one in (inner, engine, unused)]
        del inner, engine, unused
        wait_until(lambda: [one() for one in freed] == [None, None, None])
    finally:
        gc.enable()


def test_a_machine_without_a_thread_left_keeps_nobody_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    engine = BatchingEngine(ORACLE, max_rows=8, max_delay_s=0.0, queue_rows=4)
    with monkeypatch.context() as machine:
        machine.setattr(threading.Thread, "start", full)
        with pytest.raises(RuntimeError, match="new thread"):
            engine.text_features(texts(3))
    assert 0 == engine.waiting("text")
    assert 3 == len(_ask(engine, texts(3), Patience(20)))
    engine.close()
