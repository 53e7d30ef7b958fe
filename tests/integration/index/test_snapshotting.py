"""A snapshot is one generation, whole, sound and its own, whatever the writer does meanwhile."""

from __future__ import annotations

import os
import resource
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import (
    CollectionExists,
    CollectionLocked,
    CollectionNotFound,
    DamagedData,
    DiskFull,
    InvalidName,
    InvalidRequest,
    SatseekError,
)
from satseek.index import CollectionSpec, create_collection, open_collection
from satseek.index.lock import WriterLock
from satseek.index.restoring import restore_snapshot
from satseek.types import Chip, GridSpec, Recipe, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.index import Collection
    from satseek.index.compacting import OnProgress
    from satseek.types import Vectors

DIM = 16
ROWS = 150
SPEC = CollectionSpec(
    name="kept",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
    grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
    min_valid=0.5,
)


def units(seed: int, n: int) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    unit: Vectors = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit


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


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "kept", SPEC, rows_per_segment=64) as made:
        made.add(chips(0, ROWS), units(0, ROWS))
        made.remove(["s/3", "s/99"])
        yield made


def test_a_snapshot_is_a_collection_of_its_own(collection: Collection, tmp_path: Path) -> None:
    digest, generation = collection.digest(), collection.generation
    made = collection.snapshot(tmp_path / "copy")
    assert (tmp_path / "copy", generation, ROWS - 2) == (made.path, made.generation, made.chips)
    assert made.bytes == sum(
        path.stat().st_size for path in (tmp_path / "copy").rglob("*") if path.is_file()
    )
    collection.add(chips(0, 40), units(1, 40))
    collection.compact()
    with open_collection(tmp_path / "copy", mode="read") as copy:
        assert (digest, generation, []) == (copy.digest(), copy.generation, copy.verify())
        assert 98 == copy.row_of("s/98")
    after = collection.digest()
    with open_collection(tmp_path / "copy", mode="write") as copy:
        copy.remove([f"s/{number}" for number in range(100)])
        copy.add(chips(ROWS, 9), units(2, 9))
        copy.compact()
        assert [] == copy.verify()
    assert (after, []) == (collection.digest(), collection.verify())


def test_what_is_committed_meanwhile_is_not_in_it(collection: Collection, tmp_path: Path) -> None:
    digest = collection.digest()
    steps: list[str] = []

    def show(step: str, _done: int, _total: int) -> None:
        if step not in steps:
            steps.append(step)
            collection.add(chips(1_000 * len(steps), 70), units(len(steps), 70))
            collection.remove([f"s/{len(steps)}"])
            collection.compact()

    generation = collection.generation
    made = collection.snapshot(tmp_path / "copy", on_progress=show)
    assert ["database", "segments", "reading it back"] == steps
    assert generation == made.generation
    with open_collection(tmp_path / "copy", mode="read") as copy:
        assert (digest, []) == (copy.digest(), copy.verify())


def test_vectors_beside_those_in_use_are_copied_too(collection: Collection, tmp_path: Path) -> None:
    rewriting = collection.rewriting()
    rewriting.begin(model_name="new", model_version="1" * 12, dim=DIM)
    rows = np.arange(3)
    rewriting.add(rows, units(5, 3), next_row=3, scene_id="s", next_position=0)
    collection.snapshot(tmp_path / "copy")
    with open_collection(tmp_path / "copy", mode="write") as copy:
        assert collection.pending() == copy.pending()
        assert [] == copy.verify()
        copy.rewriting().check()


def test_a_snapshot_of_a_reader_alone(collection: Collection, tmp_path: Path) -> None:
    collection.close()
    with open_collection(collection.folder, mode="read") as reader:
        reader.snapshot(tmp_path / "copy")
    with open_collection(tmp_path / "copy", mode="read") as copy:
        assert ROWS - 2 == len(copy)
    assert {"collection.sqlite", "segments", "writer.lock"} >= {
        path.name for path in (tmp_path / "copy").iterdir()
    }


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_nothing_is_written_over(collection: Collection, tmp_path: Path, kind: str) -> None:
    taken = tmp_path / "taken"
    if kind == "file":
        taken.touch()
    elif kind == "folder":
        taken.mkdir()
    else:
        taken.symlink_to(tmp_path / "nowhere")
    with pytest.raises(CollectionExists, match="where nothing is yet"):
        collection.snapshot(taken)
    assert [] == list(tmp_path.glob(".*"))


