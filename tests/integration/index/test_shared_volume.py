"""A collection on a volume that machines share has no write-ahead log, and loses no more."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import flipping

from satseek.index import open_collection, placing
from satseek.index.repairing import repair_collection


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection on what is taken for a volume of several machines."""
    monkeypatch.setattr(placing, "OF_ONE_MACHINE", frozenset())
    flipping.lived(tmp_path / "shared").close()
    return tmp_path / "shared"


@pytest.fixture
def killed(folder: Path, tmp_path: Path) -> Path:
    """The same as a writer leaves it who is killed while it changes the database."""
    copy = tmp_path / "killed"
    with closing(sqlite3.connect(folder / "collection.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")  # pages go to the file before the commit
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE chips SET scene_path = scene_path || hex(zeroblob(200))")
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*-journal"))
        shutil.copy(folder / "collection.sqlite-journal", copy)
        db.execute("ROLLBACK")
    whole = (folder / "collection.sqlite").read_bytes()
    assert whole != (copy / "collection.sqlite").read_bytes()[: len(whole)]
    return copy


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith("collection.sqlite")}


def damages(folder: Path) -> list[str]:
    return list(repair_collection(folder).found)


def test_it_is_kept_without_shared_memory(folder: Path) -> None:
    with (
        open_collection(folder, mode="write") as writer,
        open_collection(folder, mode="read") as reader,
    ):
        before = reader.generation
        assert 1 == writer.remove(["scene-0/30"])
        assert reader.generation > before
        assert {"collection.sqlite", "collection.sqlite-journal"} == files(folder)
    assert [] == damages(folder)


@pytest.mark.parametrize("mode", ["read", "write"])
def test_what_a_killed_writer_had_begun_is_undone(
    folder: Path, killed: Path, mode: Literal["read", "write"]
) -> None:
    with open_collection(folder, mode="read") as whole, open_collection(killed, mode=mode) as left:
        assert whole.digest() == left.digest()
        assert [] == left.verify()


def test_there_is_nothing_to_repair_after_a_kill(killed: Path) -> None:
    assert [] == damages(killed)


def test_one_that_is_moved_to_a_shared_volume_is_changed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flipping.lived(tmp_path / "local").close()
    monkeypatch.setattr(placing, "OF_ONE_MACHINE", frozenset())
    with open_collection(tmp_path / "local", mode="write") as collection:
        assert 1 == collection.remove(["scene-0/30"])
        assert "collection.sqlite-shm" not in files(tmp_path / "local")
        assert [] == collection.verify()
