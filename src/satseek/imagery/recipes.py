"""A recipe and a scene → the stretch that turns the scene's samples into 8-bit RGB.

Does not know chips: a stretch is resolved once for a whole scene, so that its chips compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from satseek.errors import NoValidPixels, UnsupportedRaster
from satseek.imagery._open import shown
from satseek.imagery._sources import Samples, measured, open_source
from satseek.imagery.bands import choose_bands, find_band
from satseek.imagery.calibration import calibrated
from satseek.imagery.masks import mask_band, uncovered
from satseek.imagery.named_recipes import INTEGER_RECIPES, recipe_label, recipe_named
from satseek.imagery.sensors import product_of, sensor_meant, sensor_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from satseek.imagery._sources import Reducing, Source
    from satseek.types import Pixels, Recipe, Scene, Valid, Window

__all__ = [
    "Stretch",
    "apply",
    "read_under",
    "recipe_label",
    "recipe_named",
    "resolve",
    "stretch_of",
    "valid_under",
]

SAMPLE_EDGE = 1024
"""Rows and columns from which percentiles are taken; a million samples place 2 % within 0.02 %."""

_PICKED_FROM = 2
"""Version of ``auto`` from which on it picks a named recipe."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A recipe resolved for one scene."""

    bands: tuple[int, ...]
    """1-based bands shown as red, green, blue; one band is shown as grey or by its palette."""
    low: tuple[float, ...]
    """Sample value of each band that becomes 0."""
    high: tuple[float, ...]
    """Sample value of each band that becomes 255; above ``low``."""
    nodata: float | None = None
    """Sample value that means nothing measured, besides what the file says itself."""
    palette: tuple[tuple[int, int, int, int], ...] = field(default=(), repr=False)
    """RGBA by sample value; empty where samples are no indices."""
    gamma: float = 1.0
    """As in `Recipe`."""
    mask: Literal["none", "scl", "qa_pixel"] = "none"
    """What ``mask_band`` holds; ``none`` where the scene has no such band."""
    mask_band: int = 0
    """1-based band that says where clouds are; 0: none."""
    recipe: str = field(default="", compare=False)
    """``name@version`` of the recipe that was resolved: ``auto`` may have picked another one."""
    why: str = field(default="", compare=False)
    """Why it was picked, and how what is the scene's own was known; one line, may be empty."""


def stretch_of(scene: Scene, recipe: Recipe) -> Stretch:
    """Resolve ``recipe`` for ``scene``; percentiles are taken over the whole scene, thinned out.

    Raises:
        UnsupportedRaster: no honest choice of bands, or samples that the recipe does not take.
        NoValidPixels: percentiles asked for and nothing measured.
        UnreadableImage: damaged.
    """
    with open_source(Path(scene.path)) as source:
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
        low, high = _percentiles(source, used, bands=bands, nodata=nodata, covers=covers)
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


def apply(samples: NDArray[Any], stretch: Stretch) -> Pixels:
    """Turn samples (bands, h, w) of the stretch's bands into RGB; what is not finite becomes 0."""
    if stretch.palette:
        colours = np.array(stretch.palette, np.uint8)[:, :3]
        shades: Pixels = colours[np.minimum(samples[0], len(colours) - 1)]
        return shades
    bands = [
        _to_8_bit(band, low, high, stretch.gamma)
        for band, low, high in zip(samples, stretch.low, stretch.high, strict=True)
    ]
    shades = np.empty((*samples.shape[1:], 3), np.uint8)
    for channel, band in enumerate(bands * 3 if len(bands) == 1 else bands):
        shades[..., channel] = band  # half the time of np.stack
    return shades


def valid_under(samples: Samples, stretch: Stretch) -> Valid:
    """Where something was measured, by the file, the recipe and the palette's transparency."""
    valid = samples.valid
    if stretch.nodata is not None:
        valid = valid & measured(samples.values, nodata=stretch.nodata)
    if stretch.palette:
        opaque = np.array(stretch.palette, np.uint8)[:, 3] > 0
        valid = valid & opaque[np.minimum(samples.values[0], len(opaque) - 1)]
    return valid


def read_under(source: Source, window: Window, stretch: Stretch, *, step: int = 1) -> Samples:
    """Read the stretch's bands; valid is what `valid_under` says and what lies under no cloud.

    Args:
        source: Where they lie.
        window: Pixels of the source; its edges are multiples of ``step`` long.
        stretch: The scene's.
        step: Each pixel that comes back stands for ``step`` x ``step`` of the source.
    """
    by: Reducing = "nearest" if stretch.palette else "average"
    samples = source.read(window, bands=stretch.bands, step=step, by=by)
    valid = valid_under(samples, stretch)
    if stretch.mask_band:
        cover = source.read(window, bands=(stretch.mask_band,), step=step, by="nearest")
        valid = valid & uncovered(cover.values[0], stretch.mask)
    return Samples(values=samples.values, valid=valid)


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
    source: Source,
    recipe: Recipe,
    *,
    bands: tuple[int, ...],
    nodata: float | None,
    covers: int,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    samples = source.sample(bands=bands, edge=SAMPLE_EDGE)
    valid = samples.valid & measured(samples.values, nodata=nodata)
    if covers:
        cover = source.sample(bands=(covers,), edge=SAMPLE_EDGE)
        valid = valid & uncovered(cover.values[0], recipe.mask)
    if not valid.any():
        raise NoValidPixels(f"{shown(source.name)}: no pixel was measured, all are nodata")
    cuts = [_cuts(band[valid], recipe) for band in samples.values]
    return tuple(low for low, _ in cuts), tuple(high for _, high in cuts)


def _cuts(values: NDArray[Any], recipe: Recipe) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(cut) for cut in np.percentile(finite, (recipe.low, recipe.high)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)  # flat: mid-grey


def _to_8_bit(band: NDArray[Any], low: float, high: float, gamma: float) -> NDArray[np.uint8]:
    if band.dtype == np.uint8 and (low, high, gamma) == (0.0, 255.0, 1.0):
        return band
    if band.dtype.kind in "iu" and band.dtype.itemsize <= 2:  # noqa: PLR2004 (a table of 64 KiB)
        table = _shades_of_all(str(band.dtype), low, high, gamma)
        numbers = band.view(f"u{band.dtype.itemsize}")
        return np.take(table, numbers)  # a fifth of the time of table[numbers]
    return _shades(band, low, high, gamma)


@lru_cache(maxsize=64)
def _shades_of_all(dtype: str, low: float, high: float, gamma: float) -> NDArray[np.uint8]:
    """Shade of every value of a small integer type, by its bits."""
    bits = np.dtype(dtype).itemsize * 8
    every = np.arange(2**bits, dtype=f"u{bits // 8}").view(dtype)
    return _shades(every, low, high, gamma)


def _shades(band: NDArray[Any], low: float, high: float, gamma: float) -> NDArray[np.uint8]:
    wide = np.float64 if band.dtype.itemsize > 2 else np.float32  # noqa: PLR2004 (float32 holds 16 bits)
    scaled = np.subtract(band, low, dtype=wide) * wide(255.0 / (high - low))
    finite = np.clip(np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0), 0.0, 255.0)
    if gamma != 1:
        finite = 255.0 * (finite / 255.0) ** (1.0 / gamma)
    shades: NDArray[np.uint8] = np.rint(finite).astype(np.uint8)
    return shades
