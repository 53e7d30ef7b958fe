"""Turns the lit county into what one overpass records: its swath, haze, tint and grain.

It does not know about files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from shapely import Polygon

from satseek.imagery.county.canvas import mask_of
from satseek.imagery.county.inventory import stream
from satseek.imagery.county.texture import PERIOD, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE_SHARE: Final = 0.5625
"""A scene covers 9/16 of the county each way: 4608 of 8192 pixels, so 1024 overlap."""
_SLANT: Final = 0.05
"""How far the swath's edges lean, in scene sides."""
_GREY_SHARE: Final = 0.24
"""Colour lost to the air between ground and sensor."""
_DARKEST: Final = 6
"""Valid pixels are at least this bright, since 0 means nothing measured."""
_QUARTERS: Final = (("nw", 0, 0), ("ne", 1, 0), ("sw", 0, 1), ("se", 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One scene before it is written."""

    name: str
    """Quarter of the county: nw, ne, sw or se."""
    window: Window
    """Its pixels in the county."""
    pixels: NDArray[np.uint8]
    """RGB, shape (h, w, 3); 0 outside the swath."""
    valid: NDArray[np.bool_]
    """True inside the swath, shape (h, w)."""


def quarters(width: int, height: int) -> tuple[tuple[str, Window], ...]:
    """Lay four overlapping scenes over a county."""
    wide, tall = _side(width), _side(height)
    return tuple(
        (
            name,
            Window(
                top=south * (height - tall),
                bottom=south * (height - tall) + tall,
                left=east * (width - wide),
                right=east * (width - wide) + wide,
            ),
        )
        for name, east, south in _QUARTERS
    )


def sense(lit: NDArray[np.uint8], name: str, window: Window, seed: int, date: int) -> Sighting:
    """Record one scene of the lit county."""
    rng = stream(seed, "sensor", name, date)
    curves = _curves(rng, date)
    grain = rng.integers(-3, 4, (PERIOD, PERIOD, 1), dtype=np.int16)
    valid = _swath(window, rng)
    pixels = np.empty((*window.shape, 3), np.uint8)
    for part in window.parts():
        here = part.within(window)
        muted = _muted(lit[part.slices])
        shape = part.shape
        for band in range(3):
            levels = curves[band][muted[..., band]] + grain[: shape[0], : shape[1], 0]
            pixels[(*here, band)] = np.clip(levels, _DARKEST, 255)
    pixels[~valid] = 0
    return Sighting(name=name, window=window, pixels=pixels, valid=valid)


def _side(length: int) -> int:
    return round(length * _SIDE_SHARE / 16) * 16


def _muted(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pull colours towards grey."""
    wide = rgb.astype(np.int16)
    grey = (wide[..., 0] * 5 + wide[..., 1] * 9 + wide[..., 2] * 2) >> 4
    share = np.int16(_GREY_SHARE * 128)
    return np.asarray(wide + (((grey[..., None] - wide) * share) >> 7), np.uint8)


def _curves(rng: np.random.Generator, date: int) -> NDArray[np.int16]:
    """Brightness curves, shape (3, 256): haze lifts the dark, gain and gamma differ by scene."""
    level = np.arange(256) / 255
    haze = np.array([0.018, 0.026, 0.042]) * rng.uniform(0.6, 1.6)
    gain = rng.uniform(0.97, 1.05) * (1.0, 0.97)[date]
    tint = 1 + rng.uniform(-0.02, 0.02, 3)
    gamma = rng.uniform(0.97, 1.05)
    curves = haze[:, None] + (1 - haze[:, None]) * gain * tint[:, None] * level**gamma
    return np.clip(np.rint(curves * 255), 0, 255).astype(np.int16)


def _swath(window: Window, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A slightly turned rectangle, as an orbit leaves it."""
    height, width = window.shape
    lean_x = _SLANT * width * rng.uniform(0.6, 1)
    lean_y = _SLANT * height * rng.uniform(0.4, 0.8)
    corners = [
        (lean_x, -1),
        (width + 1, lean_y),
        (width - lean_x, height + 1),
        (-1, height - lean_y),
    ]
    local = Window(top=0, bottom=height, left=0, right=width)
    return mask_of(Polygon(corners), local)
