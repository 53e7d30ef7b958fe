"""Turns a seed into chips that look like real imagery, for comparing two ways of embedding them.

Does not know models; the pixels are those of the made-up county, painted in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.imagery.county.light import Sun, light
from satseek.imagery.county.painting import paint
from satseek.imagery.county.plan import draw_plan
from satseek.imagery.county.sensing import quarters, sense
from satseek.imagery.county.texture import Textures

if TYPE_CHECKING:
    from satseek.types import Pixels

_EDGE = 768
"""The smallest county: it holds every kind of cover, and is painted in about two seconds."""

_SUN = Sun(azimuth_deg=150, elevation_deg=55)
_BEFORE = 0

_WINDOWS = ((40, 40, 256, 256), (160, 120, 224, 224), (90, 200, 150, 210), (30, 250, 100, 64))
"""Top, left, height, width in a scene of 432 × 432: chips of several sizes and aspect ratios."""


def county_chips(*, seed: int = 0) -> list[Pixels]:
    """Cut 16 chips, four of each of four scenes; the same seed gives the same pixels."""
    plan = draw_plan(seed, _EDGE, _EDGE)
    lit = light(paint(plan, Textures.drawn(seed), _BEFORE, _SUN, lambda: None), _SUN)
    scenes = [sense(lit, *quarter, seed, _BEFORE).pixels for quarter in quarters(_EDGE, _EDGE)]
    return [
        scene[top : top + height, left : left + width].copy()
        for top, left, height, width in _WINDOWS
        for scene in scenes
    ]
