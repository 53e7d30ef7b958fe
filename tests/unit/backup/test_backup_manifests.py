"""Files that say what a backup is, written by somebody else: what leads elsewhere is refused."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from satseek.backup.blocks import Blocks
from satseek.backup.manifests import Backup, backup_of, backup_text, files_in
from satseek.backup.pruning import Keeping, prune
from satseek.backup.repository import Repository
from satseek.backup.restoring import restore_backup, restore_collections
from satseek.errors import CollectionNotFound, DamagedData

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "ab" * 32
MOMENT = datetime(2026, 3, 4, tzinfo=UTC)
ID = "20260304T000000.000Z-0000"
LATER = "20260305T000000.000Z-0000"


def line(**said: Any) -> dict[str, Any]:
    return {"path": "concepts/a", "bytes": 1, "mode": 420, "blocks": [DIGEST], "seen": []} | said


def listing(*lines: Any) -> bytes:
    return "".join(f"{json.dumps(one)}\n" for one in lines).encode()


def backup(**said: Any) -> Backup:
    fields: dict[str, Any] = {
        "id": ID, "started": MOMENT, "finished": MOMENT, "satseek": "0.2.0", "host": "here",
        "files": 1, "bytes": 1, "bytes_added": 1, "collections": (), "left_out": (),
        "listing": (DIGEST,),
    }  # fmt: skip
    return Backup(**fields | said)


HOSTILE: dict[str, list[Any]] = {
    "above": [line(path="../victim")],
    "above, within": [line(path="concepts/../../victim")],
    "from the root": [line(path="/etc/passwd")],
    "none": [line(path="")],
    "itself": [line(path=".")],
    "another way of writing it": [line(path="concepts//a")],
    "a number": [line(path=5)],
    "a zero byte": [line(path="a\0b")],
    "what no file is called": [line(path="\ud800")],
    "twice": [line(), line()],
    "a file that is a folder, too": [line(path="concepts"), line()],
    "a device": [line(blocks=["/dev/zero"])],
    "a piece above": [line(blocks=["../../x"])],
    "a piece in capitals": [line(blocks=["AB" * 32])],
    "a piece that is a number": [line(blocks=[5])],
    "pieces that are a text": [line(blocks=DIGEST)],
    "no pieces": [{"path": "a", "bytes": 1, "mode": 420, "seen": []}],
    "a mode that is a text": [line(mode="x")],
    "a mode below none": [line(mode=-1)],
    "a mode above all": [line(mode=1 << 20)],
    "bytes below none": [line(bytes=-1)],
    "bytes that are a text": [line(bytes="1")],
    "what was seen is a text": [line(seen="1")],
    "something more": [line(more=1)],
    "a list": [[1]],
    "nothing": [None],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_list_of_files_that_leads_elsewhere_is_damage(what: str) -> None:
    with pytest.raises(DamagedData, match="a list: expected"):
        files_in(listing(*HOSTILE[what]), "a list")


def test_a_list_of_files_is_read_as_it_was_written_also_before() -> None:
    (one,) = files_in(listing(line(block_bytes=1 << 20, seen=[1, 2])), "a list")
    assert ("concepts/a", 420, (DIGEST,), (1, 2)) == (one.path, one.mode, one.blocks, one.seen)


ODD: tuple[dict[str, Any], ...] = (
    {"id": 5},
    {"files": "1"},
    {"bytes": -1},
    {"bytes_added": True},
    {"host": None},
    {"left_out": ("a", 1)},
    {"left_out": "a"},
    {"listing": ("/dev/zero",)},
    {"listing": DIGEST},
    {"collections": ({"name": 1, "generation": 1, "chips": 1, "model": "m"},)},
    {"collections": ({"name": "a", "generation": "1", "chips": 1, "model": "m"},)},
    {"collections": (5,)},
)


@pytest.mark.parametrize("said", ODD, ids=str)
def test_a_backup_s_file_with_odd_fields_is_damage(said: dict[str, Any]) -> None:
    with pytest.raises(DamagedData, match=r"a\.json: expected a backup"):
        backup_of(resigned(said), "a.json")


def resigned(said: dict[str, Any]) -> str:
    """Write a backup's file with other fields, and the sum that fits them."""
    told = json.loads(backup_text(backup())) | said
    del told["sha256"]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return json.dumps({**told, "sha256": digest})


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One with two backups of nothing."""
    made = Repository(tmp_path / "backups")
    with made.writing():
        for one in (ID, LATER):
            made.finish(backup(id=one, files=0, bytes=0, listing=made.list_files(())))
    return made


@pytest.mark.parametrize("hostile", ["../../victim", LATER, "/victim"])
def test_a_backup_that_calls_itself_otherwise_is_damage_and_removes_nothing(
    repository: Repository, tmp_path: Path, hostile: str
) -> None:
    victim = tmp_path / "victim.json"
    victim.write_text("precious")
    path = repository.folder / "backups" / f"{ID}.json"
    path.write_text(resigned({"id": hostile, "listing": []}))
    with pytest.raises(DamagedData, match=f"expected the backup {ID}, came"):
        repository.find(ID)
    with pytest.raises(DamagedData), repository.writing():
        prune(repository, Keeping(last=1))
    assert ("precious", 2) == (victim.read_text(), len(repository.ids()))
    backups, damaged = repository.looked_through()
    assert ([LATER], [ID]) == ([one.id for one in backups], [one.id for one in damaged])
    with repository.writing():
        done = prune(repository, Keeping(last=1), drop_damaged=True)
    assert ((LATER,), (), (ID,)) == (done.kept, done.removed, done.damaged)
    assert ("precious", [LATER]) == (victim.read_text(), repository.ids())


def test_a_manifest_under_another_name_is_damage(repository: Repository) -> None:
    folder = repository.folder / "backups"
    (folder / f"{ID}.json").rename(folder / "20260306T000000.000Z-0000.json")
    with pytest.raises(DamagedData, match="expected the backup 20260306"):
        repository.find()


def test_pieces_are_files_called_by_their_sum(tmp_path: Path) -> None:
    blocks = Blocks(tmp_path, drafts=tmp_path)
    for name in ("/dev/zero", "../x", "AB" * 32, "", DIGEST[:-1]):
        with pytest.raises(DamagedData, match="expected the name of a piece"):
            blocks.read(name)
    (tmp_path / "objects" / "ab").mkdir(parents=True)
    os.mkfifo(tmp_path / "objects" / "ab" / DIGEST)
    with pytest.raises(DamagedData, match="came no file"):
        blocks.read(DIGEST)
    (tmp_path / "objects" / "ab" / DIGEST).unlink()
    (tmp_path / "objects" / "ab" / DIGEST).symlink_to("/dev/zero")
    with pytest.raises(DamagedData, match="came no file"):
        blocks.read(DIGEST)


def test_a_backup_that_would_lie_in_a_restore_s_own_folder_is_damage(tmp_path: Path) -> None:
    for path in (".restoring/state.json", ".restored"):
        with pytest.raises(DamagedData, match="expected a file of a data folder"):
            restore_backup(of_one(tmp_path, path), tmp_path / "to", at="latest")
    assert not (tmp_path / "to").exists()


def test_a_file_beside_the_collections_is_none(tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound, match="it has: none"):
        restore_collections(of_one(tmp_path, "collectionsX"), tmp_path / "to", ["x"], at="latest")


def of_one(folder: Path, path: str) -> Repository:
    """A repository whose newest backup has one file of a made-up path."""
    made = Repository(folder / "backups")
    with made.writing():
        content = made.blocks.put(b"x")
        listed = made.blocks.put(listing(line(path=path, blocks=[content])))
        stamp = f"20260304T0000{len(made.ids()):02d}.000Z-0000"
        made.finish(backup(id=stamp, listing=(listed,)))
    return made
