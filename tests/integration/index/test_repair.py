"""A damaged collection is mended from what is redundant, or refused as it is."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import flipping
import mortal_process as mortal

from satseek.errors import CollectionLocked, CollectionNotFound, DamagedData
from satseek.index import bbox_area, open_collection
from satseek.index.accounts import Repair
from satseek.index.repairing import repair_collection
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = Repair(found=(), mended=(), lost=(), scenes=(), chips=0)
WEST = Filter(area=bbox_area(0, 0, 30.5, 1))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine") / "mortal"
    flipping.lived(folder).close()
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "mortal"))


def altered(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "collection.sqlite")) as db:
        db.execute(statement)
        db.commit()


def files(folder: Path) -> dict[str, bytes]:
    found = {path.name: path for path in folder.rglob("*") if path.is_file()}
    ours = {"writer.lock", "collection.sqlite-shm"}
    return {name: path.read_bytes() for name, path in found.items() if name not in ours} | {
        "collection.sqlite-wal": b""
    }


def verified(folder: Path) -> list[str]:
    with open_collection(folder, mode="read") as collection:
        return collection.verify()


def test_nothing_is_done_to_a_sound_one(folder: Path) -> None:
    expected = flipping.said(folder)
    assert repair_collection(folder) == NOTHING
    assert flipping.said(folder) == expected


def test_there_must_be_one_and_nobody_else_may_write(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound):
        repair_collection(tmp_path / "none")
    with open_collection(folder, mode="write"), pytest.raises(CollectionLocked):
        repair_collection(folder)


@pytest.mark.parametrize(("damage", "chips"), [("flipped", 50), ("missing", 57), ("short", 57)])
def test_damaged_vectors_go_with_their_chips_and_are_indexed_again(
    folder: Path, damage: str, chips: int
) -> None:
    expected = flipping.said(folder)
    victim = folder / "segments" / "000000.f16"
    if damage == "flipped":
        flipping.flip(victim, 70, 4)
    elif damage == "missing":
        victim.unlink()
    else:
        os.truncate(victim, 64)
    repair = repair_collection(folder)
    assert repair.scenes == ("scene-0", "scene-1", "scene-2")
    assert repair.chips == chips
    assert str(victim) in repair.found[0]
    assert "50 chips of 3 scenes" in repair.lost[0]
    assert verified(folder) == []
    ids = [f"scene-{number % 3}/{number}" for number in range(flipping.CHIPS)]
    state = flipping.replace_versions(mortal.State(dict.fromkeys(ids, 1)), ids[:7])
    with open_collection(folder, mode="write") as collection:
        assert len(collection) == 57 - chips
        assert {collection.scene_progress(one).next_position for one in collection.scenes()} == {0}
        again = ids[:7] + ids[10:]
        blocks = [flipping.block(state, again, f"scene-{number}") for number in range(3)]
        collection.add_blocks(blocks)
        assert collection.digest() == expected[0]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE traits SET content = zeroblob(length(content))",
        "DELETE FROM traits",
        "UPDATE scene_numbers SET scene_id = 'scene-9' WHERE number = 2",
        "UPDATE blocks SET sha256 = replace(sha256, 'a', 'b')",
        "DROP INDEX chips_by_date",
        "UPDATE ledger SET sums = replace(sums, '1', '2')",
        "UPDATE ledger SET changes = 999",
    ],
)
def test_what_is_redundant_in_the_database_is_made_again(folder: Path, damage: str) -> None:
    expected = flipping.said(folder)
    with open_collection(folder, mode="read") as collection:
        query = collection.sample(1)
        west = collection.search(query, k=9, where=WEST).rows.tolist()
    altered(folder, damage)
    repair = repair_collection(folder)
    assert "collection.sqlite" in repair.found[0]
    assert len(repair.mended) == 1
    assert (repair.lost, repair.scenes, repair.chips) == ((), (), 0)
    assert flipping.said(folder) == expected
    with open_collection(folder, mode="write") as collection:
        assert west == collection.search(query, k=9, where=WEST).rows.tolist()
        assert collection.remove(["scene-0/30"]) == 1
        assert collection.verify() == []
    assert repair_collection(folder) == NOTHING


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        ("UPDATE refusals SET reason = 'another'", "tried again"),
        ("UPDATE pending SET dim = dim + 1", "beside"),
    ],
)
def test_what_can_be_asked_again_is_given_up(folder: Path, damage: str, lost: str) -> None:
    expected = flipping.said(folder)
    altered(folder, damage)
    (told,) = repair_collection(folder).lost
    assert lost in told
    assert flipping.said(folder)[:3] == expected[:3]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE chips SET cell = 'another' WHERE row = 3",
        "UPDATE chips SET dead = 0 WHERE id = 'scene-1/7'",
        "DELETE FROM scenes WHERE id = 'scene-1'",
        "UPDATE collection SET committed = committed - 1",
    ],
)
def test_what_is_said_nowhere_else_is_refused_and_left_as_it_is(folder: Path, damage: str) -> None:
    altered(folder, damage)
    expected = files(folder)
    with pytest.raises(DamagedData, match="restore a snapshot"):
        repair_collection(folder)
    assert files(folder) == expected


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE collection SET generation = generation + 1",
        "UPDATE collection SET rows_per_segment = 1",
        "UPDATE collection SET spec = json_set(spec, '$.dim', 8)",
        "UPDATE ledger SET changes = changes + 1",
    ],
)
def test_what_says_how_to_read_the_rest_is_compared_on_opening(folder: Path, damage: str) -> None:
    altered(folder, damage)
    with pytest.raises(DamagedData, match=r"collection\.sqlite"):
        open_collection(folder, mode="read")


def test_commits_whose_log_is_cut_off_are_told_of(tmp_path: Path) -> None:
    left = tmp_path / "mortal"
    with flipping.lived(tmp_path / "alive") as collection:
        before = len(collection)
        collection.remove(["scene-0/30", "scene-1/31"])
        flipping.copy_as_killed(collection.folder, left)
    log = left / "collection.sqlite-wal"
    os.truncate(log, log.stat().st_size - 1)
    for mode in ("read", "write"):
        with pytest.raises(DamagedData, match="acknowledged"):
            open_collection(left, mode=mode)
    repair = repair_collection(left)
    assert len(repair.lost) == 1
    assert "commits 6 to 6" in repair.lost[0]
    with open_collection(left, mode="write") as collection:
        assert len(collection) == before
        assert collection.remove(["scene-0/30", "scene-1/31"]) == 2
        assert collection.verify() == []


def test_a_damaged_log_is_left_away_where_the_database_holds_all_of_it(tmp_path: Path) -> None:
    left = tmp_path / "mortal"
    with flipping.lived(tmp_path / "alive") as collection:
        with closing(sqlite3.connect(collection.folder / "collection.sqlite")) as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        expected = flipping.answers(collection)
        flipping.copy_as_killed(collection.folder, left)
    flipping.flip(left / "collection.sqlite-wal", 150_000, 1)
    repair = repair_collection(left)
    assert "left away" in str(repair.mended)
    assert repair.lost == ()
    assert flipping.said(left) == expected


def test_a_repair_that_was_killed_is_finished_by_the_next(folder: Path) -> None:
    expected = flipping.said(folder)
    shutil.copy(folder / "collection.sqlite", folder / "collection.sqlite.mended")
    (folder / "collection.sqlite").write_bytes(b"torn")
    (folder / "collection.sqlite.mending").write_bytes(b"torn")
    with pytest.raises(DamagedData, match="repair"):
        open_collection(folder, mode="read")
    assert repair_collection(folder) == NOTHING
    assert flipping.said(folder) == expected
    assert not list(folder.glob("*.mend*"))


def repaired_in_peace(folder: Path) -> object:
    repair_collection(folder)
    with open_collection(folder, mode="read") as collection:
        return flipping.chips_of(collection), collection.verify()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: altered(folder, "DELETE FROM traits"),
        lambda folder: flipping.flip(folder / "segments" / "000000.f16", 70, 4),
    ],
    ids=["database", "vectors"],
)
def test_a_repair_killed_at_any_moment_can_be_repeated(
    folder: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)
    expected = repaired_in_peace(Path(shutil.copytree(folder, tmp_path / "peace")))
    dice = random.Random(5)
    for turn in range(8):
        work = Path(shutil.copytree(folder, tmp_path / f"killed-{turn}"))
        child, reading = mortal.forked(lambda _, work=work: repair_collection(work))
        time.sleep(dice.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert mortal.told(reading) == (0, "")
        assert repaired_in_peace(work) == expected


def test_damaged_codes_are_dropped_and_made_anew(tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="faiss is not on this machine: pip install faiss-cpu")
    folder = tmp_path / "mortal"
    mortal.begun(folder, mortal.FOR_CODES)
    with open_collection(folder, mode="read", limits=mortal.CODED) as collection:
        collection.prepare()
    codes = folder / "codes.bin"
    size = codes.stat().st_size
    for offset in (3, 40, 200, size // 2, size - 1):
        sound = codes.read_bytes()
        flipping.flip(codes, offset, 1)
        assert [line.partition(":")[0] for line in verified(folder)] == [str(codes)]
        repair = repair_collection(folder)
        assert [line.partition(":")[0] for line in repair.mended] == [str(codes)]
        assert not codes.exists()
        codes.write_bytes(sound)
    assert verified(folder) == []
