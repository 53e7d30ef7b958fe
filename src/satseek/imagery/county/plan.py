"""Turns a seed and a size into a plan: the zones, waters and roads of a county, in pixels.

It does not know what they look like.
"""

# ruff: noqa: PLR2004 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon

from satseek.imagery.county.blocks import LAND_SOUTH, Block, Partition, partition
from satseek.imagery.county.frame import Frame, LocalFrame
from satseek.imagery.county.inventory import Points, stream
from satseek.imagery.county.shapes import blob

_COAST: Final = 28.7
"""Row of the waterline, on average."""
_RIVER_HALF: Final = 0.37
"""Half width of the river in cells (190 m wide in a full county)."""
_BEACH_SAND: Final = 0.55
_BEACH_SURF: Final = 0.42
"""Dry and wet sand landwards, and surf seawards, in cells."""
_FLOOD_REACH: Final = 1.25
"""How far the flood reaches beyond the banks, in cells."""
_ROAD_WIDTHS_M: Final = (22.0, 13.0, 9.0)
"""Paved width by rank in a full county; smaller counties have narrower roads."""
_SMALL_CELL_M: Final = 90.0
"""Where cells are smaller than this, fields span more of them."""
_NATURAL: Final = frozenset({"quarry", "mine", "lake", "bare_land"})
"""Zones with an outline that nobody drew with a ruler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A piece of land with one use."""

    cover: str
    """Its land cover."""
    index: int
    """Number in the plan: names its random stream."""
    shape: Polygon
    """Outline in pixels."""
    local: LocalFrame
    """Right-angled frame at its centre, along the roads around it."""
    size_m: tuple[float, float]
    """Extent along the two local axes."""
    since: int = 0
    """First date (0 or 1) at which it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A road between zones."""

    line: Points
    """Vertices in pixels, shape (n, 2)."""
    width_m: float
    """Width of the paved part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A county on paper."""

    seed: int
    """Seed it was drawn from."""
    frame: Frame
    """Maps plan cells to pixels."""
    zones: tuple[Zone, ...]
    """Zones on land and harbours, in painting order."""
    fields: tuple[Polygon, ...]
    """Fields under everything, in pixels."""
    river: Polygon
    """River without its banks."""
    sea: Polygon
    """Sea from the waterline on."""
    beach: Polygon
    """Sand and surf along the waterline."""
    flood: Polygon | MultiPolygon
    """Fields under water at the second date."""
    roads: tuple[Road, ...]
    """Roads, main roads last."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Whole county: left, top, right, bottom."""
        return 0, 0, self.frame.width, self.frame.height


def draw_plan(seed: int, width: int, height: int) -> Plan:
    """Plan the county of a seed."""
    frame = Frame.drawn(seed, width, height)
    rng = stream(seed, "plan")
    cut = partition(rng)
    centreline = _meander(cut.river, rng)
    river = frame.polygon(_ribbon(centreline, rng))
    coast = _coast(rng)
    sea = frame.polygon(_below(coast, 0))
    beach = frame.polygon(_below(coast, -_BEACH_SAND)).difference(
        frame.polygon(_below(coast, _BEACH_SURF))
    )
    zones = [*_zones(cut, frame, rng), *_harbours(cut, frame, rng)]
    numbered = tuple(
        Zone(
            cover=zone.cover,
            index=index,
            shape=zone.shape,
            local=zone.local,
            size_m=zone.size_m,
            since=zone.since,
        )
        for index, zone in enumerate(zones)
    )
    return Plan(
        seed=seed,
        frame=frame,
        zones=numbered,
        fields=_fields(cut, frame, rng),
        river=river,
        sea=sea,
        beach=beach if isinstance(beach, Polygon) else max(beach.geoms, key=lambda g: g.area),
        flood=_flood(river, frame, cut.river, rng),
        roads=_roads(cut, frame, rng),
    )


def _meander(corridor: Block, rng: np.random.Generator) -> Points:
    rows = np.arange(-2, 34, 0.2)
    middle = (corridor.left + corridor.right) / 2
    wavelength, phase = rng.uniform(6.5, 9), rng.uniform(0, 2 * np.pi)
    bend = np.sin(2 * np.pi * rows / wavelength + phase).round(9)
    swell = (1.25 + 0.35 * np.sin(2 * np.pi * rows / 19 + phase)).round(9)
    return np.stack([middle + bend * swell, rows], axis=1)


def _ribbon(line: Points, rng: np.random.Generator) -> Points:
    """Give a line a slightly varying width; returns the outline."""
    ahead = np.gradient(line, axis=0)
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.hypot(*ahead.T)[:, None]
    phase = rng.uniform(0, 6)
    half = _RIVER_HALF * (1 + 0.18 * np.sin(line[:, 1:] * 1.1 + phase).round(9))
    return np.concatenate([line + normal * half, (line - normal * half)[::-1]])


def _coast(rng: np.random.Generator) -> Points:
    """Waterline from west to east: a few bays."""
    columns = np.arange(-2, 34.2, 0.2)
    rows = np.full(columns.shape, _COAST)
    for waves in (9.0, 4.1, 1.7):
        amplitude = 0.028 * waves
        rows += amplitude * np.sin(2 * np.pi * columns / waves + rng.uniform(0, 6)).round(9)
    return np.stack([columns, rows], axis=1)


