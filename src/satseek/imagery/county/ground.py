"""Paints open land: fields, meadow, forest, bare ground, solar rows.

It does not know about water, buildings or roads.
"""

# ruff: noqa: PLR2004, PLR0917 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from satseek.imagery.county.canvas import Canvas, levels_of, mask_of, nested
from satseek.imagery.county.inventory import Colour, stream
from satseek.imagery.county.texture import Field, Textures, Window, wave

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import Polygon

    from satseek.imagery.county.plan import Plan, Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """How one crop looks at the two dates."""

    colours: tuple[Colour, Colour]
    """Early summer and late summer, in full sunlight."""
    row_m: float
    """Distance between visible rows, in metres."""
    contrast: float
    """Half the grey levels between rows."""
    patchy: float
    """Grey levels of uneven growth."""


CROPS: Final = (
    Crop(colours=((104, 122, 72), (172, 154, 114)), row_m=6, contrast=4, patchy=9),
    Crop(colours=((124, 132, 80), (178, 162, 122)), row_m=9, contrast=6, patchy=8),
    Crop(colours=((112, 112, 76), (66, 92, 54)), row_m=5, contrast=8, patchy=9),
    Crop(colours=((74, 106, 58), (82, 108, 62)), row_m=7, contrast=5, patchy=8),
    Crop(colours=((146, 124, 98), (120, 124, 78)), row_m=8, contrast=9, patchy=12),
    Crop(colours=((88, 112, 66), (132, 108, 84)), row_m=6, contrast=8, patchy=10),
    Crop(colours=((132, 108, 82), (140, 118, 92)), row_m=5, contrast=7, patchy=12),
    Crop(colours=((150, 146, 74), (150, 132, 100)), row_m=10, contrast=4, patchy=8),
    Crop(colours=((92, 116, 70), (104, 116, 76)), row_m=14, contrast=3, patchy=7),
)
"""Grain, maize, beets, ploughed land, hay: muted, as overhead colours are."""

_COPSES: Final = 0.06
"""Share of fields that are a small wood."""
_SOIL_TINT: Final = np.array([1.0, 0.92, 0.78], np.float32)
_LEAF_TINT: Final = np.array([0.78, 1.0, 0.62], np.float32)
_TREAD: Final = (156, 140, 112)


PERIOD_SHIFT: Final = 512
"""Number of different offsets into the repeating textures."""


