"""A report → the pages of a PDF: first page, contents, sections, and where it all comes from.

Knows neither how blocks are laid out nor the library that writes the file. Everything is laid out
twice, first on nothing, so that the contents know their pages and every page how many there are;
images are read the second time alone, one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.reports.canvas import Blank
from satseek.monitor.reports.digesting import digest_of_report
from satseek.monitor.reports.flow import (
    BODY,
    LEFT,
    MINOR,
    PART,
    SECTION,
    SMALL,
    TITLE,
    WIDTH,
    Behind,
    Flow,
    Layout,
)
from satseek.monitor.reports.palette import SIGNS, TONES
from satseek.monitor.reports.pdf_blocks import Blocks
from satseek.monitor.reports.provenance import made_line, provenance_section
from satseek.monitor.reports.words import minute, word

if TYPE_CHECKING:
    from satseek.monitor.reports.canvas import Canvas
    from satseek.monitor.reports.drawing import Paint
    from satseek.monitor.reports.pieces import Told
    from satseek.monitor.reports.press import Press
    from satseek.monitor.reports.report import Headline, Report, Section

_TILES = 4
"""Figures side by side on the first page, at most."""

_HEADINGS = (SECTION, PART, MINOR)
"""Sizes of headings by depth."""

_CALL = Behind(bar=(31, 138, 112), fill=(234, 243, 239))

_INDENT = 7.0
_PAD = 2.2


def print_report(report: Report, press: Press, told: Told) -> int:
    """Lay a report out on a press; gives the number of pages."""
    sections = (*report.sections, provenance_section(report, digest=digest_of_report(report)))
    known = Layout()
    for canvas, counted in ((Blank(), told.uncounted()), (press, told)):
        known = _laid_out(report, sections, canvas, press=press, told=counted, known=known)
    return known.pages


def _laid_out(
    report: Report,
    sections: tuple[Section, ...],
    canvas: Canvas,
    *,
    press: Press,
    told: Told,
    known: Layout,
) -> Layout:
    flow = Flow(
        canvas,
        press.typesetter,
        language=report.language,
        foot=f"{report.title} · {minute(report.provenance.made_at)}",
        known=known,
    )
    _first_words(flow, report)
    _contents(flow, sections)
    blocks = Blocks(flow, told)
    for number, section in enumerate(sections, 1):
        _section(blocks, section, f"{number}", begins_page=number == 1 or section.begins_page)
    return flow.found


def _first_words(flow: Flow, report: Report) -> None:
    """All that a reader who stops after the first page has to know."""
    flow.words(report.title, size=TITLE, bold=True)
    flow.words(report.subtitle, size=PART, paint="soft")
    flow.words(made_line(report.provenance, report.language), size=SMALL)
    flow.skip(4)
    _next_step(flow, report)
    flow.skip(4)
    _tiles(flow, report.headlines)
    if report.limits:
        flow.need(20)
        flow.words(word("limits", report.language), size=PART, bold=True)
        for line in report.limits:
            _item(flow, "–", line, size=BODY - 0.5)
        flow.skip(4)


def _next_step(flow: Flow, report: Report) -> None:
    x, width = LEFT + _INDENT, WIDTH - 2 * _INDENT
    title = word("next", report.language)
    _pad(flow)
    flow.words(title, size=PART, bold=True, x=x, width=width, behind=_CALL)
    flow.words(report.next_step, size=MINOR + 0.5, x=x, width=width, behind=_CALL)
    for number, step in enumerate(report.actions, 1):
        top, page = flow.y, flow.found.pages
        flow.words(step, size=BODY, x=x + _INDENT, width=width - _INDENT, behind=_CALL)
        if page == flow.found.pages:
            flow.write(f"{number}.", x=x, y=top, size=BODY, bold=True)
    _pad(flow)


def _pad(flow: Flow) -> None:
    """Leave a little of the call's ground above and below its words."""
    _CALL.draw(flow.canvas, y=flow.y, height=_PAD)
    flow.y += _PAD


