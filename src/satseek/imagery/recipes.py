"""A recipe and a scene → the stretch that turns the scene's samples into 8-bit RGB.

Does not know chips: a stretch is resolved once for a whole scene, so that its chips compare.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import UnsupportedRaster
from satseek.imagery._open import shown
from satseek.imagery._sources import measured, open_source
from satseek.imagery.bands import choose_bands, find_band
from satseek.imagery.calibration import calibrated
from satseek.imagery.masks import mask_band, uncovered
from satseek.imagery.named_recipes import INTEGER_RECIPES, recipe_label, recipe_named
from satseek.imagery.sensors import product_of, sensor_meant, sensor_of
from satseek.imagery.stretching import Stretch, apply, nothing_measured, read_under, valid_under

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from satseek.imagery._sources import Source
    from satseek.types import Recipe, Scene

__all__ = [
    "Stretch",
    "apply",
    "cuts_of",
    "read_under",
    "recipe_label",
    "recipe_named",
    "resolve",
    "sampled",
    "stretch_of",
    "valid_under",
]

SAMPLE_EDGE = 1024
"""Rows and columns from which percentiles are taken; a million samples place 2 % within 0.02 %."""

_PICKED_FROM = 2
"""Version of ``auto`` from which on it picks a named recipe."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def stretch_of(scene: Scene, recipe: Recipe) -> Stretch:
    """Resolve ``recipe`` for ``scene``; percentiles are taken over the whole scene, thinned out.

    Raises:
        UnsupportedRaster: no honest choice of bands, or samples that the recipe does not take.
        NoValidPixels: percentiles asked for and nothing measured.
        UnreadableImage: damaged.
    """
    with open_source(scene) as source:
        return resolve(source, recipe, properties=scene.properties)


def resolve(source: Source, recipe: Recipe, *, properties: Mapping[str, Any] = _NOTHING) -> Stretch:
    """Resolve ``recipe`` for an open source whose scene has ``properties``; as `stretch_of`."""
    layout = source.layout
    used, picked = _picked(source, recipe, properties)
    sensor = sensor_of(properties) or sensor_meant(used.name, layout.descriptions)
    bands = choose_bands(layout, asked=used.bands, name=source.name, sensor=sensor)
    nodata, palette = _nodata(source, used), layout.palette if bands == (1,) else ()
    covers = mask_band(layout, used.mask)
    told = ""
    if palette or _stays(source, used):
        low, high = (0.0,) * len(bands), (255.0,) * len(bands)
    elif used.stretch == "fixed":
        low, high, told = calibrated(layout, used, bands=bands, properties=properties)
    else:
        low, high = _percentiles(source, used, bands=bands)
    return Stretch(
        bands=bands,
        low=low,
        high=high,
        nodata=nodata,
        palette=palette,
        gamma=used.gamma,
        mask=used.mask if covers else "none",
        mask_band=covers,
        recipe=recipe_label(used),
        why="; ".join(part for part in (picked, told, _covering(used, covers)) if part),
    )


def sampled(source: Source, recipe: Recipe, *, bands: tuple[int, ...], edge: int) -> NDArray[Any]:
    """Samples (bands, n) of the whole source, thinned out to at most ``edge`` rows and columns.

    Only what was measured, by the file and the recipe, and under no cloud that it masks.

    Raises:
        NoValidPixels: nothing was.
        UnreadableImage: damaged.
    """
    samples = source.sample(bands=bands, edge=edge)
    valid = samples.valid & measured(samples.values, nodata=_nodata(source, recipe))
    if covers := mask_band(source.layout, recipe.mask):
        cover = source.sample(bands=(covers,), edge=edge)
        valid = valid & uncovered(cover.values[0], recipe.mask)
    if not valid.any():
        raise nothing_measured(source.name, masked=covers > 0)
    found: NDArray[Any] = samples.values[:, valid]
    return found


def _picked(source: Source, recipe: Recipe, properties: Mapping[str, Any]) -> tuple[Recipe, str]:
    """Follow what the scene says it is, if ``auto`` was asked for and its bands and samples fit."""
    product = product_of(properties)
    if recipe.name != "auto" or recipe.version < _PICKED_FROM or not product:
        return recipe, ""
    named = recipe_named(f"{product}@1")
    sensor, layout = sensor_of(properties), source.layout
    there = all(find_band(str(band), layout, sensor=sensor) for band in named.bands)
    if not there or _refused(source, named):
        return recipe, f"no {recipe_label(named)}: its bands or samples are not those of {product}"
    said = ("platform", "constellation", "mission", "processing:level", "landsat:correction")
    facts = [f"{name} is {properties[name]}" for name in said if name in properties]
    return named, ", ".join(facts)


def _covering(recipe: Recipe, covers: int) -> str:
    if recipe.mask == "none":
        return ""
    return f"clouds by band {covers}" if covers else f"no band {recipe.mask}: clouds are not masked"


def _refused(source: Source, recipe: Recipe) -> str:
    """Say why a recipe does not take a source's samples; empty: it does."""
    dtype = np.dtype(source.layout.dtype)
    if recipe.stretch == "none" and dtype != np.uint8:
        return f"takes uint8 samples, these are {dtype}; use auto, percentile16 or fixed16"
    if recipe.name not in INTEGER_RECIPES:
        return ""
    if dtype.kind not in "iu":
        values = f"from {recipe.low:g} to {recipe.high:g}" if recipe.scale == 1 else "as delivered"
        return f"takes integers {values}, these are {dtype}; use auto or percentile16"
    if recipe.scale != 1 and dtype.itemsize == 1:
        return f"takes samples of 16 bits, these are {dtype}; use auto or rgb8"
    return ""


def _stays(source: Source, recipe: Recipe) -> bool:
    if reason := _refused(source, recipe):
        raise UnsupportedRaster(f"{shown(source.name)}: recipe {recipe.name} {reason}")
    return source.layout.dtype == "uint8" and recipe.stretch in {"none", "auto"}


def _nodata(source: Source, recipe: Recipe) -> float | None:
    """Zero in all bands of a 16-bit file without mask is fill, as in Sentinel-2 and Landsat."""
    if recipe.nodata is not None:
        return recipe.nodata
    return 0.0 if source.layout.dtype == "uint16" and not source.layout.masked else None


def _percentiles(
    source: Source, recipe: Recipe, *, bands: tuple[int, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    values = sampled(source, recipe, bands=bands, edge=SAMPLE_EDGE)
    cuts = [cuts_of(band, recipe) for band in values]
    return tuple(low for low, _ in cuts), tuple(high for _, high in cuts)


def cuts_of(values: NDArray[Any], recipe: Recipe) -> tuple[float, float]:
    """Give the recipe's two percentiles of one band's values; flat ones become mid-grey."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(cut) for cut in np.percentile(finite, (recipe.low, recipe.high)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
