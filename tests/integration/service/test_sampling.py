"""Recall of real searches is watched beside them, shown, and mended where it falls."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.assemble import Assembly
from satseek.index import CollectionSpec, PlanLimits, create_collection
from satseek.index.watching import Watched
from satseek.service.metrics import Metrics, Stocks
from satseek.service.sampling import WAITING, Sampling
from satseek.settings import Settings
from satseek.types import Chip, GridSpec, Recipe, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.index import Collection
    from satseek.types import Vectors

DIM = 64
ROWS = 6_000
MORE = 4_000
"""More than are scanned along with the codes, fewer than have codes learnt anew."""
LIMITS = PlanLimits(codes_from=1_000, exact_rows=100, matrix_bytes=0)

pytest.importorskip("faiss", reason="faiss is not on this machine: pip install 'satseek[faiss]'")


def near(seed: int, n: int, *, around: int) -> Vectors:
    rng = np.random.default_rng(around)
    direction, along = rng.standard_normal(DIM) * 2, rng.standard_normal((16, DIM)) / 4
    values = direction + np.random.default_rng(seed).standard_normal((n, 16)) @ along
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def chips(start: int, n: int) -> list[Chip]:
    plain = {"scene_id": "s", "scene_path": "/s.tif", "footprint": None, "datetime": None}
    window = Window(column=0, row=0, width=8, height=8)
    return [
        Chip(id=f"s/{one}", cell=f"{one}", window=window, valid_fraction=1.0, **plain)  # type: ignore[arg-type]
        for one in range(start, start + n)
    ]


SPEC = CollectionSpec(
    name="sampled",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
    grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
    min_valid=0.5,
)


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "sampled", SPEC, limits=LIMITS) as made:
        made.add(chips(0, ROWS), near(0, ROWS, around=1))
        made.prepare()
        yield made


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    one = Assembly(Settings(data_dir=tmp_path / "none"))
    yield one
    one.close()


def until(true: Callable[[], bool], ask: Callable[[], object]) -> None:
    deadline = time.monotonic() + 150
    while not true():
        assert time.monotonic() < deadline
        ask()
        time.sleep(0.02)  # the thread that compares lets everybody go first


def recent(sampling: Sampling) -> int:
    return sum(one.recent for one in sampling.watched("sampled").values())


def test_what_drifts_is_noticed_and_mended_while_searches_go_on(
    collection: Collection, assembly: Assembly, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sampling = Sampling(1.0)
    sampling.start(assembly)
    try:
        sampling.watch("sampled", collection)
        usual = iter(near(8, 2_000, around=1)).__next__
        ask = lambda: collection.search(usual()[None], k=10, kind="image")  # noqa: E731
        until(lambda: "image" in sampling.watched("sampled"), ask)
        assert "fell" not in caplog.text
        collection.add(chips(ROWS, MORE), near(3, MORE, around=4))
        unusual = iter(near(9, 20_000, around=4)).__next__
        ask = lambda: collection.search(unusual()[None], k=10, kind="image")  # noqa: E731
        until(lambda: any(one.message == "mended" for one in caplog.records), ask)
        until(lambda: recent(sampling) >= 20, ask)
        assert sampling.watched("sampled")["image"].recall >= 0.95
        assert "codes_renewed" in str([getattr(one, "pairs", "") for one in caplog.records])
    finally:
        sampling.stop()


def test_collections_are_watched_from_when_the_server_starts(
    assembly: Assembly, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = assembly.collections_dir / "there"
    with create_collection(folder, SPEC) as made:
        made.add(chips(0, 10), near(0, 10, around=1))
    (assembly.collections_dir / "broken").mkdir()
    (assembly.collections_dir / "broken" / "collection.sqlite").write_bytes(b"none")
    sampling = Sampling(1.0)
    sampling.start(assembly)
    try:
        until(lambda: "there" in sampling._places, lambda: None)
        first = sampling._places["there"]
        assert first.reference() is assembly.reader("there")
        assembly.remove("there")
        with create_collection(folder, SPEC) as made:
            made.add(chips(0, 10), near(1, 10, around=1))
        assert assembly.reader("there") is not None
        assert sampling._places["there"] is not first
        assert "Traceback" not in caplog.text
    finally:
        sampling.stop()


def test_searches_never_wait_to_be_compared(collection: Collection) -> None:
    sampling = Sampling(0.01)  # nobody compares
    sampling.watch("sampled", collection)
    for query in near(8, 3 * WAITING, around=1):
        collection.search(query[None], k=10)
    assert {} == sampling.watched("sampled")
    assert WAITING == sampling._waiting.qsize()


def test_nothing_is_offered_where_nothing_is_to_be_compared(collection: Collection) -> None:
    sampling = Sampling(0)
    sampling.watch("sampled", collection)
    collection.search(near(8, 1, around=1), k=10)
    assert 0 == sampling._waiting.qsize()


def test_a_collection_that_is_let_go_of_is_watched_no_more(
    collection: Collection, assembly: Assembly
) -> None:
    sampling = Sampling(1.0)
    sampling.watch("sampled", collection)
    sampling.watch("other", object())
    assert ["sampled"] == list(sampling._places)
    begun = time.monotonic()
    sampling.start(assembly)
    sampling.stop()
    assert time.monotonic() - begun < 5
    assert not sampling._threads[0].is_alive()


def test_recall_is_shown_of_the_collections_that_are_seen() -> None:
    sampling, metrics = Sampling(0), Metrics()
    watched = {"text": Watched(samples=7, recent=7, recall=0.9)}
    text = metrics.write(stocks=Stocks(recall={"county": watched}), model="").decode()
    assert 'satseek_recall_at_k{collection="county",kind="text"} 0.9' in text
    assert 'satseek_recall_samples_total{collection="county",kind="text"} 7.0' in text
    assert "county" not in metrics.write(stocks=Stocks(), model="").decode()
    assert {} == sampling.watched("county")
