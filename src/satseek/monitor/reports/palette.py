"""Meanings and numbers → colours that people with any colour vision tell apart, on paper, too.

Knows neither blocks nor pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.search.mapping_colours import class_colours

if TYPE_CHECKING:
    from satseek.monitor.reports.blocks import Colour, Tone

TONES: dict[Tone, Colour] = {
    "plain": (84, 97, 91),
    "good": (0, 115, 84),
    "warning": (150, 88, 0),
    "bad": (178, 44, 20),
    "unknown": (84, 97, 91),
}
"""On white each has a contrast of at least 5 (WCAG 2.2 asks for 4.5)."""

SIGNS: dict[Tone, str] = {"plain": "", "good": "●", "warning": "▲", "bad": "■", "unknown": "○"}
"""Shapes that tell tones apart without colour."""

CHANGE: Colour = (213, 94, 0)
"""Of what changed, on maps: vermilion of Okabe and Ito's palette."""

OUTLINE: Colour = (0, 90, 181)
"""Of districts and areas of interest."""


def series_colours(count: int) -> list[Colour]:
    """Give the colours of a chart's series, those of class maps in the same order."""
    return [(red, green, blue) for red, green, blue, _ in class_colours([""] * count)]
