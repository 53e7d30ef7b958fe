"""Partitions are the same whoever does them; a piece is what its scene and collection make it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from apart import hostile_scenes
from towers import CARD

from satseek.imagery.candidates import Candidate, FolderScenes
from satseek.imagery.recipes import recipe_named
from satseek.imagery.scenes import describe_scene
from satseek.index import Collection, CollectionSpec, create_collection
from satseek.search.indexing_reading import Refused
from satseek.search.partitioning import (
    LEAST_CELLS,
    PIECE_CELLS,
    Divided,
    Piece,
    pack,
    plan_pieces,
)
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPEC = CollectionSpec(
    name="apart",
    model_name=CARD.name,
    model_version=CARD.version,
    dim=CARD.dim,
    recipe=recipe_named("auto"),
    grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
    min_valid=0.5,
)


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "apart", SPEC) as made:
        yield made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_scenes(tmp_path_factory.mktemp("made") / "scenes")


@pytest.fixture
def scenes(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "scenes")


def _pieces(scenes: Path, collection: Collection, cells: int) -> list[Piece]:
    return plan_pieces(FolderScenes(scenes), collection=collection, piece_cells=cells).pieces


def test_every_cell_lies_in_one_piece_in_order(scenes: Path, collection: Collection) -> None:
    plan = plan_pieces(FolderScenes(scenes), collection=collection, piece_cells=20)
    divided = [step for step in plan.steps if isinstance(step, Divided)]
    for step in divided:
        assert step.pieces[0].start == 0
        assert [one.stop for one in step.pieces[:-1]] == [one.start for one in step.pieces[1:]]
        assert all(piece.scene == step.scene for piece in step.pieces)
    refused = [step.refusal.path for step in plan.steps if isinstance(step, Refused)]
    assert ["broken.tif", "empty.tif"] == refused  # nothing to stretch: known before it is sent out
    names = [step.scene.id for step in divided]
    assert sorted(names) == names
    assert str(scenes) == plan.source


def test_a_scene_of_several_pieces_brings_its_stretch(scenes: Path, collection: Collection) -> None:
    several = [piece for piece in _pieces(scenes, collection, 20) if piece.scene.id == "deep.tif"]
    (alone,) = [p for p in _pieces(scenes, collection, 2048) if p.scene.id == "deep.tif"]
    assert len(several) > 1
    assert 1 == len({piece.stretch for piece in several})
    assert several[0].stretch is not None
    assert several[0].stretch.high != (255.0,) * 3
    assert alone.stretch is None


def test_pieces_go_through_json(scenes: Path, collection: Collection) -> None:
    for piece in _pieces(scenes, collection, 20):
        assert piece == Piece.from_json(json.loads(json.dumps(piece.to_json())))


def test_keys_change_with_what_chips_depend_on_and_with_nothing_else(
    scenes: Path, collection: Collection
) -> None:
    before = {piece.key: piece for piece in _pieces(scenes, collection, 20)}
    assert list(before) == [piece.key for piece in _pieces(scenes, collection, 20)]
    os.utime(scenes / "deep.tif", (0, 0))
    (scenes / "plain.png").unlink()
    after = {piece.key for piece in _pieces(scenes, collection, 20)}
    gone = {piece.scene.id for key, piece in before.items() if key not in after}
    assert {"deep.tif", "plain.png"} == gone


def test_partitions_hold_all_pieces_in_order(scenes: Path, collection: Collection) -> None:
    pieces = _pieces(scenes, collection, 20)
    partitions = pack(pieces, cells=50)
    assert pieces == [piece for partition in partitions for piece in partition.pieces]
    assert all(50 <= partition.cells < 50 + 40 for partition in partitions[:-1])
    assert len(partitions) == len({partition.name for partition in partitions})
    assert partitions == pack(pieces, cells=50)
    assert [] == pack([])


def test_small_work_is_divided_into_small_partitions(scenes: Path, collection: Collection) -> None:
    (piece,) = [p for p in _pieces(scenes, collection, 2048) if p.scene.id == "deep.tif"]
    few, many = pack([piece] * 60), pack([piece] * 3000)
    assert all(LEAST_CELLS <= partition.cells < LEAST_CELLS + 100 for partition in few[:-1])
    assert all(LEAST_CELLS < partition.cells < PIECE_CELLS + piece.cells for partition in many[:-1])
    assert 200 < len(many) <= 256


def test_a_signature_that_expires_makes_no_other_piece(
    scenes: Path, collection: Collection
) -> None:
    def keys(signature: str) -> list[str]:
        whole = describe_scene(scenes / "deep.tif", root=scenes)
        band = {"red": f"{scenes}/deep.tif{signature}"}
        given = Candidate(
            name="deep.tif",
            path=whole.path,
            folders=lambda: iter(()),
            describe=lambda _: replace(whole, assets=band, digest="0" * 32),
        )
        plan = plan_pieces(Listed([given]), collection=collection)
        assert [band] == [piece.scene.assets for piece in plan.pieces]
        return [piece.key for piece in plan.pieces]

    assert keys("?se=2026&sig=a") == keys("?se=2027&sig=b")
    assert keys("?sig=a") != keys("x?sig=a")


class Listed(list[Candidate]):
    """Candidates that are there already."""

    source = "listed"

    @property
    def total(self) -> int:
        return len(self)
