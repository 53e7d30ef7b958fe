"""Digs quarries with benches and mines with ponds.

It does not know what grew there before.
"""

# ruff: noqa: PLR2004 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from shapely import MultiPolygon, Polygon, affinity

from satseek.imagery.county.canvas import Canvas, levels_of, mask_of, nested
from satseek.imagery.county.ground import PERIOD_SHIFT, contains, jittered, ragged, tinted, winding
from satseek.imagery.county.inventory import stream
from satseek.imagery.county.light import shifted
from satseek.imagery.county.shapes import blob, rectangle
from satseek.imagery.county.vehicles import draw_truck

if TYPE_CHECKING:
    from satseek.imagery.county.inventory import Colour
    from satseek.imagery.county.light import Sun
    from satseek.imagery.county.plan import Zone
    from satseek.imagery.county.texture import Textures

_EVEN: Final = np.array([1.0, 0.97, 0.92], np.float32)
_EARTH: Final = np.array([1.0, 0.86, 0.66], np.float32)
_PONDS: Final[tuple[Colour, ...]] = (
    (166, 140, 84), (124, 140, 108), (96, 128, 118), (184, 138, 86), (142, 150, 118),
)  # fmt: skip


def paint_quarry(canvas: Canvas, textures: Textures, zone: Zone, seed: int, sun: Sun) -> None:
    """Terraces around a floor: light ledges, faces lit or shaded by their side."""
    window = canvas.window(zone.shape.bounds)
    if window is None:
        return
    rng = stream(seed, "quarry", zone.index)
    shift = int(rng.integers(PERIOD_SHIFT))
    step_m = 0.05 * min(zone.size_m)
    fine = _drifting(zone.shape, step_m / 5, 40, rng)
    jagged = textures.noise(window, 8, 16, 32, shift=shift)
    wander = textures.noise(window, 64, 128, shift=shift + 50) * 5 + jagged * 1.6
    inside = levels_of(fine, window).astype(np.float32)
    mask = ragged(zone.shape, window, textures, shift)
    depth = np.clip(np.floor((inside + wander) / 5), 1, 7).astype(np.int16)
    depth = np.where(mask, depth, 0).astype(np.int16)
    colour = jittered(rng, ((196, 184, 162), (184, 178, 168), (204, 180, 146))[zone.index % 3], 8)
    rubble = textures.noise(window, 1, 2, 4, 8, shift=shift) * 26 + jagged * 16
    face = _faces(depth, sun, step_m)
    ledges = (depth % 2).astype(np.float32) * 9
    colours = tinted(colour, (rubble + ledges + face, _EVEN))
    canvas.lay(window, mask, colours, "quarry")
    if rng.random() < 0.6:
        pool = blob(rng, zone.local.origin, (2.2 * step_m, 1.6 * step_m), 0.25)
        water = tinted((84, 132, 128), (textures.noise(window, 1, 2, 8) * 6, _EVEN))
        canvas.lay(window, mask_of(pool, window) & mask, water)
    _haul(canvas, zone, rng)


def _drifting(
    shape: Polygon, step_m: float, count: int, rng: np.random.Generator
) -> list[Polygon | MultiPolygon]:
    """Shrink a shape in steps that lean to one side, so that one wall is steep."""
    lean = rng.uniform(-0.45, 0.45, 2) * step_m
    return [
        affinity.translate(level, *(lean * i))
        for i, level in enumerate(nested(shape, step_m, count))
    ]


