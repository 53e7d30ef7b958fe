"""Draws the roads between zones, their traffic, and the bridges over the river.

It does not know about streets inside a zone.
"""

# ruff: noqa: PLR2004 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from shapely import LineString, Polygon

from satseek.imagery.county.frame import LocalFrame
from satseek.imagery.county.ground import along_line, jittered, paint_stand, scattered
from satseek.imagery.county.inventory import Points, stream
from satseek.imagery.county.shapes import rectangle
from satseek.imagery.county.vehicles import draw_cars, draw_truck
from satseek.imagery.county.works import lay_ground

if TYPE_CHECKING:
    from satseek.imagery.county.canvas import Canvas, Pen
    from satseek.imagery.county.plan import Plan, Road, Zone
    from satseek.imagery.county.texture import Textures

_VERGE: Final = (116, 118, 84)
_ASPHALT: Final = (128, 126, 122)
_MAIN_M: Final = 20.0
"""Roads at least this wide have two carriageways."""
_LINED_M: Final = 11.0
"""Roads at least this wide have painted edges and a middle line."""
_BRIDGE_M: Final = 7.0
"""Height of a bridge deck above the water."""


def paint_roads(canvas: Canvas, plan: Plan, date: int) -> None:
    """Draw every road, minor ones first, then the bridges over what they cross."""
    for index, road in enumerate(plan.roads):
        rng = stream(plan.seed, "traffic", index, date)
        with canvas.pen(LineString(road.line).bounds) as pen:
            _draw_road(pen, road)
            _draw_traffic(pen, road, rng)
        if road.width_m < _MAIN_M:
            trees = along_line(
                road.line, stream(plan.seed, "avenue", index), spacing_m=14, radius=(2, 4), gap=0.7
            )
            trees[:, :2] += road.width_m / 2 + 7
            canvas.trees.append(trees)
    for index, road in enumerate(plan.roads):
        _build_bridges(canvas, plan, road, stream(plan.seed, "bridge", index, date))


def _draw_road(pen: Pen, road: Road) -> None:
    width = road.width_m
    pen.line(road.line, width + 8, _VERGE, cover="road", height_m=0)
    if width < _LINED_M:
        pen.line(road.line, width, _ASPHALT)
        return
    pen.line(road.line, width, (186, 184, 176))
    pen.line(road.line, width - 2, (112, 110, 108))
    pen.line(road.line, *((4, (128, 128, 92)) if width >= _MAIN_M else (1, (196, 194, 186))))


def _draw_traffic(pen: Pen, road: Road, rng: np.random.Generator) -> None:
    """A vehicle every hundred metres or so, on the right-hand lanes."""
    spots = along_line(road.line, rng, spacing_m=45, radius=(1, 1), gap=0.72)
    steps = np.diff(road.line, axis=0)
    middles = (road.line[1:] + road.line[:-1]) / 2
    for x, y, _ in spots:
        leg = int(np.argmin(np.abs(middles - (x, y)).sum(axis=1)))
        local = frame_along(np.array([x, y]), steps[leg])
        side = 1.0 if rng.random() < 0.5 else -1.0
        lane = side * road.width_m * 0.25
        if rng.random() < 0.22:
            draw_truck(pen, local, (0.0, lane), 0 if side > 0 else 180, rng)
        else:
            draw_cars(pen, local, np.array([[0.0, lane]]), 0, rng)


def frame_along(origin: Points, step: Points) -> LocalFrame:
    """Give a frame whose first axis follows a step."""
    along = step / np.hypot(*step)
    return LocalFrame(origin=origin, axis_s=along, axis_t=np.array([-along[1], along[0]]))


def _build_bridges(canvas: Canvas, plan: Plan, road: Road, rng: np.random.Generator) -> None:
    crossing = LineString(road.line).intersection(plan.river.buffer(0.06 * plan.frame.cell_m))
    parts = getattr(crossing, "geoms", [crossing])
    for part in parts:
        if not isinstance(part, LineString) or part.length < 0.5 * plan.frame.cell_m:
            continue
        ends = np.asarray(part.coords)[[0, -1]]
        with canvas.pen(part.buffer(60).bounds) as pen:
            _draw_bridge(pen, ends, road, rng)


