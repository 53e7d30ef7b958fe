"""Draws what moves: cars, trucks, planes, ships. Others stand there at every date.

It does not know about lots, aprons and piers.
"""

# ruff: noqa: PLR2004, PLR0917 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.imagery.county.shapes import plane, rectangle, rectangles, ship

if TYPE_CHECKING:
    from satseek.imagery.county.canvas import Pen
    from satseek.imagery.county.frame import LocalFrame
    from satseek.imagery.county.inventory import Points

CAR_COLOURS: Final = np.array(
    [
        [232, 232, 230], [226, 228, 230], [190, 192, 194], [150, 152, 156], [96, 98, 102],
        [42, 44, 48], [30, 30, 34], [158, 42, 40], [52, 74, 118], [200, 190, 170],
    ],
    np.uint8,
)  # fmt: skip
_HULLS: Final = ((66, 76, 92), (128, 58, 50), (92, 96, 98), (48, 84, 72), (214, 214, 210))
_LOADS: Final = ((176, 72, 58), (74, 108, 148), (206, 172, 92), (188, 188, 184), (92, 132, 100))


def draw_cars(
    pen: Pen, local: LocalFrame, spots: Points, degrees: float, rng: np.random.Generator
) -> None:
    """Cars at local spots (n, 2), pointing along `degrees`."""
    if not len(spots):
        return
    sizes = np.tile(np.array([4.6, 2.0]), (len(spots), 1))
    outlines = local.to_pixels(rectangles(spots, sizes, degrees))
    pen.polygons(outlines, CAR_COLOURS[rng.integers(len(CAR_COLOURS), size=len(spots))], 1.5)


def draw_truck(
    pen: Pen, local: LocalFrame, spot: tuple[float, float], degrees: float, rng: np.random.Generator
) -> None:
    """One articulated truck, 16 m long."""
    load = _LOADS[int(rng.integers(len(_LOADS)))] if rng.random() < 0.5 else (222, 222, 218)
    outline = local.to_pixels(rectangle(*spot, 15, 3.2, degrees))
    pen.polygon(outline, load, height_m=4, kind="truck")
    radians = np.deg2rad(degrees)
    nose = (spot[0] + 8.2 * np.cos(radians), spot[1] + 8.2 * np.sin(radians))
    pen.polygon(local.to_pixels(rectangle(*nose, 2.6, 3, degrees)), (70, 74, 84), height_m=3)


def draw_plane(
    pen: Pen,
    local: LocalFrame,
    spot: tuple[float, float],
    length_m: float,
    degrees: float,
    rng: np.random.Generator,
) -> None:
    """One airliner: light skin, darker engines, shadow of its body."""
    skin = (232, 234, 236) if rng.random() < 0.8 else (206, 212, 220)
    outline = local.to_pixels(plane(*spot, length_m, degrees))
    pen.polygon(outline, skin, height_m=4, kind="plane")
    body = local.to_pixels(rectangle(*spot, length_m * 0.86, length_m * 0.085, degrees))
    pen.polygon(body, (246, 246, 246), height_m=5)
    radians = np.deg2rad(degrees)
    ahead, aside = (
        np.array([np.cos(radians), np.sin(radians)]),
        np.array([-np.sin(radians), np.cos(radians)]),
    )
    for side in (-0.19, 0.19):
        engine = np.array(spot) + ahead * length_m * 0.07 + aside * length_m * side
        s, t = engine.tolist()
        outline = local.to_pixels(rectangle(s, t, length_m * 0.09, length_m * 0.045, degrees))
        pen.polygon(outline, (120, 124, 130), height_m=4)


def draw_ship(
    pen: Pen,
    local: LocalFrame,
    spot: tuple[float, float],
    length_m: float,
    degrees: float,
    rng: np.random.Generator,
) -> None:
    """One freighter with holds or stacked boxes and its bridge aft."""
    beam = max(4.0, length_m * 0.17)
    hull = _HULLS[int(rng.integers(len(_HULLS)))]
    outline = local.to_pixels(ship(*spot, length_m, beam, degrees))
    pen.polygon(outline, hull, height_m=6, kind="ship")
    deck = local.to_pixels(ship(*spot, length_m * 0.94, beam * 0.78, degrees))
    pen.polygon(deck, (150, 112, 96) if rng.random() < 0.5 else (148, 150, 148), height_m=6)
    radians = np.deg2rad(degrees)
    ahead = np.array([np.cos(radians), np.sin(radians)])
    boxes = rng.random() < 0.6
    for place in np.arange(-0.28, 0.34, 0.115):
        centre = np.array(spot) + ahead * length_m * place
        colour = _LOADS[int(rng.integers(len(_LOADS)))] if boxes else (96, 92, 88)
        outline = local.to_pixels(
            rectangle(centre[0], centre[1], length_m * 0.085, beam * 0.66, degrees)
        )
        pen.polygon(outline, colour, height_m=8)
    aft = np.array(spot) - ahead * length_m * 0.41
    house = local.to_pixels(rectangle(aft[0], aft[1], length_m * 0.075, beam * 0.8, degrees))
    pen.polygon(house, (236, 236, 232), height_m=14)


def draw_boat(
    pen: Pen,
    local: LocalFrame,
    spot: tuple[float, float],
    length_m: float,
    degrees: float,
    rng: np.random.Generator,
) -> None:
    """One yacht: white hull, darker cockpit."""
    outline = local.to_pixels(ship(*spot, length_m, length_m * 0.32, degrees))
    pen.polygon(outline, (238, 238, 234), height_m=1.5, kind="ship")
    tone = int(rng.integers(120, 200))
    cabin = local.to_pixels(rectangle(*spot, length_m * 0.36, length_m * 0.16, degrees))
    pen.polygon(cabin, (tone, tone, tone + 12), height_m=2)
