"""Folders of images and scenes to one table: nothing dropped, nothing twice, all digits kept."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from serving import SCENE_PX, make_scenes, png
from stacmaking import make_catalog
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.errors import Conflict, InvalidRequest, UnreadableImage
from satseek.imagery import chips
from satseek.imagery.candidates import FolderScenes, SeveralCandidates, find_candidates
from satseek.imagery.decode import decode_image
from satseek.imagery.reach import Reach
from satseek.imagery.recipes import recipe_named
from satseek.index import CollectionSpec, create_collection
from satseek.jobs.classifying import ClassifyHere, classify_into
from satseek.search import classifying_plan
from satseek.search.classifying import classify
from satseek.search.classifying_bulk import (
    BulkChoices,
    BulkReport,
    classify_candidates,
    work_folder,
)
from satseek.search.classifying_parts import forget
from satseek.search.classifying_plan import Cutting
from satseek.search.classifying_rows import LabelsAsked
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Features, Tensor

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
LABELS = LabelsAsked(
    labels=("harbour", "river", "bridge"), templates=("{}",), distractors=("a forest",)
)
GRID = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None)
CUTTING = Cutting(recipe=recipe_named("auto"), grid=GRID, min_valid=0.5)
SCRIPT = Path(__file__).parent / "classifying_process.py"


class DyingEngine(ColourEngine):
    """Fails at a call, as a process that is killed does."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._left = calls

    def image_features(self, tensor: Tensor) -> Features:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return super().image_features(tensor)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three GeoTIFFs of 2 x 2 chips, twelve pictures, and two files that are no image."""
    monkeypatch.setattr(classifying_plan, "PART_IMAGES", 2)
    scenes = make_scenes(tmp_path / "scenes")
    for at in range(12):
        png(scenes / f"{at:02}.png", width=40 + at, height=60)
    (scenes / "empty.jpg").touch()
    return scenes


def run(
    folder: Path,
    table: Path,
    *,
    asked: LabelsAsked = LABELS,
    cutting: Cutting = CUTTING,
    embedder: Embedder = EMBEDDER,
    **choices: Any,
) -> BulkReport:
    return classify_candidates(
        FolderScenes(folder),
        table,
        asked=asked,
        cutting=cutting,
        embedder=embedder,
        choices=BulkChoices(**choices),
    )


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_has_its_row(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    report = run(folder, table)
    rows = table_of(table)
    assert [24, 26, 2] == [report.images, len(rows), report.refused]
    assert report.images == sum(report.by_label.values())
    refused = {row["id"]: row["refused"] for row in rows if row["refused"]}
    assert {"broken.tif", "empty.jpg"} == set(refused)
    assert "empty file" in refused["empty.jpg"]
    assert ["", "", ""] == [rows[-1][name] for name in ("label", "share", "lon")]
    assert not work_folder(table).exists()
    assert [table] == [path for path in tmp_path.iterdir() if path != folder]


def test_pictures_are_scored_as_one_by_one(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "labels.csv")
    for row in table_of(tmp_path / "labels.csv"):
        if not row["id"].endswith(".png"):
            continue
        image = decode_image(Path(row["path"]).read_bytes(), name="a")
        (expected,) = classify(
            [image.pixels],
            LABELS.labels,
            embedder=EMBEDDER,
            templates=LABELS.templates,
            distractors=LABELS.distractors,
        )
        first, second, *_ = expected.labels
        assert [first.label, second.label] == [row["label"], row["second"]]
        for kind in ("share", "match", "cosine"):
            assert first.scores[kind] == pytest.approx(float(row[kind]), rel=1e-4)  # type: ignore[index]


def test_chips_are_those_of_indexing(folder: Path, tmp_path: Path) -> None:
    spec = CollectionSpec(
        name="same",
        model_name=CARD.name,
        model_version=CARD.version,
        dim=CARD.dim,
        recipe=CUTTING.recipe,
        grid=GRID,
        min_valid=CUTTING.min_valid,
    )
    with create_collection(tmp_path / "same", spec) as made:
        index_folder(folder, collection=made, embedder=EMBEDDER)
        known = {chip.id: chip for chip in made.chips(range(len(made)))}
    run(folder, tmp_path / "labels.geojson")
    features = json.loads((tmp_path / "labels.geojson").read_text())["features"]
    cut = {one["id"]: one for one in features if ".tif/" in one["id"]}
    georeferenced = {name: chip for name, chip in known.items() if chip.footprint}
    assert set(cut) == set(georeferenced)
    assert 12 == len(cut)
    for name, chip in georeferenced.items():
        assert chip.footprint == cut[name]["geometry"]
        assert chip.datetime is not None
        assert cut[name]["properties"]["datetime"].startswith(f"{chip.datetime:%Y-%m-%d}")


@pytest.mark.parametrize(
    "choices", [{"batch": 1, "workers": 3}, {"batch": 5, "readers": 4}, {"batch": 64}]
)
def test_batches_and_threads_move_no_digit(
    choices: dict[str, int], folder: Path, tmp_path: Path
) -> None:
    run(folder, tmp_path / "one.csv", batch=7)
    run(folder, tmp_path / "other.csv", **choices)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_an_interrupted_run_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "calm.csv", batch=2)
    table = tmp_path / "labels.csv"
    with pytest.raises(KeyboardInterrupt):
        run(folder, table, embedder=Embedder(DyingEngine(7), make_tokenizer()), batch=2)
    assert not table.exists()
    engine = ColourEngine()
    report = run(folder, table, embedder=Embedder(engine, make_tokenizer()), batch=2)
    assert report.resumed > 0
    assert sum(engine.image_batches) < 24
    assert (tmp_path / "calm.csv").read_bytes() == table.read_bytes()


def test_a_file_that_came_meanwhile_is_in_the_table(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    with pytest.raises(KeyboardInterrupt):
        run(folder, table, embedder=Embedder(DyingEngine(7), make_tokenizer()), batch=2)
    png(folder / "00a.png")
    (folder / "empty.jpg").unlink()
    png(folder / "04.png", width=300)  # it was done
    report = run(folder, table, batch=2)
    assert report.resumed > 0
    run(folder, tmp_path / "anew.csv", batch=2)
    assert (tmp_path / "anew.csv").read_bytes() == table.read_bytes()
    ids = [row["id"] for row in table_of(table)]
    assert "00a.png" in ids
    assert "empty.jpg" not in ids
    assert sorted(set(ids), key=ids.index) == ids


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"asked": replace(LABELS, labels=("harbour", "river"))}, "labels"),
        ({"asked": replace(LABELS, templates=("a {}",))}, "templates"),
        ({"cutting": replace(CUTTING, grid=replace(GRID, stride_px=128))}, "grid"),
        ({"all_labels": True}, "rows"),
        (
            {"embedder": Embedder(ColourEngine(replace(CARD, version="2")), make_tokenizer())},
            "model",
        ),
    ],
)
def test_another_question_is_not_mixed_in(
    other: dict[str, Any], said: str, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    with pytest.raises(KeyboardInterrupt):
        run(folder, table, embedder=Embedder(DyingEngine(7), make_tokenizer()), batch=2)
    with pytest.raises(Conflict, match=f"other {said}"):
        run(folder, table, **other)
    forget(work_folder(table))
    assert 0 == run(folder, table, **other).resumed


@pytest.fixture
def rows_of_cells(monkeypatch: pytest.MonkeyPatch) -> Cutting:
    """Chips so small that a scene makes a part of each row of them."""
    monkeypatch.setattr(classifying_plan, "ALONE_CELLS", 2)
    monkeypatch.setattr(classifying_plan, "RANGE_CELLS", 8)
    monkeypatch.setattr(chips, "SET_BYTES", 3 * 64 * SCENE_PX)
    return replace(CUTTING, grid=replace(GRID, chip_px=64, stride_px=64))


def write_tiled(path: Path, samples: NDArray[np.uint8]) -> Path:
    """Write a compressed GeoTIFF, so that damage is found where it is read."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=SCENE_PX,
        height=SCENE_PX,
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(5, 0, 512_000, 0, -5, 5_799_680),
        photometric="RGB",
        tiled=True,
        blockxsize=64,
        blockysize=64,
        compress="deflate",
        nodata=0,
    ) as raster:
        raster.write(samples)
    return path


