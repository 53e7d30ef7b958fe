"""Backups and restores that are killed or starved at any moment: whole ones, or what there was."""

from __future__ import annotations

import json
import random
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import backupstore
import pytest
import starting
from chaos.rooms import alone, needs_rooms

from satseek.backup.repository import Repository
from satseek.backup.rules import DRAFT, RESTORED
from satseek.backup.verifying import verify_backups
from satseek.index import open_collection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KILLS = 6
POINTS = 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "data"
    backupstore.make_data(folder)
    return folder


def run(data: Path, *words: str, until: Callable[[], bool] = lambda: False) -> int:
    """Run the real command, killed as soon as something is so; returns its exit code."""
    command = [*starting.command(), "--data-dir", str(data), *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if until():
                process.kill()
            time.sleep(0.001)
        return process.wait()


def holds(folder: Path, enough: int) -> bool:
    return sum(one.is_file() for one in folder.rglob("*")) >= enough


def pieces(folder: Path) -> dict[str, tuple[int, int]]:
    """Pieces of a repository, and what tells one from another of the same name."""
    found = [one for one in (folder / "objects").rglob("*") if one.is_file()]
    return {one.name: (one.stat().st_ino, one.stat().st_mtime_ns) for one in found}


def test_a_killed_backup_leaves_whole_ones_and_the_next_goes_on(data: Path, tmp_path: Path) -> None:
    folder, chance = tmp_path / "backups", random.Random(5)
    assert 0 == run(data, "backup", str(tmp_path / "calm"))
    needed = len(pieces(tmp_path / "calm"))
    (tmp_path / "other").mkdir()
    backupstore.back_up(tmp_path / "other", folder)
    before, killed = Repository(folder).ids(), 0
    for _ in range(KILLS):
        there = len(pieces(folder))
        enough = there + chance.randint(1, max(1, (needed - there) // 4))
        code = run(data, "backup", str(folder), until=partial(holds, folder / "objects", enough))
        if code == 0:  # it was quicker
            break
        killed += 1
        assert before == Repository(folder).ids()
        assert () == verify_backups(Repository(folder)).damages
        assert len(pieces(folder)) >= there
    assert killed, "none was killed in time"
    there = pieces(folder)
    assert 0 == run(data, "backup", str(folder))
    assert there == {name: one for name, one in pieces(folder).items() if name in there}
    assert [] == list((folder / ".unfinished").glob("*"))
    backupstore.restore(folder, tmp_path / "restored")
    assert backupstore.contents(data) == backupstore.contents(tmp_path / "restored")


def test_a_killed_restore_goes_on(data: Path, tmp_path: Path) -> None:
    folder, to, chance = tmp_path / "backups", tmp_path / "to", random.Random(6)
    backupstore.back_up(data, folder)
    files = len(Repository(folder).files(Repository(folder).find()))
    for _ in range(KILLS // 2):
        enough = chance.randint(1, files // 2)
        code = run(to, "restore", str(folder), until=partial(holds, to / DRAFT, enough))
        if code == 0:
            break
        assert [DRAFT] == [one.name for one in to.iterdir()]
    assert 0 == run(to, "restore", str(folder))
    assert backupstore.contents(data) == backupstore.contents(to)
    assert not (to / DRAFT).exists()


def test_a_restore_that_was_killed_while_it_put_things_into_place_goes_on(
    data: Path, tmp_path: Path
) -> None:
    folder, to = tmp_path / "backups", tmp_path / "to"
    backupstore.back_up(data, folder)
    backupstore.restore(folder, to)
    (to / DRAFT / "files").mkdir(parents=True)
    (to / "monitor").rename(to / DRAFT / "files" / "monitor")
    state = {"id": Repository(folder).find().id, "whole": True}
    (to / DRAFT / "state.json").write_text(json.dumps(state))
    backupstore.restore(folder, to)
    assert backupstore.contents(data) == backupstore.contents(to)


def test_what_is_added_costs_what_was_added(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "backups"
    backupstore.make_data(data, pictures=0)
    first = backupstore.back_up(data, folder)
    with open_collection(data / "collections" / "made", mode="write") as collection:
        backupstore.add_rows(collection, backupstore.ROWS, 100)
    added = backupstore.back_up(data, folder)
    assert added < first / 2, (first, added)
    backupstore.restore(folder, tmp_path / "restored")
    with (
        open_collection(data / "collections" / "made", mode="read") as one,
        open_collection(tmp_path / "restored" / "collections" / "made", mode="read") as other,
    ):
        assert one.digest() == other.digest()


@needs_rooms
def test_a_full_disk_refuses_and_takes_nothing_away(tmp_path: Path) -> None:
    told: dict[str, Any] = json.loads(alone("backupstore", tmp_path, POINTS, seconds=250))
    assert (POINTS, POINTS, True) == (told["refused"], told["sound"], told["same"]), told
    assert told["left"] == sorted(told["left"])
    assert 0 < told["again"] < told["needed"], "what was there was copied again"
    assert told["refused_restore"]
    assert told["visible"] in ([], [DRAFT])
    assert told["mounted"], "a folder that is a disk of its own was in the way"
    assert [RESTORED, "collections", "glossary.tsv", "monitor"] == told["there"]
    assert 1 == len(told["full"]), "a data folder on a full disk could not be backed up"
