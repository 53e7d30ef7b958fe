"""A write that is cut at any byte of any file leaves what was acknowledged, as a full disk does."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import flipping
import mortal_process as mortal

from satseek.index import open_collection

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG = "collection.sqlite-wal"
DATABASE = "collection.sqlite"
FULL_AT = {
    "add:opening:0": "!...",  # the lock
    "add:opening:50": "!...",  # what was acknowledged
    "add:opening:20000": "!...",  # the shared memory of the log
    "replace:changing:40": "!...",  # the log
    "add:changing:5000": "!...",
    "reembed:changing:8000": "!...",  # vectors beside
    "compact:changing:4000": "!...",  # the copy of vectors
    "codes:changing:3000": "...",  # derived: does without the file
    "add:closing:3000": ".!..",  # the database, when the log is brought into it
}
"""Change, when there is no room, and bytes of the largest file; what becomes of three changes."""


class Torn:
    """A collection before a change, after it, and once it was closed, to be put together anew."""

    def __init__(self, root: Path) -> None:
        folder = root / "alive"
        self.before = mortal.begun(folder)
        (change,) = mortal.planned(self.before, random.Random(2), ["add"])[:1]
        self.after = change.after
        with open_collection(folder, mode="write", limits=mortal.CODED) as collection:
            flipping.copy_as_killed(folder, root / "before")
            mortal.make(collection, change)
            flipping.copy_as_killed(folder, root / "after")
        shutil.copytree(folder, root / "closed")
        self.root = root

    def file(self, moment: str, name: str) -> bytes:
        path = self.root / moment / name
        return path.read_bytes() if path.exists() else b""

    def cut(self, moments: tuple[str, str], name: str, at: int) -> Path:
        """Lay the first moment out, with so much of a file's next write done."""
        old, new = (self.file(moment, name) for moment in moments)
        work = self.root / "torn"
        flipping.laid(self.root / moments[0], work)
        (work / name).write_bytes(new[:at] + old[at:])
        return work


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Torn:
    return Torn(tmp_path_factory.mktemp("torn"))


def cuts(old: bytes, new: bytes, count: int) -> Sequence[int]:
    """Places within what differs, its ends among them."""
    first = next(
        (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        len(old),
    )
    return sorted({*range(first, len(new), max((len(new) - first) // count, 1)), len(new)})


def test_of_vectors(torn: Torn) -> None:
    name = "segments/000002.f16"
    old, new = (torn.file(moment, name) for moment in ("before", "after"))
    assert len(new) > len(old) > 0
    for at in cuts(old, new, 12):
        work = torn.cut(("before", "after"), name, at)
        assert mortal.check(work, [torn.before]) == torn.before


def test_of_the_log(torn: Torn) -> None:
    old, new = (torn.file(moment, LOG) for moment in ("before", "after"))
    assert len(new) > 30_000
    for at in cuts(old, new, 20):
        work = torn.cut(("before", "after"), LOG, at)
        shutil.copytree(torn.root / "after" / "segments", work / "segments", dirs_exist_ok=True)
        expected = torn.after if at == len(new) else torn.before
        assert mortal.check(work, [expected]) == expected


def test_of_the_database_while_the_log_is_brought_into_it(torn: Torn) -> None:
    old, new = (torn.file(moment, DATABASE) for moment in ("after", "closed"))
    assert old != new
    for at in cuts(old, new, 12):
        work = torn.cut(("after", "closed"), DATABASE, at)
        assert mortal.check(work, [torn.after]) == torn.after


@pytest.mark.parametrize("at", [0, 1, 19, 20, 40, 70])
def test_of_what_was_acknowledged(torn: Torn, at: int) -> None:
    work = torn.cut(("after", "before"), "acknowledged", at)
    assert mortal.check(work, [torn.after], verified="after a writer") == torn.after
    (work / "acknowledged").write_bytes(torn.file("after", "acknowledged")[:at])
    assert mortal.check(work, [torn.after]) == torn.after


def test_a_full_disk_refuses_a_change_and_takes_it_once_there_is_room(tmp_path: Path) -> None:
    tmp_path.joinpath("mortal").mkdir()
    command = [sys.executable, mortal.__file__, "starve", str(tmp_path / "mortal"), *FULL_AT]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == FULL_AT
