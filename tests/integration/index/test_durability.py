from __future__ import annotations

import importlib.util
import shutil
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from satseek.errors import (
    ChipNotFound,
    CollectionExists,
    CollectionLocked,
    CollectionNotFound,
    Conflict,
    DamagedData,
    InvalidName,
    InvalidRequest,
)
from satseek.index import (
    Collection,
    SceneBlock,
    SceneProgress,
    create_collection,
    list_collections,
    open_collection,
)
from satseek.types import Filter, Refusal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Start = Callable[..., subprocess.Popen[str]]


_SPEC = importlib.util.spec_from_file_location(
    "indexing_process", Path(__file__).parent / "indexing_process.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
processes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(processes)


ALL = processes.SCENES * processes.BLOCKS * processes.CHIPS


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection indexed without any trouble, from both contents of its scenes."""
    folder = tmp_path_factory.mktemp("whole") / "killed"
    processes.undisturbed(folder, 2)
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "killed"))


@pytest.fixture
def opened(copy: Path) -> Iterator[Collection]:
    with open_collection(copy, mode="write") as collection:
        yield collection


def segments(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "segments").iterdir())}


def test_killed_at_any_moment_it_ends_as_if_undisturbed(run: Run, tmp_path: Path) -> None:
    done = run("die_often", tmp_path / "killed", 15)
    assert (done.returncode, done.stderr) == (0, "")
    killed, turns = map(int, done.stdout.split())
    assert killed >= 15
    processes.undisturbed(tmp_path / "undisturbed", turns)
    assert segments(tmp_path / "undisturbed") == segments(tmp_path / "killed")
    with (
        open_collection(tmp_path / "killed", mode="read") as left,
        open_collection(tmp_path / "undisturbed", mode="read") as expected,
    ):
        assert expected.digest() == left.digest()
        assert len(expected) == len(left) == ALL
        assert expected.scenes() == left.scenes()
        assert left.verify() == []


def test_a_full_disk_loses_nothing_that_was_acknowledged(
    run: Run, whole: Path, tmp_path: Path
) -> None:
    done = run("starve", tmp_path / "killed", 110_000)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("refused ")
    assert len(done.stdout.splitlines()) == 1
    with (
        open_collection(tmp_path / "killed", mode="read") as starved,
        open_collection(whole, mode="read") as undisturbed,
    ):
        assert undisturbed.digest() == starved.digest()
    assert segments(whole) == segments(tmp_path / "killed")


def test_a_torn_write_behind_the_committed_rows_is_cut_off(copy: Path, whole: Path) -> None:
    last = max((copy / "segments").iterdir())
    last.write_bytes(last.read_bytes() + b"torn")
    (copy / "segments" / "000999.f16").write_bytes(b"torn")
    left = [copy / name for name in ("codes.bin.123", "codes-2.bin.9", "tuning.json.77")]
    for path in left:
        path.write_bytes(b"torn")
    with open_collection(copy, mode="write"):
        pass
    assert segments(whole) == segments(copy)
    assert [path for path in left if path.exists()] == []


def test_a_second_writer_is_refused_while_the_first_lives(copy: Path, start: Start) -> None:
    first = start("hold", copy)
    try:
        with pytest.raises(CollectionLocked, match=f"process {first.pid} "):
            open_collection(copy, mode="write")
        with open_collection(copy, mode="read") as reader:
            assert len(reader) == ALL
    finally:
        first.kill()
        first.communicate()
    with open_collection(copy, mode="write") as second:
        assert second.verify() == []


def test_a_second_writer_in_the_same_process_is_refused(opened: Collection) -> None:
    with pytest.raises(CollectionLocked, match="this process"):
        open_collection(opened.folder, mode="write")
    opened.close()
    open_collection(opened.folder, mode="write").close()


def test_a_read_only_folder_can_be_read(whole: Path, run: Run) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(shutil.copytree(whole, Path(root) / "killed"))
        Path(root).chmod(0o755)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        done = run("read_as_nobody", folder)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == f"{ALL} 1.00000 []"
    assert lines[1].startswith("SatseekError ")
    assert "Permission denied" in lines[1]


def test_a_truncated_segment_is_named(copy: Path) -> None:
    victim = min((copy / "segments").iterdir())
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(DamagedData, match=victim.name):
        open_collection(copy, mode="read")
    with pytest.raises(DamagedData, match=victim.name):
        open_collection(copy, mode="write")


def test_a_missing_segment_is_named(copy: Path) -> None:
    victim = min((copy / "segments").iterdir())
    victim.unlink()
    with pytest.raises(DamagedData, match=victim.name):
        open_collection(copy, mode="read")


@pytest.mark.parametrize("place", [0, 10_001, -1])
def test_a_flipped_bit_is_listed(copy: Path, place: int) -> None:
    victim = min((copy / "segments").iterdir())
    content = bytearray(victim.read_bytes())
    content[place] ^= 1
    victim.write_bytes(content)
    with open_collection(copy, mode="read") as collection:
        damages = collection.verify()
    assert len(damages) == 1
    assert victim.name in damages[0]


def test_zeroed_vectors_are_noticed_when_they_are_used(copy: Path) -> None:
    with open_collection(copy, mode="read") as collection:
        row = collection.row_of("scene-2/11-9")
        query = collection.vectors([row])
    last = max((copy / "segments").iterdir())
    last.write_bytes(bytes(last.stat().st_size))
    with open_collection(copy, mode="read") as collection:
        with pytest.raises(DamagedData, match="segments"):
            collection.vectors([row])
        with pytest.raises(DamagedData, match="segments"):
            collection.search(query, k=10_000)


def test_something_else_in_place_of_the_database_is_named(copy: Path) -> None:
    (copy / "collection.sqlite").write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(DamagedData, match=r"collection\.sqlite"):
        open_collection(copy, mode="read")


def test_a_damaged_database_is_noticed(copy: Path) -> None:
    content = bytearray((copy / "collection.sqlite").read_bytes())
    content[8192:-8192] = bytes(len(content) - 16384)
    (copy / "collection.sqlite").write_bytes(content)
    with (
        pytest.raises(DamagedData, match=r"collection\.sqlite"),
        open_collection(copy, mode="read") as collection,
    ):
        collection.digest()


def test_another_format_is_refused(copy: Path) -> None:
    with sqlite3.connect(copy / "collection.sqlite") as database:
        database.execute("UPDATE collection SET spec = json_set(spec, '$.format_version', 99)")
    database.close()
    with pytest.raises(Conflict, match="99"):
        open_collection(copy, mode="read")


def test_names_folders_and_listing(tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound, match="nothing"):
        open_collection(tmp_path / "nothing", mode="read")
    assert list_collections(tmp_path / "nothing") == []
    for name in ("b", "a.1"):
        create_collection(tmp_path / name, processes.SPEC).close()
    (tmp_path / "empty").mkdir()
    assert list_collections(tmp_path) == ["a.1", "b"]
    with pytest.raises(CollectionExists, match=r"a\.1"):
        create_collection(tmp_path / "a.1", processes.SPEC)


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "ä", "a b", "x" * 65, "a\n"])
def test_wrong_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidName):
        create_collection(tmp_path / "c", replace(processes.SPEC, name=name))
    assert list(tmp_path.iterdir()) == []


def test_a_half_made_collection_can_be_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    sqlite3.connect(folder / "collection.sqlite").close()
    with pytest.raises(CollectionNotFound):
        open_collection(folder, mode="read")
    with create_collection(folder, processes.SPEC) as collection:
        assert len(collection) == 0


def test_a_reader_does_not_write(copy: Path) -> None:
    with open_collection(copy, mode="read") as reader:
        with pytest.raises(InvalidRequest, match="reading"):
            reader.remove(["scene-0/0-0"])
        assert len(reader.search(reader.sample(2), k=3, where=Filter()).rows) == 2


def test_scene_progress_counts_up_and_starts_anew_with_other_content(tmp_path: Path) -> None:
    first, changed = processes.scene(0, "old"), processes.scene(0, "new")
    with create_collection(tmp_path / "killed", processes.SPEC) as collection:
        assert collection.scene_progress(first) == SceneProgress()
        for number in range(2):
            chips, vectors = processes.block(first, number)
            collection.add_block(
                first, chips, vectors, next_position=number + 1, skipped=3, finished=number == 1
            )
        expected = SceneProgress(next_position=2, kept=20, skipped=6, finished=True)
        assert collection.scene_progress(first) == expected
        assert collection.scene_progress(changed) == SceneProgress()
        assert len(collection) == 20
        chips, vectors = processes.block(changed, 1)
        collection.add_block(changed, chips, vectors, next_position=2, skipped=12, finished=True)
        assert len(collection) == 10
        assert collection.scenes() == [changed]
        expected = SceneProgress(next_position=2, kept=10, skipped=12, finished=True)
        assert collection.scene_progress(changed) == expected
        assert collection.remove_scenes(["scene-0", "none"]) == 10
        assert (len(collection), collection.scenes()) == (0, [])


def scene_block(number: int, start: int) -> SceneBlock:
    scene = processes.scene(number, "old")
    chips, vectors = processes.block(scene, start)
    return SceneBlock(
        scene=scene,
        chips=tuple(chips),
        vectors=vectors,
        next_position=start + 1,
        skipped=2,
        finished=False,
    )


def test_blocks_of_several_scenes_are_one_change(tmp_path: Path) -> None:
    blocks = [scene_block(0, 0), scene_block(1, 0), scene_block(0, 1)]
    with create_collection(tmp_path / "killed", processes.SPEC) as collection:
        collection.add_blocks([])
        assert collection.generation == 0
        collection.add_blocks(blocks)
        assert (collection.generation, len(collection)) == (1, 30)
        expected = SceneProgress(next_position=2, kept=20, skipped=4, finished=False)
        assert collection.scene_progress(blocks[0].scene) == expected
        for block in blocks:
            row = collection.row_of(block.chips[3].id)
            assert collection.vectors([row])[0] == pytest.approx(block.vectors[3], abs=1e-3)


def test_a_wrong_block_keeps_the_right_ones_out(tmp_path: Path) -> None:
    right = scene_block(0, 0)
    with create_collection(tmp_path / "killed", processes.SPEC) as collection:
        for wrong in (right, replace(scene_block(1, 0), scene=right.scene)):
            with pytest.raises(InvalidRequest):
                collection.add_blocks([right, wrong])
        assert (len(collection), collection.scenes()) == (0, [])


def test_a_scene_that_cannot_be_used_after_all_is_taken_back(tmp_path: Path) -> None:
    blocks = [scene_block(0, 0), scene_block(1, 0)]
    scene = blocks[0].scene
    refusal = Refusal(path=scene.path, reason="torn", kind="UnreadableImage")
    with create_collection(tmp_path / "killed", processes.SPEC) as collection:
        collection.add_blocks(blocks)
        assert collection.scene(scene.id) == scene
        assert collection.refuse_scene(scene.id, refusal) == 10
        assert collection.scenes() == [blocks[1].scene]
        assert (len(collection), collection.refusals()) == (10, [refusal])
        assert collection.scene_progress(scene) == SceneProgress()
        with pytest.raises(ChipNotFound, match=scene.id):
            collection.scene(scene.id)


def test_chips_of_another_scene_are_refused(tmp_path: Path) -> None:
    chips, vectors = processes.block(processes.scene(1, "old"), 0)
    with (
        create_collection(tmp_path / "killed", processes.SPEC) as collection,
        pytest.raises(InvalidRequest, match="scene-1"),
    ):
        collection.add_block(
            processes.scene(0, "old"), chips, vectors, next_position=1, skipped=0, finished=False
        )


def test_refusals_are_listed_until_the_file_can_be_used(tmp_path: Path) -> None:
    scene = processes.scene(0, "new")
    refusal = Refusal(path=scene.path, reason="torn", kind="UnreadableImage")
    with create_collection(tmp_path / "killed", processes.SPEC) as collection:
        collection.record_refusal(replace(refusal, reason="other"), "old")
        collection.record_refusal(refusal, "old")
        assert collection.refusals() == [refusal]
        assert collection.is_refused(scene.path, "old")
        assert not collection.is_refused(scene.path, "new")
        assert collection.stats().refusals == 1
        chips, vectors = processes.block(scene, 0)
        collection.add_block(scene, chips, vectors, next_position=1, skipped=0, finished=True)
        assert collection.refusals() == []


def test_stats_of_a_whole_collection(whole: Path) -> None:
    with open_collection(whole, mode="read") as collection:
        stats = collection.stats()
        assert (stats.chips, stats.scenes, stats.refusals, stats.skipped) == (ALL, 3, 0, 36)
        assert stats.extent == (0, 0, 10, 12)
        assert stats.dates == (processes.scene(0, "").datetime, processes.scene(2, "").datetime)
        assert stats.bytes > 2 * ALL * 64 * 2
        assert stats.generation == 72
        assert collection.spec == processes.SPEC
