"""Turns painted colours and heights into what a sensor records under one sun.

It does not know what the colours show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.imagery.county.canvas import HEIGHT_STEPS_PER_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.imagery.county.canvas import Canvas
    from satseek.imagery.county.texture import Window

_HALO: Final = 64
"""Rows lit beyond a square, so that shadows and slopes cross its border."""
_SKY: Final = np.array([0.36, 0.41, 0.50], np.float32)
"""Light left in a shadow: the sky's, bluish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Where the sun stands at one date."""

    azimuth_deg: float
    """Clockwise from north."""
    elevation_deg: float
    """Above the horizon."""

    @property
    def towards(self) -> tuple[float, float]:
        """Unit step towards the sun in pixels: (x, y), y southwards."""
        radians = np.deg2rad(self.azimuth_deg)
        return round(float(np.sin(radians)), 6), round(-float(np.cos(radians)), 6)

    @property
    def drop_per_pixel(self) -> float:
        """Metres that a sun ray sinks per pixel."""
        return round(float(np.tan(np.deg2rad(self.elevation_deg))), 6)


def light(canvas: Canvas, sun: Sun) -> NDArray[np.uint8]:
    """Light a whole county: shadows, slopes and the sensor's blur; uint8 (h, w, 3)."""
    lit = np.empty_like(canvas.rgb)
    for window in canvas.squares():
        lit[window.slices] = _light_square(canvas, sun, window)
    return lit


def _light_square(canvas: Canvas, sun: Sun, window: Window) -> NDArray[np.uint8]:
    wide = canvas.around(window, _HALO)
    height = canvas.height[wide.slices].astype(np.int16)
    near = canvas.around(window, 1)
    inner = near.within(wide)
    sunlit = np.where(shadows(height, sun), np.float32(0), 1 + slopes(height, sun))[inner]
    colours = canvas.rgb[near.slices].astype(np.float32)
    colours *= _SKY + (1 - _SKY) * sunlit[..., None]
    soft = blurred(colours)[window.within(near)]
    lit: NDArray[np.uint8] = np.clip(soft + np.float32(0.5), 0, 255).astype(np.uint8)
    return lit


def shadows(height: NDArray[np.int16], sun: Sun) -> NDArray[np.bool_]:
    """Tell which pixels something higher towards the sun hides; doubling reach each step."""
    step_x, step_y = sun.towards
    hull = height.copy()
    for reach in (1, 2, 4, 8, 16, 32):
        sink = round(reach * sun.drop_per_pixel * HEIGHT_STEPS_PER_M)
        moved = shifted(hull, round(step_x * reach), round(step_y * reach)) - np.int16(sink)
        np.maximum(hull, moved, out=hull)
    return np.asarray(hull > height + 2)


def slopes(height: NDArray[np.int16], sun: Sun) -> NDArray[np.float32]:
    """Light gained or lost by slopes facing towards or away from the sun, -0.5..0.35."""
    step_x, step_y = sun.towards
    x, y = round(step_x * 1.5), round(step_y * 1.5)
    rise = shifted(height, -x, -y) - shifted(height, x, y)
    gain = rise.astype(np.float32) * np.float32(0.5 / (HEIGHT_STEPS_PER_M * 4))
    return np.asarray(np.clip(gain, -0.5, 0.35), np.float32)


def shifted(array: NDArray[np.int16], x: int, y: int) -> NDArray[np.int16]:
    """Give each pixel the value found x columns right and y rows below; zero beyond the edge."""
    rows, columns = array.shape
    moved = np.zeros_like(array)
    to_y, from_y = slice(max(0, -y), rows - max(0, y)), slice(max(0, y), rows - max(0, -y))
    to_x, from_x = slice(max(0, -x), columns - max(0, x)), slice(max(0, x), columns - max(0, -x))
    moved[to_y, to_x] = array[from_y, from_x]
    return moved


def blurred(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spread each pixel a little over its neighbours, as optics do (1-4-1 each way)."""
    rows = np.pad(colours, ((1, 1), (0, 0), (0, 0)), mode="edge")
    colours = (rows[1:-1] * np.float32(4) + rows[:-2] + rows[2:]) / np.float32(6)
    columns = np.pad(colours, ((0, 0), (1, 1), (0, 0)), mode="edge")
    middle = columns[:, 1:-1] * np.float32(4)
    return np.asarray((middle + columns[:, :-2] + columns[:, 2:]) / np.float32(6), np.float32)
