"""Maps are valid COGs that GDAL reads with their colours, names and places."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from satseek.errors import InvalidRequest
from satseek.export.areas import raster_area_by_class
from satseek.export.ground_map import GroundMap
from satseek.export.rasters import COLOURS, reprojected, write_cog

UTM = (2_560.0, 0.0, 512_000.0, 0.0, -2_560.0, 5_799_680.0)


def _classes(**more: Any) -> GroundMap:
    values = np.random.default_rng(3).integers(0, 3, (40, 60)).astype(np.uint8)
    values[0, 0] = 255
    given = {"values": values, "crs": "EPSG:32633", "transform": UTM, "nodata": 255}
    return GroundMap(**given | {"names": ("water", "forest 林", "built-up")} | more)


def _scores() -> GroundMap:
    values = np.random.default_rng(4).random((1_300, 1_100)).astype(np.float32)
    values[:20] = np.nan
    place = (10.0, 0.0, 512_000.0, 0.0, -10.0, 5_799_680.0)
    names = ("percentile",)
    nodata = float("nan")
    return GroundMap(values=values, crs="EPSG:32633", transform=place, nodata=nodata, names=names)


def _validate(path: Path) -> None:
    rio = Path(sys.executable).with_name("rio")
    if not rio.exists() or find_spec("rio_cogeo") is None:
        pytest.skip("rio cogeo is not on this machine: pip install 'satseek[gis]'")
    command = [rio, "cogeo", "validate", "--strict", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"{path} is a valid cloud optimized GeoTIFF" in done.stdout, done.stdout + done.stderr


def _gdalinfo(path: Path) -> dict[str, Any]:
    if shutil.which("gdalinfo") is None:
        pytest.skip("gdalinfo is not on this machine: apt-get install gdal-bin")
    done = subprocess.run(["gdalinfo", "-json", str(path)], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_class_map_keeps_its_values_colours_and_names(tmp_path: Path) -> None:
    path, ground = tmp_path / "classes.tif", _classes()
    write_cog(ground, path)
    _validate(path)
    with rasterio.open(path) as raster:
        assert (ground.values == raster.read(1)).all()
        assert ("EPSG:32633", 255, UTM) == (
            raster.crs.to_string(),
            raster.nodata,
            tuple(raster.transform)[:6],
        )
        colours = raster.colormap(1)
        assert [(*one, 255) for one in COLOURS[:3]] == [colours[at] for at in range(3)]
        assert (0, 0, 0, 0) == colours[255]
        assert "forest 林" == raster.tags(1)["CLASS_1"]
    (band,) = _gdalinfo(path)["bands"]
    assert "Palette" == band["colorInterpretation"]
    text = subprocess.run(["gdalinfo", str(path)], capture_output=True, text=True, check=True)
    assert "1: forest 林" in text.stdout
    assert ["classes.tif", "classes.tif.aux.xml"] == sorted(one.name for one in tmp_path.iterdir())


def test_own_colours_are_taken_and_must_be_enough(tmp_path: Path) -> None:
    own = [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    write_cog(_classes(), tmp_path / "a.tif", colours=own)
    with rasterio.open(tmp_path / "a.tif") as raster:
        assert (4, 5, 6, 255) == raster.colormap(1)[1]
    with pytest.raises(InvalidRequest, match="expected 3 colours, one a class, came 2"):
        write_cog(_classes(), tmp_path / "b.tif", colours=own[:2])
    assert not (tmp_path / "b.tif").exists()


def test_a_heat_map_has_overviews_statistics_and_a_name(tmp_path: Path) -> None:
    path, ground = tmp_path / "heat.tif", _scores()
    write_cog(ground, path)
    _validate(path)
    with rasterio.open(path) as raster:
        assert np.array_equal(ground.values, raster.read(1), equal_nan=True)
        assert ("float32", ("percentile",)) == (raster.dtypes[0], raster.descriptions)
        assert [2, 4] == raster.overviews(1)
        assert float(raster.tags(1)["STATISTICS_MAXIMUM"]) == pytest.approx(
            np.nanmax(ground.values)
        )
    assert ["heat.tif"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:3857", "EPSG:3035"])
def test_in_another_crs_a_map_lies_where_it_lay_and_is_as_large(crs: str, tmp_path: Path) -> None:
    path, ground = tmp_path / "classes.tif", _classes()
    write_cog(ground, path, crs=crs)
    _validate(path)
    before, after = raster_area_by_class(ground), raster_area_by_class(reprojected(ground, crs))
    assert before.keys() == after.keys()
    for name, area in before.items():
        assert after[name] == pytest.approx(area, rel=0.01)
    with rasterio.open(path) as raster:
        assert crs == raster.crs.to_string()
        middle = rasterio.warp.transform("EPSG:32633", crs, [600_320.0], [5_742_080.0])
        row, column = raster.index(middle[0][0], middle[1][0])
        assert ground.values[22, 34] == raster.read(1)[row, column]


def test_over_the_antimeridian_a_map_stays_in_one_piece() -> None:
    ground = _classes(crs="EPSG:32660", transform=(2_560.0, 0, 780_000.0, 0, -2_560.0, 300_000.0))
    moved = reprojected(ground, "EPSG:4326")
    west, width = moved.transform[2], moved.transform[0] * moved.values.shape[1]
    assert 179 < west < 180
    assert width < 2
    before, after = raster_area_by_class(ground), raster_area_by_class(moved)
    for name, area in before.items():
        assert after[name] == pytest.approx(area, rel=0.01)


def test_the_same_crs_changes_nothing() -> None:
    ground = _classes()
    assert reprojected(ground, "EPSG:32633") is ground


def test_what_is_no_crs_for_a_map_is_refused(tmp_path: Path) -> None:
    for crs in ("EPSG:4978", "nonsense"):
        with pytest.raises(InvalidRequest):
            write_cog(_classes(), tmp_path / "a.tif", crs=crs)
    assert [] == list(tmp_path.iterdir())
