"""``satseek map`` on a terminal: files that any GIS opens, and areas that add up."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
import serving
import starting

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("mapping")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    return home / "data"


def _satseek(data: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(data), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_heat_map_is_a_file_of_percentiles(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "heat.tif"
    done = _satseek(data, "map", "heat", "small", "a harbour", "--out", out, "--json")
    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)
    assert [6, 2, 12] == [told["width"], told["height"], told["cells"]]
    with rasterio.open(out) as raster:
        values = raster.read(1)
        assert ("EPSG:32633", (1280, 1280)) == (raster.crs.to_string(), raster.res)
        assert (512_000, 5_799_680) == (raster.bounds.left, raster.bounds.top)
    assert 0 <= values.min() < values.max() <= 100
    assert told["percentile_max"] == pytest.approx(float(values.max()))


def test_a_class_map_prints_the_area_of_each_class(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "classes.tif"
    words = ["--labels", "harbour, forest", "-l", "quarry", "--out", out]
    done = _satseek(data, "map", "classes", "small", *words, "--json")
    assert 0 == done.returncode, done.stderr
    areas = json.loads(done.stdout)["area_ha"]
    assert ["harbour", "forest", "quarry", "none of these"] == list(areas)
    # twelve cells of 1280 m; a UTM zone's scale near its middle is 0.9996
    assert 12 * 128**2 / 100 == pytest.approx(sum(areas.values()), rel=2e-3)
    with rasterio.open(out) as raster:
        assert set(np.unique(raster.read(1))) <= {0, 1, 2, 3}
    table = _satseek(data, "map", "classes", "small", *words, "--crs", "EPSG:4490").stdout
    assert "area (ha)" in table.splitlines()[0]
    with rasterio.open(out) as raster:
        assert "EPSG:4490" == raster.crs.to_string()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("heat", "none", "sea"), 3, "none"),
        (("heat", "small"), 2, "nothing to look for"),
        (("heat", "small", "sea", "--bbox", "1,2,3"), 2, "west,south,east,north"),
        (("heat", "small", "sea", "--bbox", "1,2,3,4"), 2, "no map"),
        (("heat", "small", "sea", "--area", "POLYGON(("), 2, "area"),
        (("classes", "small", "-l", "a,a"), 2, "labels must differ"),
        (("classes", "small", "-l", "a", "--template", "b"), 2, "prompt template"),
    ],
)
def test_what_cannot_be_is_one_line_and_no_file(
    data: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    out = tmp_path / "map.tif"
    done = _satseek(data, "map", *words, "--out", out)
    assert code == done.returncode, done.stderr
    assert said in done.stderr
    assert 1 == len(done.stderr.strip().splitlines())
    assert not out.exists()


@pytest.mark.parametrize("command", ["heat", "classes"])
def test_help_has_an_example_and_the_reference_names_it(data: Path, command: str) -> None:
    done = _satseek(data, "map", command, "--help")
    assert f"Example: satseek map {command}" in " ".join(done.stdout.split())
    assert f"`satseek map {command}" in REFERENCE.read_text(encoding="utf-8")
