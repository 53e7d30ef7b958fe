"""What one run of the backup takes, leaves out, refuses and tells."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import backupstore
import pytest
from typer.testing import CliRunner

from satseek.backup import gathering, making, running
from satseek.backup.blocks import Blocks
from satseek.backup.pruning import Keeping
from satseek.backup.repository import LATEST, Repository
from satseek.backup.restoring import restore_backup
from satseek.backup.rules import NOTE
from satseek.backup.running import back_up
from satseek.cli import backing_up, upgrading
from satseek.cli.application import app
from satseek.errors import (
    Conflict,
    DamagedData,
    FolderNotFound,
    InvalidRequest,
    Overloaded,
)
from satseek.index.freezing import frozen
from satseek.index.removing import remove_collection
from satseek.service.access.audit import Audit
from satseek.service.access.keys import KeyStore
from satseek.service.access.principals import LOCAL
from satseek.syncing import sync

if TYPE_CHECKING:
    from typer.testing import Result

COMMANDS = (backing_up, upgrading)
"""Their commands are there once they are imported."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two small stores."""
    folder = tmp_path / "data"
    (folder / "concepts").mkdir(parents=True)
    (folder / "concepts" / "a.json").write_text("{}")
    Audit(folder).append(LOCAL, "key.create", "nightly", "done")
    return folder


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a collection; tests take copies."""
    folder = tmp_path_factory.mktemp("collected") / "data"
    backupstore.make_data(folder, rows=20, pictures=1)
    return folder


def noted(data: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((data / NOTE).read_text())
    return told


def taken(folder: Path) -> dict[str, int]:
    repository = Repository(folder)
    return {one.path: one.bytes for one in repository.files(repository.find())}


def left_out(folder: Path) -> str:
    return "\n".join(Repository(folder).find().left_out)


def run(data: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), *map(str, words)])


# --- what is told, and where to


def test_a_share_that_is_not_mounted_is_no_place_for_new_backups(
    data: Path, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    assert back_up(data, share).made.backup.id == noted(data)["id"]
    completed = noted(data)["completed"]
    share.rename(tmp_path / "elsewhere")
    share.mkdir()  # the mount point is there
    with pytest.raises(FolderNotFound, match=f"last backup went to {share}; is its disk mounted"):
        back_up(data, share)
    assert [] == list(share.iterdir())
    told = noted(data)
    assert ("failed", "", completed) == (told["outcome"], told["id"], told["completed"])
    assert back_up(data, tmp_path / "elsewhere").made  # an old one is welcome
    assert back_up(data, share, new=True).made
    assert str(share) == noted(data)["folder"]


def test_whatever_keeps_it_from_a_backup_is_noted(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    first = back_up(data, folder).made.backup
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")

    def failed(match: str, **asked: Any) -> None:
        (data / NOTE).write_text((data / NOTE).read_text().replace("failed", "complete"))
        with pytest.raises((Conflict, InvalidRequest), match=match):
            back_up(data, **{"folder": folder} | asked)
        assert "failed" == noted(data)["outcome"]
        assert first.finished.isoformat() == noted(data)["completed"]

    with Repository(folder).reading():
        failed("another process uses it")
    failed("beside the data folder", folder=data / "backups")
    assert not (data / "backups").exists(), "made before it was looked at"
    failed("thesis", folder=tmp_path / "full", new=True)
    failed("expected a collection to leave out, came 'typo'", without=["typo"])
    with pytest.raises(FolderNotFound, match="expected a data folder"):
        back_up(tmp_path / "nothing", folder)
    assert not (tmp_path / "nothing").exists()


def test_an_upgrade_s_backup_is_told_and_refused_alike(data: Path, tmp_path: Path) -> None:
    done = run(data, "upgrade", "--backup", tmp_path / "backups", "--json")
    assert 0 == done.exit_code, done.output
    assert Repository(tmp_path / "backups").ids() == [json.loads(done.stdout)["backup"]]
    refused = run(data, "upgrade", "--backup", data / "backups")
    assert isinstance(refused.exception, InvalidRequest)
    assert not (data / "backups").exists()


def test_what_lies_in_a_folder_that_was_there_is_its_owner_s_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, modes, whole = tmp_path / "backups", set[int](), gathering.copy_database
    KeyStore(data).create("nightly", scopes=frozenset({"search"}), created_by="ada")

    def seen(source: Path, copy: Path, **named: Any) -> None:
        whole(source, copy, **named)
        modes.add(stat.S_IMODE(copy.stat().st_mode))
        modes.add(stat.S_IMODE(copy.parent.stat().st_mode) & 0o677)

    monkeypatch.setattr(gathering, "copy_database", seen)
    for one in (folder, folder / "objects"):
        one.mkdir()
        one.chmod(0o755)
    (folder / "objects").rmdir()
    back_up(data, folder)
    assert {0o600} == modes
    (folder / "objects").chmod(0o755)  # as former releases made it
    back_up(data, folder)
    for one in ("objects", "backups"):
        assert 0o700 == stat.S_IMODE((folder / one).stat().st_mode)
    files = [one for one in folder.rglob("*") if one.is_file() and one.parent != folder]
    assert {0o600} == {stat.S_IMODE(one.stat().st_mode) for one in files}


# --- what is kept


def test_a_clock_that_was_set_back_does_not_cost_the_new_backup(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Early(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(days=3)

    folder = tmp_path / "backups"
    first = back_up(data, folder).made.backup
    monkeypatch.setattr(making, "datetime", Early)
    done = back_up(data, folder, keeping=Keeping(daily=1))
    made = done.made.backup
    assert made.started < first.started
    assert done.pruned is not None
    assert made.id in done.pruned.kept
    assert made.id == Repository(folder).find().id
    later, before = (
        datetime.strptime(f"{one.id[:20]}+0000", "%Y%m%dT%H%M%S.%fZ%z") for one in (made, first)
    )
    assert timedelta(milliseconds=1) == later - before


def test_one_damaged_backup_is_shown_and_let_go(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    ids = [back_up(data, folder).made.backup.id for _ in range(3)]
    (folder / "backups" / f"{ids[1]}.json").write_bytes(b"\xff\x00")
    listed = json.loads(run(data, "backups", "list", folder, "--json").stdout)
    assert [ids[2], ids[0], ids[1]] == [one["id"] for one in listed]
    assert "damaged" in listed[2]
    shown = run(data, "backups", "list", folder)
    assert (0, True) == (shown.exit_code, "damaged" in shown.stdout)
    done = run(data, "backup", folder, "--keep", "1")
    assert isinstance(done.exception, DamagedData)
    assert "--drop-damaged" in str(done.exception)
    newest = Repository(folder).ids()[-1]
    assert f"{newest}\n" == done.stdout, "the new backup is not told where pruning fails"
    assert ("failed", newest) == (noted(data)["outcome"], noted(data)["id"])
    assert 4 == len(Repository(folder).ids())
    told = run(data, "backups", "prune", folder, "--keep", "1", "--drop-damaged", "--json")
    assert [ids[1]] == json.loads(told.stdout)["pruned"]["damaged"]
    assert [newest] == Repository(folder).ids()


def test_a_backup_whose_list_is_gone_is_let_go_as_well(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    first = back_up(data, folder).made.backup
    (data / "concepts" / "b.json").write_text("{}")
    second = back_up(data, folder).made.backup
    for digest in set(first.listing) - set(second.listing):
        (folder / "objects" / digest[:2] / digest).unlink()
    assert isinstance(run(data, "backups", "prune", folder).exception, DamagedData)
    assert 0 == run(data, "backups", "prune", folder, "--drop-damaged").exit_code
    assert [second.id] == Repository(folder).ids()


# --- what is taken


def test_a_disk_s_own_folder_is_in_nobody_s_way(data: Path, tmp_path: Path) -> None:
    for part in ("", "audit", "models", "concepts", "collections", "results", "jobs", "monitor",
                 "monitor/runs", "monitor/runs/landuse", "monitor/uploads"):  # fmt: skip
        lost = data / part / "lost+found"
        (lost / "deep").mkdir(parents=True)
        (lost / "#123").write_text("of fsck")
    back_up(data, tmp_path / "backups")
    assert ["audit/FORMAT", "concepts/a.json"] == [
        one for one in sorted(taken(tmp_path / "backups")) if not one.endswith(".jsonl")
    ]
    assert "lost+found" not in left_out(tmp_path / "backups")


def test_links_are_said_and_those_to_weights_are_followed(data: Path, tmp_path: Path) -> None:
    big = tmp_path / "big"
    (big / "version").mkdir(parents=True)
    (big / "weights.onnx").write_bytes(b"weights")
    for folder in ("models/one", "monitor/pictures/ab"):
        (data / folder).mkdir(parents=True)
    (data / "models" / "one" / "weights.onnx").symlink_to(big / "weights.onnx")
    (data / "models" / "one" / "gone.onnx").symlink_to(big / "gone.onnx")
    (data / "models" / "two").symlink_to(big / "version")
    (data / "monitor" / "pictures" / "ab" / "x.png").symlink_to(big / "weights.onnx")
    (data / "concepts" / "b.json").symlink_to(big / "weights.onnx")
    os.mkfifo(data / "audit" / "pipe")
    back_up(data, tmp_path / "backups")
    assert 7 == taken(tmp_path / "backups")["models/one/weights.onnx"]
    said = left_out(tmp_path / "backups")
    for path in ("models/one/gone.onnx", "models/two", "monitor/pictures/ab/x.png",
                 "concepts/b.json", "audit/pipe"):  # fmt: skip
        assert 1 == said.count(f"{path}: a link, or no file"), said
    with Repository(tmp_path / "backups").reading():
        restore_backup(Repository(tmp_path / "backups"), tmp_path / "to", at=LATEST)
    there = tmp_path / "to" / "models" / "one" / "weights.onnx"
    assert (b"weights", False) == (there.read_bytes(), there.is_symlink())


def test_a_database_whose_pages_are_damaged_is_not_copied_over_what_was_sound(
    data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    KeyStore(data).create("nightly", scopes=frozenset({"search"}), created_by="ada")
    with closing(sqlite3.connect(data / "access.db")) as db:
        db.execute("CREATE TABLE more AS SELECT randomblob(9000)")
        db.execute("CREATE TABLE last AS SELECT 1")
        db.commit()
    first = back_up(data, folder).made.backup
    with closing(sqlite3.connect(data / "access.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode = DELETE")
        pages, size = (db.execute(f"PRAGMA {one}").fetchone()[0] for one in
                       ("page_count", "page_size"))  # fmt: skip
    with (data / "access.db").open("r+b") as file:
        file.seek((pages - 1) * size)
        file.write(b"\x0d\x00\x00\xff\xff" + bytes(size - 5))
    with pytest.raises(DamagedData, match=r"access\.db: not what was written"):
        back_up(data, folder)
    assert [first.id] == Repository(folder).ids()


def test_a_collection_that_is_removed_meanwhile_is_left_out(
    collected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, folder, whole = tmp_path / "data", tmp_path / "backups", gathering._mode
    shutil.copytree(collected, data)

    def after(path: Path) -> int:
        mode = whole(path)
        if path.parent.name == "made":
            remove_collection(data / "collections", "made")
        return mode

    with monkeypatch.context() as racing:
        racing.setattr(gathering, "_mode", after)
        assert () == back_up(data, folder).made.backup.collections
    assert [] == list((data / "collections").iterdir())


def test_a_collection_that_goes_while_its_files_are_opened_is_left_out(
    collected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satseek.index import freezing  # noqa: PLC0415 - to come in between

    data, whole = tmp_path / "data", freezing.edition_of
    shutil.copytree(collected, data)

    def after(db: Any) -> Any:
        if (data / "collections" / "made").exists():
            remove_collection(data / "collections", "made")
        return whole(db)

    monkeypatch.setattr(freezing, "edition_of", after)
    assert () == back_up(data, tmp_path / "backups").made.backup.collections


def test_who_commits_does_not_wait_while_vectors_are_read(collected: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(collected, data)
    made = data / "collections" / "made"
    with (
        frozen(made, tmp_path / "copy") as held,
        closing(sqlite3.connect(made / "collection.sqlite", timeout=0, isolation_level=None)) as db,
    ):
        db.execute("UPDATE collection SET generation = generation + 1")
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert 0 == busy, "its snapshot is still open: without a log, nobody could commit"
        assert [20 * 256 * 2] == [one.bytes for one in held.extents if "segments" in one.name]
        assert 4 == len(os.pread(held.extents[0].descriptor, 4, 0))


def test_a_lock_that_nobody_gives_back_ends_the_wait(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl  # noqa: PLC0415 - for this test alone

    monkeypatch.setattr(gathering, "_LOCK_SECONDS", 0.1)
    with (data / "audit" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Overloaded, match="held by another process"):
            back_up(data, tmp_path / "backups")


def test_pieces_of_a_run_that_was_killed_are_synced_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satseek.backup import blocks  # noqa: PLC0415 - to look on

    Blocks(tmp_path, drafts=tmp_path).put(b"content")  # never settled
    synced = list[Path]()
    monkeypatch.setattr(blocks, "sync", synced.append)
    again = Blocks(tmp_path, drafts=tmp_path)
    digest = again.put(b"content")
    again.settle()
    assert {tmp_path / "objects", tmp_path / "objects" / digest[:2]} <= set(synced)


def test_all_folders_are_synced_before_a_restore_is_told_whole(
    collected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from satseek.backup import underway, writing  # noqa: PLC0415 - to look on

    synced, missing, tell = set[Path](), list[Path](), underway.tell
    backupstore.back_up(collected, tmp_path / "backups")

    def note(folder: Path) -> None:
        sync(folder)
        synced.add(folder)

    def told(draft: Path, state: underway.State) -> None:
        if state.whole:
            there = [one for one in (draft / "files").rglob("*") if one.is_dir()]
            missing.extend(one for one in [draft / "files", *there] if one not in synced)
        tell(draft, state)

    monkeypatch.setattr(writing, "sync", note)
    monkeypatch.setattr(underway, "tell", told)
    restore_backup(Repository(tmp_path / "backups"), tmp_path / "to", at=LATEST)
    assert ([], True) == (missing, bool(synced))


def test_two_runs_at_once_leave_one_backup_and_one_refusal(data: Path, tmp_path: Path) -> None:
    begun, over, told = threading.Event(), threading.Event(), list[str]()

    def wait(*_: Any) -> None:
        begun.set()
        over.wait(20)

    def first() -> None:
        told.append(back_up(data, tmp_path / "backups", on_progress=wait).made.backup.id)

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(20)
    with pytest.raises(Conflict):
        back_up(data, tmp_path / "backups")
    over.set()
    thread.join()
    assert told == Repository(tmp_path / "backups").ids()
    assert ("complete", told[0]) == (noted(data)["outcome"], noted(data)["id"])


def test_the_note_is_read_as_former_releases_wrote_it(data: Path, tmp_path: Path) -> None:
    moment = datetime.now(UTC).isoformat()
    (data / NOTE).write_text(json.dumps({"outcome": "complete", "completed": moment}))
    with pytest.raises(FolderNotFound, match="is its disk mounted"):
        back_up(data, tmp_path / "backups")
    (data / NOTE).write_text("{")
    assert running.back_up(data, tmp_path / "backups")
