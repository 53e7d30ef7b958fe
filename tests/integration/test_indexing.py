"""Folders that change between runs: nothing is lost, doubled or answered with what is gone."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from serving import make_scenes
from towers import CARD, ColourEngine, make_tokenizer

from satseek.assemble import DEFAULT_GRID
from satseek.embed.embedder import Embedder
from satseek.errors import UnreadableImage
from satseek.imagery.candidates import FolderScenes
from satseek.imagery.recipes import recipe_named
from satseek.index import (
    Collection,
    CollectionSpec,
    PlanLimits,
    compacting,
    create_collection,
    open_collection,
    schema,
)
from satseek.search.indexing import IndexReport, index_folder, index_scenes
from satseek.search.thumbnails import chip_pixels, thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
SPEC = CollectionSpec(
    name="changing",
    model_name=CARD.name,
    model_version=CARD.version,
    dim=CARD.dim,
    recipe=recipe_named("auto"),
    grid=DEFAULT_GRID,
    min_valid=0.5,
)


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "changing", SPEC) as made:
        yield made


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return make_scenes(tmp_path / "2024")


def _index(folder: Path, collection: Collection, **options: int) -> IndexReport:
    return index_folder(folder, collection=collection, embedder=EMBEDDER, **options)


def test_batches_and_workers_do_not_change_the_collection(
    scenes: Path, collection: Collection, tmp_path: Path
) -> None:
    _index(scenes, collection, batch=32)
    with create_collection(tmp_path / "other", SPEC) as other:
        _index(scenes, other, batch=1, workers=3)
        assert collection.digest() == other.digest()


def test_report_counts_what_happened(scenes: Path, collection: Collection) -> None:
    first, second = _index(scenes, collection), _index(scenes, collection)
    assert (3, 0, 12, 1) == (
        first.scenes, first.unchanged, first.chips_added, len(first.refusals),
    )  # fmt: skip
    assert (3, 3, 0, 1) == (
        second.scenes, second.unchanged, second.chips_added, len(second.refusals),
    )  # fmt: skip


def test_same_names_in_two_folders_are_two_scenes(
    scenes: Path, collection: Collection, tmp_path: Path
) -> None:
    later = shutil.copytree(scenes, tmp_path / "2025")
    for path in later.glob("*scene.tif"):
        os.utime(path, (0, 0))
    for folder in (scenes, later, scenes, later):
        _index(folder, collection)
    assert (24, 6) == (len(collection), len(collection.scenes()))
    assert {"2025/2024-05-03 scene.tif", "2024-05-03 scene.tif"} < {
        scene.id for scene in collection.scenes()
    }


def test_moved_folder_is_found_again_without_embedding(
    scenes: Path, collection: Collection, tmp_path: Path
) -> None:
    _index(scenes, collection)
    (chip,) = collection.chips([0])
    scenes.rename(tmp_path / "moved")
    with pytest.raises(UnreadableImage):
        thumbnail(chip.id, collection=collection)
    report = _index(tmp_path / "moved", collection)
    assert (0, 3, 12) == (report.chips_added, report.unchanged, len(collection))
    assert thumbnail(chip.id, collection=collection)


def test_file_that_cannot_be_opened_for_a_while_keeps_its_chips(
    scenes: Path, collection: Collection
) -> None:
    _index(scenes, collection)
    away = scenes / "2024-05-03 scene.tif"
    content, times = away.read_bytes(), (away.stat().st_atime_ns, away.stat().st_mtime_ns)
    away.write_bytes(b"")
    report = _index(scenes, collection)
    assert {"2024-05-03 scene.tif", "broken.tif"} == {one.path for one in report.refusals}
    assert 12 == len(collection)
    away.write_bytes(content)
    os.utime(away, ns=times)
    assert 3 == _index(scenes, collection).unchanged
    assert ["broken.tif"] == [refusal.path for refusal in collection.refusals()]


def test_changed_scene_replaces_its_chips_and_shows_no_others(
    scenes: Path, collection: Collection
) -> None:
    _index(scenes, collection)
    (chip,) = collection.chips([0])
    shutil.copy(scenes / "2025-02-11 scene.tif", scenes / chip.scene_id)
    with pytest.raises(UnreadableImage, match="changed since it was indexed"):
        chip_pixels(chip.id, collection=collection)
    report = _index(scenes, collection)
    assert (4, 12) == (report.chips_added, len(collection))


def test_unforeseen_failure_of_one_file_stops_no_other(
    scenes: Path, collection: Collection
) -> None:
    (scenes / "2024-08-17 scene.tif.d").mkdir()
    os.mkfifo(scenes / "pipe.tif")
    (scenes / "gone.tif").symlink_to(scenes / "nowhere.tif")
    assert 12 == _index(scenes, collection).chips_added


def test_an_unchanged_scene_is_looked_up_once(
    scenes: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    _index(scenes, collection)
    collection.close()
    asked: list[str] = []
    connect = schema.connect

    def overheard(*words: Any, **options: Any) -> Any:
        connection = connect(*words, **options)
        connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr(schema, "connect", overheard)
    with open_collection(collection.folder, mode="write") as opened:
        assert 3 == _index(scenes, opened).unchanged
    looked_up = [text for text in asked if "FROM scenes" in text]
    assert len(looked_up) == 4  # three scenes and the broken file
    assert len(set(looked_up)) == 4


def test_codes_are_built_when_indexing_ends(scenes: Path, tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    limits = PlanLimits(codes_from=100, exact_rows=0, matrix_bytes=0)
    spec = replace(SPEC, grid=replace(DEFAULT_GRID, chip_px=64, stride_px=64))
    with create_collection(tmp_path / "coded", spec, limits=limits) as made:
        _index(scenes, made)
        assert (made.folder / "codes.bin").is_file()


def test_a_file_refused_under_its_own_id_is_no_longer_listed_once_it_is_back(
    scenes: Path, collection: Collection, tmp_path: Path
) -> None:
    later = shutil.copytree(scenes, tmp_path / "2025")
    for path in later.glob("*scene.tif"):
        os.utime(path, (0, 0))
    for folder in (scenes, later):
        _index(folder, collection)
    away = later / "2024-05-03 scene.tif"
    content = away.read_bytes()
    away.write_bytes(b"")
    assert {"2025/2024-05-03 scene.tif", "broken.tif"} == {
        one.path for one in _index(later, collection).refusals
    }
    away.write_bytes(content)
    os.utime(away, (0, 0))
    assert 3 == _index(later, collection).unchanged
    assert ["broken.tif"] == [refusal.path for refusal in collection.refusals()]


def test_committed_chips_survive_a_reader_of_their_own(
    scenes: Path, collection: Collection
) -> None:
    _index(scenes, collection)
    with open_collection(collection.folder, mode="read") as reader:
        assert collection.digest() == reader.digest()
        assert [] == reader.verify()


@pytest.mark.parametrize("share", [None, 0.3, 1.0])
def test_room_of_replaced_chips_comes_back_when_indexing_ends(
    scenes: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch, share: float | None
) -> None:
    monkeypatch.setattr(compacting, "LEAST_DEAD", 1)
    _index(scenes, collection)
    chips = len(collection)
    for scene in collection.scenes():
        os.utime(scenes / scene.id, ns=(1, 1))  # counts as changed
    report = index_scenes(
        FolderScenes(scenes), collection=collection, embedder=EMBEDDER, compact_from=share
    )
    assert (chips, chips) == (report.chips_added, len(collection))
    assert (0 if share == 0.3 else chips) == collection.inventory().dead
    assert [] == collection.verify()