def _draw_bridge(pen: Pen, ends: Points, road: Road, rng: np.random.Generator) -> None:
    """A straight deck with parapets; two decks side by side for a main road."""
    length = float(np.hypot(*(ends[1] - ends[0]))) + 24
    local = frame_along(ends.mean(axis=0), ends[1] - ends[0])
    width = road.width_m + 6
    decks = ((-0.3, 0.42), (0.3, 0.42)) if road.width_m >= _MAIN_M else ((0.0, 0.9),)
    whole = local.to_pixels(rectangle(0, 0, length, width * 1.1))
    pen.polygon(whole, None, cover="bridge", kind="bridge")
    for place, share in decks:
        deck = local.to_pixels(rectangle(0, place * width * 1.2, length, width * share + 3))
        pen.polygon(deck, (196, 192, 184), height_m=_BRIDGE_M)
        lane = local.to_pixels(rectangle(0, place * width * 1.2, length, width * share - 1))
        pen.polygon(lane, (134, 132, 130), height_m=_BRIDGE_M)
        spots = np.arange(-length / 2, length / 2, 23.0)
        spots = spots[rng.random(len(spots)) < 0.6]
        lanes = place * width * 1.2 + rng.uniform(-0.25, 0.25, len(spots)) * width * share
        outlines = np.stack([spots, lanes], axis=1)
        for spot in outlines:
            car = local.to_pixels(rectangle(spot[0], spot[1], 5, 2))
            tone = int(rng.choice([36, 120, 222, 236]))
            pen.polygon(car, (tone, tone, tone + 4), height_m=_BRIDGE_M + 1)


def paint_interchange(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Two motorways crossing at two levels, with loops and slip roads in grass."""
    rng = stream(seed, "interchange", zone.index)
    grass = jittered(rng, ((96, 110, 68), (112, 114, 74))[date], 6)
    lay_ground(canvas, textures, zone, grass, 24, rng)
    wide, deep = zone.size_m
    local = zone.local
    scale = min(1.0, min(wide, deep) / 560)
    moving = stream(seed, "junction", zone.index, date)
    for i, j in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
        corner = np.array([[0.51, 0.15], [0.25, 0.2], [0.2, 0.25], [0.15, 0.51], [0.51, 0.51]])
        wood = Polygon(local.to_pixels(corner * (i * wide, j * deep))).intersection(zone.shape)
        if isinstance(wood, Polygon) and not wood.is_empty:
            paint_stand(canvas, textures, wood, rng, date)
    trees = scattered(zone.shape.buffer(-8), round(zone.shape.area / 1100), rng, radius=(2, 4.5))
    with canvas.pen(zone.shape.bounds) as pen:
        for ramp in _ramps(wide, deep):
            pen.line(local.to_pixels(ramp), 14 * scale, (184, 180, 168), height_m=0.25)
            pen.line(local.to_pixels(ramp), 10 * scale, _ASPHALT)
        low = np.array([[-0.5 * wide, 0.0], [0.5 * wide, 0.0]])
        high = np.array([[0.0, -0.5 * deep], [0.0, 0.5 * deep]])
        for line, level_m in ((low, 0.5), (high, 7.0)):
            _draw_motorway(pen, local, line, (scale, level_m), moving)
    canvas.trees.append(trees[canvas.is_level(trees)])


def _ramps(wide: float, deep: float) -> list[Points]:
    """Four loops and four outer slip roads, in local metres."""
    ramps = []
    turns = np.linspace(0, 2 * np.pi, 48)
    radius = 0.15 * min(wide, deep)
    part = np.linspace(0, 1, 30)[:, None]
    for i, j in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
        loop = np.stack([np.cos(turns), np.sin(turns)], 1).round(6) * radius
        ramps.append(loop + np.array([i, j]) * radius * 1.06)
        bend = np.array([i * 0.13 * wide, j * 0.13 * deep])
        start, end = np.array([i * 0.48 * wide, j * 14.0]), np.array([i * 14.0, j * 0.48 * deep])
        ramps.append((1 - part) ** 2 * start + 2 * part * (1 - part) * bend + part**2 * end)
    return ramps


def _draw_motorway(
    pen: Pen,
    local: LocalFrame,
    line: Points,
    sizes: tuple[float, float],
    moving: np.random.Generator,
) -> None:
    """Two carriageways; the upper motorway runs on a viaduct where it crosses."""
    scale, level_m = sizes
    pixels = local.to_pixels(line)
    pen.line(pixels, 42 * scale, (178, 174, 164), height_m=0.5)
    if level_m > 1:
        deck = local.to_pixels(line * 0.35)
        pen.line(deck, 46 * scale, (202, 198, 190), height_m=level_m)
    pen.line(pixels, 37 * scale, (118, 116, 114))
    pen.line(pixels, 4 * scale, (156, 152, 128))
    length = float(np.hypot(*(line[1] - line[0])))
    along = (line[1] - line[0]) / length
    across = np.array([-along[1], along[0]])
    degrees = 0.0 if abs(along[0]) > abs(along[1]) else 90.0
    for lane in (-14.5, -10, -5.5, 5.5, 10, 14.5):
        at = np.arange(-length / 2, length / 2, 14.0)
        at = at[moving.random(len(at)) < 0.36]
        draw_cars(pen, local, at[:, None] * along + across * lane * scale, degrees, moving)
