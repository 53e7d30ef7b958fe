"""What a folder's file system is and can do is found out before anything is kept there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from satseek.errors import SatseekError
from satseek.index import placing
from satseek.index.placing import check_place, examined, journal_for, place_of
from satseek.jobs.embedded import EmbeddedQueue

if TYPE_CHECKING:
    from pathlib import Path

MOUNTS = """\
21 1 254:0 / / rw,relatime - ext4 /dev/root rw
30 21 0:40 / /data rw - nfs4 nas:/data rw,vers=4.2
31 30 0:41 / /data/fast rw shared:1 master:2 - xfs /dev/vdb rw
32 21 0:42 / /data\\040two rw - cifs //nas/two rw
33 21 0:43 / /over rw - ext4 /dev/vdc rw
34 21 0:44 / /over rw - fuse.s3fs s3fs rw
a line that is none
"""


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS, encoding="utf-8")
    monkeypatch.setattr(placing, "MOUNTS", tmp_path / "mountinfo")


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/data", "nfs4"),
        ("/data/a/b", "nfs4"),
        ("/data/fast/a", "xfs"),
        ("/data/faster", "nfs4"),
        ("/data two/a", "cifs"),
        ("/dataset", "ext4"),
        ("/over", "fuse.s3fs"),
    ],
)
@pytest.mark.usefixtures("mounts")
def test_the_closest_mount_counts(folder: str, kind: str) -> None:
    assert kind == placing._kind(folder, placing._mounts_stamp())


@pytest.mark.usefixtures("mounts")
def test_a_folder_that_is_not_there_yet_is_that_of_its_parent(tmp_path: Path) -> None:
    assert (tmp_path, "ext4", False) == (
        place_of(tmp_path / "a" / "b").folder,
        place_of(tmp_path / "a").kind,
        place_of(tmp_path).shared,
    )


def test_this_machines_own_disk_can_all(tmp_path: Path) -> None:
    place = examined(tmp_path / "data")
    assert () == place.missing
    assert [] == list((tmp_path / "data").iterdir())
    assert not check_place(tmp_path).missing


def test_without_a_table_of_mounts_nothing_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "MOUNTS", tmp_path / "none")
    assert ("", False) == (place_of(tmp_path).kind, place_of(tmp_path).shared)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the folder be taken for a volume of several machines."""
    point = str(tmp_path.resolve()).replace(" ", "\\040")
    table = tmp_path.parent / f"{tmp_path.name}.mounts"
    table.write_text(f"{MOUNTS}40 21 0:50 / {point} rw - nfs4 nas:/a rw\n", encoding="utf-8")
    monkeypatch.setattr(placing, "MOUNTS", table)


@pytest.mark.usefixtures("shared")
def test_a_shared_volume_that_can_all_is_taken(tmp_path: Path) -> None:
    place = check_place(tmp_path / "data")
    assert ("nfs4", True, ()) == (place.kind, place.shared, place.missing)


@pytest.mark.usefixtures("shared")
def test_one_whose_locks_nobody_sees_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as where the lock is taken in another file, of that name: a mount with locks of its own
    monkeypatch.setattr(placing, "_LOOK_AT_LOCK", "import sys; sys.exit(1)")
    with pytest.raises(SatseekError, match=r"\(nfs4\) cannot do .* does not see its locks; put"):
        check_place(tmp_path)


@pytest.mark.usefixtures("shared")
def test_what_the_system_refuses_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr(os, "fsync", refuse)
    assert ("it does not say when bytes are on the disk",) == examined(tmp_path).missing


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SatseekError, match="cannot be written"):
        examined(tmp_path / "file")


@pytest.mark.usefixtures("mounts")
def test_the_journal_is_that_of_one_machine(tmp_path: Path) -> None:
    assert "WAL" == journal_for(tmp_path / "a.sqlite")


@pytest.mark.usefixtures("shared")
def test_a_queue_on_a_shared_volume_works_without_shared_memory(tmp_path: Path) -> None:
    path = tmp_path / "jobs" / "jobs.sqlite"
    with closing(EmbeddedQueue(path)) as queue, closing(EmbeddedQueue(path)) as other:
        job = queue.submit("verify", {}, collection="c", asked_by="local")
        lease = other.claim("w")
        assert lease is not None
        other.report(lease, done=1, total=2, note="", log="")
        assert 1 == queue.find(job.id).done
        other.finish(lease, "done", result={})
        assert "done" == queue.find(job.id).state
        assert not path.with_name("jobs.sqlite-shm").exists()
    with closing(sqlite3.connect(path)) as db:
        assert ("delete",) == db.execute("PRAGMA journal_mode").fetchone()  # no log in its header
