"""Furnishes housing: streets, lots, houses with gabled roofs, gardens, pools, cars.

It does not know where the zone lies; it works in the zone's own frame, in metres.
"""

# ruff: noqa: PLR2004, PLR0917 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.imagery.county.canvas import Canvas, Pen, mask_of
from satseek.imagery.county.ground import PERIOD_SHIFT, contains, jittered, tinted
from satseek.imagery.county.inventory import Points, stream
from satseek.imagery.county.shapes import disc, rectangles
from satseek.imagery.county.vehicles import CAR_COLOURS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import Polygon

    from satseek.imagery.county.frame import LocalFrame
    from satseek.imagery.county.inventory import Colour
    from satseek.imagery.county.plan import Zone
    from satseek.imagery.county.texture import Textures


@dataclass(frozen=True, slots=True, kw_only=True)
class Housing:
    """How a housing area is laid out; lengths in metres."""

    lot: tuple[float, float]
    """Width along the street and depth away from it."""
    house: tuple[tuple[float, float], tuple[float, float]]
    """Smallest and largest (length, breadth) of a house."""
    street_m: float
    """Width of a street."""
    block_m: float
    """Distance between two cross streets."""
    taken: float
    """Share of lots with a house."""
    trees: float
    """Trees per lot."""
    pools: float
    """Share of lots with a swimming pool."""
    lawn: Colour
    """Gardens, in full sunlight."""
    tree_radius: tuple[float, float]
    """Smallest and largest crown radius."""


DENSE: Final = Housing(
    lot=(15.5, 25),
    house=((9.5, 8.0), (13.5, 11.5)),
    street_m=7.5,
    block_m=170,
    taken=0.96,
    trees=0.9,
    pools=0.05,
    lawn=(98, 108, 72),
    tree_radius=(1.8, 3.8),
)
SPARSE: Final = Housing(
    lot=(46, 52),
    house=((13, 9), (21, 14)),
    street_m=6,
    block_m=330,
    taken=0.72,
    trees=8.0,
    pools=0.2,
    lawn=(78, 98, 56),
    tree_radius=(2.4, 5.6),
)
_ROOFS: Final = np.array(
    [
        [168, 96, 74], [182, 112, 86], [150, 84, 68], [146, 120, 104], [124, 118, 114],
        [98, 96, 98], [162, 156, 150], [196, 190, 180], [138, 100, 80], [112, 92, 80],
    ]
)  # fmt: skip
_PALETTES: Final = ((0, 1, 2, 8, 0, 1, 3), (4, 5, 6, 9, 3, 4, 7), (0, 4, 5, 8, 3, 6, 1, 9))
"""Tiled, slated and mixed neighbourhoods, as rows of the roof colours."""
_ASPHALT: Final = (122, 120, 116)


