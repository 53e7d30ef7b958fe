"""Furnishes places of work: factories with halls and yards, and tank farms.

It does not know where the zone lies; it works in the zone's own frame, in metres.
"""

# ruff: noqa: PLR2004, PLR0917 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.imagery.county.canvas import Canvas, Pen, mask_of
from satseek.imagery.county.ground import PERIOD_SHIFT, contains, jittered, tinted
from satseek.imagery.county.inventory import Points, stream
from satseek.imagery.county.shapes import disc, rectangle
from satseek.imagery.county.vehicles import draw_cars, draw_truck

if TYPE_CHECKING:
    from satseek.imagery.county.frame import LocalFrame
    from satseek.imagery.county.inventory import Colour
    from satseek.imagery.county.plan import Zone
    from satseek.imagery.county.texture import Textures

_EVEN: Final = np.array([1.0, 0.98, 0.94], np.float32)
_HALLS: Final[tuple[Colour, ...]] = (
    (214, 214, 210), (186, 190, 194), (92, 128, 178), (112, 142, 182), (150, 158, 160),
    (198, 190, 178), (152, 112, 96), (128, 132, 136), (228, 228, 226),
)  # fmt: skip
_BOXES: Final[tuple[Colour, ...]] = (
    (166, 70, 56), (68, 100, 142), (196, 158, 84), (176, 178, 176), (86, 126, 96), (140, 86, 62),
)  # fmt: skip


def lay_ground(
    canvas: Canvas,
    textures: Textures,
    zone: Zone,
    colour: Colour,
    rough: float,
    rng: np.random.Generator,
) -> None:
    """Cover a zone with worn, even ground."""
    window = canvas.window(zone.shape.bounds)
    if window is None:
        return
    shift = int(rng.integers(PERIOD_SHIFT))
    coarse = textures.noise(window, 16, 32, 64, 128, shift=shift) * np.float32(rough)
    fine = textures.noise(window, 1, 2, 4, shift=shift) * 12
    colours = tinted(colour, (coarse + fine, _EVEN))
    canvas.lay(window, mask_of(zone.shape, window), colours, zone.cover)


