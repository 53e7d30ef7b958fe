"""A table → rows on pages; its head stands again on each.

Knows no other block. Columns are as wide as what stands in them, as long as there is room; then
text is wrapped and figures never are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.monitor.reports.blocks import Mark
from satseek.monitor.reports.flow import BODY, LEADING, LEFT, SMALL, WIDTH
from satseek.monitor.reports.palette import SIGNS, TONES
from satseek.monitor.reports.typesetting import MM_PER_PT
from satseek.monitor.reports.words import cell_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.reports.blocks import Cell, Column, Table
    from satseek.monitor.reports.drawing import Paint
    from satseek.monitor.reports.flow import Flow

SIZE = 8.8
"""Points."""

_PAD = 3.0
"""Between columns, millimetres."""

_ABOVE = 0.7
"""Between a rule and the words below it."""

LINE_MM = SIZE * MM_PER_PT * LEADING
"""Of a table."""

_LINES = 40
"""Of one row that stand on a page at most."""

_LOOKED_AT = 400
"""Rows by which the widths of columns are chosen."""

_MOST_LEAST_MM = 40.0
"""Longer words, such as paths, may be broken."""

_BAR_MM = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What is written in one cell."""

    text: str
    bold: bool
    paint: Paint
    share: float | None
    is_loose: bool = True


def lay_table(flow: Flow, table: Table) -> None:
    """Lay a table out."""
    widths = _widths(flow, table)
    head = [_plain(column.name, bold=True, paint="soft") for column in table.columns]
    head_height = _height(flow, head, widths)
    flow.need(BODY * MM_PER_PT * LEADING + head_height + 2 * (LINE_MM + 2 * _ABOVE) + 2)
    flow.words(table.caption, size=BODY, bold=True)
    flow.y += 0.8
    _lay_row(flow, head, table, widths, rule="soft")
    for row in table.rows:
        said = [_said(cell, column) for cell, column in zip(row, table.columns, strict=True)]
        if flow.need(_height(flow, said, widths)):
            _lay_row(flow, head, table, widths, rule="soft")
        _lay_row(flow, said, table, widths, rule="line")
    if table.total is not None:
        total = zip(table.total, table.columns, strict=True)
        said = [_said(cell, column, bold=True) for cell, column in total]
        if flow.need(_height(flow, said, widths)):
            _lay_row(flow, head, table, widths, rule="soft")
        flow.plate(LEFT, flow.y - 0.15, sum(widths), 0.35, fill="soft")
        _lay_row(flow, said, table, widths, rule="line")
    if table.note:
        flow.y += 0.8
        flow.words(table.note, size=SMALL, paint="soft")


def _plain(text: str, *, bold: bool = False, paint: Paint = "ink") -> _Said:
    return _Said(text=text, bold=bold, paint=paint, share=None)


def _said(cell: Cell, column: Column, *, bold: bool = False) -> _Said:
    text = cell_text(cell, column)
    if isinstance(cell, Mark):
        sign = SIGNS[cell.tone]
        paint: Paint = "ink" if cell.tone == "plain" else TONES[cell.tone]
        marked = f"{sign} {text}" if sign else text
        return _Said(text=marked, bold=True, paint=paint, share=None, is_loose=False)
    if column.kind == "share" and isinstance(cell, int | float) and 0 <= cell <= 1:
        return _Said(text=text, bold=bold, paint="ink", share=float(cell))
    return _plain(text, bold=bold)


def _widths(flow: Flow, table: Table) -> list[float]:
    """Choose widths: what is written without breaks if all of it has room."""
    wanted, least = [], []
    for at, column in enumerate(table.columns):
        said = [_said(row[at], column) for row in table.rows[:_LOOKED_AT]]
        if table.total is not None:
            said.append(_said(table.total[at], column, bold=True))
        if column.kind != "text":
            said = [replace(one, is_loose=False) for one in said]
        said.append(_plain(column.name, bold=True))
        whole = max(_wide(flow, one) for one in said)
        words = max(_widest_word(flow, one) for one in said)
        wanted.append(whole + _PAD)
        least.append(min(words, _MOST_LEAST_MM) + _PAD)
    if sum(wanted) <= WIDTH:
        return wanted
    return _shared(wanted, least, [column.weight for column in table.columns])


