"""Restores into folders that are not quite empty, killed at any step, or two at once."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import backupstore
import pytest
from typer.testing import CliRunner

import satseek
from satseek.backup import moving, restoring, underway, writing
from satseek.backup.repository import LATEST, Repository
from satseek.backup.restoring import restore_backup, restore_collections
from satseek.backup.rules import DRAFT, RESTORED, WASTE
from satseek.backup.underway import begin_use
from satseek.cli import areas, backing_up, examining, findings, keys, sampling, working
from satseek.cli.application import app
from satseek.cli.placing import check_data_dir
from satseek.errors import CollectionExists, Conflict, DamagedData, DiskFull, SampleNotFound
from satseek.index.removing import remove_collection
from satseek.settings import Settings

if TYPE_CHECKING:
    from satseek.backup.restoring import Restored

COMMANDS = (areas, backing_up, examining, findings, keys, sampling, working)
"""Their commands are there once they are imported."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "data"
    backupstore.make_data(folder, rows=40, pictures=3)
    return folder


@pytest.fixture(scope="module")
def kept(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "backups"
    backupstore.back_up(data, folder)
    return folder


def restored(kept: Path, to: Path, at: str = LATEST) -> Restored:
    repository = Repository(kept)
    with repository.reading():
        return restore_backup(repository, to, at=at)


def is_same(data: Path, to: Path) -> bool:
    return backupstore.contents(data) == backupstore.contents(to)


def test_a_folder_is_named_from_where_one_stands(
    data: Path, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    killed(kept, Path("elsewhere"), restoring, "put_into_place")
    restored(kept, Path("elsewhere"))
    assert is_same(data, tmp_path / "elsewhere")


def killing(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, after: int = 0) -> None:
    """Have a function end the program instead of doing what it does, after so many calls."""
    whole, calls = getattr(owner, name), []

    def die(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) > after:
            raise KeyboardInterrupt
        return whole(*given, **named)

    monkeypatch.setattr(owner, name, die)


def killed(
    kept: Path, to: Path, owner: Any, name: str, *, after: int = 0, at: str = LATEST
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        killing(monkeypatch, owner, name, after=after)
        with pytest.raises(KeyboardInterrupt):
            restored(kept, to, at)


@pytest.mark.parametrize(
    "empty", ["collections/made", "monitor/pictures", "monitor", "collections/made/lost+found"]
)
def test_folders_that_are_there_and_empty_are_filled(
    data: Path, kept: Path, tmp_path: Path, empty: str
) -> None:
    to = tmp_path / "to"
    (to / empty).mkdir(parents=True)
    assert ("made",) == restored(kept, to).collections
    assert is_same(data, to)
    assert (to / empty).is_dir()


def test_a_folder_that_cannot_be_renamed_over_is_filled_by_copies(
    data: Path, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, whole = tmp_path / "to", Path.rename
    (to / "collections" / "made").mkdir(parents=True)

    def rename(one: Path, other: Path) -> Path:
        if one.is_relative_to(to / DRAFT / "files") and other.is_relative_to(to / "collections"):
            raise OSError(18, "Invalid cross-device link")  # as of a disk that is mounted there
        return whole(one, other)

    monkeypatch.setattr(Path, "rename", rename)
    killed(kept, to, moving, "sync", after=1)
    with pytest.raises(Conflict, match="a restore is at work here"):
        begin_use(to)
    restored(kept, to)
    assert is_same(data, to)
    assert [] == list(to.rglob(f"{DRAFT}*"))


@pytest.mark.parametrize("when", ["written", "half moved"])
def test_what_comes_to_be_there_meanwhile_is_not_written_over(
    data: Path, kept: Path, tmp_path: Path, when: str
) -> None:
    to = tmp_path / "to"
    with pytest.MonkeyPatch.context() as monkeypatch:
        owner, name, after = {
            "written": (restoring, "verify_all", 0),
            "half moved": (moving, "_move", 1),
        }[when]
        killing(monkeypatch, owner, name, after=after)
        with pytest.raises(KeyboardInterrupt):
            restored(kept, to)
    (to / "monitor").mkdir(exist_ok=True)
    (to / "glossary.tsv").write_text("mine")
    with pytest.raises(Conflict, match="glossary"):
        restored(kept, to)
    assert "mine" == (to / "glossary.tsv").read_text()
    (to / "glossary.tsv").unlink()
    restored(kept, to)
    assert is_same(data, to)


def test_what_comes_while_it_is_written_is_seen_before_anything_moves(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, whole = tmp_path / "to", restoring.verify_all

    def meanwhile(*given: Any) -> list[str]:
        (to / "jobs").mkdir()
        (to / "jobs" / "jobs.sqlite").write_text("a new queue")
        return whole(*given)

    monkeypatch.setattr(restoring, "verify_all", meanwhile)
    with pytest.raises(Conflict, match="came one with 'jobs' in it"):
        restored(kept, to)
    assert {DRAFT, "jobs"} == {one.name for one in to.iterdir()}


def test_nobody_uses_a_folder_that_is_being_restored(kept: Path, tmp_path: Path) -> None:
    to = tmp_path / "to"
    killed(kept, to, moving, "_move", after=1)
    with pytest.raises(Conflict, match="restore is at work"):
        check_data_dir(Settings(data_dir=to))  # as `serve` does
    with pytest.raises(Conflict, match="restore is at work"):
        satseek.open(to)
    for words in (["worker", "--burst"], ["key", "create", "nightly"],
                  ["backup", str(tmp_path / "of it")]):  # fmt: skip
        done = CliRunner().invoke(app, ["--data-dir", str(to), *words])
        assert isinstance(done.exception, Conflict), (words, done.output)
        assert "run the same `satseek restore` again" in str(done.exception)
    done = CliRunner().invoke(app, ["--data-dir", str(to), "doctor", "--json"])
    *_, last = json.loads(done.stdout)
    assert (1, "restore", False) == (done.exit_code, last["check"], last["ok"])
    with pytest.raises(Conflict, match="restore is at work"):
        restore_collections(Repository(kept), to, ["made"], at=LATEST, name="other")
    assert {DRAFT, "collections"} == {one.name for one in to.iterdir()}
    listed = CliRunner().invoke(app, ["--data-dir", str(to), "backups", "list", str(kept)])
    assert 0 == listed.exit_code, "which backup it was is not to be found"


def test_a_folder_that_is_judged_in_is_used(kept: Path, tmp_path: Path) -> None:
    for words, code in ((["landuse", "answer", "june"], SampleNotFound),
                        (["landuse", "samples", "--remove", "june"], SampleNotFound),
                        (["findings", "next"], type(None))):  # fmt: skip
        to = tmp_path / words[1]
        restored(kept, to)
        done = CliRunner().invoke(app, ["--data-dir", str(to), *words])
        assert isinstance(done.exception, code), (words, done.output)
        assert not (to / RESTORED).exists(), words


def test_two_at_once(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    with underway.held(tmp_path / "to" / DRAFT), pytest.raises(Conflict, match="another restore"):
        restored(kept, tmp_path / "to")
    restored(kept, tmp_path / "to")


STEPS: dict[str, tuple[Any, str, int]] = {
    "while it is written": (restoring, "verify_all", 0),
    "before anything moves": (restoring, "put_into_place", 0),
    "while it moves": (moving, "_move", 2),
    "when all has moved": (underway, "finish", 0),
    "when that is told": (underway, "sweep", 0),
    "at the last removal": (underway, "sweep", 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_same_again_ends_well(
    data: Path, kept: Path, tmp_path: Path, step: str
) -> None:
    to, (owner, name, after) = tmp_path / "to", STEPS[step]
    killed(kept, to, owner, name, after=after)
    told = restored(kept, to)
    assert ("made",) == told.collections
    assert is_same(data, to)
    assert [] == [one.name for one in to.iterdir() if one.name in {DRAFT, WASTE}]
    assert restored(kept, to).again, "a job that is begun again would fail"
    begin_use(to)
    with pytest.raises(Conflict, match="expected an empty data folder"):
        restored(kept, to)


def test_the_latest_is_the_one_that_was_begun(data: Path, kept: Path, tmp_path: Path) -> None:
    folder, to = tmp_path / "backups", tmp_path / "to"
    shutil.copytree(kept, folder)
    killed(folder, to, moving, "_move", after=1)
    first = Repository(folder).find().id
    backupstore.back_up(data, folder)
    later = Repository(folder).find().id
    with pytest.raises(Conflict, match=f"finish it with --at {first}"):
        restored(folder, to, later)
    assert first == restored(folder, to).backup.id
    assert first == restored(folder, to).backup.id
    for one in to.iterdir():  # as rm -rf to/* does it, which leaves hidden files
        if one.name != RESTORED:
            shutil.rmtree(one) if one.is_dir() else one.unlink()
    assert later == restored(folder, to).backup.id
    assert is_same(data, to)


def test_a_restored_folder_with_something_missing_is_not_taken_for_whole(
    kept: Path, tmp_path: Path
) -> None:
    restored(kept, tmp_path)
    remove_collection(tmp_path / "collections", "made")
    with pytest.raises(Conflict, match="expected an empty data folder"):
        restored(kept, tmp_path)


def test_models_that_went_to_a_disk_of_their_own_since_are_not_missed(tmp_path: Path) -> None:
    data, folder, to = tmp_path / "data", tmp_path / "backups", tmp_path / "to"
    for path in ("models/one/weights.onnx", "concepts/a.json"):
        (data / path).parent.mkdir(parents=True)
        (data / path).write_text("x")
    backupstore.back_up(data, folder)
    restored(folder, to)
    shutil.rmtree(to / "models")
    (to / "models").mkdir()  # as the chart's job does it, where models have a volume
    assert restored(folder, to).again


def test_want_of_room_says_where_all_is_put_together(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "RESERVE_BYTES", 1 << 60)
    with pytest.raises(DiskFull, match="all is put together on this disk first"):
        restored(kept, tmp_path / "to")


def test_it_is_its_owner_s_alone_where_it_was_made(kept: Path, tmp_path: Path) -> None:
    restored(kept, tmp_path / "new")
    (tmp_path / "given").mkdir(mode=0o755)
    restored(kept, tmp_path / "given")
    modes = [stat.S_IMODE((tmp_path / one).stat().st_mode) for one in ("new", "given")]
    assert [0o700, 0o755] == modes


def test_collections_come_back_all_or_none(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two, folder, to = tmp_path / "data", tmp_path / "backups", tmp_path / "to"
    shutil.copytree(data, two)
    restore_into(two, data, folder, "second")
    (to / "collections").mkdir(parents=True)
    stale = to / "collections" / ".made.restoring" / "files" / "collections" / "made"
    stale.mkdir(parents=True)
    (stale / "collection.sqlite-wal").write_text("of another backup")
    whole = restoring.verify

    def verify(made: Path, *given: Any) -> None:
        if made.name == "second":
            raise DamagedData("second: damaged")
        whole(made, *given)

    with monkeypatch.context() as damaging:
        damaging.setattr(restoring, "verify", verify)
        with pytest.raises(DamagedData, match="second"):
            restore_collections(Repository(folder), to, ["made", "second"], at=LATEST)
    assert [] == list((to / "collections").iterdir())
    restore_collections(Repository(folder), to, ["made", "second"], at=LATEST)
    assert ["made", "second"] == sorted(one.name for one in (to / "collections").iterdir())
    assert not (to / "collections" / "made" / "collection.sqlite-wal").exists()
    with pytest.raises(CollectionExists):
        restore_collections(Repository(folder), to, ["second"], at=LATEST)


def restore_into(two: Path, data: Path, folder: Path, name: str) -> None:
    """Have a data folder hold the collection twice, and back it up."""
    backupstore.back_up(data, folder)
    restore_collections(Repository(folder), two, ["made"], at=LATEST, name=name)
    backupstore.back_up(two, folder)


def test_the_state_of_a_draft_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"id": "x", "whole": True}))
    assert underway.State(backup_id="x", whole=True) == underway.state_of(tmp_path)
    for text in ("", "[]", '{"id": 5}', "{"):
        (tmp_path / "state.json").write_text(text)
        assert underway.state_of(tmp_path) is None
