"""Stores that are changed while they are taken: collections, runs, models, the audit trail."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import backupstore
import numpy as np
import pytest
from versionmaker import store_version

from satseek.backup.gathering import Gathering
from satseek.backup.making import make_backup
from satseek.backup.repository import Repository
from satseek.backup.restoring import restore_backup
from satseek.backup.rules import RULES
from satseek.backup.taking import Checking, Taking
from satseek.errors import DamagedData, Overloaded
from satseek.index import create_collection, open_collection
from satseek.model.store import ModelStore
from satseek.service.access.audit import Audit
from satseek.service.access.principals import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BACKUPS = 5
ROWS = 2_000


@contextmanager
def going_on(change: Callable[[int], None]) -> Iterator[None]:
    """Change something over and over meanwhile."""
    over, failed = threading.Event(), list[BaseException]()

    def go_on() -> None:
        number = 0
        try:
            while not over.is_set():
                change(number)
                number += 1
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert [] == failed


def back_up(data: Path, folder: Path) -> str:
    repository = Repository(folder)
    with repository.writing():
        return make_backup(data, repository).backup.id


def restored(folder: Path, backup: str, to: Path) -> Path:
    repository = Repository(folder)
    with repository.reading():
        restore_backup(repository, to, at=backup)
    return to


def test_a_collection_that_is_added_to_removed_from_and_compacted(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "backups"
    backupstore.make_data(data, rows=ROWS, pictures=0)
    with open_collection(data / "collections" / "made", mode="write") as collection:

        def change(number: int) -> None:
            first = ROWS + 100 * number
            backupstore.add_rows(collection, first, 100)
            collection.remove([f"scene/{one:06d}" for one in range(50 * number, 50 * number + 50)])
            if number % 2:
                collection.compact()

        with going_on(change):
            ids = [back_up(data, folder) for _ in range(BACKUPS)]
    generations = []
    for backup in ids:
        made = restored(folder, backup, tmp_path / backup) / "collections" / "made"
        with open_collection(made, mode="read") as collection:
            assert len(collection) % 50 == 0, "half of a change"
            generations.append(collection.generation)
    assert generations == sorted(generations)
    assert 1 < len(set(generations)), "nothing was changed meanwhile"


def test_vectors_of_another_model_that_are_being_made(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "backups"
    (data / "collections").mkdir(parents=True)
    with create_collection(data / "collections" / "made", backupstore.SPEC) as collection:
        backupstore.add_rows(collection, 0, 300)
        rewriting = collection.rewriting()
        rewriting.begin(model_name="new", model_version="1" * 12, dim=8)
        values = np.eye(8, dtype=np.float32)[:3]
        rewriting.add(np.arange(3), values, next_row=3, scene_id="scene", next_position=0)
        backup = back_up(data, folder)
        expected = collection.pending()
    made = restored(folder, backup, tmp_path / "restored") / "collections" / "made"
    with open_collection(made, mode="write") as collection:
        assert expected == collection.pending()
        assert [] == collection.verify()
        collection.rewriting().check()


def test_models_that_are_stored_activated_and_removed(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "backups"
    store, refs = ModelStore(data / "models"), list[str]()
    store.activate(store_version(store, 1000))

    def change(number: int) -> None:
        refs.append(store_version(store, number))
        store.activate(refs[-1])
        if number > 1:
            store.remove(refs[number - 2])

    with going_on(change):
        ids = [back_up(data, folder) for _ in range(BACKUPS)]
    for backup in ids:
        there = ModelStore(restored(folder, backup, tmp_path / backup) / "models")
        assert [] == there.verify(), "an activation without its version, or half of one"
        assert there.active() in store.history()


def test_a_trail_that_is_added_to_has_whole_lines_and_goes_on(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "backups"
    audit = Audit(data)
    audit.append(LOCAL, "first", "x", "done")
    with going_on(lambda number: audit.append(LOCAL, "step", str(number), "done")):
        ids = [back_up(data, folder) for _ in range(BACKUPS)]
    (day,) = (data / "audit").glob("*.jsonl")
    with day.open("ab") as file:
        file.write(b'{"n": 99999, "what a killed proc')
    ids.append(back_up(data, folder))
    whole = day.read_bytes()
    for backup in ids:
        there = restored(folder, backup, tmp_path / backup)
        (same,) = (there / "audit").glob("*.jsonl")
        assert same.read_bytes().endswith(b"}\n")
        assert whole.startswith(same.read_bytes())
        Audit(there).append(LOCAL, "restore", "x", "done")  # the chain goes on


def test_a_folder_that_never_stays_as_it_is(tmp_path: Path) -> None:
    data, repository = tmp_path / "data", Repository(tmp_path / "backups")
    (data / "concepts").mkdir(parents=True)
    for number in range(200):
        (data / "concepts" / f"{number}.json").write_text("x" * 1000)

    def change(number: int) -> None:
        (data / "concepts" / f"{number % 200}.json").write_text(str(number))

    assert "concepts" in {rule.path for rule in RULES}
    with (
        repository.writing(),
        going_on(change),
        Taking(repository.blocks, {}) as taking,
        pytest.raises(Overloaded, match="concepts: is changed without end"),
    ):
        Gathering(
            data,
            taking,
            drafts=repository.drafts,
            without=(),
            on_progress=lambda *_: None,
        ).gather()


def test_bytes_are_compared_across_the_borders_of_pieces() -> None:
    content = bytes(range(256)) * 10
    cuts = (0, 100, 101, 1000, 2560)
    checks = [
        (start, end - start, hashlib.sha256(content[start:end]).hexdigest())
        for start, end in pairwise(cuts)
    ]
    for step in (1, 7, 100, 999, 2560):
        checking = Checking(checks)
        for at in range(0, len(content), step):
            checking.add(content[at : at + step])
        checking.finish()
    checking = Checking(checks)
    with pytest.raises(DamagedData, match="bytes 101 to 999 are not what was written"):
        checking.add(content[:500] + b"\xff" + content[501:])
    checking = Checking(checks)
    checking.add(content[:150])
    with pytest.raises(DamagedData, match="ends before byte 101"):
        checking.finish()
