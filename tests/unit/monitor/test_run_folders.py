"""The folder of a run: what it holds after another run, and after one that was killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from satseek.errors import InvalidRequest, SatseekError
from satseek.monitor.runs.folders import OutFolder

if TYPE_CHECKING:
    from pathlib import Path

LIST = "run.json"


def write(folder: OutFolder, *names: str) -> None:
    for name in names:
        folder.add(name, "a table", make=lambda path: path.write_text("1\n"))


def there(room: Path) -> set[str]:
    return {one.relative_to(room).as_posix() for one in room.rglob("*")}


def test_a_run_replaces_what_an_earlier_one_left_and_nothing_else(tmp_path: Path) -> None:
    room = tmp_path / "out"
    first = OutFolder(room, LIST)
    for name in ("old.csv", "kept.csv"):
        first.add(name, "a table", make=lambda path: path.write_text("1\n"))
    (room / "mine.txt").write_text("not of a run")
    first.finish({"name": "run"})
    second = OutFolder(room, LIST)
    second.add("kept.csv", "a table", make=lambda path: path.write_text("2\n"))
    assert {"old.csv", "kept.csv", "mine.txt", LIST} == {one.name for one in room.iterdir()}
    second.finish({"name": "run"})
    assert {"kept.csv", "mine.txt", LIST} == {one.name for one in room.iterdir()}
    listed = json.loads((room / LIST).read_text())
    assert ("run", ["kept.csv"]) == (listed["name"], [one["name"] for one in listed["files"]])
    assert ("text/csv", 2) == (listed["files"][0]["media_type"], listed["files"][0]["bytes"])


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / LIST).write_text("[1]")
    with pytest.raises(SatseekError, match="name another folder"):
        OutFolder(tmp_path, LIST)
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="came a file"):
        OutFolder(tmp_path / "file", LIST)


def test_names_in_a_list_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    room, beside = tmp_path / "out", tmp_path / "beside.txt"
    room.mkdir()
    beside.write_text("not of a run")
    files = [{"name": name} for name in ("../beside.txt", str(beside), "..", "")]
    (room / LIST).write_text(json.dumps({"files": files}))
    OutFolder(room, LIST).finish({})
    assert "not of a run" == beside.read_text()


def test_folders_within_are_cleared_as_well_and_go_once_they_are_empty(tmp_path: Path) -> None:
    room = tmp_path / "out"
    first = OutFolder(room, LIST)
    write(first, "claims/P1.html", "claims/P2.html", "claims/old/P3.html")
    first.finish({})
    second = OutFolder(room, LIST)
    write(second, "claims/P1.html")
    second.finish({})
    assert {LIST, "claims", "claims/P1.html"} == there(room)
    (room / "claims" / "mine.txt").write_text("not of a run")
    OutFolder(room, LIST).finish({})
    assert {LIST, "claims", "claims/mine.txt"} == there(room)


def test_what_a_killed_run_was_about_to_write_is_cleared_as_well(tmp_path: Path) -> None:
    room = tmp_path / "out"
    killed = OutFolder(room, LIST)
    killed.expect(["claims/P1.html", "claims/P2.html"])
    before = (room / LIST).read_bytes()
    write(killed, "claims/P1.html")
    assert before == (room / LIST).read_bytes()  # a list of thousands is not written each time
    assert not json.loads(before)["finished"]
    OutFolder(room, LIST).finish({})
    assert {LIST} == there(room)


def test_a_folder_that_is_a_link_leads_nowhere(tmp_path: Path) -> None:
    room, beside = tmp_path / "out", tmp_path / "beside"
    beside.mkdir()
    (beside / "P1.html").write_text("not of a run")
    first = OutFolder(room, LIST)
    first.expect(["claims/P1.html"])
    (room / "claims").symlink_to(beside)
    OutFolder(room, LIST).finish({})
    assert "not of a run" == (beside / "P1.html").read_text()
