"""Recipes that collections were made with mean, to the bit, what they meant."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from satseek.errors import UnsupportedRaster
from satseek.imagery._sources import open_source
from satseek.imagery.recipes import recipe_named, resolve
from satseek.imagery.stretching import apply, read_under
from satseek.index.spec import CollectionSpec
from satseek.types import Recipe, Window

if TYPE_CHECKING:
    from pathlib import Path

EDGE = 96

EXPECTED = {
    ("auto@1", "uint8"): "03eac6615da2c371",
    ("rgb8@1", "uint8"): "03eac6615da2c371",
    ("percentile16@1", "uint8"): "fa70ae00258cdc3c",
    ("fixed16@1", "uint8"): "d214b7920194313d",
    ("auto@1", "uint16"): "fa70ae00258cdc3c",
    ("percentile16@1", "uint16"): "fa70ae00258cdc3c",
    ("fixed16@1", "uint16"): "c878d3f145420fa9",
    ("auto@1", "int16"): "fa70ae00258cdc3c",
    ("percentile16@1", "int16"): "fa70ae00258cdc3c",
    ("fixed16@1", "int16"): "c878d3f145420fa9",
    ("auto@1", "float32"): "f0a1fa992084648f",
    ("percentile16@1", "float32"): "f0a1fa992084648f",
}
"""First 16 hex digits of the SHA-256 of the pixels that each recipe made when it was new; what is
not listed is refused. A change here makes collections answer otherwise: raise a version instead."""


def samples(dtype: str) -> np.ndarray:
    """Four bands, by whole numbers alone, so that no library can change them."""
    count = np.arange(4 * EDGE * EDGE, dtype=np.int64).reshape(4, EDGE, EDGE)
    mixed = (count * 7919 + (count // 97) * 104_729) % 251
    return (mixed if dtype == "uint8" else mixed * 23 + 100).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("recipe", ["auto@1", "rgb8@1", "percentile16@1", "fixed16@1"])
def test_pixels_are_what_they_were(tmp_path: Path, recipe: str, dtype: str) -> None:
    place = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0)
    profile = {"driver": "GTiff", "count": 4, "height": EDGE, "width": EDGE, "dtype": dtype}
    path = tmp_path / "a.tif"
    looks = {"photometric": "rgb", "alpha": "no", "crs": "EPSG:32633", "transform": place}
    with rasterio.open(path, "w", **profile, **looks) as scene:
        scene.write(samples(dtype))
    assert EXPECTED.get((recipe, dtype)) == pixels_digest(path, recipe_named(recipe))


def pixels_digest(path: Path, recipe: Recipe) -> str | None:
    """Digest all pixels; None: refused."""
    whole = Window(column=0, row=0, width=EDGE, height=EDGE)
    with open_source(path) as source:
        try:
            stretch = resolve(source, recipe)
        except UnsupportedRaster:
            return None
        read = read_under(source, whole, stretch)
    pixels = apply(read.values, stretch)
    pixels[~read.valid] = 0
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:16]


def test_recipes_of_old_collections_are_what_they_were() -> None:
    plain = {"version": 1, "bands": ()}
    expected = [
        Recipe(name="auto", stretch="auto", low=2.0, high=98.0, **plain),
        Recipe(name="rgb8", stretch="none", low=0.0, high=255.0, **plain),
        Recipe(name="percentile16", stretch="percentile", low=2.0, high=98.0, **plain),
        Recipe(name="fixed16", stretch="fixed", low=0.0, high=3000.0, nodata=0.0, **plain),
    ]
    assert expected == [recipe_named(f"{one.name}@1") for one in expected]


def test_what_an_older_satseek_wrote_of_a_recipe_is_read() -> None:
    text = json.dumps(
        {
            "name": "county",
            "model_name": "satseek-starter",
            "model_version": "350d9fd9c312",
            "dim": 256,
            "recipe": {
                "name": "auto",
                "version": 1,
                "bands": [],
                "stretch": "auto",
                "low": 2.0,
                "high": 98.0,
                "nodata": None,
            },
            "grid": {"crs": None, "chip_px": 256, "stride_px": 256, "pixel_size": None},
            "min_valid": 0.5,
            "format_version": 1,
        }
    )
    spec = CollectionSpec.from_json(text)
    assert recipe_named("auto@1") == spec.recipe
    cuts = ((0.0, 1.0), (0.5, 2.0), (0.0, 3.0))
    mine = replace(spec, recipe=replace(spec.recipe, name="mine", bands=("nir", 1, 2), cuts=cuts))
    assert mine == CollectionSpec.from_json(mine.to_json())
