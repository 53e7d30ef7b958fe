"""A chart's figures → a drawing with axes; its legend is the page's business.

Knows no page. Values come with intervals where they have some; what is not known leaves a gap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.monitor.reports.drawing import Drawing, Label, Path, box, text_width
from satseek.monitor.reports.frames import round_length
from satseek.monitor.reports.palette import series_colours
from satseek.monitor.reports.words import number

if TYPE_CHECKING:
    from satseek.monitor.reports.blocks import Chart, Colour, Series
    from satseek.monitor.reports.drawing import Paint, Point

HEIGHT_MM = 62.0
_LEFT_MM, _RIGHT_MM, _TOP_MM, _BOTTOM_MM = 17.0, 4.0, 7.0, 13.0
_SIZE_MM = 2.6
_LINE_MM = 3.4
_NAME_LINES = 3
"""Of a name below the axis."""
_GRID_LINES = 5
_DOT_MM = 0.8
_CORNERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    """Where figures lie on the sheet."""

    left: float
    top: float
    width: float
    height: float
    low: float
    high: float
    places: int

    def x(self, at: float) -> float:
        """Middle of the place of a number, from 0."""
        return self.left + (at + 0.5) * self.width / max(self.places, 1)

    def y(self, value: float) -> float:
        return self.top + (self.high - value) / (self.high - self.low) * self.height


def colours_of(chart: Chart) -> list[Colour]:
    """Give each series its colour."""
    own = series_colours(len(chart.series))
    return [
        one.colour if one.colour is not None else colour
        for one, colour in zip(chart.series, own, strict=True)
    ]


def draw_chart(chart: Chart, *, width: float) -> Drawing:
    """Draw a chart, ``width`` millimetres wide."""
    low, high, step = _bounds(chart)
    axes = _Axes(
        left=_LEFT_MM,
        top=_TOP_MM,
        width=width - _LEFT_MM - _RIGHT_MM,
        height=HEIGHT_MM - _TOP_MM - _BOTTOM_MM,
        low=low,
        high=high,
        places=len(chart.places),
    )
    draw = {"lines": _lines, "bars": _bars, "stacked": _stacked}[chart.kind]
    items = (
        *_grid(axes, chart.unit, step),
        *draw(chart, axes),
        Path(
            rings=(
                ((axes.left, axes.y(max(low, 0.0))), (width - _RIGHT_MM, axes.y(max(low, 0.0)))),
            ),
            closed=False,
            stroke="soft",
            width=0.3,
        ),
        *_place_labels(chart, axes),
    )
    return Drawing(width=width, height=HEIGHT_MM, items=items)


def _bounds(chart: Chart) -> tuple[float, float, float]:
    """Ends of the axis and the step of its lines; zero is always on it."""
    if chart.kind == "stacked":
        columns = zip(*(one.values for one in chart.series), strict=True)
        known = [sum(value or 0.0 for value in column) for column in columns]
    else:
        known = [
            value
            for one in chart.series
            for value in (*one.values, *one.low, *one.high)
            if value is not None
        ]
    low, high = min([0.0, *known]), max([0.0, *known])
    if high <= low:
        high = low + 1.0
    step = round_length((high - low) / _GRID_LINES * 1.6)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


def _grid(axes: _Axes, unit: str, step: float) -> list[Path | Label]:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    items: list[Path | Label] = [
        Label(
            x=axes.left - 1.5,
            y=axes.top - 3.4,
            text=unit,
            size=_SIZE_MM,
            anchor="end",
            paint="soft",
        )
    ]
    for at in range(round((axes.high - axes.low) / step) + 1):
        value = axes.low + at * step
        y = axes.y(value)
        line = ((axes.left, y), (axes.left + axes.width, y))
        items.append(Path(rings=(line,), closed=False, stroke="line", width=0.2))
        text = number(value, decimals)
        items.append(
            Label(
                x=axes.left - 1.5, y=y + 0.9, text=text, size=_SIZE_MM, anchor="end", paint="soft"
            )
        )
    return items


def _place_labels(chart: Chart, axes: _Axes) -> list[Path | Label]:
    """Name all places if they have room, on several lines if need be, else as many as have."""
    if not chart.places:
        return []
    room = axes.width / axes.places - 2.0
    names = [_wrapped(one, room) for one in chart.places]
    widest = max(text_width(line, _SIZE_MM) for lines in names for line in lines)
    deepest = max(map(len, names))
    if widest > room or deepest > _NAME_LINES:
        names = [[one] for one in chart.places]
        widest = max(text_width(one, _SIZE_MM) for one in chart.places)
    every = max(1, math.ceil((widest + 2.0) * axes.places / axes.width))
    return [
        Label(
            x=axes.x(at),
            y=axes.top + axes.height + 4.6 + down * _LINE_MM,
            text=line,
            size=_SIZE_MM,
            anchor="middle",
            paint="soft",
        )
        for at, lines in enumerate(names)
        if at % every == 0
        for down, line in enumerate(lines)
    ]


def _wrapped(name: str, room: float) -> list[str]:
    """Break a name between its words."""
    lines: list[str] = []
    for word in name.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, _SIZE_MM) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines or [name]


def _lines(chart: Chart, axes: _Axes) -> list[Path | Label]:
    items: list[Path | Label] = []
    for one, colour in zip(chart.series, colours_of(chart), strict=True):
        items += _whiskers(one, axes, colour, shift=0.0)
        points: list[tuple[Point, ...]] = []
        run: list[Point] = []
        for at, value in enumerate([*one.values, None]):
            if value is not None:
                run.append((axes.x(at), axes.y(value)))
                continue
            if run:
                points.append(tuple(run))
            run = []
        items.append(Path(rings=tuple(points), closed=False, stroke=colour, width=0.7))
        dots = tuple(_dot(*point) for part in points for point in part)
        items.append(Path(rings=dots, fill=colour))
    return items


def _bars(chart: Chart, axes: _Axes) -> list[Path | Label]:
    items: list[Path | Label] = []
    room = axes.width / max(axes.places, 1)
    wide = room * 0.8 / max(len(chart.series), 1)
    colours = colours_of(chart)
    for order, (one, colour) in enumerate(zip(chart.series, colours, strict=True)):
        shift = (order - (len(chart.series) - 1) / 2) * wide
        rings = tuple(
            _bar(axes.x(at) + shift, wide * 0.92, axes.y(0.0), axes.y(value))
            for at, value in enumerate(one.values)
            if value is not None
        )
        items.append(Path(rings=rings, fill=colour))
        items += _whiskers(one, axes, "ink", shift=shift)
    return items


def _stacked(chart: Chart, axes: _Axes) -> list[Path | Label]:
    items: list[Path | Label] = []
    reached = [0.0] * axes.places
    wide = axes.width / max(axes.places, 1) * 0.72
    for one, colour in zip(chart.series, colours_of(chart), strict=True):
        rings = []
        for at, value in enumerate(one.values):
            if value:
                rings.append(
                    _bar(axes.x(at), wide, axes.y(reached[at]), axes.y(reached[at] + value))
                )
                reached[at] += value
        items.append(Path(rings=tuple(rings), fill=colour, stroke="paper", width=0.15))
    return items


def _whiskers(one: Series, axes: _Axes, paint: Paint, *, shift: float) -> list[Path | Label]:
    lines = tuple(
        ((axes.x(at) + shift, axes.y(low)), (axes.x(at) + shift, axes.y(high)))
        for at, (low, high) in enumerate(zip(one.low, one.high, strict=True))
        if low is not None and high is not None
    )
    return [Path(rings=lines, closed=False, stroke=paint, width=0.35)]


def _bar(middle: float, wide: float, from_y: float, to_y: float) -> tuple[Point, ...]:
    return box(middle - wide / 2, min(from_y, to_y), wide, abs(to_y - from_y))


def _dot(x: float, y: float) -> tuple[Point, ...]:
    turns = (2 * math.pi * at / _CORNERS for at in range(_CORNERS))
    return tuple((x + _DOT_MM * math.cos(turn), y + _DOT_MM * math.sin(turn)) for turn in turns)
