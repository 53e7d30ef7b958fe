"""Maps and charts → drawings on a page, their legends below them.

Knows no other block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.reports.charts import HEIGHT_MM, colours_of, draw_chart
from satseek.monitor.reports.drawing import Path, box
from satseek.monitor.reports.flow import BODY, LEFT, SMALL, WIDTH
from satseek.monitor.reports.mapping import Swatch, draw_map, frame_for, legend_of
from satseek.monitor.reports.words import word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.reports.blocks import Chart, Map
    from satseek.monitor.reports.flow import Flow
    from satseek.monitor.reports.frames import Frame
    from satseek.monitor.reports.pieces import Told

_SWATCH = (4.6, 3.2)
_LINE_MM = 5.2
KEPT_MM = 28.0
"""Room for the title and the first lines below a drawing, which stay with it."""


def lay_map(flow: Flow, asked: Map, told: Told) -> None:
    """Lay a map out with its legend, and say what its projection is and whose the imagery."""
    frame = frame_for(asked, width=WIDTH)
    if frame is None:
        flow.words(f"{asked.title}: {word('no_ground', flow.language)}", paint="soft")
        return
    flow.need(frame.height + KEPT_MM - 2)
    flow.words(asked.title, size=BODY, bold=True)
    flow.y += 1
    most = _notes(flow, asked, frame, unread=_backdrop(asked), unlabelled=len(asked.shapes))
    notes = most
    if not flow.canvas.is_blank:
        drawn = draw_map(asked, width=WIDTH, language=told.language, scenery=told.scenery)
        assert drawn is not None
        flow.drawing(drawn.drawing, x=LEFT, y=flow.y, alt=asked.alt)
        notes = _notes(flow, asked, frame, unread=drawn.unread, unlabelled=drawn.unlabelled)
    flow.y += frame.height + 1.5
    _lay_legend(flow, legend_of(asked))
    room = flow.height(most, width=WIDTH, size=SMALL)  # whatever comes out, pages stay as laid out
    flow.need(room)
    bottom = flow.y + room
    flow.words(notes, size=SMALL, paint="soft")
    flow.y = bottom


def _notes(flow: Flow, asked: Map, frame: Frame, *, unread: int, unlabelled: int) -> str:
    """What is said below a map."""
    language = flow.language
    notes = [word("projection", language, place=frame.middle)]
    if unread:
        notes.append(word("unread", language, count=unread))
    if unlabelled:
        notes.append(word("unlabelled", language, count=unlabelled))
    if asked.attribution:
        notes.append(word("imagery", language, whose=asked.attribution))
    return " ".join(notes)


def _backdrop(asked: Map) -> int:
    return 0 if asked.backdrop is None else len(asked.backdrop.scenes)


def lay_chart(flow: Flow, asked: Chart) -> None:
    """Lay a chart out with its legend and note."""
    flow.need(HEIGHT_MM + KEPT_MM - 2)
    flow.words(asked.title, size=BODY, bold=True)
    if not flow.canvas.is_blank:
        flow.drawing(draw_chart(asked, width=WIDTH), x=LEFT, y=flow.y, alt=asked.alt)
    flow.y += HEIGHT_MM + 1
    colours = colours_of(asked)
    _lay_legend(
        flow,
        [
            Swatch(label=one.name, colour=colour, opacity=1.0)
            for one, colour in zip(asked.series, colours, strict=True)
        ],
    )
    if asked.note:
        flow.words(asked.note, size=SMALL, paint="soft")


def _lay_legend(flow: Flow, swatches: Sequence[Swatch]) -> None:
    """Swatches and words, as many in a line as have room."""
    x = LEFT
    flow.need(_LINE_MM)
    for one in swatches:
        wide = _SWATCH[0] + 1.5 + flow.type.width(one.label, size=SMALL) + 6
        if x > LEFT and x + wide > LEFT + WIDTH:
            x = LEFT
            flow.y += _LINE_MM
            flow.need(_LINE_MM)
        swatch = Path(
            rings=(box(0, 0, *_SWATCH),),
            fill=one.colour if one.opacity else None,
            opacity=one.opacity,
            stroke=one.colour,
            width=0.4,
            dash=0.0 if one.opacity else 1.0,
        )
        flow.canvas.path(swatch, x=x, y=flow.y + 0.6)
        flow.write(one.label, x=x + _SWATCH[0] + 1.5, y=flow.y, size=SMALL)
        x += wide
    flow.y += _LINE_MM if swatches else 0
