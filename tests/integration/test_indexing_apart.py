"""Scenes divided, embedded piece by piece and merged are a collection that was indexed whole."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from apart import account, damage, hostile_scenes
from stacmaking import make_catalog
from stacserving import stac_server
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import Abandoned, DamagedData, DiskFull, SatseekError
from satseek.imagery.candidates import FolderScenes, find_candidates
from satseek.imagery.reach import Reach
from satseek.imagery.recipes import recipe_named
from satseek.index import Collection, CollectionSpec, create_collection, open_collection
from satseek.index.partitions import partition_path, write_partition
from satseek.search import indexing_writing
from satseek.search.embedding_partitions import embed_pieces
from satseek.search.indexing import IndexReport, index_scenes
from satseek.search.indexing_apart import Apart, index_apart
from satseek.search.partitioning import Piece
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from satseek.search.partitioning import Partition

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
SPEC = CollectionSpec(
    name="apart",
    model_name=CARD.name,
    model_version=CARD.version,
    dim=CARD.dim,
    recipe=recipe_named("auto"),
    grid=GridSpec(crs=None, chip_px=128, stride_px=128, pixel_size=None, levels=(1, 2)),
    min_valid=0.5,
)
SOME_CELLS = 6


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "whole", SPEC) as made:
        yield made


@pytest.fixture
def parted(tmp_path: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "parted", SPEC) as made:
        yield made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_scenes(tmp_path_factory.mktemp("made") / "scenes")


@pytest.fixture
def scenes(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "scenes")


class Crew:
    """Does partitions here and now, each from its JSON as a worker elsewhere would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []

    def __call__(self, partitions: Sequence[Partition]) -> None:
        for partition in reversed(partitions):
            pieces = [Piece.from_json(piece.to_json()) for piece in partition.pieces]
            results = embed_pieces(pieces, spec=SPEC, embedder=EMBEDDER, batch=7)
            path = partition_path(self.folder, partition.name)
            write_partition(path, results, dim=SPEC.dim)
            self.done.append(partition.name)


def _whole(scenes: Path, collection: Collection) -> IndexReport:
    return index_scenes(FolderScenes(scenes), collection=collection, embedder=EMBEDDER)


def _apart(
    scenes: Path,
    collection: Collection,
    run: Callable[[Sequence[Partition]], None] | None = None,
    **options: Any,
) -> IndexReport:
    folder = scenes.parent / "work"
    cells = options.pop("piece_cells", SOME_CELLS)
    apart = Apart(
        run=run or Crew(folder), folder=folder, piece_cells=cells, partition_cells=2 * cells
    )
    return index_apart(
        FolderScenes(scenes),
        collection=collection,
        apart=apart,
        embedder=lambda: EMBEDDER,
        **options,
    )


def _told(report: IndexReport) -> dict[str, Any]:
    return asdict(replace(report, seconds=0.0))


@pytest.mark.parametrize("piece_cells", [2, 10_000])
def test_pieces_of_any_size_make_the_collection_that_one_run_makes(
    scenes: Path, whole: Collection, parted: Collection, piece_cells: int
) -> None:
    expected = _whole(scenes, whole)
    report = _apart(scenes, parted, piece_cells=piece_cells)
    assert _told(expected) == _told(report)
    assert account(whole) == account(parted)
    assert {"broken.tif", "damaged.tif", "empty.tif"} == {
        refusal.path for refusal in parted.refusals()
    }
    assert not (scenes.parent / "work").exists()


def test_what_changes_between_runs_is_taken_as_one_run_takes_it(
    scenes: Path, whole: Collection, parted: Collection
) -> None:
    _whole(scenes, whole)
    _apart(scenes, parted)
    shutil.copy(scenes / "2025-02-11 scene.tif", scenes / "2024-05-03 scene.tif")  # changed
    shutil.copy(scenes / "deep.tif", scenes / "broken.tif")  # sound now
    damage(scenes / "deep.tif")  # its chips go
    (scenes / "2024-08-17 scene.tif").write_bytes(b"")  # away for a while: its chips stay
    moved = scenes.rename(scenes.with_name("moved"))
    expected, report = _whole(moved, whole), _apart(moved, parted)
    assert _told(expected) == _told(report)
    assert account(whole) == account(parted)


def test_again_nothing_is_done_and_nothing_committed(scenes: Path, parted: Collection) -> None:
    for name in ("broken.tif", "damaged.tif", "empty.tif"):
        (scenes / name).unlink()
    first = _apart(scenes, parted)
    generation = parted.generation
    crew = Crew(scenes.parent / "work")
    again = _apart(scenes, parted, crew)
    assert (first.scenes, first.scenes, 0) == (again.scenes, again.unchanged, again.chips_added)
    assert ([], generation) == (crew.done, parted.generation)


def test_a_scene_that_was_begun_whole_is_finished_apart(
    scenes: Path, whole: Collection, parted: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing_writing, "COMMIT_CELLS", 10)

    def stop(progress: indexing_writing.IndexProgress) -> None:
        if progress.chips > 30:
            raise Abandoned("enough")

    with pytest.raises(Abandoned):
        index_scenes(
            FolderScenes(scenes), collection=parted, embedder=EMBEDDER, batch=4, on_progress=stop
        )
    begun = len(parted)
    assert 0 < begun <= 34
    report = _apart(scenes, parted)
    expected = _whole(scenes, whole)
    assert account(whole) == account(parted)
    assert expected.chips_added == begun + report.chips_added