def paint_industrial(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Halls on plots along service roads, yards with trucks and stacked goods."""
    rng = stream(seed, "industrial", zone.index)
    lay_ground(canvas, textures, zone, jittered(rng, (144, 140, 132), 8), 26, rng)
    local = zone.local.turned(float(rng.choice([0, 0, 12, -20])))
    reach = 0.66 * max(zone.size_m)
    plots: list[tuple[float, float, float, float]] = []
    _cut(plots, rng, (-reach, -reach, reach, reach), (70.0, 150.0))
    moving = stream(seed, "yard", zone.index, date)
    with canvas.pen(zone.shape.bounds) as pen:
        for left, top, right, bottom in plots:
            middle = local.to_pixels(np.array([[(left + right) / 2, (top + bottom) / 2]]))
            if not contains(zone.shape.buffer(-28), middle)[0]:
                continue
            _draw_plot(pen, local, (left, top, right, bottom), rng, moving)


def _cut(
    plots: list[tuple[float, float, float, float]],
    rng: np.random.Generator,
    box: tuple[float, float, float, float],
    sides: tuple[float, float],
) -> None:
    """Cut a box until no side is longer than it may be."""
    left, top, right, bottom = box
    if max(right - left, bottom - top) <= sides[1] * rng.uniform(0.6, 1.1):
        plots.append(box)
        return
    share = float(rng.uniform(0.36, 0.64))
    if right - left > bottom - top:
        at = left + (right - left) * share
        parts = ((left, top, at, bottom), (at, top, right, bottom))
    else:
        at = top + (bottom - top) * share
        parts = ((left, top, right, at), (left, at, right, bottom))
    for part in parts:
        _cut(plots, rng, part, sides)


def _draw_plot(
    pen: Pen,
    local: LocalFrame,
    box: tuple[float, float, float, float],
    rng: np.random.Generator,
    moving: np.random.Generator,
) -> None:
    left, top, right, bottom = box
    s, t = (left + right) / 2, (top + bottom) / 2
    ring = local.to_pixels(rectangle(s, t, right - left, bottom - top)[[0, 1, 2, 3, 0]])
    pen.line(ring, 9, (112, 110, 108))
    wide, deep = right - left - 20, bottom - top - 20
    if min(wide, deep) < 12:
        return
    kind = rng.random()
    if kind < 0.14:
        draw_stacks(pen, local, (s, t), (wide, deep), rng)
        return
    side = -1.0 if rng.random() < 0.5 else 1.0
    yard = float(rng.uniform(14, 30)) if deep > 50 else 6.0
    hall = rectangle(s, t + side * yard / 2, wide, deep - yard)
    draw_hall(pen, local, hall, rng)
    for place in np.arange(-wide / 2 + 8, wide / 2 - 8, 6):
        if moving.random() < 0.22:
            draw_truck(pen, local, (s + place, t - side * (deep - yard) / 2), 90, moving)
    if rng.random() < 0.5:
        row = np.arange(-wide / 2 + 2, wide / 2 - 2, 3.0)
        row = row[moving.random(len(row)) < 0.6]
        spots = np.stack([s + row, np.full(len(row), t - side * (deep / 2 - 1))], 1)
        draw_cars(pen, local, spots, 90, moving)


def draw_hall(pen: Pen, local: LocalFrame, corners: Points, rng: np.random.Generator) -> None:
    """A hall with bays of two tones, skylights or roof units."""
    colour = jittered(rng, _HALLS[int(rng.integers(len(_HALLS)))], 12)
    height = float(rng.uniform(8, 13))
    pen.polygon(local.to_pixels(corners), colour, height_m=height, kind="building")
    (left, top), (right, bottom) = corners[0], corners[2]
    darker = tuple(round(part * 0.88) for part in colour)
    long_way = right - left > bottom - top
    start, end = (left, right) if long_way else (top, bottom)
    bay = float(rng.uniform(9, 22))
    for number, at in enumerate(np.arange(start, end - 2, bay)):
        stop = min(at + bay / 2, end)
        strip = (
            np.array([[at, top], [stop, top], [stop, bottom], [at, bottom]])
            if long_way
            else np.array([[left, at], [right, at], [right, stop], [left, stop]])
        )
        if rng.random() < 0.92:
            pen.polygon(local.to_pixels(strip), (darker[0], darker[1], darker[2]))
        if number % 2 and rng.random() < 0.7:
            spot = (strip[0] + strip[2]) / 2
            unit = local.to_pixels(rectangle(spot[0], spot[1], 5, 3.5))
            pen.polygon(unit, (206, 208, 208), height_m=height + 2)


def draw_stacks(
    pen: Pen,
    local: LocalFrame,
    centre: tuple[float, float],
    size: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Rows of stacked containers with lanes between them."""
    for s in np.arange(-size[0] / 2 + 7, size[0] / 2 - 6, 13.4):
        for t in np.arange(-size[1] / 2 + 2, size[1] / 2 - 2, 2.9):
            lane = round((t + size[1] / 2) / 2.9) % 7 == 6
            if lane or rng.random() < 0.16:
                continue
            box = local.to_pixels(rectangle(centre[0] + s, centre[1] + t, 12.2, 2.6))
            colour = jittered(rng, _BOXES[int(rng.integers(len(_BOXES)))], 14)
            pen.polygon(box, colour, height_m=2.6 * int(rng.integers(1, 4)))


def paint_tanks(canvas: Canvas, textures: Textures, zone: Zone, seed: int) -> None:
    """Round tanks inside earth bunds, pipes and a pump house."""
    rng = stream(seed, "tanks", zone.index)
    ground = ((150, 140, 122), (128, 130, 104), (158, 152, 142))[zone.index % 3]
    lay_ground(canvas, textures, zone, jittered(rng, ground, 8), 22, rng)
    local = zone.local
    pitch = min(float(rng.uniform(68, 92)), 0.3 * min(zone.size_m))
    inner = zone.shape.buffer(-0.55 * pitch)
    if inner.is_empty:
        inner = zone.shape.buffer(-5)
    half_s, half_t = zone.size_m[0] * 0.6, zone.size_m[1] * 0.6
    with canvas.pen(zone.shape.bounds) as pen:
        for s in np.arange(-half_s, half_s, pitch):
            for t in np.arange(-half_t, half_t, pitch):
                middle = local.to_pixels(np.array([[s, t]]))
                if contains(inner, middle)[0]:
                    _draw_bund(pen, local, (s, t), pitch, rng)


def _draw_bund(
    pen: Pen, local: LocalFrame, spot: tuple[float, float], pitch: float, rng: np.random.Generator
) -> None:
    s, t = spot
    ring = local.to_pixels(rectangle(s, t, pitch - 8, pitch - 8)[[0, 1, 2, 3, 0]])
    pen.line(ring, 3, (176, 166, 146), height_m=1.5)
    road = local.to_pixels(rectangle(s, t, pitch, pitch)[[0, 1, 2]])
    pen.line(road, 5, (136, 132, 126), height_m=0)
    if rng.random() < 0.12:
        pump = rectangle(s, t, 0.4 * pitch, 0.22 * pitch)
        pen.polygon(local.to_pixels(pump), (168, 164, 158), height_m=6, kind="building")
        return
    if rng.random() < 0.78:
        _draw_tank(pen, local, spot, float(rng.uniform(0.2, 0.37)) * pitch, rng)
        return
    small = pitch * 0.155
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            if rng.random() < 0.85:
                place = (s + i * pitch * 0.27, t + j * pitch * 0.27)
                _draw_tank(pen, local, place, small * 0.68, rng)


def _draw_tank(
    pen: Pen,
    local: LocalFrame,
    spot: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
) -> None:
    """A tank with a cone roof, or with a floating roof sunk below its rim."""
    tone = int(rng.choice([236, 228, 214, 188, 150], p=[0.4, 0.25, 0.15, 0.12, 0.08]))
    rim = (tone, tone, tone - 4)
    height = 8 + 0.3 * radius
    pen.polygon(local.to_pixels(disc(*spot, radius)), rim, height_m=height, kind="storage_tank")
    if radius > 14 and rng.random() < 0.5:
        roof = (max(60, tone - 50),) * 3
        pen.polygon(local.to_pixels(disc(*spot, radius - 2)), roof, height_m=height - 4)
        pen.polygon(local.to_pixels(disc(*spot, radius * 0.3)), (tone - 24,) * 3)
        return
    for share, lift in ((0.7, 0.5), (0.4, 1.0), (0.12, 1.6)):
        top = local.to_pixels(disc(*spot, radius * share))
        pen.polygon(top, (min(255, tone + 4),) * 3, height_m=height + lift)
    rail = local.to_pixels(np.array([spot, (spot[0] + radius, spot[1])]))
    pen.line(rail, 1, (tone - 70,) * 3)
