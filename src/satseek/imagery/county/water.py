"""Paints the sea with its beach, the river, lakes and the flood.

It does not know about harbours and bridges, which are built over them.
"""

# ruff: noqa: PLR2004 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.imagery.county.canvas import Canvas, levels_of, mask_of, nested
from satseek.imagery.county.ground import along_line, jittered, tinted
from satseek.imagery.county.inventory import CODES, stream
from satseek.imagery.county.texture import Field, Textures, Window, wave

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import Polygon

    from satseek.imagery.county.inventory import Colour
    from satseek.imagery.county.plan import Plan, Zone

_SAND: Final = np.array([214, 190, 152], np.float32)
_WET_SAND: Final = np.array([158, 136, 106], np.float32)
_FOAM: Final = np.array([228, 234, 230], np.float32)
_SHALLOW: Final = np.array([92, 140, 134], np.float32)
_DEEP: Final = np.array([38, 74, 88], np.float32)
_EVEN: Final = np.array([1.0, 1.0, 1.0], np.float32)
_BAND_STEP_M: Final = 6.0
_DRY: Final = 0.2
"""Ground this much above the mean of the noise stays dry in the flood."""
_RIVER: Final[tuple[Colour, Colour]] = ((82, 96, 76), (142, 118, 88))
_FLOOD: Final[Colour] = (128, 112, 86)


def paint_shore(canvas: Canvas, plan: Plan, textures: Textures, date: int) -> None:
    """Sand, swash, breakers and open water, by distance from the waterline."""
    shore = plan.sea.union(plan.beach)
    whole = canvas.window(shore.bounds)
    if whole is None:
        return
    sand_m = 0.55 * plan.frame.cell_m
    bands = nested(shore, _BAND_STEP_M, 100)
    for window in whole.parts():
        inside = levels_of(bands, window)
        mask = inside > 0
        if not mask.any():
            continue
        wobble = textures.noise(window, 16, 32, 64, shift=11 * date) * 14
        distance = inside.astype(np.float32) * np.float32(_BAND_STEP_M) - np.float32(sand_m)
        colours = _sea_colours(textures, window, distance + wobble, plan.frame.cell_m, date)
        canvas.lay(window, mask, colours, "sea")
    beach = mask_of(plan.beach, whole)
    canvas.cover[whole.slices][beach] = CODES["beach"]


def _sea_colours(
    textures: Textures, window: Window, distance: Field, cell_m: float, date: int
) -> NDArray[np.float32]:
    """Colours by signed distance in metres from the waterline, seawards positive."""
    depth = np.clip(distance / np.float32(1.7 * cell_m), 0, 1)[..., None]
    water = _SHALLOW * (1 - depth) ** 2 + _DEEP * (1 - (1 - depth) ** 2)
    swell = wave((distance + textures.noise(window, 64, 128) * 40) / np.float32(34))
    ripple = textures.noise(window, 1, 2, 4, 8, shift=5 + date) * 13
    water = water + (ripple + swell * 2.2)[..., None]
    surf = np.float32(0.36 * cell_m)
    breaker = wave((distance + textures.noise(window, 32, 16, shift=3 + date) * 22) / (surf / 3))
    torn = textures.noise(window, 2, 4, 8, 16, shift=21 + date)
    foam = np.clip(
        (breaker * 0.55 + torn * 1.5 - 0.12 - 0.9 * np.clip(distance / surf, 0, 2)) * 2.4, 0, 1
    )
    foam = np.maximum(foam, np.clip(1 - np.abs(distance - 3) / 5, 0, 1) * (torn > -0.2))
    water = water * (1 - foam[..., None]) + _FOAM * foam[..., None]
    grit = textures.noise(window, 1, 2, 8, 32, 128, shift=9) * 20
    wet = np.clip(1 + distance / np.float32(18), 0, 1)[..., None]
    sand = _SAND * (1 - wet) + _WET_SAND * wet + grit[..., None]
    return np.asarray(np.where((distance > 0)[..., None], water, sand), np.float32)


