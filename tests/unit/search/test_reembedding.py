"""A collection embedded again is the one that indexing with the new model would have made."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from gated import wait_until
from othertower import DIM as OTHER_DIM
from othertower import OTHER, TWIN, CornerEngine, TwinEngine
from rasterio import Affine
from serving import make_scenes
from towers import CARD, ColourEngine, make_tokenizer
from towers import DIM as COLOUR_DIM

from satseek.embed.embedder import Embedder
from satseek.errors import Conflict, DamagedData, ModelMismatch
from satseek.imagery.recipes import recipe_named
from satseek.index import (
    Collection,
    CollectionSpec,
    PlanLimits,
    create_collection,
    open_collection,
)
from satseek.search import reembedding
from satseek.search.indexing import index_folder
from satseek.search.reembedding import (
    ReembedChoices,
    ReembedProgress,
    ReembedReport,
    reembed_collection,
)
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOKENIZER = make_tokenizer()
COLOURS = Embedder(ColourEngine(), TOKENIZER)
CORNERS = Embedder(CornerEngine(), TOKENIZER)
TWINS = Embedder(TwinEngine(), TOKENIZER)
SPEC = CollectionSpec(
    name="again",
    model_name=CARD.name,
    model_version=CARD.version,
    dim=CARD.dim,
    recipe=recipe_named("percentile16"),
    grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
    min_valid=0.5,
)
BATCH = 8
ALL = 192
"""Chips of ``make_scenes`` under that grid."""


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return make_scenes(tmp_path / "scenes")


@pytest.fixture
def collection(tmp_path: Path, scenes: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "again", SPEC, rows_per_segment=50) as made:
        index_folder(scenes, collection=made, embedder=COLOURS)
        yield made


@pytest.fixture
def fresh(tmp_path: Path, scenes: Path) -> Callable[..., str]:
    """Digest of what indexing with the new model makes."""

    def indexed(**changes: object) -> str:
        spec = replace(SPEC, model_name=OTHER.name, model_version=OTHER.version, dim=OTHER_DIM)
        spec = replace(spec, **changes)  # type: ignore[arg-type]
        with create_collection(tmp_path / "fresh", spec) as made:
            index_folder(scenes, collection=made, embedder=CORNERS)
            return made.digest()

    return indexed


def reembedded(
    collection: Collection,
    embedder: Embedder = CORNERS,
    *,
    former: Embedder | None = COLOURS,
    on_progress: Callable[[ReembedProgress], None] = lambda _: None,
    **choices: object,
) -> ReembedReport:
    return reembed_collection(
        collection,
        embedder=embedder,
        former=former,
        choices=ReembedChoices(**choices),  # type: ignore[arg-type]
        batch=BATCH,
        on_progress=on_progress,
    )


class Stopped(Exception):
    """Somebody pulled the plug."""


def stop_after(chips: int) -> Callable[[ReembedProgress], None]:
    def on_progress(progress: ReembedProgress) -> None:
        if progress.embedded >= chips:
            raise Stopped

    return on_progress


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reembedding, "COMMIT_CHIPS", 16)


GRIDS = {
    "of the scenes": SPEC.grid,
    "warped": GridSpec(crs="EPSG:3857", chip_px=64, stride_px=48, pixel_size=9.0),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_it_ends_as_if_indexed_with_the_new_model(
    grid: GridSpec, tmp_path: Path, scenes: Path, fresh: Callable[..., str]
) -> None:
    with create_collection(tmp_path / "again", replace(SPEC, grid=grid)) as collection:
        index_folder(scenes, collection=collection, embedder=COLOURS)
        chips = len(collection)
        report = reembedded(collection)
        assert ("switched", chips, chips) == (report.outcome, report.chips, report.embedded)
        assert (OTHER.name, OTHER.version) == collection.model
        assert collection.spec.dim == OTHER_DIM
        assert fresh(grid=grid) == collection.digest()
        assert collection.verify() == []
        assert collection.pending() is None
        again = index_folder(scenes, collection=collection, embedder=CORNERS)
        assert (again.unchanged, again.chips_added) == (3, 0)
    with open_collection(tmp_path / "again", mode="read") as opened:
        assert opened.spec.dim == OTHER_DIM
        assert [path.name for path in sorted((tmp_path / "again").glob("segments*"))] == [
            "segments-1"
        ]


def test_a_reader_goes_over_with_its_next_question(collection: Collection) -> None:
    with open_collection(collection.folder, mode="read") as reader:
        before = reader.vectors([0])
        reembedded(collection)
        with pytest.raises(ModelMismatch, match=f"{OTHER_DIM} numbers"):
            reader.search(before, k=3)
        after = reader.vectors([0])
        assert (COLOUR_DIM, OTHER_DIM) == (before.shape[1], after.shape[1])
        assert reader.search(after, k=3).rows[0, 0] == 0


def _search_on(reader: Collection, stop: threading.Event, models: set[tuple[str, str]]) -> None:
    """Ask every chip for itself until stopped; adds the models that answered."""
    while not stop.is_set():
        with reader.pinned() as pinned:
            rows = np.arange(0, ALL, 17)
            found = pinned.search(pinned.vectors(rows), k=1)
            assert (found.cosines > 0.9999).all()
            assert [chip.id for chip in pinned.chips(rows)] == [
                chip.id for chip in pinned.chips(found.rows[:, 0])
            ]
            assert pinned.sample(3).shape == (3, pinned.spec.dim)
            models.add(pinned.model)


LIMITS = {
    "in memory": PlanLimits(),
    "from segments": PlanLimits(matrix_bytes=0),
    "by codes": PlanLimits(matrix_bytes=0, codes_from=1, exact_rows=0),
}


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_searches_go_on_through_switches_and_never_mix(
    collection: Collection, limits: PlanLimits
) -> None:
    stop = threading.Event()
    seen: tuple[set[tuple[str, str]], ...] = (set(), set())
    with (
        open_collection(collection.folder, mode="read", limits=limits) as reader,
        ThreadPoolExecutor(2) as pool,
    ):
        searching = [pool.submit(_search_on, reader, stop, models) for models in seen]
        try:
            wait_until(lambda: all(seen) or any(one.done() for one in searching))
            for former, embedder in ((COLOURS, CORNERS), (CORNERS, COLOURS), (COLOURS, CORNERS)):
                report = reembedded(collection, embedder, former=former)
                assert report.outcome == "switched"
            wait_until(lambda: min(map(len, seen)) > 1 or any(one.done() for one in searching))
        finally:
            stop.set()
        for one in searching:
            one.result()
    for models in seen:
        assert {(CARD.name, CARD.version), (OTHER.name, OTHER.version)} == models


@pytest.mark.parametrize("matrix_bytes", [0, 2**20])
def test_what_began_on_the_old_vectors_ends_on_them(
    collection: Collection, matrix_bytes: int
) -> None:
    limits = PlanLimits(matrix_bytes=matrix_bytes)
    with open_collection(collection.folder, mode="read", limits=limits) as reader:
        query = reader.vectors([7])
        expected = reader.search(query, k=20)
        with reader.pinned() as pinned:
            assert reembedded(collection).outcome == "switched"
            found = pinned.search(query, k=20)
            np.testing.assert_array_equal(expected.rows, found.rows)
            np.testing.assert_array_equal(expected.cosines, found.cosines)
            assert pinned.sample(5).shape == (5, COLOUR_DIM)
            assert (CARD.name, CARD.version) == pinned.model
        assert (OTHER.name, OTHER.version) == reader.model


def test_a_snapshot_older_than_the_switch_is_taken_anew(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_collection(collection.folder, mode="read") as reader:
        connections = reader._reader.connections
        reader._reader._view = None  # as if nothing had been asked yet
        snapshot = connections.snapshot
        with snapshot() as older:
            older.execute("SELECT generation FROM collection").fetchone()
            reembedded(collection)
            lend = iter([nullcontext(older)])
            monkeypatch.setattr(connections, "snapshot", lambda: next(lend, None) or snapshot())
            assert reader.sample(2).shape == (2, OTHER_DIM)


def test_the_same_vectors_overlap_wholly(collection: Collection) -> None:
    report = reembedded(collection, TWINS, k=5, sample=50, min_overlap=1.0)
    assert report.outcome == "switched"
    assert report.images is not None
    assert report.texts is not None
    assert (1.0, 1.0, 5, 50) == (
        report.images.mean, report.images.low, report.images.k, report.images.queries,
    )  # fmt: skip
    assert (1.0, 1.0, 50) == (report.texts.mean, report.texts.low, report.texts.queries)


def test_overlap_is_the_share_of_common_hits(collection: Collection) -> None:
    rows = np.arange(ALL)
    old = collection.vectors(rows)
    report = reembedded(collection, k=10, sample=ALL)
    new = collection.vectors(rows)
    shares = []
    for row in rows:
        tops = []
        for vectors in (old, new):
            cosines = vectors @ vectors[row]
            cosines[row] = -2
            tops.append(set(np.argsort(-cosines)[:10]))
        shares.append(len(tops[0] & tops[1]) / 10)
    assert report.images is not None
    assert report.images.mean == pytest.approx(np.mean(shares), abs=0.005)
    assert report.images.low == pytest.approx(np.quantile(shares, 0.1), abs=0.05)
    assert 0 < report.images.mean < 1


def test_without_the_old_model_texts_are_not_compared(collection: Collection) -> None:
    report = reembedded(collection, former=None)
    assert (report.outcome, report.texts) == ("switched", None)


def test_a_comparison_with_a_model_that_is_not_in_use_is_refused(collection: Collection) -> None:
    with pytest.raises(ModelMismatch, match=f"{CARD.name}@.*came {TWIN.name}@"):
        reembedded(collection, former=TWINS)


def test_too_little_overlap_leaves_the_old_vectors(collection: Collection) -> None:
    before = collection.digest()
    report = reembedded(collection, min_overlap=0.999)
    assert ("below overlap", before) == (report.outcome, collection.digest())
    assert (CARD.name, CARD.version) == collection.model
    again = reembedded(collection, min_overlap=0.0)
    assert (again.outcome, again.embedded) == ("switched", 0)


def test_a_missing_scene_is_named_before_any_work(collection: Collection, scenes: Path) -> None:
    before = collection.digest()
    away = scenes / "2024-08-17 scene.tif"
    content, times = away.read_bytes(), (away.stat().st_atime_ns, away.stat().st_mtime_ns)
    away.unlink()
    report = reembedded(collection)
    assert (report.outcome, report.embedded) == ("scenes lost", 0)
    assert [(away.name, 64)] == [(loss.scene_id, loss.chips) for loss in report.losses]
    assert before == collection.digest()
    away.write_bytes(content)
    os.utime(away, ns=times)
    report = reembedded(collection)
    assert (report.outcome, report.embedded, report.losses) == ("switched", ALL, ())


def test_unreadable_scenes_are_dropped_knowingly_and_indexed_again_later(
    collection: Collection, scenes: Path, fresh: Callable[..., str]
) -> None:
    away = scenes / "2024-08-17 scene.tif"
    away.rename(scenes.parent / "away.tif")
    report = reembedded(collection, lost="drop")
    assert (report.outcome, report.embedded, report.chips) == ("switched", 128, 128)
    assert away.name in {refusal.path for refusal in collection.refusals()}
    assert away.name not in {scene.id for scene in collection.scenes()}
    assert collection.verify() == []
    (scenes.parent / "away.tif").rename(away)
    assert index_folder(scenes, collection=collection, embedder=CORNERS).chips_added == 64
    assert fresh() == collection.digest()


def test_a_changed_scene_is_lost_until_it_is_indexed_again(
    collection: Collection, scenes: Path
) -> None:
    shutil.copy(scenes / "2025-02-11 scene.tif", scenes / "2024-05-03 scene.tif")
    report = reembedded(collection)
    assert report.outcome == "scenes lost"
    assert "changed since it was indexed" in report.losses[0].reason
    index_folder(scenes, collection=collection, embedder=COLOURS)
    assert (reembedded(collection).outcome, len(collection)) == ("switched", ALL)
    assert collection.verify() == []


def test_a_scene_lost_half_way_that_comes_back_is_embedded_after_all(
    collection: Collection,
    scenes: Path,
    fresh: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reembedding, "COMMIT_CHIPS", 24)
    away = scenes / "2024-08-17 scene.tif"
    away.rename(scenes.parent / "away.tif")
    with pytest.raises(Stopped):
        reembedded(collection, lost="drop", on_progress=stop_after(90))
    pending = collection.pending()
    assert pending is not None
    assert pending.next_row > 128  # behind the chips that were lost
    (scenes.parent / "away.tif").rename(away)
    report = reembedded(collection)
    # back to the block of its first chip, row 64, which begins with the second file of 50 rows
    assert (report.outcome, report.embedded, report.losses) == ("switched", ALL - 50, ())
    assert fresh() == collection.digest()


def test_chips_without_a_record_of_their_scene_are_lost(collection: Collection) -> None:
    (chip,) = collection.chips([0])
    stray = replace(chip, id="stray/1", scene_id="stray")
    collection.add([stray], collection.vectors([0]))
    report = reembedded(collection)
    assert [("stray", 1, "the collection has no record of this scene")] == [
        (loss.scene_id, loss.chips, loss.reason) for loss in report.losses
    ]
    assert (reembedded(collection, lost="drop").outcome, len(collection)) == ("switched", ALL)


def _squeezed_scene(path: Path) -> Path:
    """Write a compressed scene, which can be damaged behind the back of its digest."""
    noise = np.random.default_rng(3).integers(0, 255, (3, 512, 512), dtype=np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", width=512, height=512, count=3, dtype="uint8", crs="EPSG:32633",
        transform=Affine(5, 0, 540_160, 0, -5, 5_799_680), compress="deflate", photometric="RGB",
    ) as raster:  # fmt: skip
        raster.write(noise)
    return path


def _flip(path: Path) -> None:
    """Damage pixels, not the header; leave size and time as they were."""
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)
    os.utime(path, ns=times)


@pytest.mark.usefixtures("often")
def test_a_scene_damaged_in_its_middle_is_lost_as_a_whole(
    collection: Collection, scenes: Path, fresh: Callable[..., str]
) -> None:
    squeezed = _squeezed_scene(scenes / "squeezed.tif")
    _squeezed_scene(scenes / "whole.tif")
    assert index_folder(scenes, collection=collection, embedder=COLOURS).chips_added == 128
    _flip(squeezed)
    first = reembedded(collection)
    assert (first.outcome, [loss.scene_id for loss in first.losses]) == (
        "scenes lost", [squeezed.name],
    )  # fmt: skip
    assert ALL + 64 <= first.embedded < ALL + 128
    assert (CARD.name, CARD.version) == collection.model
    second = reembedded(collection, lost="drop")  # which does not try again what cannot be read
    assert (second.outcome, second.embedded, second.chips) == ("switched", 0, ALL + 64)
    squeezed.unlink()
    assert fresh() == collection.digest()


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("chips", [1, 40, 90, ALL])
def test_stopped_anywhere_it_goes_on_and_ends_the_same(
    collection: Collection, fresh: Callable[..., str], chips: int
) -> None:
    before = collection.digest()
    with pytest.raises(Stopped):
        reembedded(collection, on_progress=stop_after(chips))
    assert before == collection.digest()
    assert collection.verify() == []
    pending = collection.pending()
    assert pending is not None
    batches = -(-chips // BATCH) * BATCH
    assert (OTHER.name, batches // 16 * 16) == (pending.model_name, pending.next_row)
    report = reembedded(collection)
    assert (report.outcome, report.embedded) == ("switched", ALL - pending.next_row)
    assert fresh() == collection.digest()


@pytest.mark.usefixtures("often")
def test_scenes_indexed_between_two_runs_are_embedded_too(
    collection: Collection, scenes: Path, fresh: Callable[..., str]
) -> None:
    with pytest.raises(Stopped):
        reembedded(collection, on_progress=stop_after(100))
    _squeezed_scene(scenes / "squeezed.tif")
    (scenes / "2025-02-11 scene.tif").unlink()
    collection.remove_scenes(["2025-02-11 scene.tif"])
    index_folder(scenes, collection=collection, embedder=COLOURS)
    assert reembedded(collection).outcome == "switched"
    assert fresh() == collection.digest()


@pytest.mark.usefixtures("often")
def test_another_target_is_refused_until_the_first_is_thrown_away(collection: Collection) -> None:
    with pytest.raises(Stopped):
        reembedded(collection, on_progress=stop_after(50))
    with pytest.raises(Conflict, match=f"{OTHER.name}@{OTHER.version} beside.*--restart"):
        reembedded(collection, TWINS)
    report = reembedded(collection, TWINS, begun="restart")
    assert (report.outcome, report.embedded) == ("switched", ALL)
    assert (TWIN.name, TWIN.version) == collection.model


def test_the_model_in_use_needs_no_work(collection: Collection) -> None:
    generation = collection.generation
    report = reembedded(collection, COLOURS)
    assert (report.outcome, report.embedded) == ("same model", 0)
    assert (generation, None) == (collection.generation, collection.pending())


def test_kept_vectors_are_gone_back_to_without_embedding(collection: Collection) -> None:
    before = collection.digest()
    assert reembedded(collection, old="keep").outcome == "switched"
    kept = collection.pending()
    assert kept is not None
    assert (kept.kept, kept.finished, kept.model_name) == (True, True, CARD.name)
    assert collection.verify() == []
    report = reembedded(collection, COLOURS, former=CORNERS)
    assert (report.outcome, report.embedded) == ("switched", 0)
    assert before == collection.digest()
    collection.close()
    with open_collection(collection.folder, mode="write") as opened:
        assert before == opened.digest()
        assert ["segments"] == [path.name for path in opened.folder.glob("segments*")]
        reembedded(opened)  # no number is given twice
        assert ["segments-2"] == [path.name for path in opened.folder.glob("segments*")]


def test_damaged_new_vectors_are_listed_and_never_put_into_place(collection: Collection) -> None:
    reembedded(collection, min_overlap=1.0)
    victim = min((collection.folder / "segments-1").iterdir())
    content = bytearray(victim.read_bytes())
    content[5] ^= 1
    victim.write_bytes(content)
    assert "segments-1" in "".join(collection.verify())
    with pytest.raises(DamagedData, match="segments-1"):
        reembedded(collection)
    victim.write_bytes(content[:-1])
    assert "segments-1" in "".join(collection.verify())
    with pytest.raises(DamagedData, match="segments-1"):
        reembedded(collection)
    assert (CARD.name, CARD.version) == collection.model
    assert reembedded(collection, begun="restart").embedded == ALL
    assert collection.verify() == []


def test_codes_of_the_old_vectors_are_not_used_for_the_new(
    collection: Collection, scenes: Path
) -> None:
    pytest.importorskip("faiss", reason="pip install 'satseek[faiss]'")
    collection.close()
    limits = PlanLimits(codes_from=1, exact_rows=0, matrix_bytes=0)
    with (
        open_collection(collection.folder, mode="write", limits=limits) as opened,
        open_collection(collection.folder, mode="read", limits=limits) as reader,
    ):
        index_folder(scenes, collection=opened, embedder=COLOURS)
        assert (opened.folder / "codes.bin").is_file()
        reader.prepare()
        reembedded(opened)
        assert ["codes-1.bin"] == [path.name for path in opened.folder.glob("codes*")]
        for one in (opened, reader):
            one.prepare()
            kept = one._reader.coding.kept
            assert kept is not None
            assert (1, f"PQ{OTHER_DIM // 2}x4fs") == (kept[0], kept[1].name)
