"""Blocks of a report → pieces of HTML.

Knows no page around them. Images are read one by one and forgotten.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from satseek.monitor.reports.blocks import Chart, Facts, Map, Mark, Pairs, Table, Text
from satseek.monitor.reports.charts import colours_of, draw_chart
from satseek.monitor.reports.images import jpeg_of
from satseek.monitor.reports.mapping import Swatch, draw_map, legend_of
from satseek.monitor.reports.palette import SIGNS
from satseek.monitor.reports.svg import svg_of
from satseek.monitor.reports.tabling import figures_of
from satseek.monitor.reports.texts import prose, safe
from satseek.monitor.reports.words import cell_text, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from satseek.monitor.reports.blocks import Block, Cell, Column, Image, Pair
    from satseek.monitor.reports.pieces import Told

WIDTH_MM = 170.0
"""Of maps and charts: what is between the margins of a page of paper."""


def block_pieces(block: Block, told: Told, *, level: int) -> Iterator[str]:
    """Write a block; headings inside it have ``level``."""
    match block:
        case Text():
            yield _text(block)
        case Facts():
            yield _facts(block.rows)
        case Table():
            yield from _table(block)
        case Map():
            yield from _map(block, told)
        case Pairs():
            for pair in block.pairs:
                yield from _pair(pair, told, level=level)
        case Chart():
            yield from _chart(block, told)
        case _:
            assert_never(block)
    told.step()


def _text(block: Text) -> str:
    paragraphs = "".join(f"<p>{prose(one)}</p>" for one in block.paragraphs)
    if block.tone == "plain":
        return paragraphs
    return f'<div class="framed {block.tone}">{paragraphs}</div>'


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in rows if value)
    return f'<dl class="facts">{lines}</dl>' if lines else ""


def _table(block: Table) -> Iterator[str]:
    head = "".join(
        f'<th scope="col"{_kind(column)}>{safe(column.name)}</th>' for column in block.columns
    )
    yield (
        f'<div class="wide" role="group" tabindex="0" aria-label="{safe(block.caption)}">'
        f"<table><caption>{safe(block.caption)}</caption><thead><tr>{head}</tr></thead><tbody>"
    )
    for row in block.rows:
        yield f"<tr>{_cells(row, block.columns)}</tr>"
    yield "</tbody>"
    if block.total is not None:
        yield f"<tfoot><tr>{_cells(block.total, block.columns)}</tr></tfoot>"
    yield "</table></div>"
    if block.note:
        yield f'<p class="note">{prose(block.note)}</p>'


def _cells(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    """Write a row; its first cell names it."""
    cells = []
    for at, (cell, column) in enumerate(zip(row, columns, strict=True)):
        name, scope = ("td", "") if at else ("th", ' scope="row"')
        cells.append(f"<{name}{scope}{_kind(column)}>{_cell(cell, column)}</{name}>")
    return "".join(cells)


def _kind(column: Column) -> str:
    return "" if column.kind == "text" else f' class="{column.kind}"'


def _cell(cell: Cell, column: Column) -> str:
    text = safe(cell_text(cell, column))
    if isinstance(cell, Mark):
        return f'<span class="mark {cell.tone}">{_signed(cell)}</span>'
    if isinstance(cell, datetime):
        return f'<span class="day">{text}</span>'
    if column.kind == "share" and isinstance(cell, int | float) and 0 <= cell <= 1:
        return f'{text}<span class="bar"><i style="width:{100 * cell:.0f}%"></i></span>'
    return text


def _signed(mark: Mark) -> str:
    sign = SIGNS[mark.tone]
    shown = f'<span aria-hidden="true">{sign}</span> ' if sign else ""
    return f"{shown}{safe(mark.text)}"


def _map(block: Map, told: Told) -> Iterator[str]:
    language = told.language
    yield "<figure>"
    drawn = draw_map(block, width=WIDTH_MM, language=language, scenery=told.scenery)
    caption = [f"<b>{safe(block.title)}</b>"]
    if drawn is None:
        caption.append(word("no_ground", language))
    else:
        yield from svg_of(drawn.drawing, alt=block.alt)
        yield _legend(legend_of(block), title=word("legend", language))
        caption.append(word("projection", language, place=drawn.frame.middle))
        if drawn.unread:
            caption.append(word("unread", language, count=drawn.unread))
        if drawn.unlabelled:
            caption.append(word("unlabelled", language, count=drawn.unlabelled))
    if block.attribution:
        caption.append(safe(word("imagery", language, whose=block.attribution)))
    yield f"<figcaption>{' '.join(caption)}</figcaption></figure>"


def _legend(swatches: Sequence[Swatch], *, title: str) -> str:
    lines = "".join(f"<li>{_shown(one)}{safe(one.label)}</li>" for one in swatches)
    return f'<ul class="legend" aria-label="{safe(title)}">{lines}</ul>' if lines else ""


def _shown(one: Swatch) -> str:
    code = bytes(one.colour).hex()
    if not one.opacity:
        return f'<i class="dashed" style="border-color:#{code}"></i>'
    alpha = round(255 * one.opacity)
    return f'<i style="border-color:#{code};background:#{code}{alpha:02x}"></i>'


def _pair(pair: Pair, told: Told, *, level: int) -> Iterator[str]:
    mark = ""
    if pair.mark is not None:
        mark = f' <span class="mark {pair.mark.tone}">{_signed(pair.mark)}</span>'
    yield (
        f'<article class="pair"><h{level}>{safe(pair.title)}{mark}</h{level}>'
        '<div class="body"><div class="images">'
    )
    for name, image, caption in (
        ("before", pair.before, pair.before_caption),
        ("after", pair.after, pair.after_caption),
    ):
        title = word(name, told.language)
        yield (
            f"<figure>{_image(image, told)}"
            f"<figcaption><b>{title}</b> {safe(caption)}</figcaption></figure>"
        )
    yield f"</div>{_facts(pair.facts)}</div></article>"


def _image(image: Image | None, told: Told) -> str:
    if image is None:
        return f'<div class="gone">{word("unseen", told.language)}</div>'
    found = jpeg_of(image)
    if found is None:
        told.missing_images += 1
        return f'<div class="gone">{safe(image.alt)}: {word("gone", told.language)}</div>'
    told.images += 1
    content, width, height = found
    return (
        f'<img alt="{safe(image.alt)}" width="{width}" height="{height}" '
        f'src="data:image/jpeg;base64,{base64.b64encode(content).decode("ascii")}">'
    )


def _chart(block: Chart, told: Told) -> Iterator[str]:
    yield "<figure>"
    yield from svg_of(draw_chart(block, width=WIDTH_MM), alt=block.alt)
    colours = colours_of(block)
    named = [
        Swatch(label=one.name, colour=colour, opacity=1.0)
        for one, colour in zip(block.series, colours, strict=True)
    ]
    yield _legend(named, title=word("legend", told.language))
    note = f" {safe(block.note)}" if block.note else ""
    yield f"<figcaption><b>{safe(block.title)}</b>{note}</figcaption>"
    yield f"<details><summary>{word('figures', told.language)}</summary>"
    yield from _table(figures_of(block, language=told.language))
    yield "</details></figure>"
