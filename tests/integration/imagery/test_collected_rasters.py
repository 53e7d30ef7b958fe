"""Collected files are read or refused as their manifest says; what is of a pair or series meets."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from satseek.errors import UnreadableImage
from satseek.imagery.chips import ReadChip, plan_chips, read_chips
from satseek.imagery.decode import decode_image
from satseek.imagery.ground import scene_footprint
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene, find_scenes
from satseek.types import GridSpec, Scene

FOLDER = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the collected imagery (../shared/data) is not here"
)
GRID = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    scene: Scene
    cells: list[ReadChip]

    @property
    def chips(self) -> list[ReadChip]:
        return [cell for cell in self.cells if cell.chip is not None]


def rows(manifest: str) -> list[dict[str, str]]:
    path = FOLDER / manifest
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def outcome(path: Path, *, root: Path, min_valid: float = 0.1, grid: GridSpec = GRID) -> Outcome:
    scene = describe_scene(path, root=root)
    plan = plan_chips(scene, grid=grid)
    stretch = stretch_of(scene, recipe_named("auto"))
    cells = list(read_chips(scene, plan=plan, stretch=stretch, min_valid=min_valid))
    assert len(plan) == len(cells)
    return Outcome(scene=scene, cells=cells)


@pytest.mark.parametrize("row", rows("malformed/manifest.csv"), ids=lambda row: row["file"][:30])
def test_malformed_files_meet_their_manifest(row: dict[str, str]) -> None:
    path = FOLDER / "malformed" / row["file"]
    if not path.is_file():
        pytest.skip(f"{path.name} is named in the manifest and not kept on disk")
    expected = row["expected"]
    if expected.startswith("reject") and "accept" not in expected:
        with pytest.raises(UnreadableImage) as caught:
            outcome(path, root=path.parent)
        assert path.name in str(caught.value)
        return
    try:
        found = outcome(path, root=path.parent)
    except UnreadableImage:
        assert "reject" in expected
        return
    assert found.chips


def test_malformed_details() -> None:
    folder = FOLDER / "malformed"

    def decoded(name: str) -> tuple[tuple[int, ...], float]:
        image = decode_image((folder / name).read_bytes(), name=name)
        return image.pixels.shape, image.valid_fraction

    assert decoded("rgba_mostly_transparent.png") == ((256, 256, 3), pytest.approx(0.25, abs=0.01))
    assert decoded("half_nan.tif") == ((256, 256, 3), pytest.approx(0.5, abs=0.01))
    assert decoded("exif_rot90.jpg")[0] == (300, 200, 3)
    assert decoded("strip_700x8.png")[0] == (8, 700, 3)
    gray = decode_image((folder / "gray16.png").read_bytes(), name="gray16.png").pixels
    assert np.unique(gray).size > 100
    outlines = {
        name: scene_footprint(describe_scene(folder / name, root=folder))
        for name in ("antimeridian_4326.tif", "rotated.tif", "no_crs.tif", "polar_3413.tif")
    }
    assert outlines["no_crs.tif"] is None
    assert outlines["antimeridian_4326.tif"] is not None
    assert outlines["antimeridian_4326.tif"]["type"] == "MultiPolygon"
    assert outlines["rotated.tif"] is not None
    assert len(outlines["rotated.tif"]["coordinates"][0]) == 5
    assert outlines["polar_3413.tif"] is not None
    assert max(lat for _, lat in outlines["polar_3413.tif"]["coordinates"][0]) == 90


@pytest.mark.parametrize("folder", ["tornado_pairs", "flood_series"])
def test_every_scene_of_the_pairs_gives_chips(folder: str) -> None:
    root = FOLDER / folder
    paths = find_scenes(root)
    assert len(paths) > 10
    for path in paths:
        assert outcome(path, root=root).chips, path


def test_before_and_after_meet_on_one_lattice_in_spite_of_their_crs() -> None:
    grid = GridSpec(crs="EPSG:32615", chip_px=128, stride_px=128, pixel_size=0.6)
    root = FOLDER / "tornado_pairs"
    cells = [
        {
            cell.chip.cell
            for path in find_scenes(root / when)
            for cell in outcome(path, root=root, grid=grid, min_valid=0.9).chips
            if cell.chip is not None
        }
        for when in ("pre", "post")
    ]
    assert len(cells[0] & cells[1]) > 50


def test_the_flood_series_has_one_cell_at_all_five_dates() -> None:
    root = FOLDER / "flood_series" / "S2"
    found = [outcome(path, root=root) for path in find_scenes(root)]
    assert len(found) == 5
    assert len({cell.chip.cell for one in found for cell in one.chips if cell.chip}) == 1
    dates = [one.scene.datetime for one in found]
    assert all(dates)
    assert dates == sorted(date for date in dates if date)
