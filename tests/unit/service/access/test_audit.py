"""The trail is whole, or it says where it is not."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from gated import wait_until

from satseek.errors import DamagedData
from satseek.service.access.audit import FOLDER, MAX_LETTERS, MAX_NOTES, NOTE_SECONDS, Audit, days
from satseek.service.access.principals import LOCAL
from satseek.service.access.proving import entries, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / FOLDER


def written(tmp_path: Path, count: int = 5) -> Path:
    """Write some lines; returns their file."""
    audit = Audit(tmp_path)
    for at in range(count):
        audit.append(LOCAL, "model.activate", f"model{at}", "done", at=at)
    (path,) = days(audit.folder)
    return path


def test_a_trail_is_chained_from_its_first_line(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path)
    proved = verify(folder)
    assert (5, 1, 5, False) == (proved.lines, proved.first, proved.last, proved.unfinished)
    first = json.loads(path.read_bytes().splitlines()[0])
    assert ("local", "model.activate", "model0", "done") == tuple(
        first[name] for name in ("who", "action", "target", "outcome")
    )
    assert "0" * 64 == first["before"]


def _altered(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b"model1", b"model9"), *lines[2:]]


def _renumbered(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b'"n": 2', b'"n": 3'), *lines[2:]]


DAMAGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a line altered": _altered,
    "a line renumbered": _renumbered,
    "the last renumbered": lambda lines: [*lines[:-1], lines[-1].replace(b'"n": 5', b'"n": 6')],
    "a line taken out": lambda lines: lines[:2] + lines[3:],
    "the first taken out": lambda lines: lines[1:],
    "a line twice": lambda lines: [*lines[:2], lines[1], *lines[2:]],
    "two exchanged": lambda lines: [lines[1], lines[0], *lines[2:]],
    "no JSON": lambda lines: [lines[0], b"{", *lines[1:]],
    "another's JSON": lambda lines: [lines[0], b"[1]", *lines[1:]],
    "cut off in the middle": lambda lines: [lines[0], lines[1][:-9], *lines[2:]],
    "an empty line": lambda lines: [lines[0], b"", *lines[1:]],
}


@pytest.mark.parametrize("how", DAMAGES)
def test_whatever_is_altered_is_found(tmp_path: Path, folder: Path, how: str) -> None:
    path = written(tmp_path)
    lines = DAMAGES[how](path.read_bytes().splitlines())
    path.write_bytes(b"\n".join(lines) + b"\n")
    if how == "the first taken out":  # as where earlier days were moved away: their digest tells
        assert 2 == verify(folder).first
        return
    with pytest.raises(DamagedData, match=rf"{path.name}, line \d"):
        verify(folder)


def test_an_end_that_was_cut_off_is_found_by_its_digest(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path)
    digest = verify(folder).digest
    Audit(tmp_path).append(LOCAL, "key.create", "a", "done")
    assert 6 == verify(folder, contains=digest).lines
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert 3 == verify(folder).lines
    with pytest.raises(DamagedData, match="cut off or replaced"):
        verify(folder, contains=digest)


def test_days_follow_each_other(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path)
    path.rename(folder / "2020-01-01.jsonl")
    Audit(tmp_path).append(LOCAL, "key.create", "a", "done")
    assert 2 == len(days(folder))
    assert 6 == verify(folder).lines
    (folder / "2020-01-01.jsonl").unlink()
    moved = verify(folder)
    assert (1, 6, 6) == (moved.lines, moved.first, moved.last)


def test_what_only_asks_is_written_within_a_second(tmp_path: Path, folder: Path) -> None:
    audit = Audit(tmp_path)
    audit.note(LOCAL, "search", "/v1/search", "done", hits=3)
    assert not folder.exists()
    threading.Event().wait(2 * NOTE_SECONDS)
    assert ["search"] == [one["action"] for one in entries(folder)]
    audit.note(LOCAL, "search", "/v1/search", "done", hits=4)
    audit.append(LOCAL, "key.create", "a", "begun")
    assert ["search", "search", "key.create"] == [one["action"] for one in entries(folder)]
    audit.note(LOCAL, "search", "/v1/search", "done", hits=5)
    audit.close()
    assert 4 == verify(folder).lines


def test_pairs_cannot_stand_in_for_what_every_line_says(tmp_path: Path, folder: Path) -> None:
    pairs: dict[str, object] = {"at": "never", "n": 7, "before": "x", "who": "nobody"}
    Audit(tmp_path).append(LOCAL, "key.create", "a", "done", **pairs)
    (line,) = entries(folder)
    assert ("local", 1) == (line["who"], verify(folder).lines)


def test_texts_are_cut_and_line_breaks_forge_nothing(tmp_path: Path, folder: Path) -> None:
    audit = Audit(tmp_path)
    forged = 'x\n{"n": 2, "who": "nobody"}'
    audit.append(LOCAL, "key.create", forged, "done", reason="y" * 10_000)
    (line,) = entries(folder)
    assert (forged, MAX_LETTERS) == (line["target"], len(line["reason"]))
    assert 1 == verify(folder).lines


APPENDING = """
import sys
from pathlib import Path
from satseek.service.access.audit import Audit
from satseek.service.access.principals import LOCAL
audit = Audit(Path(sys.argv[1]))
for at in range(int(sys.argv[2])):
    audit.append(LOCAL, "key.create", f"{sys.argv[3]}{at}", "done")
    print(at, flush=True)