def _below(coast: Points, offset: float) -> Points:
    """Everything south of the waterline moved by `offset` cells."""
    return np.concatenate([coast + np.array([0, offset]), [[34.2, 35.0], [-2.0, 35.0]]])


def _zones(cut: Partition, frame: Frame, rng: np.random.Generator) -> list[Zone]:
    zones = []
    for cover, block in cut.given:
        if cover in {"farmland", "growth"}:
            if cover == "growth":
                zones.append(_zone("dense_housing", block, frame, rng, since=1))
            continue
        zones.append(_zone(cover, block, frame, rng))
        if cover == "forest" and block.area > 45:
            zones.append(_zone("mine", _middle(block, 6.0, 5.6), frame, rng, since=1))
    return zones


def _zone(
    cover: str, block: Block, frame: Frame, rng: np.random.Generator, *, since: int = 0
) -> Zone:
    local = frame.local(block.centre)
    part = block.inside
    size = (part.width * frame.cell_m, part.depth * frame.cell_m)
    shape = frame.polygon(block.corners)
    if cover in _NATURAL:
        half = (size[0] * 0.48, size[1] * 0.48)
        patch = blob(rng, np.zeros(2), half, 0.14)
        shape = Polygon(local.to_pixels(np.asarray(patch.exterior.coords)))
        shape = shapely.make_valid(shapely.segmentize(shape, 12.0))
        shape = shape if isinstance(shape, Polygon) else shape.convex_hull
    return Zone(cover=cover, index=0, shape=shape, local=local, size_m=size, since=since)


def _middle(block: Block, width: float, depth: float) -> Block:
    u, v = block.centre
    return Block(left=u - width / 2, top=v - depth / 2, right=u + width / 2, bottom=v + depth / 2)


def _harbours(cut: Partition, frame: Frame, rng: np.random.Generator) -> list[Zone]:
    """Three harbours on the coast, away from the river's mouth and from each other."""
    ends = [(1.0, cut.river.left + 0.5), (cut.river.right - 0.5, 31.0)]
    wider = max(ends, key=lambda end: end[1] - end[0])
    middle = (wider[0] + wider[1]) / 2
    spans = [(wider[0], middle - 0.3), (middle + 0.3, wider[1])]
    spans += [end for end in ends if end != wider]
    zones = []
    for start, end in spans:
        size = min(3.6, end - start)
        u = float(rng.uniform(start, end - size)) + size / 2
        block = Block(left=u - size / 2, top=LAND_SOUTH + 0.1, right=u + size / 2, bottom=31.0)
        zones.append(_zone("harbour", block, frame, rng))
    return zones


def _fields(cut: Partition, frame: Frame, rng: np.random.Generator) -> tuple[Polygon, ...]:
    """Cut farmland, the river's corridor and the land behind the beach into fields."""
    shore = Block(left=-1.5, top=LAND_SOUTH, right=33.5, bottom=_COAST + 0.5)
    built = {"dense_housing", "sparse_housing", "industrial", "airport", "parking"}
    farms = [block for cover, block in cut.given if cover not in built]
    fields: list[Block] = []
    larger = max(1.0, _SMALL_CELL_M / frame.cell_m)
    for block in (*farms, cut.river, shore):
        fields.extend(_cut_fields(block, rng, larger * float(rng.uniform(0.75, 1.5))))
    return tuple(frame.polygon(block.corners) for block in fields)


def _cut_fields(block: Block, rng: np.random.Generator, longest: float) -> list[Block]:
    if max(block.width, block.depth) <= longest or min(block.width, block.depth) < 0.32:
        return [block]
    across = block.depth > block.width
    start, size = (block.top, block.depth) if across else (block.left, block.width)
    parts = block.cut(start + size * float(rng.uniform(0.35, 0.65)), across=across)
    return [field for part in parts for field in _cut_fields(part, rng, longest)]


def _flood(
    river: Polygon, frame: Frame, corridor: Block, rng: np.random.Generator
) -> Polygon | MultiPolygon:
    """Low land along the middle of the river."""
    top = float(rng.uniform(4, 8))
    reach = Block(left=corridor.left - 1.0, top=top, right=corridor.right + 1.0, bottom=top + 15)
    low = river.buffer(_FLOOD_REACH * frame.cell_m, quad_segs=4)
    inner = frame.polygon(
        Block(
            left=corridor.left + 0.15,
            top=reach.top,
            right=corridor.right - 0.15,
            bottom=reach.bottom,
        ).corners
    )
    return low.intersection(inner).difference(river)


def _roads(cut: Partition, frame: Frame, rng: np.random.Generator) -> tuple[Road, ...]:
    roads = sorted(cut.roads, key=lambda road: -road[2])
    lines = [(np.array([start, end]), _ROAD_WIDTHS_M[rank]) for start, end, rank in roads]
    wide = _ROAD_WIDTHS_M[0]
    scale = min(1.0, max(0.35, frame.cell_m / 150))
    for row in np.linspace(2.2, LAND_SOUTH - 2.2, 8) + rng.uniform(-0.7, 0.7, 8):
        ends = np.array([[cut.river.left, row], [cut.river.right, row]])
        lines.append((ends, wide if rng.random() < 0.5 else 13.0))
    return tuple(Road(line=frame.line(line), width_m=width * scale) for line, width in lines)
