"""Everything that an office has, backed up and restored elsewhere: the same, to the bit."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import killmaking as making
import pytest
from backupmaking import account, answers, at, make_office
from receiving import receiving

from satseek.backup import running
from satseek.backup.pruning import Keeping, prune
from satseek.backup.repository import LATEST, Repository
from satseek.backup.restoring import restore_backup, restore_collections
from satseek.backup.rules import NOTE
from satseek.backup.verifying import verify_backups
from satseek.errors import (
    CollectionExists,
    CollectionNotFound,
    Conflict,
    DamagedData,
    FolderNotFound,
    InvalidRequest,
    NotFound,
)
from satseek.index.reading import DATABASE
from satseek.jobs.embedded import EmbeddedQueue
from satseek.model.store import ModelStore
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.opening import opened_findings, opened_runs
from satseek.monitor.samples.keeping import Samples
from satseek.monitor.tables import FOLDER
from satseek.service.access.keys import KeyStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from receiving import Receiver

    from satseek.backup.making import Made
    from satseek.settings import Settings


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, receiver: Receiver
) -> tuple[Settings, str, dict[str, Any]]:
    """Its settings, the text of a key, and what there is."""
    room = tmp_path_factory.mktemp("office")
    settings, key = make_office(room / "home", making.make_land(room / "land"), receiver)
    return settings, key, account(settings.data_dir)


@pytest.fixture(scope="module")
def kept(office: tuple[Settings, str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one backup of it."""
    folder = tmp_path_factory.mktemp("kept") / "backups"
    back_up(office[0].data_dir, folder)
    return folder