def paint_river(canvas: Canvas, plan: Plan, textures: Textures, date: int) -> None:
    """A slow river: bank trees, bars of sand at low water, brown when in flood."""
    whole = canvas.window(plan.river.buffer(0.12 * plan.frame.cell_m).bounds)
    if whole is None:
        return
    _paint_bank(canvas, plan, textures, whole)
    half = 0.36 * plan.frame.cell_m
    bands = nested(plan.river, half / 10, 10)
    for window in whole.parts():
        inside = levels_of(bands, window)
        mask = inside > 0
        if not mask.any():
            continue
        depth = np.asarray(inside, np.float32) / np.float32(10)
        flow = (
            textures.noise(window, 16, 32, 64, shift=40) * 7 + textures.noise(window, 1, 2, 4) * 6
        )
        colours = tinted(_RIVER[date], (np.asarray(flow - depth * 16, np.float32), _EVEN))
        low = (
            depth
            + textures.noise(window, 128, 64, shift=77, spread=2) * 0.9
            + textures.noise(window, 32, 16, 8) * 0.34
        )
        bar = (low < (0.12, -0.02)[date])[..., None]
        grit = (textures.noise(window, 1, 2, 8, 16) * 18)[..., None]
        sand = np.array([190, 170, 136], np.float32) + grit
        canvas.lay(window, mask, np.where(bar, sand, colours).astype(np.float32), "river")


def _paint_bank(canvas: Canvas, plan: Plan, textures: Textures, window: Window) -> None:
    bank = plan.river.buffer(0.09 * plan.frame.cell_m)
    rng = stream(plan.seed, "bank")
    for part in window.parts():
        mask = mask_of(bank, part)
        if mask.any():
            grass = textures.noise(part, 1, 2, 4, 32) * 20
            canvas.lay(part, mask, tinted((86, 104, 62), (grass, _EVEN)), "meadow")
    for line in (bank.buffer(-3).exterior, bank.buffer(2).exterior):
        coords = np.asarray(line.coords)
        canvas.trees.append(along_line(coords, rng, spacing_m=7, radius=(2.5, 5.5), gap=0.45))


def paint_lake(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Still water with a shallow, reedy edge."""
    reed = zone.shape.buffer(9)
    window = canvas.window(reed.bounds)
    if window is None:
        return
    rng = stream(seed, "lake", zone.index)
    margin = mask_of(reed, window)
    grass = textures.noise(window, 1, 2, 4, 16) * 22
    canvas.lay(window, margin, tinted((104, 108, 70), (grass, _EVEN)), "meadow")
    inside = levels_of(nested(zone.shape, 4.0, 14), window).astype(np.float32)
    colour = jittered(rng, ((56, 84, 82), (66, 90, 78))[date], 6)
    still = textures.noise(window, 64, 128, 256, shift=33) * 7 + textures.noise(window, 1, 2) * 4
    shallow = np.asarray(np.clip(1 - inside / 12, 0, 1) ** 2 * 46, np.float32)
    tint = np.array([1.0, 0.9, 0.6], np.float32)
    colours = tinted(colour, (still, _EVEN), (shallow, tint))
    canvas.lay(window, inside > 0, colours, "lake")
    ring = np.asarray(zone.shape.buffer(6).exterior.coords)
    canvas.trees.append(along_line(ring, rng, spacing_m=9, radius=(2.5, 5), gap=0.4))


def paint_flood(canvas: Canvas, plan: Plan, textures: Textures) -> None:
    """Brown water over fields: their pattern shines through where it is shallow."""
    if plan.flood.is_empty:
        return
    whole = canvas.window(plan.flood.bounds)
    if whole is None:
        return
    for window in whole.parts():
        mask = mask_of(plan.flood, window)
        mask &= canvas.cover[window.slices] == CODES["farmland"]
        uneven = textures.noise(window, 64, 128, shift=101, spread=2)
        uneven = uneven + textures.noise(window, 16, 32, 64, shift=31) * np.float32(0.22)
        mask &= uneven < _DRY
        if not mask.any():
            continue
        depth = np.clip(0.35 + (_DRY - uneven) * 3.2, 0.35, 0.96)[..., None]
        silt = textures.noise(window, 32, 128, shift=4, spread=2) * 20
        ripple = textures.noise(window, 1, 2, 4, shift=4) * 4
        water = tinted(_FLOOD, (ripple + silt, _EVEN))
        ground = canvas.rgb[window.slices].astype(np.float32)
        canvas.lay(window, mask, ground * (1 - depth) + water * depth, "flooded_fields")


def clear_water(
    canvas: Canvas, textures: Textures, shape: Polygon, colour: Colour, cover: str
) -> None:
    """Flat calm water of a basin or a pond."""
    window = canvas.window(shape.bounds)
    if window is None:
        return
    ripple = textures.noise(window, 1, 2, 4, 16, 64) * 10
    canvas.lay(window, mask_of(shape, window), tinted(colour, (ripple, _EVEN)), cover)
