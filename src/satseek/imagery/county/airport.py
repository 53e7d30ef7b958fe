"""Furnishes the airport: runway, taxiways, apron, terminal, hangars, planes.

It works in the zone's own frame, the runway along its longer axis.
"""

# ruff: noqa: PLR2004 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.imagery.county.canvas import Canvas, Pen, mask_of
from satseek.imagery.county.ground import PERIOD_SHIFT, jittered, tinted
from satseek.imagery.county.inventory import stream
from satseek.imagery.county.shapes import rectangle
from satseek.imagery.county.vehicles import draw_cars, draw_plane

if TYPE_CHECKING:
    from satseek.imagery.county.frame import LocalFrame
    from satseek.imagery.county.plan import Zone
    from satseek.imagery.county.texture import Textures

_RUNWAY: Final = (98, 98, 100)
_TAXIWAY: Final = (138, 136, 132)
_APRON: Final = (182, 180, 172)
_MARK: Final = (228, 228, 224)
_EVEN: Final = np.array([1.0, 0.96, 0.86], np.float32)
_FULL_M: Final = 780.0
"""Depth at which runway, taxiway and apron have their full widths."""


def paint_airport(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Grass, then pavements, buildings and planes."""
    window = canvas.window(zone.shape.bounds)
    if window is None:
        return
    rng = stream(seed, "airport", zone.index)
    shift = int(rng.integers(PERIOD_SHIFT))
    grass = textures.noise(window, 1, 2, 4, 16, 64, 128, shift=shift) * 34
    colour = jittered(rng, ((118, 124, 84), (146, 136, 100))[date], 6)
    canvas.lay(window, mask_of(zone.shape, window), tinted(colour, (grass, _EVEN)), "airport")
    length, depth = max(zone.size_m), min(zone.size_m)
    scale = min(1.0, depth / _FULL_M)
    local = zone.local if zone.size_m[0] >= zone.size_m[1] else zone.local.turned(90)
    if rng.random() < 0.5:
        local = local.turned(180)
    moving = stream(seed, "planes", zone.index, date)
    with canvas.pen(zone.shape.bounds) as pen:
        _draw_runway(pen, local, length * 0.95, -0.33 * depth, scale)
        _draw_taxiways(pen, local, length * 0.95, depth, scale)
        _draw_apron(pen, local, (length, depth, scale), rng, moving)
    _weather(canvas, textures, zone)


def _draw_runway(pen: Pen, local: LocalFrame, length: float, t: float, scale: float) -> None:
    half = 26 * scale
    pen.polygon(local.to_pixels(rectangle(0, t, length, 2 * half + 14 * scale)), (150, 146, 136))
    pen.polygon(local.to_pixels(rectangle(0, t, length, 2 * half)), _RUNWAY)
    for side in (-1, 1):
        edge = local.to_pixels(rectangle(0, t + side * (half - 3), length * 0.99, 1.2))
        pen.polygon(edge, _MARK)
        for stripe in np.arange(-half + 5, half - 4, 5.6):
            spot = (side * (length / 2 - 32 * scale), t + stripe)
            pen.polygon(local.to_pixels(rectangle(*spot, 32 * scale, 2.2)), _MARK)
        for away in (150, 230, 310, 420):
            for lane in (-10 * scale, 10 * scale):
                spot = (side * (length / 2 - away * scale), t + lane)
                pen.polygon(local.to_pixels(rectangle(*spot, 26 * scale, 5)), _MARK)
        rubber = rectangle(side * (length / 2 - 330 * scale), t, 420 * scale, 13 * scale)
        pen.polygon(local.to_pixels(rubber), (74, 74, 76))
    for s in np.arange(-length / 2 + 90 * scale, length / 2 - 90 * scale, 52):
        pen.polygon(local.to_pixels(rectangle(float(s), t, 30, 1.8)), _MARK)


def _draw_taxiways(pen: Pen, local: LocalFrame, length: float, depth: float, scale: float) -> None:
    runway, parallel = -0.33 * depth, -0.06 * depth
    width = 24 * scale
    pen.polygon(local.to_pixels(rectangle(0, parallel, length * 0.96, width)), _TAXIWAY)
    for share in (-0.475, -0.24, 0.0, 0.24, 0.475):
        slant = 0.0 if abs(share) > 0.4 else 60 * scale * (1 if share > 0 else -1)
        lane = np.array([[share * length + slant, runway], [share * length, parallel]])
        pen.line(local.to_pixels(lane), width, _TAXIWAY)
        pen.line(local.to_pixels(lane), 1, (196, 176, 92))
    for s in np.arange(-0.42, 0.43, 0.12):
        lane = np.array([[s * length, parallel], [s * length, 0.1 * depth]])
        pen.line(local.to_pixels(lane), width * 0.9, _TAXIWAY)
    middle = np.array([[-0.47 * length, parallel], [0.47 * length, parallel]])
    pen.line(local.to_pixels(middle), 1, (196, 176, 92))


def _draw_apron(
    pen: Pen,
    local: LocalFrame,
    sizes: tuple[float, float, float],
    rng: np.random.Generator,
    moving: np.random.Generator,
) -> None:
    length, depth, scale = sizes
    apron = rectangle(0, 0.15 * depth, length * 0.9, 0.2 * depth)
    pen.polygon(local.to_pixels(apron), _APRON)
    for s in np.arange(-0.45 * length, 0.45 * length, 24):
        seam = np.array([[s, 0.05 * depth], [s, 0.25 * depth]])
        pen.line(local.to_pixels(seam), 1, (168, 165, 157))
    split = float(rng.uniform(-0.1, 0.1)) * length
    _draw_terminal(pen, local, (split, length, depth, scale), moving)
    _draw_hangars(pen, local, (split, length, depth, scale), rng, moving)


def _draw_terminal(
    pen: Pen,
    local: LocalFrame,
    sizes: tuple[float, float, float, float],
    moving: np.random.Generator,
) -> None:
    """A long terminal with piers; planes park nose-in on both sides of each pier."""
    split, length, depth, scale = sizes
    left, right = -0.44 * length, split
    middle, span = (left + right) / 2, right - left
    body = rectangle(middle, 0.27 * depth, span * 0.96, 0.075 * depth)
    roof = (204, 206, 204)
    pen.polygon(local.to_pixels(body), roof, height_m=16, kind="building")
    ridge = rectangle(middle, 0.27 * depth, span * 0.92, 0.02 * depth)
    pen.polygon(local.to_pixels(ridge), (172, 178, 186), height_m=17)
    piers = max(1, round(span / 270))
    size = 46 * scale
    for number in range(piers):
        s = left + (number + 0.5) * span / piers
        pier = rectangle(s, 0.175 * depth, 24 * scale, 0.13 * depth)
        pen.polygon(local.to_pixels(pier), (190, 192, 190), height_m=12, kind="building")
        for side in (-1, 1):
            for t in (0.135, 0.205):
                if moving.random() < 0.8:
                    spot = (s + side * (12 + 28) * scale, t * depth)
                    draw_plane(
                        pen,
                        local,
                        spot,
                        size * moving.uniform(0.8, 1.1),
                        180 if side > 0 else 0,
                        moving,
                    )
    for s in np.arange(left + 30 * scale, right - 30 * scale, 62 * scale):
        if abs(((s - left) / span * piers) % 1 - 0.5) > 0.27 and moving.random() < 0.8:
            draw_plane(pen, local, (float(s), 0.205 * depth), size, 90, moving)
    _draw_landside(pen, local, (middle, span, depth), moving)


def _draw_landside(
    pen: Pen, local: LocalFrame, sizes: tuple[float, float, float], moving: np.random.Generator
) -> None:
    """Car parks and the road before the terminal."""
    middle, span, depth = sizes
    pen.polygon(
        local.to_pixels(rectangle(middle, 0.4 * depth, span * 0.9, 0.15 * depth)), (118, 116, 114)
    )
    pen.polygon(local.to_pixels(rectangle(middle, 0.32 * depth, span * 1.1, 12)), (104, 104, 104))
    bays = np.arange(-0.43 * span, 0.43 * span, 2.9)
    for t in np.arange(0.345 * depth, 0.46 * depth, 8.5):
        filled = bays[moving.random(len(bays)) < 0.6]
        draw_cars(pen, local, np.stack([middle + filled, np.full(len(filled), t)], 1), 90, moving)


def _draw_hangars(
    pen: Pen,
    local: LocalFrame,
    sizes: tuple[float, float, float, float],
    rng: np.random.Generator,
    moving: np.random.Generator,
) -> None:
    """Hangars and parked planes on the other half of the apron."""
    split, length, depth, scale = sizes
    pitch = 120 * scale
    for s in np.arange(split + pitch * 0.7, 0.44 * length, pitch):
        tone = int(rng.integers(168, 226))
        hall = rectangle(float(s), 0.32 * depth, pitch * 0.8, 0.12 * depth)
        pen.polygon(local.to_pixels(hall), (tone, tone, tone - 4), height_m=14, kind="building")
        half = rectangle(float(s), 0.35 * depth, pitch * 0.8, 0.06 * depth)
        pen.polygon(local.to_pixels(half), (tone - 26, tone - 25, tone - 26), height_m=14)
    for s in np.arange(split + 40 * scale, 0.44 * length, 60 * scale):
        for t, chance in ((0.1, 0.55), (0.2, 0.75)):
            if moving.random() < chance:
                size = (34 if t < 0.15 else 44) * scale * moving.uniform(0.8, 1.15)
                draw_plane(
                    pen, local, (float(s), t * depth), size, 90 + moving.uniform(-8, 8), moving
                )


def _weather(canvas: Canvas, textures: Textures, zone: Zone) -> None:
    """Stains and wear on everything, so that pavement is not flat."""
    window = canvas.window(zone.shape.bounds)
    if window is None:
        return
    wear = textures.noise(window, 1, 2, 8, 32, 128, shift=77)[..., None] * 14
    ground = canvas.rgb[window.slices].astype(np.float32)
    canvas.lay(window, mask_of(zone.shape, window), ground + wear)