def test_a_place_that_is_not_there_is_named(collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="nowhere is none"):
        collection.snapshot(tmp_path / "nowhere" / "copy")


def test_two_at_once_do_not_share_a_folder(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / ".copy.unfinished").mkdir()
    lock = WriterLock(tmp_path / ".copy.unfinished" / "writer.lock")
    with pytest.raises(CollectionLocked):
        collection.snapshot(tmp_path / "copy")
    lock.release()
    collection.snapshot(tmp_path / "copy")


def dying_at(step: str) -> OnProgress:
    def show(what: str, _done: int, _total: int) -> None:
        if what == step:
            os._exit(9)

    return show


def test_a_killed_snapshot_is_not_there_and_can_be_taken_again(
    collection: Collection, tmp_path: Path
) -> None:
    for step in ("database", "segments", "reading it back"):
        killed = os.fork()
        if not killed:
            try:
                with open_collection(collection.folder, mode="read") as reader:
                    reader.snapshot(tmp_path / "copy", on_progress=dying_at(step))
            finally:
                os._exit(1)
        assert 9 == os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1])
        assert not (tmp_path / "copy").exists()
        assert (tmp_path / ".copy.unfinished").is_dir()
    collection.snapshot(tmp_path / "copy")
    assert [] == list(tmp_path.glob(".*"))
    with open_collection(tmp_path / "copy", mode="read") as copy:
        assert [] == copy.verify()


def starved(folder: Path, to: Path, room: int) -> int:
    """Take a snapshot in a process whose files may not grow beyond some bytes; its exit code."""
    child = os.fork()
    if not child:
        code = 0
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            with open_collection(folder, mode="read") as reader:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
                reader.snapshot(to)
        except SatseekError as error:
            code = error.exit_code if str(to.parent / ".copy.unfinished") in str(error) else 99
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    wide = np.eye(400, 4_096, dtype=np.float32)
    with create_collection(tmp_path / "kept", replace(SPEC, dim=4_096)) as made:
        made.add(chips(0, 400), wide)
    (database,) = (tmp_path / "kept").glob("*.sqlite")
    assert database.stat().st_size < 1_000_000
    assert SatseekError.exit_code == starved(tmp_path / "kept", tmp_path / "copy", 50_000)
    assert DiskFull.exit_code == starved(tmp_path / "kept", tmp_path / "copy", 1_000_000)
    assert ["kept"] == sorted(path.name for path in tmp_path.iterdir())


def flipped(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


def test_damage_is_not_copied(collection: Collection, tmp_path: Path) -> None:
    flipped(collection.folder / "segments" / "000002.f16", 40)
    with pytest.raises(DamagedData, match=r"kept/segments/000002.f16: rows 128 to 149"):
        collection.snapshot(tmp_path / "copy")
    assert ["kept"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_snapshot_is_restored_under_another_name(collection: Collection, tmp_path: Path) -> None:
    digest = collection.digest()
    collection.snapshot(tmp_path / "copy")
    root = tmp_path / "collections"
    made = restore_snapshot(tmp_path / "copy", root, "again")
    assert (root / "again", ROWS - 2) == (made.path, made.chips)
    with open_collection(root / "again", mode="write") as restored:
        assert ("again", digest, []) == (restored.spec.name, restored.digest(), restored.verify())
        restored.add(chips(ROWS, 2), units(4, 2))
        assert [] == restored.verify()
    with pytest.raises(CollectionExists, match="again"):
        restore_snapshot(tmp_path / "copy", root, "again")
    with pytest.raises(InvalidName):
        restore_snapshot(tmp_path / "copy", root, "../again")
    with pytest.raises(CollectionNotFound):
        restore_snapshot(tmp_path / "nowhere", root, "more")
    flipped(tmp_path / "copy" / "segments" / "000000.f16", 9)
    with pytest.raises(DamagedData, match="1 damaged parts"):
        restore_snapshot(tmp_path / "copy", root, "more")
    assert ["again"] == [path.name for path in root.iterdir()]
