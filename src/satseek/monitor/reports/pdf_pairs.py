"""A place before and after → two images side by side on a page, and what is said of it.

Knows no other block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.reports.flow import BODY, LEFT, MINOR, SMALL, WIDTH
from satseek.monitor.reports.images import jpeg_of
from satseek.monitor.reports.palette import SIGNS, TONES
from satseek.monitor.reports.words import word

if TYPE_CHECKING:
    from satseek.monitor.reports.blocks import Image, Pair
    from satseek.monitor.reports.flow import Flow
    from satseek.monitor.reports.pieces import Told

EDGE_MM = 58.0
"""Of an image: three pairs a page."""

_GAP = 4.0
_NAME = 7.5
"""Points, of the names of facts."""


def lay_pair(flow: Flow, pair: Pair, told: Told) -> None:
    """Lay a pair out, never over two pages."""
    facts_x = LEFT + 2 * (EDGE_MM + _GAP)
    facts_width = LEFT + WIDTH - facts_x
    captions = [
        (word("before", flow.language), pair.before_caption, pair.before),
        (word("after", flow.language), pair.after_caption, pair.after),
    ]
    below = max(
        flow.height(f"{name} {caption}", width=EDGE_MM, size=SMALL) for name, caption, _ in captions
    )
    beside = sum(_fact_height(flow, fact, facts_width) for fact in pair.facts if fact[1])
    height = max(EDGE_MM + 1 + below, beside)
    title_height = flow.height(_title(pair), width=WIDTH, size=MINOR, bold=True)
    flow.need(title_height + height + 5)
    _lay_title(flow, pair)
    flow.y += 1
    top = flow.y
    for at, (name, caption, image) in enumerate(captions):
        x = LEFT + at * (EDGE_MM + _GAP)
        _lay_image(flow, image, told, x=x, y=top)
        flow.y = top + EDGE_MM + 1
        flow.words(f"{name} {caption}", size=SMALL, x=x, width=EDGE_MM)
    flow.y = top
    for name, value in pair.facts:
        if value:
            flow.words(name, size=_NAME, paint="soft", x=facts_x, width=facts_width)
            flow.words(value, size=SMALL + 0.5, x=facts_x, width=facts_width)
            flow.y += 0.8
    flow.y = top + height + 4


def _fact_height(flow: Flow, fact: tuple[str, str], width: float) -> float:
    name, value = fact
    return (
        flow.height(name, width=width, size=_NAME)
        + flow.height(value, width=width, size=SMALL + 0.5)
        + 0.8
    )


def _title(pair: Pair) -> str:
    """What the title line says, its mark included."""
    if pair.mark is None:
        return pair.title
    return f"{pair.title}   {SIGNS[pair.mark.tone]} {pair.mark.text}"


def _lay_title(flow: Flow, pair: Pair) -> None:
    """Write the title, and its mark in its colour where both have room in one line."""
    wide = flow.type.width(f"{pair.title}   ", size=MINOR, bold=True)
    whole = flow.type.width(_title(pair), size=MINOR, bold=True)
    if pair.mark is None or whole > WIDTH:
        flow.words(_title(pair), size=MINOR, bold=True)
        return
    mark = f"{SIGNS[pair.mark.tone]} {pair.mark.text}"
    paint = TONES[pair.mark.tone]
    flow.write(mark, x=LEFT + wide, y=flow.y, size=MINOR, bold=True, paint=paint)
    flow.words(pair.title, size=MINOR, bold=True)


def _lay_image(flow: Flow, image: Image | None, told: Told, *, x: float, y: float) -> None:
    flow.plate(x, y, EDGE_MM, EDGE_MM, fill="card")
    if flow.canvas.is_blank:
        return
    if image is None:
        _lay_notice(flow, word("unseen", flow.language), x=x, y=y)
        return
    found = jpeg_of(image)
    if found is None:
        told.missing_images += 1
        _lay_notice(flow, f"{image.alt}: {word('gone', flow.language)}", x=x, y=y)
        return
    told.images += 1
    content, columns, rows = found
    scale = EDGE_MM / max(columns, rows)
    width, height = columns * scale, rows * scale
    flow.canvas.jpeg(
        content,
        x=x + (EDGE_MM - width) / 2,
        y=y + (EDGE_MM - height) / 2,
        width=width,
        height=height,
        alt=image.alt,
    )


def _lay_notice(flow: Flow, text: str, *, x: float, y: float) -> None:
    """Say in an image's place why there is none."""
    line_height = BODY * 0.5
    for at, line in enumerate(flow.type.lines(text, width=EDGE_MM - 8, size=SMALL)[:8]):
        flow.write(line, x=x + 4, y=y + 6 + at * line_height, size=SMALL, paint="soft")