def tinted(colour: Colour, *layers: tuple[Field, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Add layers of grey levels (h, w), each through its tint (3,), to a colour: (h, w, 3)."""
    total = np.zeros((*layers[0][0].shape, 3), np.float32) + np.array(colour, np.float32)
    for levels, tint in layers:
        total += levels[..., None] * tint
    return total


def jittered(rng: np.random.Generator, colour: Colour, spread: int) -> Colour:
    """Shift a colour a little, mostly in brightness."""
    lift = int(rng.integers(-spread, spread + 1))
    red, green, blue = (
        min(255, max(0, part + lift + int(rng.integers(-spread // 3, spread // 3 + 1))))
        for part in colour
    )
    return red, green, blue


def paint_fields(canvas: Canvas, plan: Plan, textures: Textures, date: int) -> None:
    """Paint every field with its crop, then tracks and hedges between them."""
    for index, shape in enumerate(plan.fields):
        rng = stream(plan.seed, "field", index)
        window = canvas.window(shape.bounds)
        if window is None:
            continue
        crop = CROPS[int(rng.integers(len(CROPS)))]
        colour = jittered(rng, crop.colours[date], 12)
        _paint_crop(canvas, textures, window, shape, crop, colour, rng)
        if rng.random() < _COPSES:
            paint_stand(canvas, textures, shape, rng, date)
            continue
        _edge_field(canvas, shape, rng)


def _paint_crop(
    canvas: Canvas,
    textures: Textures,
    window: Window,
    shape: Polygon,
    crop: Crop,
    colour: Colour,
    rng: np.random.Generator,
) -> None:
    edge = np.asarray(shape.exterior.coords)
    along = edge[len(edge) // 8] - edge[0] if rng.random() < 0.8 else rng.uniform(-1, 1, 2)
    along = along / max(np.hypot(*along), 1e-6)
    x, y = window.axes()
    across: Field = x * np.float32(along[1]) - y * np.float32(along[0])
    shift = int(rng.integers(PERIOD_SHIFT))
    rough = textures.noise(window, 64, 32, 128, shift=shift)
    rows = wave(across / np.float32(crop.row_m)) * (0.6 + 0.6 * rough)
    lines = np.where(wave(across / np.float32(21.0)) > 0.86, np.float32(-9), np.float32(0))
    fine = textures.noise(window, 1, 2, 4, shift=shift) * 14
    colours = tinted(
        colour,
        (rows * np.float32(crop.contrast) + lines + fine, _SOIL_TINT),
        (rough * np.float32(crop.patchy * 2), _LEAF_TINT),
    )
    canvas.lay(window, mask_of(shape, window), colours, "farmland")


def _edge_field(canvas: Canvas, shape: Polygon, rng: np.random.Generator) -> None:
    """A dirt track along some edges, a hedge along others."""
    edge = np.asarray(shape.exterior.coords)
    quarter = max(2, len(edge) // 4)
    start = int(rng.integers(4)) * quarter
    side = edge[start : start + quarter + 1]
    if len(side) < 2:
        return
    choice = rng.random()
    if choice < 0.45:
        with canvas.pen(shape.bounds) as pen:
            pen.line(side, 4, jittered(rng, _TREAD, 10))
    elif choice < 0.68:
        canvas.hedges.append(along_line(side, rng, spacing_m=7.0, radius=(2.2, 4.6), gap=0.25))


def along_line(
    line: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    spacing_m: float,
    radius: tuple[float, float],
    gap: float = 0.0,
) -> NDArray[np.float64]:
    """Set trees along a line, leaving a share of `gap` out: (n, 3) of x, y, radius."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    ends = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(spacing_m / 2, ends[-1], spacing_m)
    at = at[rng.random(len(at)) >= gap]
    x = np.interp(at, ends, line[:, 0]) + rng.uniform(-1.5, 1.5, len(at))
    y = np.interp(at, ends, line[:, 1]) + rng.uniform(-1.5, 1.5, len(at))
    return np.stack([x, y, rng.uniform(*radius, len(at))], axis=1)


def paint_meadow(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Grass with worn and lush patches, a path, a few trees."""
    window = canvas.window(zone.shape.bounds)
    if window is None:
        return
    rng = stream(seed, "meadow", zone.index)
    colour = jittered(rng, ((84, 108, 64), (98, 110, 68))[date], 10)
    shift = int(rng.integers(PERIOD_SHIFT))
    lush = textures.noise(window, 32, 64, 128, 256, shift=shift) * 22
    fine = textures.noise(window, 1, 2, 4, 8, shift=shift) * 16
    mown = wave(window.axes()[0] / np.float32(13)) * 2
    colours = tinted(colour, (lush, _SOIL_TINT), (fine + mown, _LEAF_TINT))
    canvas.lay(window, ragged(zone.shape, window, textures, shift), colours, "meadow")
    count = round(zone.shape.area / 9000)
    canvas.trees.append(scattered(zone.shape, count, rng, radius=(2.5, 5.5)))
    path = zone.local.to_pixels(winding(rng, zone.size_m))
    with canvas.pen(zone.shape.bounds) as pen:
        pen.line(path, 3, (142, 132, 102))


def winding(rng: np.random.Generator, size_m: tuple[float, float]) -> NDArray[np.float64]:
    """A path from one side of a zone to the other, in local metres."""
    at = np.linspace(0, 5.999, 90)
    bends = rng.uniform(-0.16, 0.16, 8) * size_m[1]
    node = at.astype(np.intp)
    part = at - node
    part = part * part * (3 - 2 * part)
    t = bends[node] * (1 - part) + bends[node + 1] * part
    return np.stack([np.linspace(-0.55, 0.55, 90) * size_m[0], t], axis=1)


def ragged(
    shape: Polygon, window: Window, textures: Textures, shift: int, reach_m: float = 26.0
) -> NDArray[np.bool_]:
    """Rasterise a shape whose edge is eaten away unevenly, up to about `reach_m`."""
    inside = levels_of(nested(shape, reach_m / 8, 10), window).astype(np.float32)
    return np.asarray(inside > 3 + textures.noise(window, 16, 32, 64, shift=shift + 17) * 9)


def scattered(
    shape: Polygon, count: int, rng: np.random.Generator, *, radius: tuple[float, float]
) -> NDArray[np.float64]:
    """Scatter trees over a shape's bounds and keep those inside: (<= count, 3)."""
    left, top, right, bottom = shape.bounds
    spots = rng.uniform((left, top), (right, bottom), (count, 2))
    sizes = rng.uniform(*radius, count)
    kept = contains(shape, spots)
    return np.concatenate([spots[kept], sizes[kept, None]], axis=1)


def contains(shape: Polygon, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points (n, 2) lie inside a shape."""
    shapely.prepare(shape)
    return np.asarray(shapely.contains_xy(shape, points[:, 0], points[:, 1]))


def paint_forest(canvas: Canvas, textures: Textures, zone: Zone, seed: int, date: int) -> None:
    """Crowns of one kind or of two mixed in stands, with clearings and a forest road."""
    rng = stream(seed, "forest", zone.index)
    paint_stand(canvas, textures, zone.shape, rng, date)
    with canvas.pen(zone.shape.bounds) as pen:
        path = zone.local.to_pixels(winding(rng, zone.size_m))
        pen.line(path, 5, (150, 132, 104), height_m=0)


def paint_stand(
    canvas: Canvas, textures: Textures, shape: Polygon, rng: np.random.Generator, date: int
) -> None:
    """Trees over a shape with a ragged edge."""
    window = canvas.window(shape.bounds)
    if window is None:
        return
    shift = int(rng.integers(PERIOD_SHIFT))
    stands = textures.noise(window, 128, 64, shift=shift, spread=3)
    stands += textures.noise(window, 16, 8, shift=shift) * np.float32(0.25)
    light = ((62, 84, 46), (66, 82, 44))[date]
    dark = ((42, 64, 44), (44, 64, 42))[date]
    first = _canopy(textures, window, 0, jittered(rng, light, 6), shift)
    second = _canopy(textures, window, 1, jittered(rng, dark, 5), shift)
    is_first = (stands > float(rng.uniform(-0.25, 0.2)))[..., None]
    colours = np.where(is_first, first[0], second[0]).astype(np.float32)
    height = np.where(is_first[..., 0], first[1], second[1]).astype(np.float32)
    mask = ragged(shape, window, textures, shift)
    canvas.lay(window, mask, colours, "forest")
    open_ = textures.noise(window, 64, 32, shift=shift + 90, spread=3)
    glade = open_ + textures.noise(window, 16, 8, shift=shift) * np.float32(0.12) > 0.66
    canvas.raise_to(window, mask & ~glade, height)
    canvas.lay(
        window,
        mask & glade,
        tinted((92, 108, 66), (textures.noise(window, 1, 2, 4, 16) * 18, _SOIL_TINT)),
    )
    canvas.height[window.slices][mask & glade] = 0


def _canopy(
    textures: Textures, window: Window, kind: int, colour: Colour, shift: int
) -> tuple[NDArray[np.float32], Field]:
    height, tone = textures.forest(window, kind)
    tone = tone + textures.noise(window, 2, 4, shift=shift) * np.float32(0.18)
    tone = tone * (1 + textures.noise(window, 64, 128, shift=shift, spread=3) * np.float32(0.25))
    return tone[..., None] * np.array(colour, np.float32), height


def paint_bare(canvas: Canvas, textures: Textures, zone: Zone, seed: int) -> None:
    """Graded or eroded soil: rills, wheel tracks, tufts of dry grass."""
    window = canvas.window(zone.shape.bounds)
    if window is None:
        return
    rng = stream(seed, "bare", zone.index)
    shift = int(rng.integers(PERIOD_SHIFT))
    colour = jittered(rng, ((176, 148, 118), (166, 146, 124), (184, 154, 120))[zone.index % 3], 9)
    mottle = textures.noise(window, 16, 32, 64, 128, 256, shift=shift) * 46
    fine = textures.noise(window, 1, 2, 4, 8, shift=shift) * 22
    veins = np.abs(textures.noise(window, 64, 32, 16, shift=shift + 60))
    rills = np.where(veins < 0.02, np.float32(-8), np.float32(0))
    tufts = textures.noise(window, 4, 8, 64, shift=shift + 30) > 0.42
    colours = tinted(colour, (mottle + fine + rills, _SOIL_TINT))
    colours[tufts] = colours[tufts] * np.array([0.72, 0.78, 0.66], np.float32)
    canvas.lay(window, ragged(zone.shape, window, textures, shift), colours, "bare_land")
    with canvas.pen(zone.shape.bounds) as pen:
        for _ in range(3):
            path = zone.local.turned(float(rng.uniform(0, 180))).to_pixels(
                winding(rng, (zone.size_m[0] * 0.7, zone.size_m[1]))
            )
            pen.line(path, 4, (198, 172, 140))
