"""Scenes that lie wholly under cloud, and what is said of parcels under them."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import Affine
from rasterio.warp import transform

from satseek.assemble import Assembly
from satseek.assemble.assessing import tools_of
from satseek.imagery.recipes import recipe_named
from satseek.imagery.scenes import describe_scene
from satseek.monitor.damage.asking import Said, order_of
from satseek.monitor.damage.running import run_assessment
from satseek.monitor.damage.skies import skies_of
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.types import BBox, Scene

    Bands = NDArray[np.float32]

EDGE = 48
WEST, NORTH, PIXEL_M = 500_000, 5_200_000, 10
FIELDS = (900.0, 1_000.0, 700.0)
"""Middle red, green and blue of fields, in ten-thousandths of reflectance."""
CLOUD = (4_500.0, 4_400.0, 4_700.0)
OPAQUE = 1 << 10
AUTO = recipe_named("auto")


def shades(middles: tuple[float, ...], *, seed: int) -> Bands:
    """Make patches of 8 pixels, up to a third darker and brighter than the middle."""
    rng = np.random.default_rng(seed)
    patches = np.kron(rng.uniform(-1, 1, (EDGE // 8, EDGE // 8)), np.ones((8, 8)))
    fine = rng.uniform(-0.1, 0.1, (EDGE, EDGE))
    return np.stack([middle * (1 + 0.3 * patches + fine) for middle in middles]).astype("float32")


def written(path: Path, bands: Bands, *, qa60: int | None = None, east: int = 0) -> Scene:
    names = ["B4", "B3", "B2"]
    if qa60 is not None:
        bands = np.concatenate([bands, np.full((1, EDGE, EDGE), qa60, dtype=np.float32)])
        names.append("QA60")
    profile = {"driver": "GTiff", "dtype": "float32", "crs": "EPSG:32633", "count": len(bands)}
    place = Affine(PIXEL_M, 0, WEST + east, 0, -PIXEL_M, NORTH)
    with rasterio.open(path, "w", width=EDGE, height=EDGE, transform=place, **profile) as target:
        target.write(bands)
        for at, name in enumerate(names, start=1):
            target.set_band_description(at, name)
        target.update_tags(TIFFTAG_DATETIME=f"{path.stem[-10:].replace('-', ':')} 10:00:00")
    return describe_scene(path, root=path.parent)


def parcel_box() -> BBox:
    """Lay a parcel into the middle of the scenes, in degrees."""
    ends = [WEST + 150, WEST + 330], [NORTH - 330, NORTH - 150]
    (west, east), (south, north) = transform("EPSG:32633", "EPSG:4326", *ends)
    return west, south, east, north


def test_under_a_scene_that_is_all_cloud_there_is_no_evidence(tmp_path: Path) -> None:
    scenes = tmp_path / "scenes"
    scenes.mkdir()
    written(scenes / "2024-06-02.tif", shades(FIELDS, seed=0))
    written(scenes / "2024-07-04.tif", shades(FIELDS, seed=1))
    written(scenes / "2024-07-09.tif", shades(CLOUD, seed=2))
    written(scenes / "2024-07-16.tif", shades(FIELDS, seed=3), qa60=OPAQUE)  # dark as fields
    outline = json.loads(shapely.to_geojson(shapely.box(*parcel_box())))
    feature = {"type": "Feature", "properties": {"policy_id": "P"}, "geometry": outline}
    (tmp_path / "parcels.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]})
    )
    found = {}
    with closing(Assembly(Settings(data_dir=tmp_path / "home", model="starter"))) as parts:
        said = Said(parcels="parcels.geojson", after=str(scenes), chip_px=16, stride_px=8)
        run_assessment(order_of(said, folder=tmp_path), tools=tools_of(parts))
        for day in ("2024-07-04", "2024-07-09", "2024-07-16"):
            order = order_of(replace(said, before="2024-06", after=day), folder=tmp_path)
            (found[day],) = run_assessment(order, tools=tools_of(parts)).assessment.damages
    assert () == found["2024-07-04"].lacks
    for day in ("2024-07-09", "2024-07-16"):
        assert ("not seen",) == found[day].lacks
        look = found[day].look("after")
        assert look is not None
        assert (0.0, 1.0) == (look.seen, pytest.approx(look.clouded))


def overcast(folder: Path, other: Bands, one: Bands | None = None, *, east: int = 0) -> bool:
    """Tell whether a scene is held for a cloud beside another one."""
    scenes = [
        written(folder / "2024-07-09.tif", shades(CLOUD, seed=1) if one is None else one),
        written(folder / "2024-07-04.tif", other, east=east),
    ]
    found = skies_of(scenes, recipe=AUTO, box=parcel_box())
    assert found.overcast <= {scenes[0].id}
    return bool(found.overcast)


def test_a_cloud_is_brighter_throughout_than_the_same_place_and_grey(tmp_path: Path) -> None:
    fields = shades(FIELDS, seed=0)
    assert overcast(tmp_path, fields)
    assert not overcast(tmp_path, fields, east=EDGE * PIXEL_M // 2 + 30)  # another place
    assert not overcast(tmp_path, fields / 10_000)  # in other units
    assert not overcast(tmp_path, shades(CLOUD, seed=2))  # as bright: nothing to go by
    sand = shades((4_000.0, 2_400.0, 1_200.0), seed=1)
    assert not overcast(tmp_path, shades((300.0, 400.0, 500.0), seed=0), sand)  # not grey
    part = shades(CLOUD, seed=1)
    part[:, :, : EDGE // 4] = fields[:, :, : EDGE // 4]
    assert not overcast(tmp_path, fields, part)  # its chips tell


def test_scenes_that_are_gone_tell_nothing(tmp_path: Path) -> None:
    scenes = [
        written(tmp_path / "2024-07-09.tif", shades(CLOUD, seed=1), qa60=OPAQUE),
        written(tmp_path / "2024-07-04.tif", shades(FIELDS, seed=0)),
    ]
    (tmp_path / "2024-07-09.tif").unlink()
    found = skies_of(scenes, recipe=AUTO, box=parcel_box())
    assert (frozenset(), {}) == (found.overcast, found.told)
