"""A recipe's physical values and what a scene declares → sample values.

Does not know files or pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.imagery.sensors import baseline_offset, offset_is_applied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.imagery._sources import BandLayout
    from satseek.types import Recipe

_DECIMALS = 6
"""Of sample values, so that 0.3 / 0.0001 is 3000 whatever the offset."""


def calibrated(
    layout: BandLayout, recipe: Recipe, *, bands: Sequence[int], properties: Mapping[str, Any]
) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    """Give the samples of each band that mean the recipe's low and high, and how that is known.

    Where the recipe leaves it to the scene, its offset is the first of: none, where the archive
    says that it took it off; what band, file or item declares; what the processing baseline of
    Sentinel-2 implies; the recipe's own. Its scale is what is declared, else the recipe's.
    """
    offset, told = _offset(recipe, properties)
    cuts = recipe.cuts or ((recipe.low, recipe.high),) * len(bands)
    lows, highs, declared = [], [], False
    for band, (low, high) in zip(bands, cuts, strict=True):
        scale, shift = recipe.scale, recipe.offset if offset is None else offset
        if recipe.calibration == "scene":
            said_scale, said_offset = _said(layout.scales, band), _said(layout.offsets, band)
            if said_scale not in {None, 1.0}:
                scale = said_scale
            if said_offset is not None and not offset_is_applied(properties):
                shift, declared = said_offset, True
        lows.append(_sample(low, scale, shift))
        highs.append(_sample(high, scale, shift))
    if recipe.calibration == "recipe":
        return tuple(lows), tuple(highs), ""
    return tuple(lows), tuple(highs), "offset as its bands declare" if declared else told


def _offset(recipe: Recipe, properties: Mapping[str, Any]) -> tuple[float | None, str]:
    if recipe.calibration == "recipe" or not recipe.name.startswith("sentinel2"):
        return None, f"offset {recipe.offset:g}, the recipe's"
    if name := offset_is_applied(properties):
        return 0.0, f"offset 0 as {name} is true"
    offset, name = baseline_offset(properties)
    if offset is not None:
        return offset, f"offset {offset:g} as {name} is {properties[name]}"
    return None, f"offset {recipe.offset:g} as no processing baseline is known"


def _said(values: Sequence[float | None], band: int) -> float | None:
    return values[band - 1] if len(values) >= band else None


def _sample(value: float, scale: float, offset: float) -> float:
    return round((value - offset) / scale, _DECIMALS)
