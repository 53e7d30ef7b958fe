"""Dead rows go, and nothing else: whoever reads, adds, removes or dies meanwhile."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from satseek.errors import Conflict, DamagedData, InvalidRequest
from satseek.index import (
    CollectionSpec,
    PlanLimits,
    SceneBlock,
    bbox_area,
    compacting,
    create_collection,
    open_collection,
    segments,
)
from satseek.index.compacting import compact_unasked
from satseek.types import Chip, Filter, GridSpec, Recipe, Scene, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.index import Collection
    from satseek.types import Vectors

DIM = 32
SCENES, CHIPS = 6, 50
SPEC = CollectionSpec(
    name="life",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
    grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
    min_valid=0.5,
)
FILTERS = (
    Filter(),
    Filter(area=bbox_area(0.0, 0.0, 0.105, 5.0)),
    Filter(start=datetime(2024, 1, 3, tzinfo=UTC)),
    Filter(scene_ids=("scene-1", "scene-4")),
    Filter(area=bbox_area(0.0, 2.5, 5.0, 5.0), scene_ids=("scene-2", "scene-3", "scene-5")),
)


def units(seed: int, n: int) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    unit: Vectors = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit


def scene(number: int, *, digest: str = "a") -> Scene:
    return Scene(
        id=f"scene-{number}",
        path=f"/{number}.tif",
        width=80,
        height=80,
        bands=3,
        dtype="uint8",
        nodata=None,
        crs="EPSG:4326",
        transform=(0.01, 0.0, 0.0, 0.0, -0.01, 0.0),
        datetime=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number),
        digest=digest,
    )


def chip(of: Scene, number: int) -> Chip:
    west, south = number * 0.01, int(of.id[-1])
    ring = [[west, south], [west + 0.01, south], [west + 0.01, south + 1], [west, south]]
    return Chip(
        id=f"{of.id}/{number}",
        scene_id=of.id,
        cell=f"{number}",
        scene_path=of.path,
        window=Window(column=0, row=0, width=8, height=8),
        footprint={"type": "Polygon", "coordinates": [ring]},
        datetime=of.datetime,
        valid_fraction=1.0,
    )


def block(number: int, *, digest: str = "a", seed: int = 0, count: int = CHIPS) -> SceneBlock:
    of = scene(number, digest=digest)
    return SceneBlock(
        scene=of,
        chips=tuple(chip(of, place) for place in range(count)),
        vectors=units(100 * seed + number, count),
        next_position=count,
        skipped=0,
        finished=True,
    )


def filled(folder: Path) -> Collection:
    """Make a collection; replace two scenes, remove one, and a third of two others."""
    made = create_collection(folder, SPEC, rows_per_segment=64)
    for number in range(SCENES):
        made.add_blocks([block(number)])
    made.add_blocks([block(1, digest="b", seed=1), block(4, digest="b", seed=1)])
    made.remove_scenes(["scene-0"])
    made.remove([f"scene-{number}/{place}" for number in (2, 3) for place in range(0, CHIPS, 3)])
    return made


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with filled(tmp_path / "life") as made:
        yield made


def answers(of: Collection) -> list[list[tuple[str, float]]]:
    """Give what is found, by chip, under each filter."""
    told = []
    for where in FILTERS:
        with of.pinned() as pinned:
            found = pinned.search(units(9, 3), k=1_000, where=where)
            for rows, cosines in zip(found.rows, found.cosines, strict=True):
                ids = [one.id for one in pinned.chips(rows[rows >= 0])]
                told.append(list(zip(ids, cosines[: len(ids)].tolist(), strict=True)))
    return told


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith(("seg", "com"))}


def during(what: str, do: Callable[[], object]) -> compacting.OnProgress:
    """Do something once, at the first report of a step."""
    left = [do]

    def show(step: str, _done: int, _total: int) -> None:
        if step == what and left:
            left.pop()()

    return show


def test_dead_rows_go_and_nothing_else(collection: Collection) -> None:
    before, digest, living = answers(collection), collection.digest(), len(collection)
    scenes, generation = collection.scenes(), collection.generation
    done = collection.compact()
    assert (SCENES * CHIPS + 2 * CHIPS, living) == (done.rows_before, done.rows_after)
    assert done.bytes_freed > 100 * DIM * 2
    assert done.bytes_after == sum(collection.inventory().bytes.values())
    assert before == answers(collection)
    assert (digest, scenes) == (collection.digest(), collection.scenes())
    assert generation + 1 == collection.generation
    assert [] == collection.verify()
    held = collection.inventory()
    assert (living, 0, 1) == (held.rows, held.dead, held.edition)
    assert {"segments-1"} == names(collection.folder)
    with collection.pinned() as pinned:
        numbers = dict(pinned.db.execute("SELECT scene_id, number FROM scene_numbers"))
        assert {one.id for one in scenes} == set(numbers)
        assert list(range(living)) == pinned.view.living().tolist()


def test_a_compacted_collection_goes_on_as_before(collection: Collection) -> None:
    collection.compact()
    collection.add_blocks([block(0), block(5, digest="c", seed=2)])
    collection.remove(["scene-4/7"])
    before, digest = answers(collection), collection.digest()
    collection.close()
    with open_collection(collection.folder, mode="write") as opened:
        assert before == answers(opened)
        opened.compact()
        assert (before, digest) == (answers(opened), opened.digest())
        assert {"segments-2"} == names(opened.folder)
        assert [] == opened.verify()


def test_readers_of_an_older_generation_finish_on_it(collection: Collection) -> None:
    with open_collection(collection.folder, mode="read") as reader:
        before = answers(reader)
        with reader.pinned() as pinned:
            row = pinned.row_of("scene-5/49")
            vector = pinned.vectors([row])
            collection.compact()
            assert ("scene-5/49", 0) == (pinned.chips([row])[0].id, pinned.numbering)
            np.testing.assert_array_equal(vector, pinned.vectors([row]))
            found = pinned.search(units(9, 3), k=1_000, where=FILTERS[4])
            ids = [[one.id for one in pinned.chips(rows[rows >= 0])] for rows in found.rows]
            assert [[name for name, _ in one] for one in before[12:]] == ids
        assert before == answers(reader)
        with reader.pinned() as pinned:
            assert pinned.row_of("scene-5/49") < row
            assert 1 == pinned.numbering


def test_a_reader_who_comes_too_late_for_some_files_looks_again(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, left, compacting_now = (
        segments._mapped,
        ["segments", "segments-1", "segments-2"],
        [False],
    )

    def overtaken(path: Path, rows: int, dim: int) -> Any:
        if not compacting_now[0] and [path.parent.name] == left[:1]:
            left.pop(0)
            compacting_now[0] = True
            collection.compact()  # and so these files are gone
            compacting_now[0] = False
        return opened(path, rows, dim)

    before = answers(collection)
    with monkeypatch.context() as patched:
        patched.setattr(segments, "_mapped", overtaken)
        with open_collection(collection.folder, mode="read") as reader:
            assert before == answers(reader)
    assert ([], {"segments-3"}) == (left, names(collection.folder))
    shutil.rmtree(collection.folder / "segments-3")
    with pytest.raises(DamagedData, match=r"segments-3/000000.f16.*is missing"):
        open_collection(collection.folder, mode="read")


@pytest.mark.parametrize("step", ["copying", "encoding"])
def test_what_is_added_and_removed_meanwhile_is_taken_along(
    collection: Collection, step: str
) -> None:
    def change() -> None:
        collection.add_blocks([block(7), block(2, digest="c", seed=3)])
        collection.remove(["scene-5/0", "scene-7/3"])
        collection.move_scene(scene(3))

    done = collection.compact(on_progress=during(step, change))
    collection.remove(["scene-5/1"])
    with open_collection(collection.folder, mode="read") as reader:
        assert [] == reader.verify()
        with reader.pinned() as pinned:
            for number, seed in ((7, 0), (2, 3), (1, 1), (5, 0)):
                own = units(100 * seed + number, CHIPS)
                for place in (4, 5, CHIPS - 1):
                    row = pinned.row_of(f"scene-{number}/{place}")
                    assert row == pinned.search(own[place : place + 1], k=1).rows[0, 0]
            gone = {"scene-5/0", "scene-7/3", "scene-5/1"}
            rows = pinned.search(units(9, 1), k=1_000).rows[0]
            assert not gone & {one.id for one in pinned.chips(rows[rows >= 0])}
        held = reader.inventory()
        assert (done.rows_after, done.rows_after - len(reader)) == (held.rows, held.dead)


def test_a_second_compaction_meanwhile_is_refused(collection: Collection) -> None:
    with pytest.raises(Conflict, match="already"):
        collection.compact(on_progress=during("copying", collection.compact))
    assert {"segments"} == names(collection.folder)
    collection.compact()
    assert [] == collection.verify()


@pytest.mark.parametrize("when", ["before", "copying", "encoding"])
def test_vectors_that_are_made_beside_forbid_it(collection: Collection, when: str) -> None:
    rewriting = collection.rewriting()

    def begin() -> None:
        rewriting.begin(model_name="new", model_version="1" * 12, dim=DIM)

    digest = collection.digest()
    if when == "before":
        begin()
    with pytest.raises(Conflict, match=r"new@111111111111 are being made beside.*--discard"):
        collection.compact(on_progress=during(when, begin))
    assert {"segments", "segments-1"} == names(collection.folder)
    assert (digest, []) == (collection.digest(), collection.verify())
    rewriting.discard()
    collection.compact()
    assert (digest, []) == (collection.digest(), collection.verify())


def test_damaged_vectors_are_not_made_to_look_sound(collection: Collection) -> None:
    victim = collection.folder / "segments" / "000001.f16"
    content = bytearray(victim.read_bytes())
    content[70] ^= 1
    victim.write_bytes(content)
    generation = collection.generation
    with pytest.raises(DamagedData, match=r"000001.f16: rows 64 to \d+ are not what was written"):
        collection.compact()
    assert (generation, {"segments"}) == (collection.generation, names(collection.folder))


def test_codes_are_made_before_anybody_needs_them(tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    limits = PlanLimits(codes_from=500, exact_rows=10, matrix_bytes=0)
    with create_collection(tmp_path / "life", SPEC, limits=limits) as made:
        for number in range(SCENES):
            made.add_blocks([block(number, count=250)])
        made.remove_scenes(["scene-0"])

        def coded() -> bool:
            return (made.folder / "codes-1.bin").exists()

        seen = []
        with open_collection(made.folder, mode="read", limits=limits) as reader:
            reader.prepare()
            made.compact(on_progress=lambda what, *_: seen.append((what, coded())))
            assert ("numbering", False) in seen
            assert seen[-1] == ("numbering", True)
            written = (made.folder / "codes-1.bin").stat().st_ino
            found = reader.search(units(2, 50), k=1)
            assert "over all 1250 chips" in found.plan
            assert not found.plan.startswith("exact scan")
            assert written == (made.folder / "codes-1.bin").stat().st_ino


def test_a_reader_cannot_compact(collection: Collection) -> None:
    with (
        open_collection(collection.folder, mode="read") as reader,
        pytest.raises(InvalidRequest, match="opened for writing"),
    ):
        reader.compact()


@pytest.mark.parametrize("step", ["copying", "numbering", "renamed"])
def test_a_killed_compaction_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with filled(tmp_path / "life") as made:
        before, digest = answers(made), made.digest()
    killed = os.fork()
    if not killed:
        try:
            if step == "renamed":  # the copy has its name, the commit is not made
                monkeypatch.setattr(compacting, "sync", lambda _: _die_if_renamed(tmp_path))
            with open_collection(tmp_path / "life", mode="write") as target:
                target.compact(on_progress=during(step, lambda: os._exit(9)))
        finally:
            os._exit(1)
    assert 9 == os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1])
    left = {"copying": "compacting", "numbering": "compacting", "renamed": "segments-1"}[step]
    assert {"segments", left} == names(tmp_path / "life")
    with open_collection(tmp_path / "life", mode="read") as reader:
        assert (before, digest) == (answers(reader), reader.digest())
    with open_collection(tmp_path / "life", mode="write") as target:
        assert ({"segments"}, []) == (names(target.folder), target.verify())
        target.compact()
        assert ({"segments-1"}, []) == (names(target.folder), target.verify())
        assert (before, digest) == (answers(target), target.digest())


def _die_if_renamed(root: Path) -> None:
    if (root / "life" / "segments-1").is_dir():
        os._exit(9)


def test_an_empty_collection_can_be_compacted(tmp_path: Path) -> None:
    with create_collection(tmp_path / "life", SPEC) as made:
        assert (0, 0) == (made.compact().rows_before, len(made))
        made.add_blocks([block(0)])
        made.remove_scenes(["scene-0"])
        assert (CHIPS, 0) == ((done := made.compact()).rows_before, done.rows_after)
        made.add_blocks([block(0)])
        assert (CHIPS, []) == (len(made), made.verify())


def test_it_is_done_unasked_only_where_it_is_worth_it(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compact_unasked(collection, 0.3) is None  # too few
    monkeypatch.setattr(compacting, "LEAST_DEAD", 1)
    assert 0.4 < collection.inventory().dead_share < 0.5
    assert compact_unasked(collection, 0.5) is None
    collection.rewriting().begin(model_name="new", model_version="1" * 12, dim=DIM)
    assert compact_unasked(collection, 0.3) is None
    collection.rewriting().discard()
    done = compact_unasked(collection, 0.3)
    assert done is not None
    assert (len(collection), 0) == (done.rows_after, collection.inventory().dead)
