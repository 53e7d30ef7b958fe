"""Turns sizes into outlines: rectangles, blobs, planes and ships, as arrays of corners.

It does not know where they stand or what colour they wear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import Polygon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.imagery.county.inventory import Points

_UNIT: Final = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
_PLANE_HALF: Final = (
    (0.50, 0.00),
    (0.46, 0.035),
    (0.40, 0.05),
    (0.14, 0.05),
    (-0.06, 0.46),
    (-0.13, 0.46),
    (-0.06, 0.05),
    (-0.34, 0.045),
    (-0.45, 0.17),
    (-0.50, 0.17),
    (-0.47, 0.02),
)
"""Right half of an airliner seen from above, nose at +s, in lengths of the fuselage."""
_SHIP_HALF: Final = ((0.5, 0.0), (0.42, 0.32), (0.30, 0.5), (-0.46, 0.5), (-0.5, 0.38))
"""Right half of a hull, bow at +s, in lengths and beams."""


def rectangles(centres: Points, sizes: Points, degrees: NDArray[np.float64] | float) -> Points:
    """Corners (n, 4, 2) of rectangles of `sizes` (n, 2), each turned by its angle."""
    return turned(_UNIT[None] * sizes[:, None, :], degrees) + centres[:, None, :]


def rectangle(s: float, t: float, length: float, breadth: float, degrees: float = 0.0) -> Points:
    """Corners (4, 2) of one rectangle."""
    outlines = rectangles(np.array([[s, t]]), np.array([[length, breadth]]), degrees)
    return np.asarray(outlines[0])


def turned(points: Points, degrees: NDArray[np.float64] | float) -> Points:
    """Turn outlines (n, m, 2), each by its angle (n,), or all by one."""
    radians = np.deg2rad(np.asarray(degrees, np.float64)).reshape(-1, 1)
    cosine, sine = np.cos(radians).round(6), np.sin(radians).round(6)
    s, t = points[..., 0], points[..., 1]
    return np.stack([s * cosine - t * sine, s * sine + t * cosine], axis=-1)


def disc(s: float, t: float, radius: float, corners: int = 24) -> Points:
    """Corners (corners, 2) of a regular polygon."""
    angle = np.arange(corners) * (2 * np.pi / corners)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1).round(6)
    return np.asarray(ring * radius + (s, t))


def plane(s: float, t: float, length_m: float, degrees: float) -> Points:
    """Outline of an airliner with its nose towards `degrees`."""
    return _mirrored(_PLANE_HALF, np.array([length_m, length_m]), s, t, degrees)


def ship(s: float, t: float, length_m: float, beam_m: float, degrees: float) -> Points:
    """Outline of a hull with its bow towards `degrees`."""
    return _mirrored(_SHIP_HALF, np.array([length_m, beam_m]), s, t, degrees)


def blob(
    rng: np.random.Generator, centre: Points, half_sizes: tuple[float, float], rough: float = 0.12
) -> Polygon:
    """A rounded patch that nearly fills its box: a superellipse with bays, in pixels."""
    corners = 72
    angle = np.arange(corners) * (2 * np.pi / corners)
    cosine, sine = np.cos(angle).round(6), np.sin(angle).round(6)
    power = 0.72
    s = np.sign(cosine) * np.abs(cosine) ** power
    t = np.sign(sine) * np.abs(sine) ** power
    radius = np.ones(corners)
    for waves in (2, 3, 5, 8, 13):
        phase = rng.uniform(0, 2 * np.pi)
        radius += rough / np.sqrt(waves) * np.cos(waves * angle + phase) * rng.uniform(0.3, 1)
    radius *= 1 / radius.max()
    ring = np.stack([s * half_sizes[0] * radius, t * half_sizes[1] * radius], axis=1)
    shape = shapely.make_valid(Polygon((ring + centre).round(2)))
    return shape if isinstance(shape, Polygon) else shape.convex_hull


def _mirrored(
    half: tuple[tuple[float, float], ...], size: Points, s: float, t: float, degrees: float
) -> Points:
    right = np.array(half) * size
    left = right[::-1] * (1, -1)
    outline = turned(np.concatenate([right, left])[None], degrees)[0]
    return np.asarray(outline + np.array([s, t]))
