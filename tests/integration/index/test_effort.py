"""Effort is measured on a collection's own codes, kept beside them, mended where chips change."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import InvalidRequest, ModelMismatch
from satseek.index import CollectionSpec, PlanLimits, create_collection, open_collection
from satseek.index.costs import measure
from satseek.index.watching import Asked
from satseek.types import Chip, Filter, GridSpec, Recipe, Window

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index import Collection
    from satseek.types import Vectors

DIM = 64
ROWS = 6_000
MORE = 17_000
"""More than are scanned along with the codes, fewer than have codes learnt anew."""
LIMITS = PlanLimits(codes_from=1_000, exact_rows=100, matrix_bytes=0)

pytest.importorskip("faiss", reason="faiss is not on this machine: pip install 'satseek[faiss]'")


def unit(values: np.ndarray) -> Vectors:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def near(seed: int, n: int, *, around: int) -> Vectors:
    """Draw unit vectors around a direction, spread along sixteen others that belong to it."""
    rng = np.random.default_rng(around)
    direction, along = rng.standard_normal(DIM) * 2, rng.standard_normal((16, DIM)) / 4
    return unit(direction + np.random.default_rng(seed).standard_normal((n, 16)) @ along)


def chips(start: int, n: int) -> list[Chip]:
    return [
        Chip(
            id=f"s/{number}",
            scene_id="s",
            cell=f"{number}",
            scene_path="/s.tif",
            window=Window(column=0, row=0, width=8, height=8),
            footprint=None,
            datetime=None,
            valid_fraction=1.0,
        )
        for number in range(start, start + n)
    ]


def spec() -> CollectionSpec:
    return CollectionSpec(
        name="tuned",
        model_name="made-up",
        model_version="0" * 12,
        dim=DIM,
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
        min_valid=0.5,
    )


IMAGES = near(50, 40, around=1)
TEXTS = near(51, 40, around=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("effort") / "tuned"
    with create_collection(folder, spec(), limits=LIMITS) as collection:
        collection.add(chips(0, ROWS), near(0, ROWS, around=1))
        collection.prepare()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "tuned")


def opened(folder: Path) -> Collection:
    return open_collection(folder, mode="read", limits=LIMITS)


def candidates(collection: Collection, kind: str) -> int:
    found = collection.search(IMAGES[:1], k=10, kind=kind)  # type: ignore[arg-type]
    assert found.explanation is not None
    return found.explanation.candidates


def test_effort_is_measured_for_each_kind_and_outlives_the_process(folder: Path) -> None:
    with opened(folder) as collection:
        assert collection.tuning() is None
        untuned = candidates(collection, "text")
        found = collection.tune({"image": IMAGES, "text": TEXTS}, recall=0.9)
        assert found == collection.tuning()
        assert ("image" in found.kinds, "mixed" in found.kinds) == (True, False)
        assert all(found.reaches(kind) for kind in ("image", "text"))
        assert found.kinds["image"].queries == 40
    with opened(folder) as collection:
        assert found == collection.tuning()
        image, text, mixed = (candidates(collection, kind) for kind in ("image", "text", "mixed"))
    expected = {kind: 2 * (one.candidates // 2) for kind, one in found.kinds.items()}
    assert (expected["image"], expected["text"]) == (image, text)
    assert max(image, text) == mixed
    assert untuned == 640
    assert image < untuned


def test_what_was_tuned_is_reached(folder: Path) -> None:
    with opened(folder) as collection, collection.pinned() as pinned:
        collection.tune({"image": IMAGES}, recall=0.95)
        others = near(99, 100, around=1)
        asked = [Asked(query=one[None], k=10, where=Filter(), kind="image") for one in others]
        recalls = [pinned.compare(one) for one in asked]
    assert np.mean(recalls) >= 0.95


def test_other_processes_take_over_what_one_has_tuned(folder: Path) -> None:
    with opened(folder) as one, opened(folder) as other:
        one.tune({"image": IMAGES}, recall=0.9)
        first = candidates(other, "image")
        one.tune({"image": IMAGES}, recall=0.99)
        assert candidates(other, "image") > first
        assert one.tuning() == other.tuning()


def test_a_damaged_or_stale_file_is_done_without(folder: Path) -> None:
    with opened(folder) as collection:
        collection.tune({"image": IMAGES}, recall=0.9)
    file = folder / "tuning.json"
    written = file.read_bytes()
    file.write_bytes(written.replace(b'"wanted": 0.9', b'"wanted": 0.8'))
    with opened(folder) as collection:
        assert collection.tuning() is None
        assert 640 == candidates(collection, "image")
    file.write_bytes(written)
    (folder / "codes.bin").unlink()
    with open_collection(folder, mode="write", limits=LIMITS) as collection:
        collection.add(chips(ROWS, 10), near(7, 10, around=1))
        collection.prepare()  # learnt from other rows than were tuned for
        assert collection.tuning() is None


def test_in_a_read_only_folder_it_is_kept_in_memory(folder: Path) -> None:
    if os.geteuid() == 0:
        (folder / "tuning.json").mkdir()  # nothing can be written there, by root either
    else:
        folder.chmod(0o500)
    try:
        with opened(folder) as collection:
            found = collection.tune({"image": IMAGES}, recall=0.9)
            assert found == collection.tuning()
            assert candidates(collection, "image") < 640
    finally:
        folder.chmod(0o700)


def test_a_small_collection_compares_every_chip(tmp_path: Path) -> None:
    with create_collection(tmp_path / "small", spec()) as collection:
        collection.add(chips(0, 50), near(0, 50, around=1))
        found = collection.tune({"image": IMAGES})
        assert ("", 50, 1.0) == (
            found.codes, found.kinds["image"].candidates, found.kinds["image"].recall,
        )  # fmt: skip
        assert collection.tuning() is None
        assert not (tmp_path / "small" / "tuning.json").exists()


def test_queries_that_cannot_be_are_refused(folder: Path) -> None:
    with opened(folder) as collection:
        with pytest.raises(InvalidRequest, match="20 queries"):
            collection.tune({"image": IMAGES[:5]})
        with pytest.raises(ModelMismatch):
            collection.tune({"image": IMAGES[:, : DIM // 2]})


def test_every_search_explains_itself(folder: Path) -> None:
    with opened(folder) as collection:
        coded = collection.search(IMAGES[:2], k=10).explanation
        scanned = collection.search(IMAGES[:2], k=10, where=Filter(scene_ids=("x",))).explanation
        assert coded is not None
        assert scanned is not None
    assert (ROWS, ROWS, 640) == (coded.living, coded.passing, coded.candidates)
    assert [ROWS, ROWS] == [way.rows for way in coded.ways]
    assert coded.ways[0].expected_ms < coded.ways[1].expected_ms
    assert coded.ways[1].name == "exact scan"
    assert (ROWS, 0, 0) == (scanned.living, scanned.passing, scanned.candidates)
    assert ["exact scan"] == [way.name for way in scanned.ways]
    assert coded.search_ms > 0
    assert scanned.filter_ms > 0


def test_costs_are_measured_where_none_are_given(folder: Path) -> None:
    limits = PlanLimits(codes_from=1_000, exact_rows=100, matrix_bytes=0, costs=None)
    with open_collection(folder, mode="read", limits=limits) as collection:
        collection.prepare()
        kept = collection._reader.coding.kept
        assert kept is not None
        with collection.pinned() as pinned:
            costs = measure(pinned.view, kept[1])
            assert collection._reader.coding.costs(pinned.view, None).row_us > 0
    assert 0.001 < costs.code_us < costs.row_us < 1_000


def test_drift_is_seen_as_lost_recall_and_mended(folder: Path) -> None:
    others = near(3, MORE, around=4)
    with open_collection(folder, mode="write", limits=LIMITS) as collection:
        assert not collection.has_drifted()
        asked = [
            Asked(query=one[None], k=10, where=Filter(), kind="image")
            for one in near(60, 30, around=4)
        ]
        collection.add(chips(ROWS, MORE), others)
        collection.prepare()
        before = [collection.compare(one) for one in asked]
        assert np.mean(before) < 0.9
        assert collection.has_drifted()
        collection.raise_effort("image")
        raised = [collection.compare(one) for one in asked]
        assert np.mean(raised) > np.mean(before) + 0.02
        queries = np.concatenate([one.query for one in asked])
        assert collection.mend({"image": queries})
        after = [collection.compare(one) for one in asked]
        assert np.mean(after) >= 0.98
        assert not collection.has_drifted()
        tuning = collection.tuning()
        assert tuning is not None
        assert tuning.reaches("image")
        assert not collection.mend({})  # nothing is left to be mended