"""


def test_processes_and_threads_append_to_one_chain(tmp_path: Path, folder: Path) -> None:
    commands = [[sys.executable, "-c", APPENDING, str(tmp_path), "300", name] for name in "ab"]
    processes = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True) for one in commands]
    for process in processes:
        assert process.stdout is not None
        assert "0" == process.stdout.readline().strip()  # all of them append from now on
    audit = Audit(tmp_path)

    def append(name: str) -> None:
        for at in range(100):
            audit.append(LOCAL, "key.create", f"{name}{at}", "done")
            audit.note(LOCAL, "search", name, "done")

    threads = [threading.Thread(target=append, args=(name,)) for name in "cd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [process.communicate(timeout=60)[0].split()[-1] for process in processes]
    audit.close()
    assert ["299", "299"] == told
    assert 600 + 2 * 2 * 100 == verify(folder).lines


def test_a_writer_killed_at_once_leaves_a_whole_chain(tmp_path: Path, folder: Path) -> None:
    for kill in range(3):
        command = [sys.executable, "-c", APPENDING, str(tmp_path), "100000", f"{kill}-"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(30):
                last = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            told = [last, *(int(line) for line in process.stdout)]
        written_targets = {one["target"] for one in entries(folder)}
        assert {f"{kill}-{at}" for at in range(max(told) + 1)} <= written_targets
        verify(folder)


def test_a_line_cut_off_by_a_crash_is_taken_off_by_the_next(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(whole.splitlines()[-1][:40])
    proved = verify(folder)
    assert (5, True) == (proved.lines, proved.unfinished)
    Audit(tmp_path).append(LOCAL, "key.create", "a", "done")
    assert (6, False) == (verify(folder).lines, verify(folder).unfinished)
    assert path.read_bytes().startswith(whole)


STARVING = """
import resource, sys
from pathlib import Path
from satseek.errors import DiskFull
from satseek.service.access import audit as module
from satseek.service.access.audit import Audit, days
from satseek.service.access.principals import LOCAL
audit = Audit(Path(sys.argv[1]))
audit.append(LOCAL, "key.create", "a", "done")
(path,) = days(audit.folder)
limit = path.stat().st_size + 100
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    audit.append(LOCAL, "key.create", "b", "done")
    print("written")
except DiskFull as error:
    print("refused")
for at in range(module.MAX_NOTES + 7):
    audit.note(LOCAL, "search", str(at), "done")
audit.flush()
print(path.stat().st_size == limit - 100, audit.lost)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
audit.append(LOCAL, "key.create", "c", "done")
audit.close()
"""


def test_without_room_changes_are_refused_and_notes_wait(tmp_path: Path, folder: Path) -> None:
    command = [sys.executable, "-c", STARVING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (["refused", "True 7"], 0) == (done.stdout.splitlines(), done.returncode), done.stderr
    found = list(entries(folder))
    lost = [one for one in found if one["action"] == "audit"]
    assert [("lost", 7)] == [(one["outcome"], one["lines"]) for one in lost]
    assert MAX_NOTES + 3 == verify(folder).lines
    targets = [one["target"] for one in found if one["action"] == "key.create"]
    assert ["a", "c"] == targets


def test_nobody_else_may_read_the_trail(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path)
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777)


def test_lines_are_shown_from_a_day_on(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path)
    assert 5 == len(list(entries(folder, since=path.stem)))
    assert [] == list(entries(folder, since="2999-01-01"))


def test_an_empty_trail_is_whole(folder: Path) -> None:
    assert (0, 0) == (verify(folder).lines, verify(folder).last)


def test_who_notes_never_waits_for_the_disk(tmp_path: Path, folder: Path) -> None:
    audit = Audit(tmp_path)
    audit.append(LOCAL, "first", "-", "done")
    with (folder / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as a disk that hangs
        changing = threading.Thread(target=audit.append, args=(LOCAL, "second", "-", "done"))
        changing.start()
        wait_until(audit._writing.locked)
        time.sleep(0.2)  # by then it waits for the disk
        noting = threading.Thread(target=audit.note, args=(LOCAL, "third", "-", "done"))
        noting.daemon = True
        noting.start()
        noting.join(5)
        waited = noting.is_alive()
    changing.join()
    audit.close()
    assert not waited
    assert ["first", "second", "third"] == [one["action"] for one in entries(folder)]
