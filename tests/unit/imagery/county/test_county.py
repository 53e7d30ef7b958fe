import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.warp import transform

from satseek.errors import DamagedData, FolderNotFound, InvalidConfig, InvalidFilter
from satseek.imagery.county import (
    COVERS,
    GENERATOR_VERSION,
    OBJECTS,
    CountyManifest,
    Truth,
    dominant_class,
    make_county,
    read_manifest,
    read_truth,
    truth_objects,
    truth_shares,
)

SIZE = 768
MARGIN_M = 6  # what simplifying outlines beside a changed place may move
CHANGED = {"mine", "dense_housing", "flooded_fields"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("county")


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def county(folder: Path, steps: list[tuple[str, int, int]]) -> CountyManifest:
    def on_progress(stage: str, done: int, steps_in_all: int) -> None:
        steps.append((stage, done, steps_in_all))

    return make_county(folder, seed=0, width=SIZE, height=SIZE, on_progress=on_progress)


@pytest.fixture(scope="module")
def truths(folder: Path, county: CountyManifest) -> tuple[Truth, Truth]:
    before, after = (read_truth(folder / county.truth[date]) for date in county.dates)
    return before, after


def square(county: CountyManifest, column: int, row: int, side: int) -> dict[str, object]:
    """A footprint as chips carry it, from county pixels."""
    left, top = county.origin_m[0] + column, county.origin_m[1] - row
    east = [left, left + side, left + side, left, left]
    north = [top, top, top - side, top - side, top]
    lon, lat = transform(county.crs, "EPSG:4326", east, north)
    return {"type": "Polygon", "coordinates": [list(zip(lon, lat, strict=True))]}


def digests(county: CountyManifest) -> list[str]:
    return [scene.pixels_sha256 for scene in county.scenes]


def test_the_same_seed_gives_the_same_pixels_and_truth(
    folder: Path, county: CountyManifest, tmp_path: Path
) -> None:
    again = make_county(tmp_path, seed=0, width=SIZE, height=SIZE)
    assert county == again
    for path in county.truth.values():
        assert (folder / path).read_bytes() == (tmp_path / path).read_bytes()


def test_another_seed_gives_another_county_with_the_same_covers(
    county: CountyManifest, tmp_path: Path
) -> None:
    other = make_county(tmp_path, seed=1, width=SIZE, height=SIZE)
    assert set(digests(county)).isdisjoint(digests(other))
    assert county.covers == other.covers


def test_two_dates_of_four_scenes_are_written(folder: Path, county: CountyManifest) -> None:
    assert ("2024-06-02", "2025-08-27") == county.dates
    assert 8 == len(county.scenes)
    written = sorted(path.name for path in (folder / "scenes").iterdir())
    assert sorted(f"{scene.name}.tif" for scene in county.scenes) == written


def test_every_scene_is_a_cloud_optimised_geotiff(folder: Path, county: CountyManifest) -> None:
    for scene in county.scenes:
        with rasterio.open(folder / scene.path) as raster:
            assert "COG" == raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"]
            assert ("uint8",) * 3 == raster.dtypes
            assert "EPSG:32633" == raster.crs.to_string()
            assert (1.0, 1.0) == raster.res
            assert 0 == raster.nodata
            assert county.origin_m[0] + scene.left == raster.bounds.left
            assert county.origin_m[1] - scene.top == raster.bounds.top
            assert (scene.width, scene.height) == (raster.width, raster.height)


def test_scenes_carry_their_date_in_tag_and_name(folder: Path, county: CountyManifest) -> None:
    for scene in county.scenes:
        acquired = datetime.fromisoformat(scene.acquired)
        with rasterio.open(folder / scene.path) as raster:
            tag = raster.tags()["TIFFTAG_DATETIME"]
        assert f"{acquired:%Y:%m:%d %H:%M:%S}" == tag
        assert scene.name.endswith(f"_{acquired:%Y-%m-%d}")


def test_swaths_have_slanted_empty_edges_and_together_leave_little_out(
    folder: Path, county: CountyManifest
) -> None:
    seen = np.zeros((SIZE, SIZE), bool)
    for scene in county.scenes[:4]:
        with rasterio.open(folder / scene.path) as raster:
            valid = raster.dataset_mask() > 0
        assert not valid[0, 0]
        assert 0.8 < valid.mean() < 0.99
        part = seen[scene.top : scene.top + scene.height, scene.left : scene.left + scene.width]
        part |= valid
    assert seen[64:-64, 64:-64].all()


def test_valid_pixels_are_never_black(folder: Path, county: CountyManifest) -> None:
    with rasterio.open(folder / county.scenes[0].path) as raster:
        valid, pixels = raster.dataset_mask() > 0, raster.read()
    assert pixels.max(axis=0)[valid].min() > 0


def test_truth_covers_the_county_once(truths: tuple[Truth, Truth]) -> None:
    for truth in truths:
        areas = shapely.area(truth.cover_tree.geometries)
        assert SIZE * SIZE == pytest.approx(areas.sum(), rel=2e-3)
        whole = shapely.union_all(truth.cover_tree.geometries)
        assert areas.sum() == pytest.approx(whole.area, rel=2e-3)


def test_truth_has_every_cover_and_object(truths: tuple[Truth, Truth]) -> None:
    assert set(COVERS) == set(truths[0].covers) | set(truths[1].covers)
    # Swimming pools are rare: a county this small may have none.
    assert set(OBJECTS) - {"swimming_pool"} <= set(truths[1].kinds)
    assert set(truths[1].kinds) <= set(OBJECTS)


def test_mine_and_flood_appear_and_housing_grows(truths: tuple[Truth, Truth]) -> None:
    before, after = (ground_by_cover(truth) for truth in truths)
    assert "mine" not in before
    assert "flooded_fields" not in before
    assert after["mine"] > 0.003 * SIZE**2
    assert after["flooded_fields"] > 0.01 * SIZE**2
    assert after["dense_housing"] - before["dense_housing"] > 0.005 * SIZE**2


def test_nothing_else_changes(truths: tuple[Truth, Truth]) -> None:
    before, after = truths
    for cover, shape in zip(after.covers, after.cover_tree.geometries, strict=True):
        kept = shape.buffer(-MARGIN_M)
        if cover in CHANGED or kept.is_empty:
            continue
        same = [
            before.cover_tree.geometries[index]
            for index in before.cover_tree.query(shape, predicate="intersects")
            if before.covers[index] == cover
        ]
        assert shapely.union_all(same).buffer(MARGIN_M).covers(kept)


def ground_by_cover(truth: Truth) -> dict[str, float]:
    ground: dict[str, float] = {}
    for cover, shape in zip(truth.covers, truth.cover_tree.geometries, strict=True):
        ground[cover] = ground.get(cover, 0.0) + shape.area
    return ground


def test_shares_of_a_chip_sum_to_one_and_rank(
    county: CountyManifest, truths: tuple[Truth, Truth]
) -> None:
    for column in range(0, SIZE - 128, 160):
        footprint = square(county, column, 300, 128)
        shares = truth_shares(truths[0], footprint)
        assert 1.0 == pytest.approx(sum(shares.values()))
        assert sorted(shares.values(), reverse=True) == list(shares.values())
        assert next(iter(shares)) == dominant_class(truths[0], footprint)


def test_a_chip_over_the_border_counts_only_the_county(
    county: CountyManifest, truths: tuple[Truth, Truth]
) -> None:
    footprint = square(county, -64, 300, 128)
    assert 1.0 == pytest.approx(sum(truth_shares(truths[0], footprint).values()))


def test_a_chip_outside_the_county_has_no_truth(
    county: CountyManifest, truths: tuple[Truth, Truth]
) -> None:
    footprint = square(county, 5 * SIZE, 0, 128)
    assert {} == truth_shares(truths[0], footprint)
    assert {} == truth_objects(truths[0], footprint)
    assert None is dominant_class(truths[0], footprint)


def test_objects_are_counted_by_kind(county: CountyManifest, truths: tuple[Truth, Truth]) -> None:
    counts = truth_objects(truths[0], square(county, -10, -10, SIZE + 20))
    assert len(truths[0].kinds) == sum(counts.values())


def test_truth_is_geojson_in_degrees(folder: Path, county: CountyManifest) -> None:
    read = json.loads((folder / county.truth[county.dates[0]]).read_text(encoding="utf-8"))
    assert "FeatureCollection" == read["type"]
    west, south, east, north = shapely.from_geojson(json.dumps(read)).bounds
    assert 14 < west < east < 16
    assert 48 < south < north < 49


def test_the_manifest_can_be_read_back(folder: Path, county: CountyManifest) -> None:
    assert county == read_manifest(folder)
    assert GENERATOR_VERSION == county.generator_version


def test_progress_ends_at_its_total(
    county: CountyManifest, steps: list[tuple[str, int, int]]
) -> None:
    assert "scenes " + county.dates[-1] == steps[-1][0]
    assert list(range(1, steps[-1][2] + 1)) == [done for _, done, _ in steps]


@pytest.mark.parametrize(
    ("seed", "width", "height"), [(-1, SIZE, SIZE), (0, 100, SIZE), (0, SIZE, 99_999)]
)
def test_impossible_counties_are_refused(
    tmp_path: Path, seed: int, width: int, height: int
) -> None:
    with pytest.raises(InvalidConfig):
        make_county(tmp_path, seed=seed, width=width, height=height)
    assert [] == list(tmp_path.iterdir())


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match=str(tmp_path)):
        read_manifest(tmp_path)
    with pytest.raises(FolderNotFound, match=r"none\.geojson"):
        read_truth(tmp_path / "none.geojson")
    (tmp_path / "county.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DamagedData, match=r"county\.json"):
        read_manifest(tmp_path)
    (tmp_path / "bad.geojson").write_text('{"features": [1]}', encoding="utf-8")
    with pytest.raises(DamagedData, match=r"bad\.geojson"):
        read_truth(tmp_path / "bad.geojson")


def test_a_footprint_must_be_geojson(truths: tuple[Truth, Truth]) -> None:
    with pytest.raises(InvalidFilter):
        truth_shares(truths[0], {"type": "Square"})