def _item(flow: Flow, sign: str, text: str, *, size: float) -> None:
    flow.need(size)
    flow.write(sign, x=LEFT, y=flow.y, size=size)
    flow.words(text, size=size, x=LEFT + 4, width=WIDTH - 4)


def _tiles(flow: Flow, headlines: tuple[Headline, ...]) -> None:
    count = len(headlines)
    columns = _TILES - 1 if count > _TILES and count % _TILES == 1 else min(_TILES, count)
    for first in range(0, len(headlines), max(columns, 1)):
        row = headlines[first : first + columns]
        wide = (WIDTH - 4 * (columns - 1)) / columns
        inner = wide - 6
        height = max(_tile_height(flow, one, inner) for one in row)
        flow.need(height)
        for at, one in enumerate(row):
            _tile(flow, one, x=LEFT + at * (wide + 4), width=wide, height=height)
        flow.y += height + 4


def _tile_height(flow: Flow, one: Headline, width: float) -> float:
    sizes = ((one.name, SMALL, False), (_value(one), SECTION, True), (one.note, SMALL, False))
    return 5 + sum(
        flow.height(text, width=width, size=size, bold=bold) for text, size, bold in sizes if text
    )


def _tile(flow: Flow, one: Headline, *, x: float, width: float, height: float) -> None:
    flow.plate(x, flow.y, width, height, stroke="line")
    top = flow.y
    flow.y += 2.5
    left, inner = x + 3, width - 6
    flow.words(one.name, size=SMALL, paint="soft", x=left, width=inner)
    paint: Paint = "ink" if one.tone == "plain" else TONES[one.tone]
    flow.words(_value(one), size=SECTION, bold=True, paint=paint, x=left, width=inner)
    if one.note:
        flow.words(one.note, size=SMALL, paint="soft", x=left, width=inner)
    flow.y = top


def _value(one: Headline) -> str:
    return f"{SIGNS[one.tone]} {one.value}" if SIGNS[one.tone] else one.value


def _contents(flow: Flow, sections: tuple[Section, ...]) -> None:
    flow.need(16 + 6 * min(len(sections), 6))
    flow.words(word("contents", flow.language), size=PART, bold=True)
    for number, section in enumerate(sections, 1):
        page = flow.page_of(f"{number}")
        figure = "0000" if page is None else f"{page}"
        wide = flow.type.width(figure, size=BODY)
        title = flow.type.lines(f"{number}.  {section.title}", width=WIDTH - 20, size=BODY)[0]
        flow.need(BODY)
        flow.write(title, x=LEFT, y=flow.y, size=BODY)
        flow.write(figure, x=LEFT + WIDTH - wide, y=flow.y, size=BODY)
        height = flow.height(title, width=WIDTH, size=BODY)
        if page is not None:
            flow.canvas.link(LEFT, flow.y, WIDTH, height, page=page)
        flow.y += height


def _section(blocks: Blocks, section: Section, number: str, *, begins_page: bool) -> None:
    flow = blocks.flow
    depth = number.count(".")
    if begins_page:
        flow.need(BOTTOMLESS)
    flow.skip(6 if depth == 0 else 4)
    size = _HEADINGS[min(depth, len(_HEADINGS) - 1)]
    title = f"{number}.  {section.title}"
    flow.need(flow.height(title, width=WIDTH, size=size, bold=True) + _kept(blocks, section))
    flow.anchor(number)
    flow.canvas.outline(title, level=min(depth, 2), y=flow.y)
    flow.words(title, size=size, bold=True)
    flow.skip(1.5)
    for block in section.blocks:
        blocks.lay(block)
    for at, part in enumerate(section.sections, 1):
        _section(blocks, part, f"{number}.{at}", begins_page=part.begins_page)


def _kept(blocks: Blocks, section: Section) -> float:
    """Room below a heading without which it goes to the next page: what stands alone is lost."""
    if section.blocks:
        return 1.5 + blocks.kept(section.blocks[0])
    below = section.sections[:1]
    return 12.0 + sum(_kept(blocks, one) for one in below if not one.begins_page)


BOTTOMLESS = 1_000.0
"""More than any page has: what needs as much begins one."""
