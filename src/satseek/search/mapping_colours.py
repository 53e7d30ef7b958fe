"""Scores and classes → colours, the same on every tile, in the legend and in files.

Does not know where anything lies.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from satseek.model.prompts import NONE_OF_THESE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Colour: TypeAlias = tuple[int, int, int, int]
"""Red, green, blue, alpha, each 0–255."""

HEAT: tuple[tuple[float, Colour], ...] = (
    (50.0, (255, 255, 178, 0)),
    (80.0, (254, 217, 118, 90)),
    (90.0, (254, 178, 76, 140)),
    (95.0, (253, 141, 60, 180)),
    (99.0, (227, 26, 28, 215)),
    (100.0, (128, 0, 38, 235)),
)
"""Colour by percentile, between which it changes evenly: ColorBrewer's YlOrRd, which people with
any colour vision can order. What half of the collection surpasses is not coloured."""

_DISTINCT: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Okabe and Ito's palette for all kinds of colour vision ("Color universal design", 2008), without
its black."""

_UNNAMED = (221, 221, 221)

_CLASS_ALPHA = 190

_GOLDEN = 0.618_033_988_75
"""Turns of the hue between two classes beyond the palette: never the same twice (Weyl)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a legend."""

    label: str
    """What the colour stands for."""
    colour: Colour
    """On the map."""
    value: float
    """Percentile, or number of the class."""

    @property
    def css(self) -> str:
        """Its colour as ``#rrggbbaa``."""
        return "#" + bytes(self.colour).hex()


def class_colours(names: Sequence[str]) -> list[Colour]:
    """Give each class its colour; “none of these” is not coloured."""
    return [
        (0, 0, 0, 0) if name == NONE_OF_THESE else (*_distinct(number), _CLASS_ALPHA)
        for number, name in enumerate(names)
    ]


def file_colours(names: Sequence[str]) -> list[tuple[int, int, int]]:
    """Give each class its colour in a file, where “none of these” is light grey."""
    return [
        _UNNAMED if name == NONE_OF_THESE else _distinct(number)
        for number, name in enumerate(names)
    ]


def heat_legend() -> list[Entry]:
    """Tell what the colours of a heat map stand for."""
    return [
        Entry(label=f"percentile {value:g}", colour=colour, value=value) for value, colour in HEAT
    ]


def class_legend(names: Sequence[str]) -> list[Entry]:
    """Tell what the colours of a class map stand for."""
    coloured = zip(names, class_colours(names), strict=True)
    return [
        Entry(label=name, colour=colour, value=number)
        for number, (name, colour) in enumerate(coloured)
    ]


def heat_shades(percentiles: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour percentiles (h, w), NaN for none: RGBA (h, w, 4)."""
    stops = np.array([value for value, _ in HEAT])
    colours = np.array([colour for _, colour in HEAT], dtype=np.float64)
    every = np.linspace(0, 100, _STEPS)
    table = np.column_stack([np.interp(every, stops, channel) for channel in colours.T])
    table[every < stops[0], 3] = 0
    shades = np.rint(np.vstack([table, np.zeros(4)])).astype(np.uint8)
    with np.errstate(invalid="ignore"):
        places = np.rint(percentiles * ((_STEPS - 1) / 100))
    numbers = np.where(np.isfinite(places), np.clip(places, 0, _STEPS - 1), _STEPS)
    return np.asarray(shades[numbers.astype(np.int64)], dtype=np.uint8)


_STEPS = 2001
"""Shades of the scale: one for each twentieth of a percentile point."""


def class_shades(classes: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.uint8]:
    """Colour numbers of classes (h, w), NaN for none: RGBA (h, w, 4)."""
    shades = np.array([*class_colours(names), (0, 0, 0, 0)], dtype=np.uint8)
    known = np.isfinite(classes)
    numbers = np.where(known, classes, len(names)).astype(np.int64)
    return np.asarray(shades[numbers], dtype=np.uint8)


def _distinct(number: int) -> tuple[int, int, int]:
    if number < len(_DISTINCT):
        return _DISTINCT[number]
    hue = (number * _GOLDEN) % 1
    red, green, blue = colorsys.hls_to_rgb(hue, 0.45 if number % 2 else 0.65, 0.75)
    return round(255 * red), round(255 * green), round(255 * blue)
