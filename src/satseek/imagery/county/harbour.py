"""Furnishes harbours: quays, piers, cargo ships, container stacks, or a marina.

It works in the zone's own frame, whose second axis points out to sea.
"""

# ruff: noqa: PLR2004 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from shapely import Polygon

from satseek.imagery.county.ground import jittered
from satseek.imagery.county.inventory import stream
from satseek.imagery.county.shapes import rectangle
from satseek.imagery.county.vehicles import draw_boat, draw_cars, draw_ship
from satseek.imagery.county.water import clear_water
from satseek.imagery.county.works import draw_stacks, lay_ground

if TYPE_CHECKING:
    from satseek.imagery.county.canvas import Canvas, Pen
    from satseek.imagery.county.frame import LocalFrame
    from satseek.imagery.county.inventory import Colour
    from satseek.imagery.county.plan import Zone
    from satseek.imagery.county.texture import Textures

_QUAY: Final[Colour] = (172, 166, 154)
_EDGE: Final[Colour] = (206, 202, 192)
_BASIN: Final[tuple[Colour, Colour]] = ((46, 78, 84), (50, 84, 82))
_SHEDS: Final[tuple[Colour, ...]] = (
    (206, 204, 198),
    (158, 104, 84),
    (134, 150, 168),
    (178, 172, 160),
)
_WATERLINE: Final = -0.16
"""Where the quay ends, in depths of the zone from its centre."""


def paint_harbour(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Dig the basin, then build on land and in the water."""
    rng = stream(seed, "harbour", zone.index)
    lay_ground(canvas, textures, zone, jittered(rng, _QUAY, 8), 20, rng)
    wide, deep = zone.size_m
    local = zone.local
    basin_t = ((_WATERLINE + 0.5) / 2) * deep
    basin = rectangle(0, basin_t, wide * 1.3, deep * (0.5 - _WATERLINE))
    water = Polygon(local.to_pixels(basin)).intersection(zone.shape)
    clear_water(canvas, textures, water, _BASIN[date], "harbour")
    moving = stream(seed, "ships", zone.index, date)
    with canvas.pen(zone.shape.bounds) as pen:
        quay = np.array([[-0.5 * wide, _WATERLINE * deep], [0.5 * wide, _WATERLINE * deep]])
        pen.line(local.to_pixels(quay), 6, _EDGE, height_m=2)
        if zone.index % 3 == 1:
            _build_marina(pen, local, (wide, deep), rng, moving)
        else:
            _build_port(pen, local, (wide, deep), rng, moving)
        _build_mole(pen, local, (wide, deep))


def _build_port(
    pen: Pen,
    local: LocalFrame,
    size: tuple[float, float],
    rng: np.random.Generator,
    moving: np.random.Generator,
) -> None:
    """Piers with sheds or stacks, freighters on both sides of each."""
    wide, deep = size
    piers = max(1, round(wide / 240))
    pitch = wide / piers
    reach = deep * 0.5
    for number in range(piers):
        s = -0.5 * wide + (number + 0.5) * pitch
        breadth = 0.3 * pitch
        t = _WATERLINE * deep + reach / 2
        pen.polygon(local.to_pixels(rectangle(s, t, breadth + 5, reach + 5)), _EDGE, height_m=2)
        pen.polygon(
            local.to_pixels(rectangle(s, t, breadth, reach)), jittered(rng, _QUAY, 10), height_m=2
        )
        if number % 2:
            shed = rectangle(s, t, breadth * 0.5, reach * 0.8)
            pen.polygon(local.to_pixels(shed), _SHEDS[number % 4], height_m=10, kind="building")
        else:
            draw_stacks(pen, local.turned(0), (s, t), (breadth * 0.7, reach * 0.85), rng)
        for side in (-1, 1):
            length = float(moving.uniform(0.36, 0.6)) * reach
            berth = s + side * (breadth / 2 + 0.1 * length + 3)
            if moving.random() < 0.85:
                draw_ship(pen, local, (berth, t - 0.2 * reach), length, 90, moving)
            if moving.random() < 0.6:
                draw_ship(pen, local, (berth, t + 0.3 * reach), length * 0.5, -90, moving)
    _build_yard(pen, local, size, rng, moving)


def _build_yard(
    pen: Pen,
    local: LocalFrame,
    size: tuple[float, float],
    rng: np.random.Generator,
    moving: np.random.Generator,
) -> None:
    """Stacks, sheds and a road behind the quay."""
    wide, deep = size
    row = (-0.5 + 0.5 + _WATERLINE - 0.13) * deep
    for number, s in enumerate(np.arange(-0.42 * wide, 0.43 * wide, 0.17 * wide)):
        spot = (float(s), row)
        if number % 2:
            draw_stacks(pen, local, spot, (0.14 * wide, 0.13 * deep), rng)
        else:
            shed = rectangle(*spot, 0.13 * wide, 0.1 * deep)
            pen.polygon(local.to_pixels(shed), _SHEDS[number % 4], height_m=11, kind="building")
    lane = np.array([[-0.49 * wide, -0.37 * deep], [0.49 * wide, -0.37 * deep]])
    pen.line(local.to_pixels(lane), 10, (112, 110, 108), height_m=0)
    bays = np.arange(-0.45 * wide, 0.45 * wide, 3.0)
    bays = bays[moving.random(len(bays)) < 0.5]
    draw_cars(pen, local, np.stack([bays, np.full(len(bays), -0.41 * deep)], 1), 90, moving)
    for s in np.arange(-0.44 * wide, 0.45 * wide, 0.11 * wide):
        shed = rectangle(float(s), -0.455 * deep, 0.085 * wide, 0.05 * deep)
        pen.polygon(
            local.to_pixels(shed), jittered(rng, _SHEDS[0], 24), height_m=8, kind="building"
        )


def _build_marina(
    pen: Pen,
    local: LocalFrame,
    size: tuple[float, float],
    rng: np.random.Generator,
    moving: np.random.Generator,
) -> None:
    """Pontoons with yachts on both sides."""
    wide, deep = size
    reach = deep * 0.5
    for s in np.arange(-0.44 * wide, 0.45 * wide, 44.0):
        line = np.array([[s, _WATERLINE * deep], [s, _WATERLINE * deep + reach]])
        pen.line(local.to_pixels(line), 3, (196, 190, 178), height_m=1)
        for t in np.arange(_WATERLINE * deep + 12, _WATERLINE * deep + reach, 6.2):
            for side in (-1, 1):
                if moving.random() < 0.82:
                    length = float(moving.uniform(10, 15))
                    spot = (float(s) + side * (length / 2 + 2), float(t))
                    draw_boat(pen, local, spot, length, 0 if side > 0 else 180, moving)
    _build_yard(pen, local, size, rng, moving)


def _build_mole(pen: Pen, local: LocalFrame, size: tuple[float, float]) -> None:
    """A breakwater of stones that leaves an entrance."""
    wide, deep = size
    bends = np.array([[-0.49, _WATERLINE], [-0.49, 0.40], [-0.3, 0.45], [0.22, 0.45]]) * (
        wide,
        deep,
    )
    pen.line(local.to_pixels(bends), 13, (138, 130, 118), height_m=3)
    pen.line(local.to_pixels(bends), 5, (176, 170, 158), height_m=4)
    other = np.array([[0.49, _WATERLINE], [0.49, 0.36], [0.40, 0.40]]) * (wide, deep)
    pen.line(local.to_pixels(other), 13, (138, 130, 118), height_m=3)
