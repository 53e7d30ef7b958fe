"""A recipe's name → the recipe.

Does not know files of imagery, samples or scenes. The numbers of a version never change: another
meaning is another version, and collections keep the one that they were made with.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.imagery._open import shown
from satseek.types import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRUE = ("red", "green", "blue")
_FALSE = ("nir", "red", "green")

_AUTO = Recipe(name="auto", version=1, bands=(), stretch="auto", low=2.0, high=98.0)

# Reflectance = (sample + BOA_ADD_OFFSET) / 10000; 0 means no data (ESA, Sentinel-2 Products
# Specification Document). The offset is the scene's own, see `sensors.sentinel_2_offset`. 0–0.3 is
# the range in which the Earth Engine catalogue shows COPERNICUS/S2_SR_HARMONIZED.
_SENTINEL_2 = Recipe(
    name="sentinel2-l2a",
    version=1,
    bands=_TRUE,
    stretch="fixed",
    low=0.0,
    high=0.3,
    nodata=0.0,
    scale=0.0001,
    mask="scl",
    calibration="scene",
)

# Surface reflectance = 0.0000275 · sample − 0.2; 0 is fill (USGS, Landsat 8-9 Collection 2 Level 2
# Science Product Guide; 4-7 likewise). 0–0.3 is the range in which the Earth Engine catalogue shows
# LANDSAT/LC08/C02/T1_L2.
_LANDSAT = Recipe(
    name="landsat-c2-l2",
    version=1,
    bands=_TRUE,
    stretch="fixed",
    low=0.0,
    high=0.3,
    nodata=0.0,
    scale=0.0000275,
    offset=-0.2,
    mask="qa_pixel",
    calibration="scene",
)

_NAIP = Recipe(name="naip", version=1, bands=_TRUE, stretch="none", low=0.0, high=255.0)

_VERSIONS = (
    _AUTO,
    replace(_AUTO, version=2),
    Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0.0, high=255.0),
    # 2–98 % is the usual cut of viewers (QGIS calls it "cumulative count cut").
    Recipe(name="percentile16", version=1, bands=(), stretch="percentile", low=2.0, high=98.0),
    Recipe(name="generic16", version=1, bands=(), stretch="auto", low=2.0, high=98.0),
    # Reflectance × 10000, as Sentinel-2 and Landsat products store it. 0–0.3 is the range in
    # which the Earth Engine catalogue shows Sentinel-2; 0 means no data in these products.
    Recipe(name="fixed16", version=1, bands=(), stretch="fixed", low=0.0, high=3000.0, nodata=0.0),
    Recipe(name="panchromatic", version=1, bands=("pan",), stretch="auto", low=2.0, high=98.0),
    _SENTINEL_2,
    # ESA's own true-colour image of Level-1C is white at 3558, reflectance 0.3558 (Sentinel Online,
    # Sentinel-2 MSI User Guide, definitions: TCI). There is no scene classification at this level.
    replace(_SENTINEL_2, name="sentinel2-l1c", high=0.3558, mask="none"),
    _LANDSAT,
    _NAIP,
    # Leaves reflect more near infrared than visible light: Sentinel Hub's false-colour script shows
    # 2.5 · reflectance, which is 0–0.4.
    replace(_SENTINEL_2, name="sentinel2-l2a-false", bands=_FALSE, high=0.4),
    replace(_LANDSAT, name="landsat-c2-l2-false", bands=_FALSE, high=0.4),
    replace(_NAIP, name="naip-false", bands=_FALSE),
)
"""Every version of every recipe, oldest first; the last one of a name is meant by the name."""

NEWEST: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _VERSIONS}
"""Recipes by name."""

PURPOSES: Mapping[str, str] = {
    "auto": "what the scene says it is; else 8-bit as is, all else by the scene's percentiles",
    "rgb8": "8-bit samples as they are",
    "percentile16": "2nd to 98th percentile of the scene, 8-bit samples too",
    "generic16": "8-bit as is, all else from the scene's 2nd to its 98th percentile",
    "fixed16": "integers 0–3000 (reflectance × 10000)",
    "panchromatic": "one band shown as grey; more than 8 bits by the scene's percentiles",
    "sentinel2-l2a": "surface reflectance 0–0.3; clouds by SCL",
    "sentinel2-l1c": "top-of-atmosphere reflectance 0–0.3558",
    "landsat-c2-l2": "surface reflectance 0–0.3; clouds by QA_PIXEL",
    "naip": "8-bit aerial photographs as they are",
    "sentinel2-l2a-false": "near infrared, red, green at 0–0.4; clouds by SCL",
    "landsat-c2-l2-false": "near infrared, red, green at 0–0.4; clouds by QA_PIXEL",
    "naip-false": "near infrared, red, green as they are",
}
"""What each recipe is for, in one line."""


def recipe_label(recipe: Recipe) -> str:
    """``name@version``: how a person names a recipe."""
    return f"{recipe.name}@{recipe.version}"


def recipe_named(name: str) -> Recipe:
    """Find a recipe of `PURPOSES` by its name, in its newest version, or by ``name@version``.

    Raises:
        InvalidRequest: no such recipe, or no such version.
    """
    found = next((one for one in _VERSIONS if recipe_label(one) == name), NEWEST.get(name))
    if found is None:
        known = ", ".join(NEWEST)
        raise InvalidRequest(f"no recipe {shown(name)!r}; there are {known}")
    return found


INTEGER_RECIPES = frozenset({recipe.name for recipe in _VERSIONS if recipe.stretch == "fixed"})
"""Recipes whose numbers are those of integers as delivered; floats would be something else."""