@pytest.fixture(scope="module")
def elsewhere(
    kept: Path, office: tuple[Settings, str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """What was restored of it, in a folder of another name."""
    data = tmp_path_factory.mktemp("another-machine") / "deeper" / "data"
    restore(kept, data)
    return at(office[0], data)


KNOWN = ("bytes_added", "completed", "folder")


def back_up(data: Path, folder: Path, **asked: Any) -> Made:
    return running.back_up(data, folder, new=True, **asked).made


def restore(folder: Path, data: Path, backup: str = LATEST) -> None:
    repository = Repository(folder)
    with repository.reading():
        restore_backup(repository, data, at=backup)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def a_copy(folder: Path, to: Path) -> Path:
    """A copy of a repository, to be damaged."""
    shutil.copytree(folder, to)
    return to


def test_all_of_it_is_the_same_elsewhere(
    office: tuple[Settings, str, dict[str, Any]], elsewhere: Settings
) -> None:
    found, expected = account(elsewhere.data_dir), office[2]
    assert expected.keys() == found.keys()
    assert expected["files"] == found["files"]
    for name, tables in expected["databases"].items():
        assert tables == found["databases"][name], name
    assert expected["collections"] == found["collections"]
    assert {making.COLLECTION} == expected["collections"].keys()
    for part in ("runs/landuse", "runs/damage", "uploads", "pictures"):
        there = [one for one in expected["files"] if one.startswith(f"monitor/{part}")]
        assert there, f"nothing of {part} was there to be compared"


def test_searches_answer_the_same(office: tuple[Settings, str, Any], elsewhere: Settings) -> None:
    there = answers(elsewhere)
    assert 10 == len(there)
    assert answers(office[0]) == there


def test_every_store_is_sound_and_usable_elsewhere(
    office: tuple[Settings, str, Any], elsewhere: Settings
) -> None:
    data = elsewhere.data_dir
    key = KeyStore(data).verify(office[1])
    assert key is not None
    assert "nightly" == key.name
    assert [] == ModelStore(data / "models").verify()
    assert (
        ModelStore(office[0].data_dir / "models").active() == ModelStore(data / "models").active()
    )
    with closing(opened_findings(elsewhere)) as findings:
        assert [] == findings.verify()
        confirmed = [one for one in findings.all() if one.state == "confirmed"]
        assert "ada" == findings.history(confirmed[0].id)[-1].who
    assert making.left(office[0]) == making.left(elsewhere)
    for kind in ("landuse", "damage"):
        runs = opened_runs(elsewhere).all(kind)  # type: ignore[arg-type]
        assert 1 == len(runs)
        assert opened_runs(office[0]).all(kind) == runs  # type: ignore[arg-type]
    with closing(Samples(data / FOLDER)) as samples:
        assert ["check"] == [one.name for one in samples.all()]


def test_what_must_not_come_back_or_come_twice(
    office: tuple[Settings, str, Any], elsewhere: Settings, receiver: Receiver
) -> None:
    data = elsewhere.data_dir
    assert not (data / "logins").exists()
    assert not (data / "work").exists()
    receiver.got.clear()
    with closing(Outbox(data / FOLDER)) as outbox:
        counts = outbox.counts()
        assert 0 < counts["arrived"]
        assert 0 < counts["waiting"]
        waiting = {one.id for one in outbox.alerts(limit=1000) if one.state == "waiting"}
    making.tell(elsewhere)
    assert waiting == {got.key for got in receiver.got}, "what had arrived was told again"
    making.tell(office[0])  # the machine that was thought lost lives: the same keys, the same words
    for one in waiting:
        assert 1 == len({got.body for got in receiver.got if got.key == one})


def test_jobs_go_on_and_schedules_are_there(elsewhere: Settings) -> None:
    with closing(EmbeddedQueue(elsewhere.data_dir / "jobs" / "jobs.sqlite")) as queue:
        assert ["nightly"] == [one.name for one in queue.schedules()]
        counts = queue.counts()
    assert (1, 1, 1) == (counts["done"], counts["queued"], counts["running"])


def test_modes_are_kept(kept: Path, elsewhere: Settings) -> None:
    data = elsewhere.data_dir
    assert 0o600 == stat.S_IMODE((data / "access.db").stat().st_mode)
    assert 0o700 == stat.S_IMODE((data / "audit").stat().st_mode)
    assert 0o700 == stat.S_IMODE(kept.stat().st_mode)
    assert [] == list(data.rglob("*-wal")) + list(data.rglob(".restoring"))


def test_nothing_changed_takes_nothing(office: tuple[Settings, str, Any], kept: Path) -> None:
    again = back_up(office[0].data_dir, kept)
    databases = sum(
        one.bytes
        for one in Repository(kept).files(again.backup)
        if one.path.endswith((".sqlite", ".db"))
    )
    assert databases == again.bytes_read, "files that did not change were read"
    assert again.backup.bytes_added < 100_000
    repository = Repository(kept)
    with repository.reading():
        assert () == verify_backups(repository).damages


def test_what_is_told(office: tuple[Settings, str, Any], kept: Path) -> None:
    made = back_up(office[0].data_dir, kept)
    told = json.loads((office[0].data_dir / NOTE).read_text())
    assert {*("started", "finished", "outcome", "id"), *KNOWN} == told.keys()
    assert ("complete", made.backup.id) == (told["outcome"], told["id"])
    assert told["finished"] == told["completed"]
    assert [making.COLLECTION] == [one.name for one in made.backup.collections]
    assert any("far: lives in a Milvus" in line for line in made.backup.left_out)


def test_a_failure_is_noted_and_leaves_what_was_there(kept: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    restore(kept, data)
    folder = tmp_path / "backups"
    first = back_up(data, folder)
    segment = next((data / "collections" / making.COLLECTION).glob("segments*/*.f16"))
    content = bytearray(segment.read_bytes())
    content[100] ^= 1
    segment.write_bytes(content)
    with pytest.raises(DamagedData, match=rf"{segment.name}.*not what was written.*repair"):
        back_up(data, folder)
    assert [first.backup.id] == Repository(folder).ids()
    told = json.loads((data / NOTE).read_text())
    assert ("failed", "") == (told["outcome"], told["id"])
    assert told["completed"] < told["finished"]
    assert [] == list((folder / ".unfinished").glob("*"))
    rest = back_up(data, folder, without=[making.COLLECTION])
    assert () == rest.backup.collections
    assert any(making.COLLECTION in line for line in rest.backup.left_out)


def test_damage_is_found_named_and_mended(
    office: tuple[Settings, str, Any], kept: Path, tmp_path: Path
) -> None:
    folder = a_copy(kept, tmp_path / "backups")
    repository = Repository(folder)
    files = repository.files(repository.find())
    hit = next(one for one in files if one.path.endswith(".f16"))
    gone = next(one for one in files if one.path.startswith("monitor/pictures"))
    path = folder / "objects" / hit.blocks[0][:2] / hit.blocks[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    (folder / "objects" / gone.blocks[0][:2] / gone.blocks[0]).unlink()
    found = verify_backups(Repository(folder)).damages
    assert {hit.path, gone.path} == {one for damage in found for one in damage.files}
    assert set(repository.ids()) == {one for damage in found for one in damage.backups}
    with pytest.raises(DamagedData, match=f"({hit.path}|{gone.path}) cannot be restored"):
        restore(folder, tmp_path / "data")
    assert [".restoring"] == names(tmp_path / "data")
    mended = back_up(office[0].data_dir, folder, reread=True)
    assert 1 <= mended.mended
    assert () == verify_backups(Repository(folder)).damages
    restore(folder, tmp_path / "data", repository.ids()[0])
    assert office[2] == account(tmp_path / "data")


def test_a_manifest_that_was_altered_is_refused(kept: Path, tmp_path: Path) -> None:
    folder = a_copy(kept, tmp_path / "backups")
    newest = max((folder / "backups").iterdir())
    text = newest.read_text()
    newest.write_text(re.sub(r'"chips": \d', '"chips": 9', text))
    with pytest.raises(DamagedData, match="not what was written"):
        restore(folder, tmp_path / "data")
    assert 1 == len(verify_backups(Repository(folder)).damages)
    newest.write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(Conflict, match="written by a newer satseek"):
        restore(folder, tmp_path / "data")


def test_pruning_removes_what_no_backup_needs(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "backups"
    (data / "concepts").mkdir(parents=True)
    ids = []
    for number in range(3):
        (data / "concepts" / f"{number}.json").write_text(f"{number}" * 100)
        (data / "concepts" / f"{number - 1}.json").unlink(missing_ok=True)
        ids.append(back_up(data, folder).backup.id)
    (folder / "objects" / "ab").mkdir(exist_ok=True)
    (folder / "objects" / "ab" / ("ab" * 32)).write_bytes(b"of a backup that was killed")
    before = set(Repository(folder).blocks.digests())
    repository = Repository(folder)
    with repository.writing():
        pruned = prune(repository, Keeping(last=1))
    assert (ids[2:], ids[1::-1]) == (list(pruned.kept), list(pruned.removed))
    left = set(Repository(folder).blocks.digests())
    assert (left, 2) == (Repository(folder).needed(), len(left))  # one file, and the list of it
    assert pruned.blocks == len(before - left)
    restore(folder, tmp_path / "restored")
    assert ["2.json"] == names(tmp_path / "restored" / "concepts")


def test_who_comes_second_is_refused(kept: Path, tmp_path: Path) -> None:
    repository = Repository(kept)
    with repository.reading():
        with pytest.raises(Conflict, match="another process uses it"), Repository(kept).writing():
            pass
        with Repository(kept).reading():
            pass
    with repository.writing(), pytest.raises(Conflict, match="adds to it"):
        restore(kept, tmp_path / "data")


def test_only_where_it_belongs(
    office: tuple[Settings, str, Any], kept: Path, tmp_path: Path
) -> None:
    data = office[0].data_dir
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidRequest, match="thesis"):
        back_up(data, tmp_path / "full")
    with pytest.raises(InvalidRequest, match="beside the data folder"):
        back_up(data, data.parent / "data" / "backups")
    with pytest.raises(FolderNotFound, match="expected a data folder"):
        back_up(tmp_path / "nothing", tmp_path / "backups")
    with pytest.raises(FolderNotFound, match="expected a folder of backups"):
        restore(tmp_path / "nothing", tmp_path / "data")
    with pytest.raises(Conflict, match="expected an empty data folder"):
        restore(kept, tmp_path / "full")
    with pytest.raises(NotFound, match="no backup '1999'"):
        restore(kept, tmp_path / "data", "1999")
    with pytest.raises(InvalidRequest, match="several"):
        restore(kept, tmp_path / "data", "20")
    assert ["thesis.txt"] == names(tmp_path / "full")


def test_one_collection_comes_back_beside_the_others(
    office: tuple[Settings, str, Any], kept: Path, elsewhere: Settings
) -> None:
    repository, data = Repository(kept), elsewhere.data_dir
    with pytest.raises(CollectionExists, match="remove it first"):
        restore_collections(repository, data, [making.COLLECTION], at=LATEST)
    with pytest.raises(CollectionNotFound, match=f"it has: {making.COLLECTION}"):
        restore_collections(repository, data, ["nowhere"], at=LATEST)
    done = restore_collections(repository, data, [making.COLLECTION], at=LATEST, name="former")
    assert ("former",) == done.collections
    found = account(data)["collections"]
    first, second = found[making.COLLECTION], found["former"]
    assert first[0][1] == second[0][1]
    assert first[1] == second[1]
    shutil.rmtree(data / "collections" / making.COLLECTION)
    restore_collections(repository, data, [making.COLLECTION], at=LATEST)
    assert office[2]["collections"] == {
        name: one for name, one in account(data)["collections"].items() if name != "former"
    }
    shutil.rmtree(data / "collections" / "former")


def test_a_flipped_bit_in_a_table_is_not_copied_over_what_was_sound(
    kept: Path, tmp_path: Path
) -> None:
    data, folder = tmp_path / "data", tmp_path / "backups"
    restore(kept, data)
    first = back_up(data, folder)
    with closing(sqlite3.connect(data / "collections" / making.COLLECTION / DATABASE)) as db:
        db.execute("UPDATE chips SET valid_fraction = 0.5 WHERE row = 3")  # which nobody settled
        db.commit()
    with pytest.raises(DamagedData, match="chips is not what was written; repair"):
        back_up(data, folder)
    assert [first.backup.id] == Repository(folder).ids()
