"""A frame on the ground → scale bar, north, and degrees along a map's edges.

Knows nothing of what the map shows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from satseek.monitor.reports.drawing import Label, Path, box, text_width
from satseek.monitor.reports.frames import round_length
from satseek.monitor.reports.words import word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.monitor.reports.frames import Frame
    from satseek.monitor.reports.report import Language

_BAR_SHARE = 0.28
"""Of the map's width that a scale bar takes at most."""

_BAR_MM = 1.3
_INSET_MM = 3.0
_SIZE_MM = 2.5
_TICK_MM = 1.4

_TICKS = 4
"""Degrees along an edge, about."""

_KILOMETRE = 1000.0

_SAMPLES = 65
"""Points along an edge, between which degrees are interpolated."""


def furniture(frame: Frame, *, language: Language) -> tuple[Path | Label, ...]:
    """Draw what tells how large, which way and where."""
    return (*_degrees(frame), *_scale_bar(frame, language), *_north(frame, language))


def _scale_bar(frame: Frame, language: Language) -> tuple[Path | Label, ...]:
    metres = round_length(frame.width * _BAR_SHARE * frame.scale)
    length = metres / frame.scale
    text = _length_text(metres, language)
    x, y = _INSET_MM + 1.5, frame.height - _INSET_MM - 5.0
    plate = (
        x - 1.5,
        y - _SIZE_MM - 2.2,
        length + text_width(text, _SIZE_MM) / 2 + 4.5,
        _SIZE_MM + 5.0,
    )
    half = length / 2
    return (
        Path(rings=(box(*plate),), fill="paper", opacity=0.86),
        Path(rings=(box(x, y, half, _BAR_MM),), fill="ink", stroke="ink", width=0.2),
        Path(rings=(box(x + half, y, half, _BAR_MM),), fill="paper", stroke="ink", width=0.2),
        Label(x=x, y=y - 0.9, text="0", size=_SIZE_MM),
        Label(x=x + length, y=y - 0.9, text=text, size=_SIZE_MM, anchor="middle"),
    )


def _length_text(metres: float, language: Language) -> str:
    if metres >= _KILOMETRE:
        return f"{metres / _KILOMETRE:,g} {word('kilometres', language)}"
    return f"{metres:g} {word('metres', language)}"


def _north(frame: Frame, language: Language) -> tuple[Path | Label, ...]:
    x, y = frame.width - _INSET_MM - 3.0, _INSET_MM + 1.0
    arrow = ((x, y), (x + 2.0, y + 6.2), (x, y + 4.8), (x - 2.0, y + 6.2))
    return (
        Path(rings=(box(x - 3.2, y - 1.4, 6.4, 12.2),), fill="paper", opacity=0.86),
        Path(rings=(arrow,), fill="ink"),
        Label(x=x, y=y + 9.6, text=word("north", language), size=3.0, anchor="middle", bold=True),
    )


def _degrees(frame: Frame) -> list[Path | Label]:
    """Ticks along the lower and the left edge, where meridians and parallels meet them."""
    along = np.linspace(0, 1, _SAMPLES)
    lower = [(float(at * frame.width), frame.height) for at in along]
    left = [(0.0, float(at * frame.height)) for at in along]
    lons = np.unwrap(frame.degrees(lower)[:, 0], period=360)
    lats = frame.degrees(left)[:, 1][::-1]
    items: list[Path | Label] = []
    for value, at in _ticks(lons):
        x = at * frame.width
        turned = (value + 180) % 360 - 180
        items += _tick(x, frame.height, x, frame.height - _TICK_MM)
        text = _angle(turned, "E", "W", step=_step(lons))
        items += _edge_label(frame, x, frame.height - _TICK_MM - 0.8, text, anchor="middle")
    for value, at in _ticks(lats):
        y = (1 - at) * frame.height
        items += _tick(0.0, y, _TICK_MM, y)
        text = _angle(value, "N", "S", step=_step(lats))
        items += _edge_label(frame, _TICK_MM + 0.6, y + _SIZE_MM * 0.35, text, anchor="start")
    return items


def _ticks(values: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Round values along an edge and where each is met, 0–1; none where degrees do not rise."""
    if not np.isfinite(values).all() or not (np.diff(values) > 0).all():
        return []
    step = _step(values)
    first = math.ceil(float(values[0]) / step)
    last = math.floor(float(values[-1]) / step)
    rounded = [number * step for number in range(first, last + 1)]
    places = np.interp(rounded, values, np.linspace(0, 1, values.size))
    return list(zip(rounded, places.tolist(), strict=True))


def _step(values: NDArray[np.float64]) -> float:
    return round_length(float(values[-1] - values[0]) / (_TICKS - 1.5))


def _angle(value: float, positive: str, negative: str, *, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{abs(value):.{decimals}f}° {positive if value >= 0 else negative}"


def _tick(x: float, y: float, to_x: float, to_y: float) -> list[Path | Label]:
    return [Path(rings=(((x, y), (to_x, to_y)),), closed=False, stroke="ink", width=0.3)]


def _edge_label(frame: Frame, x: float, y: float, text: str, *, anchor: str) -> list[Path | Label]:
    """Label a tick, away from the corner of the scale bar and from the edges."""
    half = text_width(text, _SIZE_MM) / 2
    middle = x if anchor == "middle" else x + half
    in_bar = middle - half < frame.width * _BAR_SHARE + 16 and y > frame.height - 14
    beyond = middle - half < 0 or middle + half > frame.width or y < _SIZE_MM
    if in_bar or beyond:
        return []
    return [Label(x=middle, y=y, text=text, size=_SIZE_MM - 0.3, anchor="middle", halo=True)]
