from __future__ import annotations

import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import SatseekError
from satseek.index import CollectionSpec, PlanLimits, codes, create_collection, open_collection
from satseek.index.reading import Reader
from satseek.index.segments import Segments
from satseek.types import Chip, Filter, GridSpec, Recipe, Window

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

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


def whole_blocks_seen(collection: Collection, seconds: float) -> int:
    """Search so long, and on till the writer is seen to write; every answer must be whole.

    Returns the generations seen.
    """
    generations: set[int] = set()
    query = units(0, 1)
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds or (len(generations) < 2 and passed < 60):
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
            seen = list(threads.map(lambda _: whole_blocks_seen(collection, 2), range(3)))
    finally:
        writer.kill()
        writer.communicate()
    assert min(seen) > 1


def test_a_writer_is_read_from_other_threads(tmp_path: Path) -> None:
    stop, under_way = threading.Event(), threading.Barrier(3, timeout=60)
    lengths: list[int] = []

    def watch(collection: Collection) -> None:
        under_way.wait()
        while not stop.is_set():
            lengths.append(len(collection))
            collection.search(units(1, 2), k=3)

    with create_collection(tmp_path / "read", spec()) as collection, ThreadPoolExecutor(2) as pool:
        watching = [pool.submit(watch, collection) for _ in range(2)]
        under_way.wait()
        for block in range(20):
            collection.add(chips(block * 5, 5), units(block, 5))
        stop.set()
        for watcher in watching:
            watcher.result()
        assert len(collection) == 100
    assert {length % 5 for length in lengths} == {0}


def test_a_pinned_generation_stays_as_it_is(tmp_path: Path) -> None:
    with create_collection(tmp_path / "read", spec()) as collection:
        collection.add(chips(0, 5), units(0, 5))
        with collection.pinned() as pinned:
            collection.add(chips(5, 5), units(5, 5))
            collection.remove(["s/0"])
            assert (5, 9) == (len(pinned), len(collection))
            assert pinned.search(units(0, 1), k=9).rows[0, 0] == 0
            assert pinned.generation < collection.generation
            assert (pinned.row_of("s/0"), pinned.dates(), pinned.extent()) == (0, None, None)
        assert collection.search(units(0, 1), k=9).rows[0, 0] != 0


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coded") / "read"
    with create_collection(folder, spec()) as collection:
        collection.add(chips(0, 7_000), units(0, 7_000))
    return folder


LIMITS = PlanLimits(codes_from=1_000, exact_rows=10, matrix_bytes=0)


def test_stale_or_damaged_codes_are_built_again(coded: Path) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    file = coded / "codes.bin"
    with open_collection(coded, mode="read", limits=LIMITS) as collection:
        plan = collection.prepare()
        assert plan.startswith("PQ")
        assert collection.search(units(0, 1), k=1).plan == plan
    written = file.read_bytes()
    for damaged in (b"", written[:-5] + b"wrong", b"\xff" + written):
        file.write_bytes(damaged)
        with open_collection(coded, mode="read", limits=LIMITS) as collection:
            assert collection.prepare() == plan
        assert file.read_bytes() == written


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


def test_codes_are_extended_without_touching_those_in_use(
    coded: Path,
) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")

    def segments(rows: int) -> Segments:
        return Segments(coded / "segments", rows=rows, dim=DIM, rows_per_segment=65_536)

    few = codes.build(segments(5_000))
    before = few.candidates(units(1, 2), 100)
    more = few.extended(segments(7_000))
    assert (5_000, 7_000) == (few.covered, more.covered)
    np.testing.assert_array_equal(before, few.candidates(units(1, 2), 100))
    assert more.candidates(units(1, 2), 7_000).max() == 6_999


@pytest.mark.parametrize("kept", ["in memory", "in the file"])
def test_an_older_snapshot_is_scanned_and_leaves_newer_codes(
    coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    monkeypatch.setattr(codes, "_LONGEST_TAIL", 100)
    folder = Path(shutil.copytree(coded, tmp_path / "read"))
    with (
        open_collection(folder, mode="write", limits=LIMITS) as collection,
        closing(Reader(folder, rows_per_segment=65_536, limits=LIMITS)) as reader,
    ):
        with reader.connections.snapshot() as older:
            older.execute("SELECT generation FROM collection").fetchone()
            collection.add(chips(60_000, 900), units(1, 900))
            (reader if kept == "in memory" else collection).prepare()
            written = (folder / "codes.bin").read_bytes()
            lend = iter([nullcontext(older)])
            snapshot = reader.connections.snapshot
            monkeypatch.setattr(
                reader.connections, "snapshot", lambda: next(lend, None) or snapshot()
            )
            with reader.pinned() as pinned:
                found = pinned.search(units(0, 1), k=1)
        assert found.plan == "exact scan of all 7000 chips"
        assert (folder / "codes.bin").read_bytes() == written
        with reader.pinned() as pinned:
            later = pinned.search(units(1, 1), k=1)
        assert later.plan.startswith("PQ32x4fs over all 7900 chips")


def test_codes_of_rows_that_were_lost_are_built_again(coded: Path, tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    with open_collection(coded, mode="read", limits=LIMITS) as collection:
        collection.prepare()
    with create_collection(tmp_path / "read", spec(), limits=LIMITS) as collection:
        collection.add(chips(0, 5_200), units(0, 5_200))
        shutil.copy(coded / "codes.bin", tmp_path / "read")
        assert collection.prepare().startswith("PQ32x4fs over all 5200 chips")


def test_searches_go_on_while_codes_are_extended(
    coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    monkeypatch.setattr(codes, "_LONGEST_TAIL", 1)
    stop, under_way = threading.Event(), threading.Barrier(4, timeout=60)

    def watch(collection: Collection) -> int:
        count = 0
        under_way.wait()
        while not stop.is_set():
            found = collection.search(units(0, 8), k=1)
            assert found.rows[:, 0].tolist() == list(range(8))
            count += 1
        return count

    folder = Path(shutil.copytree(coded, tmp_path / "read"))
    with (
        open_collection(folder, mode="write", limits=LIMITS) as collection,
        ThreadPoolExecutor(3) as pool,
    ):
        collection.prepare()
        watching = [pool.submit(watch, collection) for _ in range(3)]
        try:
            under_way.wait()
            for block in range(1, 9):
                collection.add(chips(60_000 + block * 300, 300), units(block, 300))
                collection.prepare()
        finally:
            stop.set()
        assert min(watcher.result() for watcher in watching) > 0


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