def paint_housing(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Lay out and draw one housing zone."""
    window = canvas.window(zone.shape.bounds)
    if window is None:
        return
    rng = stream(seed, "housing", zone.index)
    style = DENSE if zone.cover == "dense_housing" else SPARSE
    shift = int(rng.integers(PERIOD_SHIFT))
    garden = textures.noise(window, 1, 2, 4, 8, 32, shift=shift) * 26
    worn = textures.noise(window, 16, 64, shift=shift) * 16
    lawn = jittered(rng, style.lawn, 8)
    tint = np.array([1.0, 0.94, 0.82], np.float32)
    canvas.lay(window, mask_of(zone.shape, window), tinted(lawn, (garden + worn, tint)), zone.cover)
    local = zone.local.turned(float(rng.choice([0, 0, 18, -24, 40, 63])))
    inner = zone.shape.buffer(-12)
    if inner.is_empty:
        return
    bend_m = float(rng.uniform(0, 22)) if rng.random() < 0.6 else 0.0
    lots = _lots(style, zone.size_m, rng, bend_m)
    with canvas.pen(zone.shape.bounds) as pen:
        _draw_streets(pen, local, style, zone, bend_m)
        centres = local.to_pixels(lots[:, :2])
        lots = lots[contains(inner, centres)]
        _draw_lots(pen, local, style, lots, rng)
        _draw_houses(canvas, pen, local, style, lots, rng)
        _draw_cars(pen, local, style, lots, stream(seed, "kerb", zone.index, date))
    _plant(canvas, local, style, lots, rng, inner)


def _bend(points: Points, bend_m: float) -> Points:
    """Bend straight streets into shallow curves."""
    swing = np.sin(points[..., 0] / 160).round(6) * bend_m
    return np.stack([points[..., 0], points[..., 1] + swing], axis=-1)


def _rows(style: Housing, size_m: tuple[float, float]) -> NDArray[np.float64]:
    """Positions of the streets across a zone turned any way."""
    reach = 0.75 * max(size_m)
    return np.arange(-reach, reach, 2 * style.lot[1] + style.street_m)


def _lots(
    style: Housing, size_m: tuple[float, float], rng: np.random.Generator, bend_m: float
) -> Points:
    """Lots on both sides of every street: (n, 3) of s, t and the side (-1 or 1) they face."""
    reach = 0.75 * max(size_m)
    streets = _rows(style, size_m)
    along = np.arange(-reach, reach, style.lot[0])
    beside = (np.abs((along + reach) % style.block_m - style.block_m / 2)) < (
        style.block_m / 2 - style.street_m
    )
    along = along[beside]
    s, street, side = np.meshgrid(along, streets, np.array([-1.0, 1.0]), indexing="ij")
    t = street + side * (style.street_m / 2 + style.lot[1] / 2)
    lots = np.stack([s.ravel(), t.ravel(), side.ravel()], axis=1)
    lots = lots[rng.random(len(lots)) < style.taken]
    lots[:, :2] = _bend(lots[:, :2], bend_m)
    return lots


def _draw_streets(pen: Pen, local: LocalFrame, style: Housing, zone: Zone, bend_m: float) -> None:
    inner: Polygon = zone.shape.buffer(-4)
    reach = 0.75 * max(zone.size_m)
    steps = np.arange(-reach, reach + 20, 20)
    lines = [np.stack([steps, np.full(len(steps), t)], 1) for t in _rows(style, zone.size_m)]
    lines += [
        np.stack([np.full(len(steps), s), steps], 1)
        for s in np.arange(-reach, reach, style.block_m)
    ]
    for line in lines:
        _draw_inside(pen, inner, local.to_pixels(_bend(line, bend_m)), style.street_m)


def _draw_inside(pen: Pen, inner: Polygon, line: Points, width_m: float) -> None:
    """Draw the legs of a line that lie inside a shape."""
    inside = contains(inner, line)
    for start, end in zip(
        line[:-1][inside[:-1] & inside[1:]], line[1:][inside[:-1] & inside[1:]], strict=True
    ):
        pen.line(np.stack([start, end]), width_m + 3, (150, 146, 138), height_m=0)
    for start, end in zip(
        line[:-1][inside[:-1] & inside[1:]], line[1:][inside[:-1] & inside[1:]], strict=True
    ):
        pen.line(np.stack([start, end]), width_m, _ASPHALT, height_m=0)


def _draw_lots(
    pen: Pen, local: LocalFrame, style: Housing, lots: Points, rng: np.random.Generator
) -> None:
    """Gardens of differing greens, and a driveway each."""
    count = len(lots)
    size = np.tile(np.array(style.lot) - (1.0, 1.5), (count, 1))
    outlines = local.to_pixels(rectangles(lots[:, :2], size, 0.0))
    lawn = (
        np.array(style.lawn) + rng.integers(-16, 17, (count, 1)) + rng.integers(-5, 6, (count, 3))
    )
    paved = rng.random(count) < (0.22 if style is DENSE else 0.03)
    lawn[paved] = np.array([166, 156, 142]) + rng.integers(-18, 18, (int(paved.sum()), 1))
    gardens = rng.random(count) < 0.62
    pen.polygons(outlines[gardens], np.clip(lawn[gardens], 0, 255).astype(np.uint8), 0)
    drive = lots[:, :2] - np.stack(
        [np.full(count, -0.3 * style.lot[0]), lots[:, 2] * style.lot[1] * 0.28], 1
    )
    sizes = np.tile(np.array([3.2, style.lot[1] * 0.46]), (count, 1))
    grey = (np.array([172, 166, 158]) + rng.integers(-20, 20, (count, 1))).astype(np.uint8)
    pen.polygons(local.to_pixels(rectangles(drive, sizes, 0.0)), grey, 0)


def _draw_houses(
    canvas: Canvas,
    pen: Pen,
    local: LocalFrame,
    style: Housing,
    lots: Points,
    rng: np.random.Generator,
) -> None:
    count = len(lots)
    low, high = np.array(style.house)
    sizes = rng.uniform(low, high, (count, 2))
    setback = np.stack([rng.uniform(-1.2, 1.2, count), -lots[:, 2] * rng.uniform(0, 3, count)], 1)
    centres = lots[:, :2] + setback
    across = rng.random(count) < 0.3
    angles = np.where(across, 90.0, 0.0) + rng.uniform(-3, 3, count)
    if style is SPARSE:
        angles += rng.uniform(-25, 25, count)
    palette = np.array(_PALETTES[int(rng.integers(3))])
    roofs = _ROOFS[palette[rng.integers(len(palette), size=count)]]
    roofs = np.clip(roofs + rng.integers(-14, 15, (count, 1)), 0, 255).astype(np.float64)
    height = 6.0
    outlines = local.to_pixels(rectangles(centres, sizes, angles))
    pen.polygons(outlines, roofs.astype(np.uint8), height)
    canvas.objects.extend(("building", outline) for outline in outlines)
    for part, tone in ((slice(0, 2), 1.12), (slice(2, 4), 0.78)):
        half = outlines.copy()
        ridge = (outlines[:, [0, 1]] + outlines[:, [3, 2]]) / 2
        other = [2, 3] if part.start == 0 else [1, 0]
        half[:, other] = ridge[:, [1, 0]] if part.start == 0 else ridge[:, [1, 0]][:, [0, 1]]
        pen.polygons(half, np.clip(roofs * tone, 0, 255).astype(np.uint8), height)
    _draw_pools(pen, local, style, lots, rng)


def _draw_pools(
    pen: Pen,
    local: LocalFrame,
    style: Housing,
    lots: Points,
    rng: np.random.Generator,
) -> None:
    chosen = lots[rng.random(len(lots)) < style.pools]
    for s, t, side in chosen:
        back = t + side * style.lot[1] * 0.36
        spot = (s + rng.uniform(-2, 2), back)
        radius = 3.4 if style is SPARSE else 2.4
        pen.polygon(local.to_pixels(disc(*spot, radius + 1.6)), (196, 190, 178), height_m=0)
        outline = local.to_pixels(disc(*spot, radius, 10))
        pen.polygon(outline, (84, 178, 204), height_m=0, kind="swimming_pool")


def _draw_cars(
    pen: Pen, local: LocalFrame, style: Housing, lots: Points, rng: np.random.Generator
) -> None:
    """A car before some houses; other cars at every date."""
    here = lots[rng.random(len(lots)) < 0.4]
    spots = here[:, :2] - np.stack(
        [np.full(len(here), -0.3 * style.lot[0]), here[:, 2] * style.lot[1] * 0.38], 1
    )
    sizes = np.tile(np.array([1.9, 4.5]), (len(here), 1))
    colours = CAR_COLOURS[rng.integers(len(CAR_COLOURS), size=len(here))]
    pen.polygons(local.to_pixels(rectangles(spots, sizes, 0.0)), colours, 1.5)


def _plant(
    canvas: Canvas,
    local: LocalFrame,
    style: Housing,
    lots: Points,
    rng: np.random.Generator,
    inner: Polygon,
) -> None:
    """Garden trees, mostly behind the houses."""
    count = round(len(lots) * style.trees)
    if not count:
        return
    chosen = lots[rng.integers(len(lots), size=count)]
    away = rng.uniform(0.26, 0.52, count) * style.lot[1] * chosen[:, 2]
    spots = chosen[:, :2] + np.stack(
        [
            rng.uniform(-0.5, 0.5, count) * style.lot[0],
            away * np.where(rng.random(count) < 0.8, 1, -1),
        ],
        1,
    )
    pixels = local.to_pixels(spots)
    kept = contains(inner, pixels)
    radius = rng.uniform(*style.tree_radius, count)
    canvas.trees.append(np.concatenate([pixels[kept], radius[kept, None]], axis=1))