def test_a_scene_of_several_parts_is_refused_as_a_whole(
    tmp_path: Path, rows_of_cells: Cutting
) -> None:
    (tmp_path / "scenes").mkdir()
    samples = np.random.default_rng(3).integers(1, 255, (3, SCENE_PX, SCENE_PX), dtype=np.uint8)
    paths = [write_tiled(tmp_path / "scenes" / f"{name}.tif", samples) for name in "abc"]
    run(tmp_path / "scenes", tmp_path / "whole.csv", cutting=rows_of_cells)
    whole = table_of(tmp_path / "whole.csv")
    assert 3 * 64 == len(whole)
    with paths[1].open("r+b") as file:
        file.seek(paths[1].stat().st_size * 2 // 3)
        file.write(b"\xff" * 4096)
    report = run(tmp_path / "scenes", tmp_path / "damaged.csv", cutting=rows_of_cells)
    rows = table_of(tmp_path / "damaged.csv")
    assert [2 * 64, 1] == [report.images, report.refused]
    assert ["b.tif"] == [row["id"] for row in rows if row["refused"]]
    others = [row for row in whole if not row["id"].startswith("b.tif")]
    assert others == [row for row in rows if not row["refused"]]


@pytest.mark.parametrize("measured", [0, 16])
def test_a_scene_without_a_chip_has_its_row(
    measured: int, tmp_path: Path, rows_of_cells: Cutting
) -> None:
    (tmp_path / "scenes").mkdir()
    samples = np.zeros((3, SCENE_PX, SCENE_PX), dtype=np.uint8)
    samples[:, :measured, :measured] = 9
    write_tiled(tmp_path / "scenes" / "a.tif", samples)
    png(tmp_path / "scenes" / "b.png")
    for cutting in (rows_of_cells, CUTTING):
        report = run(tmp_path / "scenes", tmp_path / "labels.csv", cutting=cutting)
        first, second = table_of(tmp_path / "labels.csv")
        assert [1, 1] == [report.images, report.refused]
        assert ["a.tif", ""] == [first["id"], second["refused"]]
        assert "valid" in first["refused"] or "measured" in first["refused"]


def test_all_labels_are_ranked(folder: Path, tmp_path: Path) -> None:
    report = run(folder, tmp_path / "labels.csv", all_labels=True)
    rows = table_of(tmp_path / "labels.csv")
    assert report.rows == len(rows) == 24 * 4 + 2
    first = rows[:4]
    assert ["1", "2", "3", "4"] == [row["rank"] for row in first]
    assert {*LABELS.labels, "none of these"} == {row["label"] for row in first}
    assert sum(float(row["share"]) for row in first) == pytest.approx(1, abs=1e-4)


def test_a_table_of_arrow(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not on this machine: install satseek[gis]")
    from pyarrow import parquet  # noqa: PLC0415 (it may be missing)

    run(folder, tmp_path / "labels.parquet")
    run(folder, tmp_path / "labels.csv")
    told = parquet.read_table(tmp_path / "labels.parquet").to_pylist()
    rows = table_of(tmp_path / "labels.csv")
    assert [row["label"] or None for row in rows] == [row["label"] for row in told]
    assert [float(row["share"]) for row in rows if row["share"]] == [
        row["share"] for row in told if row["share"] is not None
    ]


def test_items_of_a_catalog_are_cut_and_refused_like_files(tmp_path: Path) -> None:
    catalog = make_catalog(tmp_path / "catalog")
    (lost, *_) = sorted((tmp_path / "catalog").rglob("*.tif"))
    lost.write_bytes(b"II*\0 cut short")
    report = classify_candidates(
        find_candidates(str(catalog), reach=Reach().and_named(str(catalog))),
        tmp_path / "labels.csv",
        asked=LABELS,
        cutting=CUTTING,
        embedder=EMBEDDER,
        choices=BulkChoices(paths="below"),
    )
    rows = table_of(tmp_path / "labels.csv")
    assert [6, 1] == [report.images, report.refused]
    (refused,) = [row for row in rows if row["refused"]]
    assert str(tmp_path) not in json.dumps(rows)
    assert all(row["datetime"].startswith("2024-06-") and row["wkt"] for row in rows[1:])
    assert refused["label"] == ""


def test_several_sources_keep_their_files_apart(tmp_path: Path) -> None:
    for name in ("2024", "2025"):
        (tmp_path / name).mkdir()
        png(tmp_path / name / "a.png")
    sources = [FolderScenes(tmp_path / name) for name in ("2024", "2025")]
    classify_candidates(
        SeveralCandidates(sources),
        tmp_path / "labels.csv",
        asked=LABELS,
        cutting=CUTTING,
        embedder=EMBEDDER,
        choices=BulkChoices(),
    )
    ids = [row["id"] for row in table_of(tmp_path / "labels.csv")]
    assert [str(tmp_path / name / "a.png") for name in ("2024", "2025")] == ids


def test_what_cannot_be_is_refused_before_any_image(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"labels\.docx"):
        run(folder, tmp_path / "labels.docx")
    with pytest.raises(InvalidRequest, match="template"):
        run(folder, tmp_path / "labels.csv", asked=replace(LABELS, templates=("none",)))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UnreadableImage, match="found none"):
        run(tmp_path / "nothing", tmp_path / "labels.csv")
    assert not (tmp_path / "labels.csv").exists()


def test_killed_again_and_again_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    done = _process("die_often", tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    killed, found = map(int, done.stdout.split())
    assert killed >= 6
    assert found > 0, "no kill came after a part was done"


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    done = _process("starve", tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    assert ["DiskFull"] * 2 == done.stdout.split()


def _process(verb: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), verb, str(home)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)


def test_workers_apart_write_the_same_table(folder: Path, tmp_path: Path) -> None:
    asked = {"folder": str(folder), "labels": ["a quarry", "a river"], "here": True, "chip_px": 64}
    settings = Settings(data_dir=tmp_path / "data", threads=1)
    here, apart = tmp_path / "here.csv", tmp_path / "apart.csv"
    classify_into(here, ClassifyHere.model_validate(asked), settings, lambda *_: None)
    more = {"executor": "local", "workers": 2}
    done: list[tuple[int, int]] = []
    report = classify_into(
        apart,
        ClassifyHere.model_validate(asked | more),
        settings,
        lambda one, all_, _: done.append((one, all_)),
    )
    assert here.read_bytes() == apart.read_bytes()
    assert report.refused == 2
    assert any(one == all_ > 0 for one, all_ in done)
    assert not work_folder(apart).exists()
