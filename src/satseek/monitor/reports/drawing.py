"""Lines, areas, words and images on a sheet: what maps and charts are drawn as.

Knows neither SVG nor PDF; both draw it the same way. Lengths are millimetres from the upper left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from satseek.monitor.reports.blocks import Colour

Point: TypeAlias = tuple[float, float]
"""x to the right, y down, in millimetres."""

Ink: TypeAlias = Literal["ink", "soft", "line", "paper", "card"]
"""A colour of the page, which is another one on a dark screen."""

Paint: TypeAlias = Ink | Colour

LIGHT: dict[Ink, Colour] = {
    "ink": (28, 36, 33),
    "soft": (84, 97, 91),
    "line": (205, 212, 208),
    "paper": (255, 255, 255),
    "card": (244, 246, 244),
}
"""The page's colours on paper; words stand out by a contrast of 4.5 and more (WCAG 2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Rings or lines of one look."""

    rings: tuple[tuple[Point, ...], ...]
    """Of an area: outer rings run one way and holes the other (nonzero winding)."""
    closed: bool = True
    """False: lines."""
    fill: Paint | None = None
    """None: not filled."""
    opacity: float = 1.0
    """Of the filling, 0–1."""
    stroke: Paint | None = None
    """None: no outline."""
    width: float = 0.3
    """Of the outline, millimetres."""
    dash: float = 0.0
    """Length of a dash and of the gap behind it; 0: a whole line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A few characters."""

    x: float
    """Of the point that `anchor` names."""
    y: float
    """Of the base line."""
    text: str
    """What is written."""
    size: float = 2.6
    """Height of the type in millimetres."""
    anchor: Literal["start", "middle", "end"] = "start"
    """Which end of it lies at x."""
    paint: Paint = "ink"
    """Its colour."""
    bold: bool = False
    """True: heavier."""
    halo: bool = False
    """True: on a plate of the page's colour, to be read over imagery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """An image, drawn first."""

    x: float
    """Left edge."""
    y: float
    """Upper edge."""
    width: float
    """On the sheet."""
    height: float
    """On the sheet."""
    jpeg: bytes
    """The file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A sheet with all that is on it, in order."""

    width: float
    """Of the sheet."""
    height: float
    """Likewise."""
    items: tuple[Path | Label | Raster, ...]
    """Drawn in order."""


def box(x: float, y: float, width: float, height: float) -> tuple[Point, ...]:
    """Give a rectangle's ring."""
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def text_width(text: str, size: float) -> float:
    """Estimate how wide a text gets, for room and plates alone; Chinese is square."""
    return sum(_WIDE if ord(sign) >= _IDEOGRAPHS else _NARROW for sign in text) * size


_IDEOGRAPHS = 0x2E80
"""From here on, characters are as wide as high: CJK radicals and all behind them."""

_WIDE, _NARROW = 1.0, 0.58
"""Widths in type heights: mean of DejaVu Sans' digits and small letters, a wide font."""