def test_a_run_that_was_broken_off_goes_on_whatever_else_is_new(
    scenes: Path, whole: Collection, parted: Collection
) -> None:
    crew = Crew(scenes.parent / "work")

    def half(partitions: Sequence[Partition]) -> None:
        crew(partitions[: len(partitions) // 2])
        raise Abandoned("the power went")

    with pytest.raises(Abandoned):
        _apart(scenes, parted, half)
    assert 0 == len(parted)
    before = len(crew.done)
    assert before
    shutil.copy(scenes / "deep.tif", scenes / "0 new and first of all.tif")
    cells = _counted(partial(_apart, scenes, parted), crew)
    _whole(scenes, whole)
    assert account(whole) == account(parted)
    pieces = sum(len(partition.pieces) for partition in cells)
    assert pieces < sum(known.progress.kept > 0 for known in _known(parted)) * 5


def _counted(
    index: Callable[[Callable[[Sequence[Partition]], None]], IndexReport], crew: Crew
) -> list[Partition]:
    seen: list[Partition] = []

    def run(partitions: Sequence[Partition]) -> None:
        seen.extend(partitions)
        crew(partitions)

    index(run)
    return seen


def _known(collection: Collection) -> list[Any]:
    return [collection.find_known(scene.id) for scene in collection.scenes()]


def test_a_merge_that_breaks_off_leaves_the_collection_as_it_was(
    scenes: Path, whole: Collection, parted: Collection
) -> None:
    (scenes / "damaged.tif").unlink()  # it would be read again
    _apart(scenes, parted)
    os.utime(scenes / "deep.tif", (0, 0))
    os.utime(scenes / "plain.png", (0, 0))
    before = account(parted)

    def stop(what: str, done: int, _total: int) -> None:
        if what == "merging" and done == 8:
            raise Abandoned("enough")

    with pytest.raises(Abandoned):
        _apart(scenes, parted, on_progress=stop)
    assert before == account(parted)
    crew = Crew(scenes.parent / "work")
    _apart(scenes, parted, crew)
    assert [] == crew.done
    _whole(scenes, whole)
    assert account(whole) == account(parted)


def test_a_damaged_partition_is_refused_and_it_alone_made_anew(
    scenes: Path, whole: Collection, parted: Collection
) -> None:
    (scenes / "damaged.tif").unlink()  # it would be read again
    crew = Crew(scenes.parent / "work")

    def spoil(partitions: Sequence[Partition]) -> None:
        crew(partitions)
        path = partition_path(crew.folder, partitions[1].name)
        content = bytearray(path.read_bytes())
        content[-9] ^= 1
        path.write_bytes(content)

    with pytest.raises(DamagedData, match="removed; do the same again"):
        _apart(scenes, parted, spoil)
    assert 0 == len(parted)
    again = Crew(crew.folder)
    _apart(scenes, parted, again)
    assert 1 == len(again.done)
    _whole(scenes, whole)
    assert account(whole) == account(parted)


@pytest.mark.parametrize("what", ["kill", "no room"])
def test_a_merge_that_dies_or_finds_no_room_leaves_the_collection_as_it_was(
    scenes: Path, whole: Collection, tmp_path: Path, what: str
) -> None:
    (scenes / "damaged.tif").unlink()  # it would be read again
    folder = tmp_path / "dying"
    create_collection(folder, SPEC).close()

    def spoil(stage: str, done: int, _total: int) -> None:
        if stage == "merging" and done == 2 and what == "no room":
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
        if stage == "merging" and done == 6 and what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    if not (pid := os.fork()):
        try:
            with open_collection(folder, mode="write") as target:
                _apart(scenes, target, on_progress=spoil)
        except SatseekError:  # SQLite calls this limit an I/O error, a full disk by its name
            os._exit(DiskFull.exit_code)
        finally:
            os._exit(1)
    expected = {"kill": -signal.SIGKILL, "no room": DiskFull.exit_code}
    assert expected[what] == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    crew = Crew(scenes.parent / "work")
    with open_collection(folder, mode="write") as target:
        assert ([], 0) == (target.verify(), len(target))
        _apart(scenes, target, crew)
        _whole(scenes, whole)
        assert account(whole) == account(target)
    assert [] == crew.done


@pytest.mark.parametrize("where", ["file", "http"])
def test_items_are_embedded_apart_wherever_their_bands_lie(
    whole: Collection, parted: Collection, tmp_path: Path, where: str
) -> None:
    catalog = make_catalog(tmp_path / "catalog")
    with stac_server(catalog.parent) as server:
        source = str(catalog) if where == "file" else f"{server.url}/files/{catalog.name}"
        reach = Reach().and_named(source)
        expected = index_scenes(
            find_candidates(source, reach=reach), collection=whole, embedder=EMBEDDER
        )
        report = index_apart(
            find_candidates(source, reach=reach),
            collection=parted,
            apart=Apart(run=Crew(tmp_path / "work"), folder=tmp_path / "work", piece_cells=2),
            embedder=lambda: EMBEDDER,
        )
    assert 0 < expected.chips_added
    assert _told(expected) == _told(report)
    assert account(whole) == account(parted)


def test_what_could_not_be_read_for_a_while_is_read_by_the_next_run(
    scenes: Path, whole: Collection, parted: Collection
) -> None:
    away = scenes / "deep.tif"
    content, times = away.read_bytes(), (away.stat().st_atime_ns, away.stat().st_mtime_ns)
    crew = Crew(scenes.parent / "work")

    def half_blind(partitions: Sequence[Partition]) -> None:
        damage(away)  # size, time and header stay: only pixels cannot be had
        os.utime(away, ns=times)
        crew(partitions)
        raise Abandoned("and then the power went")

    with pytest.raises(Abandoned):
        _apart(scenes, parted, half_blind)
    away.write_bytes(content)
    os.utime(away, ns=times)
    again = Crew(crew.folder)
    _apart(scenes, parted, again)
    assert 0 < len(again.done) < len(crew.done)
    _whole(scenes, whole)
    assert account(whole) == account(parted)
