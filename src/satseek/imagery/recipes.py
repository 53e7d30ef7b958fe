"""A recipe and a scene → the stretch that turns the scene's samples into 8-bit RGB.

Does not know chips: a stretch is resolved once for a whole scene, so that its chips compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import InvalidRequest, NoValidPixels, UnsupportedRaster
from satseek.imagery._open import shown
from satseek.imagery._sources import measured, open_source
from satseek.imagery.bands import choose_bands
from satseek.types import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.imagery._sources import Samples, Source
    from satseek.types import Pixels, Scene, Valid

SAMPLE_EDGE = 1024
"""Rows and columns from which percentiles are taken; a million samples place 2 % within 0.02 %."""

_RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="auto", version=1, bands=(), stretch="auto", low=2.0, high=98.0),
        Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0.0, high=255.0),
        # 2–98 % is the usual cut of viewers (QGIS calls it "cumulative count cut").
        Recipe(name="percentile16", version=1, bands=(), stretch="percentile", low=2.0, high=98.0),
        # Reflectance × 10000, as Sentinel-2 and Landsat products store it. 0–0.3 is the range in
        # which the Earth Engine catalogue shows Sentinel-2; 0 means no data in these products.
        Recipe(
            name="fixed16", version=1, bands=(), stretch="fixed", low=0.0, high=3000.0, nodata=0.0
        ),
    )
}


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


def recipe_named(name: str) -> Recipe:
    """Find a recipe.

    - ``auto``: 8-bit samples as they are, all others between their 2nd and 98th percentile;
    - ``rgb8``: 8-bit samples as they are, all others refused;
    - ``percentile16``: between the scene's 2nd and 98th percentile, 8-bit samples too;
    - ``fixed16``: integers 0–3000 (reflectance × 10000), comparable from scene to scene.

    Raises:
        InvalidRequest: no such recipe.
    """
    try:
        return _RECIPES[name]
    except KeyError:
        known = ", ".join(_RECIPES)
        raise InvalidRequest(f"no recipe {shown(name)!r}; there are {known}") from None


def stretch_of(scene: Scene, recipe: Recipe) -> Stretch:
    """Resolve ``recipe`` for ``scene``; percentiles are taken over the whole scene, thinned out.

    Raises:
        UnsupportedRaster: no honest choice of bands, or samples that the recipe does not take.
        NoValidPixels: percentiles asked for and nothing measured.
        UnreadableImage: damaged.
    """
    with open_source(Path(scene.path)) as source:
        return resolve(source, recipe)


def resolve(source: Source, recipe: Recipe) -> Stretch:
    """Resolve ``recipe`` for an open source; as `stretch_of`."""
    layout = source.layout
    bands = choose_bands(layout, asked=recipe.bands, name=source.name)
    nodata = _nodata(source, recipe)
    palette = layout.palette if bands == (1,) else ()
    if palette or _stays(source, recipe):
        low, high = (0.0,) * len(bands), (255.0,) * len(bands)
    elif recipe.stretch == "fixed":
        low, high = (recipe.low,) * len(bands), (recipe.high,) * len(bands)
    else:
        low, high = _percentiles(source, recipe, bands=bands, nodata=nodata)
    return Stretch(bands=bands, low=low, high=high, nodata=nodata, palette=palette)


def apply(samples: NDArray[Any], stretch: Stretch) -> Pixels:
    """Turn samples (bands, h, w) of the stretch's bands into RGB; what is not finite becomes 0."""
    if stretch.palette:
        colours = np.array(stretch.palette, np.uint8)[:, :3]
        shades: Pixels = colours[np.minimum(samples[0], len(colours) - 1)]
        return shades
    bands = [_to_8_bit(*band) for band in zip(samples, stretch.low, stretch.high, strict=True)]
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


def _stays(source: Source, recipe: Recipe) -> bool:
    eight_bit = source.layout.dtype == "uint8"
    if recipe.stretch == "none" and not eight_bit:
        raise UnsupportedRaster(
            f"{shown(source.name)}: recipe {recipe.name} takes uint8 samples, these are "
            f"{source.layout.dtype}; use auto, percentile16 or fixed16"
        )
    if recipe.stretch == "fixed" and np.dtype(source.layout.dtype).kind not in "iu":
        raise UnsupportedRaster(
            f"{shown(source.name)}: recipe {recipe.name} takes integers from {recipe.low:g} to "
            f"{recipe.high:g}, these are {source.layout.dtype}; use auto or percentile16"
        )
    return eight_bit and recipe.stretch in {"none", "auto"}


def _nodata(source: Source, recipe: Recipe) -> float | None:
    """Zero in all bands of a 16-bit file without mask is fill, as in Sentinel-2 and Landsat."""
    if recipe.nodata is not None:
        return recipe.nodata
    return 0.0 if source.layout.dtype == "uint16" and not source.layout.masked else None


def _percentiles(
    source: Source, recipe: Recipe, *, bands: tuple[int, ...], nodata: float | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    samples = source.sample(bands=bands, edge=SAMPLE_EDGE)
    valid = samples.valid & measured(samples.values, nodata=nodata)
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


def _to_8_bit(band: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    if band.dtype == np.uint8 and (low, high) == (0.0, 255.0):
        return band
    wide = np.float64 if band.dtype.itemsize > 2 else np.float32  # noqa: PLR2004 (float32 holds 16 bits)
    scaled = np.subtract(band, low, dtype=wide) * wide(255.0 / (high - low))
    finite = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
    shades: NDArray[np.uint8] = np.rint(np.clip(finite, 0.0, 255.0)).astype(np.uint8)
    return shades
