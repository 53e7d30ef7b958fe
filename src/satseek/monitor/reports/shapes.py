"""Patches, parcels and districts → areas, lines and numbers on a map's sheet.

Knows neither imagery nor pages. What is smaller than a reader could find is ringed; of the numbers,
those that would lie over others are moved, or left out and counted.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.monitor.reports.drawing import Label, Path, text_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shapely.geometry.base import BaseGeometry

    from satseek.monitor.reports.blocks import Entry, Shape
    from satseek.monitor.reports.drawing import Point
    from satseek.monitor.reports.frames import Frame

DETAIL_MM = 0.1
"""What outlines are simplified to: less than a line's width."""

SMALL_MM = 2.0
"""Shapes whose longer edge is shorter get a ring around them."""

RING_MM = 2.2
"""Radius of that ring."""

FILLED = 0.32
"""Opacity of fillings: imagery is seen through them."""

CASING = (255, 255, 255)
"""Below the dashes of outlines alone, to be seen on classes of any colour."""

LABEL_MM = 2.7
"""Height of the numbers: 7.7 points."""

_LONG_EDGE = 1.0
"""Degrees; longer edges are cut, as they bend in the projection."""

_CORNERS = 20
"""Of a ring."""

_PLACES = (
    (0.0, 0.35),
    (1.0, 0.35),
    (-1.0, 0.35),
    (0.0, 1.4),
    (0.0, -0.7),
    (1.0, 1.4),
    (-1.0, -0.7),
)
"""Where a number is tried around its shape's middle: in its half widths and in its heights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnShapes:
    """Shapes on a sheet."""

    items: tuple[Path | Label, ...]
    """Areas and lines first, numbers last."""
    unlabelled: int
    """Numbers that found no room."""


def draw_shapes(frame: Frame, shapes: Sequence[Shape], legend: Iterable[Entry]) -> DrawnShapes:
    """Bring shapes to the sheet, in order, cut at its edges."""
    entries = {one.key: one for one in legend}
    laid = [(entries[shape.entry], shape.label, _laid(frame, shape)) for shape in shapes]
    paths: list[Path] = []
    for _, group in groupby(laid, key=lambda one: one[0].key):
        several = list(group)
        paths += _paths([geometry for _, _, geometry in several], several[0][0])
    named = [(label, geometry) for _, label, geometry in laid if label and not geometry.is_empty]
    labels, unlabelled = _labels(frame, named)
    return DrawnShapes(items=(*paths, *labels), unlabelled=unlabelled)


def _laid(frame: Frame, shape: Shape) -> BaseGeometry:
    """Bring a shape to millimetres; empty where nothing of it is on the sheet."""
    geometry = shapely.segmentize(shapely.from_geojson(json.dumps(shape.geometry)), _LONG_EDGE)
    sheet = shapely.transform(geometry, frame.on_sheet)
    if not np.isfinite(shapely.get_coordinates(sheet)).all():
        return shapely.GeometryCollection()
    sound = sheet if sheet.is_valid else shapely.make_valid(sheet)
    cut = shapely.intersection(sound, shapely.box(0, 0, frame.width, frame.height))
    return shapely.simplify(cut, DETAIL_MM)


def _paths(geometries: Sequence[BaseGeometry], entry: Entry) -> list[Path]:
    areas: list[tuple[Point, ...]] = []
    lines: list[tuple[Point, ...]] = []
    rings: list[tuple[Point, ...]] = []
    for geometry in geometries:
        for part in shapely.get_parts(geometry):
            if part.geom_type == "Polygon":
                areas += _rings(part)
            elif part.geom_type == "LineString":
                lines.append(_points(part))
        if not geometry.is_empty and _longer_edge(geometry) < SMALL_MM:
            middle = geometry.centroid
            rings.append(_circle(middle.x, middle.y))
    colour, filling = entry.colour, entry.colour if entry.filled else None
    dash = 0.0 if entry.filled else 1.6
    casing = Path(rings=() if entry.filled else tuple(areas), stroke=CASING, width=1.3)
    paths = [
        casing,
        Path(
            rings=tuple(areas),
            fill=filling,
            opacity=FILLED,
            stroke=colour,
            width=0.45 if entry.filled else 0.7,
            dash=dash,
        ),
        Path(rings=tuple(lines), closed=False, stroke=colour, width=0.5),
        Path(rings=tuple(rings), stroke=colour, width=0.6),
    ]
    return [path for path in paths if path.rings]


def _rings(polygon: shapely.Polygon) -> list[tuple[Point, ...]]:
    """Outer ring and holes, which run the other way."""
    turned = shapely.geometry.polygon.orient(polygon)
    return [_points(ring) for ring in (turned.exterior, *turned.interiors)]


def _points(line: BaseGeometry) -> tuple[Point, ...]:
    points = shapely.get_coordinates(line)
    closed = line.geom_type == "LinearRing"
    return tuple((float(x), float(y)) for x, y in (points[:-1] if closed else points))


def _circle(x: float, y: float) -> tuple[Point, ...]:
    turns = (2 * math.pi * at / _CORNERS for at in range(_CORNERS))
    return tuple((x + RING_MM * math.cos(turn), y + RING_MM * math.sin(turn)) for turn in turns)


def _longer_edge(geometry: BaseGeometry) -> float:
    left, top, right, bottom = geometry.bounds
    return float(max(right - left, bottom - top))


def _labels(frame: Frame, named: Sequence[tuple[str, BaseGeometry]]) -> tuple[list[Label], int]:
    """Place numbers, small ones first; each takes room that later ones leave alone."""
    taken: list[tuple[float, float, float, float]] = []
    labels: list[Label] = []
    for text, geometry in sorted(named, key=lambda one: (len(one[0]), one[0])):
        middle = geometry.representative_point()
        half = text_width(text, LABEL_MM) / 2
        small = _longer_edge(geometry) < SMALL_MM
        for across, down in _PLACES[1:] if small else _PLACES:
            away = RING_MM + 0.4 if small else 0.0
            x = middle.x + across * (half + away + 0.6)
            y = middle.y + down * LABEL_MM + (away if down > 1 else -away if down < 0 else 0.0)
            room = (x - half, y - LABEL_MM * 0.85, x + half, y + LABEL_MM * 0.25)
            if _fits(room, frame, taken):
                taken.append(room)
                labels.append(
                    Label(x=x, y=y, text=text, size=LABEL_MM, anchor="middle", bold=True, halo=True)
                )
                break
    return labels, len(named) - len(labels)


def _fits(
    room: tuple[float, float, float, float],
    frame: Frame,
    taken: Sequence[tuple[float, float, float, float]],
) -> bool:
    left, top, right, bottom = room
    if left < 0 or top < 0 or right > frame.width or bottom > frame.height:
        return False
    return not any(
        left < other[2] and right > other[0] and top < other[3] and bottom > other[1]
        for other in taken
    )
