"""A map's shapes, imagery and legend → a drawing with scale bar, north and degrees at its edges.

Knows no page. Imagery comes through the rooms that read rasters; nothing is computed before a page
is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.monitor.reports.drawing import Drawing, Path, box
from satseek.monitor.reports.frames import frame_of
from satseek.monitor.reports.furniture import furniture
from satseek.monitor.reports.grounds import class_opacity, draw_ground
from satseek.monitor.reports.shapes import FILLED, draw_shapes
from satseek.search.mapping_colours import class_colours

if TYPE_CHECKING:
    from satseek.imagery.mosaics import Scenery
    from satseek.monitor.reports.blocks import Colour, Map
    from satseek.monitor.reports.frames import Frame
    from satseek.monitor.reports.report import Language
    from satseek.search.mapping_colours import Colour as Shade

OPAQUE = 255
"""Alpha of a colour that is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnMap:
    """A map that can be put on a page."""

    drawing: Drawing
    """What is drawn."""
    frame: Frame
    """Where it lies."""
    unread: int
    """Scenes of the backdrop that could not be read."""
    unlabelled: int
    """Labels that found no room."""


def frame_for(asked: Map, *, width: float) -> Frame | None:
    """Lay the frame of a map; None where nothing of it lies on the ground."""
    geometries = [shape.geometry for shape in asked.shapes]
    return frame_of(geometries, classes=asked.classes, bbox=asked.bbox, width=width)


def draw_map(asked: Map, *, width: float, language: Language, scenery: Scenery) -> DrawnMap | None:
    """Draw a map, ``width`` millimetres wide; None where nothing of it lies on the ground."""
    frame = frame_for(asked, width=width)
    if frame is None:
        return None
    ground = draw_ground(
        frame,
        backdrop=asked.backdrop,
        classes=asked.classes,
        colours=colours_on(asked),
        scenery=scenery,
    )
    shapes = draw_shapes(frame, asked.shapes, asked.legend)
    edge = Path(rings=(box(0, 0, frame.width, frame.height),), stroke="soft", width=0.25)
    below = () if ground.raster is None else (ground.raster,)
    blank = Path(rings=(box(0, 0, frame.width, frame.height),), fill="card")
    items = (blank, *below, *shapes.items, *furniture(frame, language=language), edge)
    return DrawnMap(
        drawing=Drawing(width=frame.width, height=frame.height, items=items),
        frame=frame,
        unread=ground.unread,
        unlabelled=shapes.unlabelled,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Swatch:
    """One line of a legend, as it looks on the map."""

    label: str
    """What it stands for."""
    colour: Colour
    """Of outline and filling."""
    opacity: float
    """Of the filling; 0: an outline alone."""


def legend_of(asked: Map) -> tuple[Swatch, ...]:
    """Give the lines of a map's legend: its own that have a shape, then the classes on it."""
    used = {shape.entry for shape in asked.shapes}
    own = tuple(
        Swatch(label=entry.label, colour=entry.colour, opacity=FILLED if entry.filled else 0.0)
        for entry in asked.legend
        if entry.key in used
    )
    classes = asked.classes
    if classes is None:
        return own
    here = {int(value) for value in np.unique(classes.values[classes.known])}
    coloured = zip(classes.names, colours_on(asked), strict=True)
    return own + tuple(
        Swatch(label=label, colour=colour[:3], opacity=class_opacity(asked.backdrop))
        for number, (label, colour) in enumerate(coloured)
        if number in here and colour[3]
    )


def colours_on(asked: Map) -> list[Shade]:
    """Give the colours of a map's classes; those that are not shown are wholly transparent."""
    if asked.class_colours:
        return [(*colour, OPAQUE) for colour in asked.class_colours]
    return [] if asked.classes is None else class_colours(asked.classes.names)