def _widest_word(flow: Flow, said: _Said) -> float:
    """Give the width below which a cell would be broken within a word or a figure."""
    if not said.is_loose:
        return _wide(flow, said)
    return max(flow.type.width(one, size=SIZE, bold=said.bold) for one in said.text.split(" "))


def _shared(wanted: list[float], least: list[float], weights: list[float]) -> list[float]:
    """Give every column the least it takes, and what is left to those that want more."""
    least = [min(low, high) for low, high in zip(least, wanted, strict=True)]
    if sum(least) >= WIDTH:
        return [one * WIDTH / sum(least) for one in least]
    missing = [
        (high - low) * weight for low, high, weight in zip(least, wanted, weights, strict=True)
    ]
    left = WIDTH - sum(least)
    return [low + left * more / sum(missing) for low, more in zip(least, missing, strict=True)]


def _wide(flow: Flow, said: _Said) -> float:
    bar = 0.0 if said.share is None else _BAR_MM + 2
    return flow.type.width(said.text, size=SIZE, bold=said.bold) + bar


def _height(flow: Flow, row: Sequence[_Said], widths: Sequence[float]) -> float:
    heights = [
        flow.height(one.text, width=_inner(one, wide), size=SIZE, bold=one.bold)
        for one, wide in zip(row, widths, strict=True)
    ]
    return max(heights) + 2 * _ABOVE


def _inner(said: _Said, wide: float) -> float:
    """Room for the words of a cell."""
    bar = 0.0 if said.share is None else _BAR_MM + 2
    return max(wide - _PAD - bar, 4.0) + 0.05  # what is measured twice may differ by rounding


def _lay_row(
    flow: Flow, row: Sequence[_Said], table: Table, widths: Sequence[float], *, rule: Paint
) -> None:
    """Lay a row out; one that no page has room for goes on over several."""
    cells = [
        flow.type.lines(said.text, width=_inner(said, wide), size=SIZE, bold=said.bold)
        for said, wide in zip(row, widths, strict=True)
    ]
    deepest = max(map(len, cells))
    for first in range(0, deepest, _LINES):
        count = min(_LINES, deepest - first)
        flow.need(count * LINE_MM + 2 * _ABOVE)
        x = LEFT
        for said, lines, column, wide in zip(row, cells, table.columns, widths, strict=True):
            _lay_cell(flow, said, lines[first : first + count], column, x=x, wide=wide)
            x += wide
        flow.y += count * LINE_MM + 2 * _ABOVE
    flow.plate(LEFT, flow.y - 0.1, sum(widths), 0.15, fill=rule)


def _lay_cell(
    flow: Flow, said: _Said, lines: Sequence[str], column: Column, *, x: float, wide: float
) -> None:
    for at, line in enumerate(lines):
        shift = 0.0
        if column.kind == "number":
            shift = wide - _PAD - flow.type.width(line, size=SIZE, bold=said.bold)
        flow.write(
            line,
            x=x + max(shift, 0.0),
            y=flow.y + _ABOVE + at * LINE_MM,
            size=SIZE,
            bold=said.bold,
            paint=said.paint,
        )
    if said.share is not None:
        _lay_bar(flow, said.share, x=x + wide - _PAD - _BAR_MM, y=flow.y + _ABOVE + 1.2)


def _lay_bar(flow: Flow, share: float, *, x: float, y: float) -> None:
    flow.plate(x, y, _BAR_MM, 2.0, fill=(207, 229, 221))
    flow.plate(x, y, _BAR_MM * share, 2.0, fill=(31, 138, 112))
