"""Furnishes ground laid out in rows: solar farms and car parks.

It does not know where the zone lies; it works in the zone's own frame, in metres.
"""

# ruff: noqa: PLR2004, PLR0917 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery.county.ground import contains, jittered
from satseek.imagery.county.inventory import stream
from satseek.imagery.county.shapes import rectangle
from satseek.imagery.county.vehicles import draw_cars
from satseek.imagery.county.works import draw_hall, lay_ground

if TYPE_CHECKING:
    from shapely import Polygon

    from satseek.imagery.county.canvas import Canvas, Pen
    from satseek.imagery.county.frame import LocalFrame
    from satseek.imagery.county.plan import Zone
    from satseek.imagery.county.texture import Textures


def paint_solar(canvas: Canvas, textures: Textures, zone: Zone, seed: int) -> None:
    """Rows of dark panels on grass, in fenced arrays with service lanes."""
    rng = stream(seed, "solar", zone.index)
    lay_ground(canvas, textures, zone, jittered(rng, (124, 126, 92), 8), 22, rng)
    local = zone.local.turned(float(rng.choice([0, 0, 8, -11])))
    inner = zone.shape.buffer(-14)
    half_s, half_t = zone.size_m[0] * 0.6, zone.size_m[1] * 0.6
    with canvas.pen(zone.shape.bounds) as pen:
        for s in np.arange(-half_s, half_s, 74):
            for number, t in enumerate(np.arange(-half_t, half_t, 9.0)):
                if number % 16 == 15:
                    continue
                _draw_panels(pen, local, (s, t), inner, rng)
        if not inner.is_empty:
            fence = np.asarray(zone.shape.buffer(-6).exterior.coords)
            pen.line(fence, 4, (170, 160, 138))


def _draw_panels(
    pen: Pen, local: LocalFrame, spot: tuple[float, float], inner: Polygon, rng: np.random.Generator
) -> None:
    row = local.to_pixels(rectangle(spot[0], spot[1], 68, 5.2))
    if not contains(inner, row).all():
        return
    lift = int(rng.integers(-5, 6))
    pen.polygon(row, (44 + lift, 56 + lift, 92 + lift), height_m=2)
    top = local.to_pixels(rectangle(spot[0], spot[1] - 1.9, 68, 1.0))
    pen.polygon(top, (86, 100, 134))
    for place in np.arange(-34, 35, 17.0):
        gap = local.to_pixels(
            np.array([[spot[0] + place, spot[1] - 2.6], [spot[0] + place, spot[1] + 2.6]])
        )
        pen.line(gap, 1, (112, 120, 134))


def paint_parking(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Double rows of cars on asphalt, planted strips, a shop on one side."""
    rng = stream(seed, "parking", zone.index)
    lay_ground(canvas, textures, zone, jittered(rng, (112, 110, 108), 10), 12, rng)
    local = zone.local
    inner = zone.shape.buffer(-14)
    if inner.is_empty:
        return
    half_s, half_t = zone.size_m[0] * 0.6, zone.size_m[1] * 0.6
    moving = stream(seed, "cars", zone.index, date)
    with canvas.pen(zone.shape.bounds) as pen:
        for number, t in enumerate(np.arange(-half_t, half_t, 17.0)):
            _draw_aisle(canvas, pen, local, (half_s, float(t), number), inner, (rng, moving))
        shop = rectangle(0, 0, zone.size_m[0] * 0.24, zone.size_m[1] * 0.16)
        yard = rectangle(0, 0, zone.size_m[0] * 0.24 + 24, zone.size_m[1] * 0.16 + 24)
        pen.polygon(local.to_pixels(yard), (150, 148, 144), height_m=0)
        draw_hall(pen, local, shop, rng)


def _draw_aisle(
    canvas: Canvas,
    pen: Pen,
    local: LocalFrame,
    place: tuple[float, float, int],
    inner: Polygon,
    streams: tuple[np.random.Generator, np.random.Generator],
) -> None:
    """Two rows of bays back to back; every fourth is split by a planted strip."""
    half_s, t, number = place
    rng, moving = streams
    bays = np.arange(-half_s, half_s, 2.9)
    bays = bays[np.arange(len(bays)) % 28 > 2]
    if number % 4 == 3:
        line = local.to_pixels(np.stack([bays, np.full(len(bays), t)], 1))
        kept = line[contains(inner, line)]
        if len(kept) > 1:
            pen.line(kept[[0, -1]], 4, (96, 108, 66))
        trees = kept[::4]
        radius = rng.uniform(1.8, 3.2, len(trees))
        canvas.trees.append(np.concatenate([trees, radius[:, None]], axis=1))
    for side in (-1.0, 1.0):
        spots = np.stack([bays, np.full(len(bays), t + side * 2.9)], axis=1)
        inside = contains(inner, local.to_pixels(spots))
        spots = spots[inside]
        for s, row in spots[::2]:
            mark = np.array([[s + 1.45, row - 2.4], [s + 1.45, row + 2.4]])
            pen.line(local.to_pixels(mark), 1, (168, 168, 164))
        filled = 0.35 + 0.5 * moving.random()
        draw_cars(pen, local, spots[moving.random(len(spots)) < filled], 90, moving)
