"""Recipes through the real command line: named, of one's own, fitted; never mixed."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
import starting
from rasterio.transform import Affine

from satseek.imagery.named_recipes import NEWEST

if TYPE_CHECKING:
    from pathlib import Path

CONFLICT = 5


def satseek(*words: str | Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(data), *map(str, words)]
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of 16 bits: one of Sentinel-2 by its name, one of no known sensor."""
    folder = tmp_path_factory.mktemp("recipes") / "scenes"
    folder.mkdir()
    ramp = np.linspace(200, 4000, 256 * 256).reshape(1, 256, 256).astype(np.uint16)
    places = {"S2B_MSIL2A_20230111T121649_N0509_R066_T27PTS_x.tif": 0, "unknown.tif": 1}
    for name, number in places.items():
        place = Affine(10.0, 0.0, 500_000.0 + 2560 * number, 0.0, -10.0, 5_200_000.0)
        with rasterio.open(
            folder / name,
            "w",
            driver="GTiff",
            count=4,
            height=256,
            width=256,
            dtype="uint16",
            crs="EPSG:32633",
            transform=place,
            photometric="minisblack",
            alpha="no",
        ) as scene:
            scene.write(np.repeat(ramp * (number + 1), 4, axis=0))
            for band, text in enumerate(("B02", "B03", "B04", "B08"), 1):
                scene.set_band_description(band, text)
    return folder


def test_recipes_are_listed_and_shown(scenes: Path) -> None:
    data = scenes.parent / "data"
    listed = json.loads(satseek("recipe", "list", "--json", data=data).stdout)
    assert [one["recipe"]["name"] for one in listed] == list(NEWEST)
    shown = json.loads(satseek("recipe", "show", "landsat-c2-l2", data=data).stdout)
    assert (shown["scale"], shown["offset"], shown["mask"]) == (2.75e-05, -0.2, "qa_pixel")
    refused = satseek("recipe", "show", "best", data=data)
    assert (2, 1) == (refused.returncode, refused.stderr.count("\n"))


def test_auto_follows_what_a_scene_says_and_tells_it(scenes: Path) -> None:
    data = scenes.parent / "data"
    done = satseek("index", scenes, "-c", "auto", "--json", data=data)
    assert done.returncode == 0, done.stderr
    recipes = json.loads(done.stdout)["report"]["recipes"]
    assert {"sentinel2-l2a@1": 1, "auto@2": 1} == recipes
    older = satseek("index", scenes, "-c", "auto", "--recipe", "auto@1", data=data)
    assert older.returncode == CONFLICT
    assert "uses recipe auto@2, asked was auto@1" in older.stderr


def test_a_fitted_recipe_is_the_collections_own(scenes: Path) -> None:
    data, mine = scenes.parent / "data", scenes.parent / "mine.json"
    words = ("--name", "mine", "--bands", "red,B03,1", "--low", "0", "--high", "100")
    fitted = satseek("recipe", "fit", scenes, *words, data=data)
    assert fitted.returncode == 0, fitted.stderr
    mine.write_text(fitted.stdout, encoding="utf-8")
    cuts = json.loads(fitted.stdout)["cuts"]
    assert [[200.0, 8000.0]] * 3 == cuts
    assert "fitted to 2 scenes, 0 refused" in fitted.stderr

    done = satseek("index", scenes, "-c", "fitted", "--recipe", mine, data=data)
    assert done.returncode == 0, done.stderr
    assert "scenes by recipe: mine@1: 2" in done.stderr
    again = satseek("index", scenes, "-c", "fitted", "--recipe", mine, data=data)
    assert again.returncode == 0, again.stderr

    other = json.loads(fitted.stdout) | {"version": 2}
    mine.write_text(json.dumps(other), encoding="utf-8")
    refused = satseek("index", scenes, "-c", "fitted", "--recipe", mine, data=data)
    assert refused.returncode == CONFLICT
    assert "uses recipe mine@1, asked was mine@2; vectors of two recipes" in refused.stderr
    unchanged = satseek("index", scenes, "-c", "fitted", data=data)
    assert unchanged.returncode == 0, unchanged.stderr


def test_scenes_without_the_bands_are_named(scenes: Path) -> None:
    words = ("recipe", "fit", scenes, "--name", "mine", "--bands", "nir,red,green")
    fitted = satseek(*words, data=scenes.parent / "data")
    assert fitted.returncode == 0, fitted.stderr
    assert "fitted to 1 scenes, 1 refused" in fitted.stderr
    assert "unknown.tif: no band nir in 4 bands (B02, B03, B04, B08)" in fitted.stderr


def test_scenes_of_several_kinds_are_not_fitted_together(scenes: Path, tmp_path: Path) -> None:
    kinds = tmp_path / "kinds"
    kinds.mkdir()
    for path in scenes.glob("*.tif"):
        (kinds / path.name).write_bytes(path.read_bytes())
    with rasterio.open(
        kinds / "small.tif",
        "w",
        driver="GTiff",
        count=1,
        height=8,
        width=8,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(10.0, 0.0, 0.0, 0.0, -10.0, 80.0),
    ) as scene:
        scene.write(np.ones((1, 8, 8), np.uint8))
    done = satseek("recipe", "fit", kinds, "--name", "mine", data=tmp_path / "data")
    assert done.returncode == 2
    assert "scenes of several kinds" in done.stderr
