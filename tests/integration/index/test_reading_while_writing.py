from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import SatseekError
from satseek.index import CollectionSpec, PlanLimits, create_collection, open_collection
from satseek.types import Chip, Filter, GridSpec, Recipe, Window

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from satseek.index import Collection
    from satseek.types import Vectors

CHIPS_PER_BLOCK = 10
DIM = 64


def units(seed: int, n: int) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def chips(start: int, n: int) -> list[Chip]:
    return [
        Chip(
            id=f"s/{number}",
            scene_id="s",
            cell=f"{number}",
            scene_path="/s.tif",
            window=Window(column=0, row=0, width=8, height=8),
            footprint=None,
            datetime=None,
            valid_fraction=1.0,
        )
        for number in range(start, start + n)
    ]


def spec() -> CollectionSpec:
    return CollectionSpec(
        name="read",
        model_name="made-up",
        model_version="0" * 12,
        dim=DIM,
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
        min_valid=0.5,
    )


def whole_blocks_seen(collection: Collection, until: float) -> int:
    """Search until the time has come; every answer must be whole. Returns the generations seen."""
    generations = set()
    query = units(0, 1)
    while time.monotonic() < until:
        found = collection.search(query, k=1_000, where=Filter(scene_ids=("scene-1",)))
        rows = found.rows[0][found.rows[0] >= 0]
        assert len(rows) % CHIPS_PER_BLOCK == 0
        ids = {chip.id for chip in collection.chips(rows)}
        assert len(ids) == len(rows)
        generations.add(collection.generation)
    return len(generations)


def test_readers_see_only_whole_blocks_and_follow_the_writer(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    writer = start("write_slowly", tmp_path / "killed")
    try:
        with (
            open_collection(tmp_path / "killed", mode="read") as collection,
            ThreadPoolExecutor(3) as threads,
        ):
            until = time.monotonic() + 2
            seen = list(threads.map(lambda _: whole_blocks_seen(collection, until), range(3)))
    finally:
        writer.kill()
        writer.communicate()
    assert min(seen) > 1


def test_a_writer_is_read_from_other_threads(tmp_path: Path) -> None:
    stop = threading.Event()
    lengths: list[int] = []

    def watch(collection: Collection) -> None:
        while not stop.is_set():
            lengths.append(len(collection))
            collection.search(units(1, 2), k=3)

    with create_collection(tmp_path / "read", spec()) as collection, ThreadPoolExecutor(2) as pool:
        watching = [pool.submit(watch, collection) for _ in range(2)]
        for block in range(20):
            collection.add(chips(block * 5, 5), units(block, 5))
        stop.set()
        for watcher in watching:
            watcher.result()
        assert len(collection) == 100
    assert {length % 5 for length in lengths} == {0}


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coded") / "read"
    with create_collection(folder, spec()) as collection:
        collection.add(chips(0, 7_000), units(0, 7_000))
    return folder


LIMITS = PlanLimits(codes_from=1_000, exact_rows=10, matrix_bytes=0)


def test_stale_or_damaged_codes_are_built_again(coded: Path) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    codes = coded / "codes.bin"
    with open_collection(coded, mode="read", limits=LIMITS) as collection:
        plan = collection.prepare()
        assert plan.startswith("PQ")
        assert collection.search(units(0, 1), k=1).plan == plan
    written = codes.read_bytes()
    for damaged in (b"", written[:-5] + b"wrong", b"\xff" + written):
        codes.write_bytes(damaged)
        with open_collection(coded, mode="read", limits=LIMITS) as collection:
            assert collection.prepare() == plan
        assert codes.read_bytes() == written


def test_rows_added_after_the_codes_are_found(coded: Path) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    later = units(99, 10)
    with open_collection(coded, mode="write", limits=LIMITS) as collection:
        collection.prepare()
        collection.add(chips(50_000, 10), later)
        found = collection.search(later, k=1)
        assert found.plan.startswith("PQ")
        assert found.rows[:, 0].tolist() == list(range(7_000, 7_010))
        removed = [chip.id for chip in collection.chips(found.rows[:, 0])]
        assert collection.remove(removed) == 10
        again = collection.search(later, k=5)
        assert again.plan.startswith("PQ")
        assert not set(range(7_000, 7_010)) & set(again.rows.ravel().tolist())


def test_without_faiss_large_collections_are_scanned(
    coded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with open_collection(coded, mode="read", limits=LIMITS) as collection:
        assert collection.prepare() == "exact scan of all 7000 chips"


def test_a_closed_collection_says_so(tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "read", spec())
    collection.close()
    collection.close()
    with pytest.raises(SatseekError, match="closed"):
        collection.search(units(0, 1), k=1)
    with pytest.raises(SatseekError, match="closed"):
        collection.add(chips(0, 1), units(0, 1))
