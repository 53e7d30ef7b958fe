"""Pictures of findings: the same ground at both dates, kept for good, whatever became of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio import Affine
from rasterio.warp import transform, transform_bounds

from satseek.assemble import Assembly, Layout
from satseek.errors import ChipNotFound, DamagedData, NotFound
from satseek.monitor.findings.pictures import Pictures, evidence_of
from satseek.monitor.findings.surrounding import EDGE, LEAST_M, MERCATOR, frame_around
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.index.collection import Collection
    from satseek.types import GeoJSON

UTM = "EPSG:32633"
LEFT, TOP, PIXEL, SIDE = 512_000.0, 5_799_680.0, 10.0, 128
MIDDLE = LEFT + SIDE * PIXEL / 2
RED, BLUE = (200, 30, 30), (30, 30, 200)


def write_scene(folder: Path, name: str, crs: str, *, west: float = LEFT) -> None:
    """Red west of the middle, blue east of it, whatever the CRS that it lies in."""
    left, bottom, right, top = transform_bounds(
        UTM, crs, west, TOP - SIDE * PIXEL, west + SIDE * PIXEL, TOP, densify_pts=21
    )
    place = Affine(PIXEL, 0, left, 0, -PIXEL, top)
    width, height = round((right - left) / PIXEL), round((top - bottom) / PIXEL)
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    xs, _ = transform(crs, UTM, left + PIXEL * columns.ravel(), top - PIXEL * rows.ravel())
    is_west = np.array(xs).reshape(height, width) < MIDDLE
    samples = np.where(is_west[..., None], RED, BLUE).astype(np.uint8)
    options = {"driver": "GTiff", "count": 3, "dtype": "uint8", "crs": crs, "transform": place}
    with rasterio.open(folder / name, "w", width=width, height=height, **options) as file:
        file.write(samples.transpose(2, 0, 1))


def box(left: float, bottom: float, right: float, top: float) -> GeoJSON:
    west, south, east, north = transform_bounds(UTM, "EPSG:4326", left, bottom, right, top)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictured")
    scenes = folder / "scenes"
    scenes.mkdir()
    write_scene(scenes, "2024-06-02 before.tif", UTM)
    write_scene(scenes, "2024-06-02 beside.tif", UTM, west=LEFT + SIDE * PIXEL)
    write_scene(scenes, "2024-07-04 after.tif", "EPSG:32632")  # the zone beside it: turned
    return folder


@pytest.fixture(scope="module")
def collection(home: Path) -> Iterator[Collection]:
    parts = Assembly(Settings(data_dir=home / "data", model="starter"))
    grid = GridSpec(crs=UTM, chip_px=64, stride_px=64, pixel_size=PIXEL)
    with parts.writer("two", Layout(grid=grid)) as target:
        index_folder(home / "scenes", collection=target, embedder=parts.embedder, batch=parts.batch)
        yield target
    parts.close()


def chips_of(collection: Collection) -> dict[str, str]:
    """One chip of each date, of the same cell."""
    chips = collection.chips(range(len(collection)))
    both = [chip.cell for chip in chips if "before" in chip.scene_id]
    (first, *_) = [one for one in chips if "after" in one.scene_id and one.cell in both]
    (before,) = [one for one in chips if "before" in one.scene_id and one.cell == first.cell]
    return {"before": before.id, "after": first.id}


def pixels(pictures: Pictures, digest: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(pictures.path(digest)))


def noise(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (32, 48, 3), dtype=np.uint8)


def test_a_picture_is_kept_under_what_is_in_it(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    digest = pictures.keep(noise())
    assert hashlib.sha256(pictures.read(digest)).hexdigest() == digest
    assert np.array_equal(pixels(pictures, digest), noise())
    assert pictures.keep(noise()) == digest
    assert pictures.keep(noise(1)) != digest
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 2


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64])
def test_a_picture_that_is_not_there_is_told(tmp_path: Path, digest: str) -> None:
    with pytest.raises(NotFound):
        Pictures(tmp_path).read(digest)


def test_a_picture_that_was_altered_is_told(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    path = pictures.path(pictures.keep(noise()))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedData, match="not what was written"):
        pictures.read(path.stem)


def test_both_dates_show_the_same_ground(collection: Collection, tmp_path: Path) -> None:
    pictures, chips = Pictures(tmp_path), chips_of(collection)
    around = box(MIDDLE - 100, TOP - 740, MIDDLE + 100, TOP - 540)
    kept = [
        evidence_of(chips[side], side, collection=collection, pictures=pictures, around=around)
        for side in ("before", "after")
    ]
    before, after = (pixels(pictures, one.picture).astype(int) for one in kept)
    assert before.shape == after.shape == (EDGE, EDGE, 3)
    middle = EDGE // 2
    assert np.abs(before - after)[:, : middle - 8].max() <= 2
    assert np.abs(before - after)[:, middle + 8 :].max() <= 2
    assert np.abs(before[middle, middle - 20] - RED).max() <= 2
    assert np.abs(before[middle, middle + 20] - BLUE).max() <= 2
    assert kept[0].bounds == kept[1].bounds
    assert [one.datetime and f"{one.datetime:%m-%d}" for one in kept] == ["06-02", "07-04"]
    assert [one.chip_id for one in kept] == [chips["before"], chips["after"]]


def test_scenes_of_the_same_day_go_on_where_one_ends(
    collection: Collection, tmp_path: Path
) -> None:
    pictures, chips = Pictures(tmp_path), chips_of(collection)
    border = LEFT + SIDE * PIXEL
    around = box(border - 100, TOP - 740, border + 100, TOP - 540)
    before, after = (
        pixels(
            pictures,
            evidence_of(
                chips[side], side, collection=collection, pictures=pictures, around=around
            ).picture,
        ).astype(int)
        for side in ("before", "after")
    )
    assert np.abs(before - BLUE).max() <= 2
    middle = EDGE // 2
    assert np.abs(after[:, : middle - 16] - BLUE).max() <= 2
    beyond = after[:, middle + 80 :]  # turned, that scene goes on a little
    assert {208, 232} == set(np.unique(beyond).tolist())
    assert (beyond[..., 0] == beyond[..., 2]).all()


def test_without_a_footprint_the_chip_is_shown(collection: Collection, tmp_path: Path) -> None:
    pictures = Pictures(tmp_path)
    kept = evidence_of(
        chips_of(collection)["before"], "before", collection=collection, pictures=pictures
    )
    assert pixels(pictures, kept.picture).shape == (64, 64, 3)
    assert kept.bounds is None


def test_evidence_without_its_scene_has_no_picture(
    collection: Collection, home: Path, tmp_path: Path
) -> None:
    chips, pictures = chips_of(collection), Pictures(tmp_path)
    path = home / "scenes" / "2024-07-04 after.tif"
    aside = path.rename(path.with_suffix(".aside"))
    try:
        kept = evidence_of(chips["after"], "after", collection=collection, pictures=pictures)
    finally:
        aside.rename(path)
    assert (kept.picture, kept.bounds, kept.chip_id) == ("", None, chips["after"])
    assert not list(tmp_path.iterdir())


def test_a_scene_that_was_replaced_is_not_shown_as_what_was_found(
    collection: Collection, home: Path, tmp_path: Path
) -> None:
    chips, pictures = chips_of(collection), Pictures(tmp_path)
    path = home / "scenes" / "2024-07-04 after.tif"
    aside = path.rename(path.with_suffix(".aside"))
    try:
        write_scene(path.parent, path.name, UTM)
        kept = evidence_of(chips["after"], "after", collection=collection, pictures=pictures)
    finally:
        aside.rename(path)
    assert (kept.picture, kept.scene) == ("", chips["after"].rpartition("/")[0])


def test_evidence_of_no_chip_is_refused(collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(ChipNotFound):
        evidence_of("none/0_0", "after", collection=collection, pictures=Pictures(tmp_path))


def test_a_frame_has_the_footprint_in_its_middle() -> None:
    around = box(MIDDLE - 1000, TOP - 500, MIDDLE + 1000, TOP)
    found = frame_around(around)
    assert found is not None
    xs, _ = zip(*around["coordinates"][0], strict=True)
    west, south, east, north = found.bounds
    assert (west + east) / 2 == pytest.approx((min(xs) + max(xs)) / 2, abs=1e-9)
    assert (north - south) / (east - west) == pytest.approx(np.cos(np.radians(52.3)), rel=0.01)
    assert (max(xs) - min(xs)) / (east - west) == pytest.approx(0.5, rel=0.01)
    assert found.view.crs == MERCATOR


def test_a_frame_is_never_too_narrow_to_see_anything() -> None:
    found = frame_around(box(MIDDLE, TOP - 1, MIDDLE + 1, TOP))
    assert found is not None
    assert found.view.transform[0] * EDGE == pytest.approx(LEAST_M)


@pytest.mark.parametrize("sides", [(-180.0, 0.0, 180.0, 1.0), (10.0, 84.9, 10.1, 85.2)])
def test_there_is_no_frame_at_a_pole_or_the_antimeridian(sides: tuple[Any, ...]) -> None:
    west, south, east, north = sides
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    assert frame_around({"type": "Polygon", "coordinates": [ring]}) is None