def _faces(
    depth: np.ndarray[tuple[int, int], np.dtype[np.int16]], sun: Sun, step_m: float
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Grey levels of the bench faces: those towards the sun's side of the pit lie in shade."""
    total = np.zeros(depth.shape, np.float32)
    for reach in (2, 4, max(5, round(0.3 * step_m))):
        x, y = (round(part * reach) for part in sun.towards)
        ahead, behind = shifted(depth, x, y), shifted(depth, -x, -y)
        total += np.clip(ahead - behind, -1, 1).astype(np.float32)
    return np.where(depth > 0, total * np.float32(19), 0).astype(np.float32)


def _haul(canvas: Canvas, zone: Zone, rng: np.random.Generator) -> None:
    """A haul road winding down, with dump trucks."""
    turns = np.linspace(0, 2.6 * np.pi, 60)
    radius = np.linspace(0.47, 0.08, 60)
    s = np.cos(turns).round(6) * radius * zone.size_m[0]
    t = np.sin(turns).round(6) * radius * zone.size_m[1]
    path = zone.local.to_pixels(np.stack([s, t], 1))
    inside = contains(zone.shape, path)
    with canvas.pen(zone.shape.bounds) as pen:
        pen.line(path[inside], 10, (216, 204, 182))
        for index in (20, 34, 47):
            draw_truck(pen, zone.local, (float(s[index]), float(t[index])), 30 * index, rng)
        for _ in range(5):
            spot = rng.uniform(-0.2, 0.2, 2) * zone.size_m
            heap = zone.local.to_pixels(rectangle(spot[0], spot[1], 16, 10, 20))
            pen.polygon(heap, (206, 194, 172), height_m=5)


def paint_mine(canvas: Canvas, textures: Textures, zone: Zone, seed: int) -> None:
    """Stripped orange ground among leftover trees, pits, turbid ponds, a track."""
    window = canvas.window(zone.shape.bounds)
    if window is None:
        return
    rng = stream(seed, "mine", zone.index)
    shift = int(rng.integers(PERIOD_SHIFT))
    mottle = textures.noise(window, 8, 16, 32, 64, 128, shift=shift) * 44
    fine = textures.noise(window, 1, 2, 4, shift=shift) * 20
    pale = np.clip(textures.noise(window, 64, 128, shift=shift + 40), 0, 1) * 60
    colours = tinted((172, 128, 94), (mottle + fine, _EARTH), (pale, _EVEN))
    stripped = ragged(zone.shape, window, textures, shift)
    left_over = textures.noise(window, 64, 32, 16, shift=shift + 140) > 0.36
    canvas.lay(window, stripped, colours, "mine")
    scrub = tinted((88, 100, 60), (fine + mottle, _EVEN))
    canvas.lay(window, stripped & left_over, scrub)
    pits: list[Polygon] = []
    for _ in range(160):
        _dig_pit(canvas, textures, zone, rng, pits)
    with canvas.pen(zone.shape.bounds) as pen:
        pen.line(zone.local.to_pixels(winding(rng, zone.size_m)), 6, (206, 158, 116), height_m=0)


def _dig_pit(
    canvas: Canvas, textures: Textures, zone: Zone, rng: np.random.Generator, pits: list[Polygon]
) -> None:
    """A pit, apart from the earlier ones, with a spoil rim and, mostly, muddy water in it."""
    spot = zone.local.to_pixels((rng.uniform(-0.4, 0.4, 2) * zone.size_m)[None])[0]
    half = rng.uniform(0.014, 0.06, 2) * min(zone.size_m)
    pit = blob(rng, spot, (float(half[0]), float(half[1])), 0.25)
    rim = pit.buffer(0.007 * min(zone.size_m))
    if not zone.shape.contains(rim) or any(rim.intersects(other) for other in pits):
        return
    pits.append(pit)
    window = canvas.window(rim.bounds)
    if window is None:
        return
    grit = textures.noise(window, 1, 2, 4, 8) * 18
    canvas.lay(window, mask_of(rim, window), tinted((190, 148, 112), (grit, _EARTH)))
    pond = rng.random() < 0.75
    colour = _PONDS[int(rng.integers(len(_PONDS)))] if pond else (146, 92, 60)
    inside = levels_of(nested(pit, 2.0, 8), window).astype(np.float32)
    shade = -inside * (2.2 if pond else 4.0)
    canvas.lay(window, inside > 0, tinted(colour, (shade + grit * (0.25 if pond else 1), _EARTH)))
