"""A table → rows on pages; its head stands again on each.

Knows no other block. Columns are as wide as what stands in them, as long as there is room; then
text is wrapped, and where words or figures would be broken the type gets smaller first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from satseek.monitor.reports.blocks import Mark
from satseek.monitor.reports.flow import BODY, LEADING, LEFT, SMALL, WIDTH
from satseek.monitor.reports.palette import SIGNS, TONES
from satseek.monitor.reports.typesetting import MM_PER_PT
from satseek.monitor.reports.words import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from satseek.monitor.reports.blocks import Cell, Column, Table
    from satseek.monitor.reports.drawing import Paint
    from satseek.monitor.reports.flow import Flow

SIZES = (8.8, 8.0, 7.2, 6.5)
"""Points: the first at which no word and no figure is broken; smaller ones are hard to read."""

_PAD = 3.0
"""Between columns, millimetres."""

_ABOVE = 0.7
"""Between a rule and the words below it."""

_LINES = 40
"""Of one row that stand on a page at most."""

_LOOKED_AT = 400
"""Rows by which the widths of columns are chosen."""

_MOST_LEAST_MM = 40.0
"""Longer words, such as paths, may be broken."""

_BAR_MM = 14.0

_TOGETHER_ROWS = 24
_TOGETHER_MM = 120.0
"""Tables up to here, some twenty rows, stand on one page: half a matrix says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Laid:
    """How a table is set."""

    widths: tuple[float, ...]
    """Of its columns, millimetres."""
    size: float
    """Of its type, points."""

    @property
    def line_mm(self) -> float:
        """From line to line."""
        return self.size * MM_PER_PT * LEADING


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What is written in one cell."""

    text: str
    bold: bool
    paint: Paint
    share: float | None
    is_loose: bool = True
    sign: str = ""


def lay_table(flow: Flow, table: Table) -> None:
    """Lay a table out."""
    laid = _laid(flow, table)
    head = _head(table)
    flow.need(kept_mm(flow, table))
    flow.words(table.caption, size=BODY, bold=True)
    flow.y += 0.8
    _lay_row(flow, head, table, laid, rule="soft")
    for said in _rows(table):
        if flow.need(_height(flow, said, laid)):
            _lay_row(flow, head, table, laid, rule="soft")
        _lay_row(flow, said, table, laid, rule="line")
    if table.total is not None:
        said = _total(table, table.total)
        if flow.need(_height(flow, said, laid)):
            _lay_row(flow, head, table, laid, rule="soft")
        flow.plate(LEFT, flow.y - 0.15, sum(laid.widths), 0.35, fill="soft")
        _lay_row(flow, said, table, laid, rule="line")
    if table.note:
        flow.y += 0.8
        flow.words(table.note, size=SMALL, paint="soft")


def kept_mm(flow: Flow, table: Table) -> float:
    """Tell how much of a table stays on one page: all of a short one, else its first two rows."""
    laid = _laid(flow, table)
    said = list(islice(_rows(table), _TOGETHER_ROWS + 1))
    heights = [_height(flow, one, laid) for one in said]
    above = BODY * MM_PER_PT * LEADING + _height(flow, _head(table), laid) + 2
    total = 0.0 if table.total is None else _height(flow, _total(table, table.total), laid)
    whole = above + sum(heights) + total
    if len(heights) <= _TOGETHER_ROWS and whole <= _TOGETHER_MM:
        return whole
    return min(above + sum(heights[:2]), _TOGETHER_MM)


def _head(table: Table) -> list[_Said]:
    return [_plain(column.name, bold=True, paint="soft") for column in table.columns]


def _rows(table: Table) -> Iterator[list[_Said]]:
    for row in table.rows:
        yield [_said(cell, column) for cell, column in zip(row, table.columns, strict=True)]


def _total(table: Table, cells: Sequence[Cell]) -> list[_Said]:
    pairs = zip(cells, table.columns, strict=True)
    return [_said(cell, column, bold=True) for cell, column in pairs]


def _plain(text: str, *, bold: bool = False, paint: Paint = "ink") -> _Said:
    return _Said(text=text, bold=bold, paint=paint, share=None)


def _said(cell: Cell, column: Column, *, bold: bool = False) -> _Said:
    text = cell_text(cell, column)
    if isinstance(cell, Mark):
        sign = SIGNS[cell.tone]
        paint: Paint = "ink" if cell.tone == "plain" else TONES[cell.tone]
        marked = f"{sign} {text}" if sign else text
        return _Said(text=marked, bold=True, paint=paint, share=None, sign=sign)
    if column.kind == "share" and isinstance(cell, int | float) and 0 <= cell <= 1:
        return _Said(text=text, bold=bold, paint="ink", share=float(cell))
    return _plain(text, bold=bold)


def _laid(flow: Flow, table: Table) -> _Laid:
    """Choose size and widths: what is written without breaks if all of it has room."""
    columns = [_column(table, at) for at in range(len(table.columns))]
    for size in SIZES:
        wanted = [max(_wide(flow, one, size) for one in said) + _PAD for said in columns]
        if sum(wanted) <= WIDTH:
            return _Laid(widths=tuple(wanted), size=size)
        least = [
            min(max(_widest_word(flow, one, size) for one in said), _MOST_LEAST_MM) + _PAD
            for said in columns
        ]
        if sum(least) <= WIDTH:
            break
    widths = _shared(wanted, least, [column.weight for column in table.columns])
    return _Laid(widths=tuple(widths), size=size)


def _column(table: Table, at: int) -> list[_Said]:
    """Give what stands in a column, by which its width is chosen."""
    column = table.columns[at]
    said = [_said(row[at], column) for row in table.rows[:_LOOKED_AT]]
    if table.total is not None:
        said.append(_said(table.total[at], column, bold=True))
    if column.kind != "text":
        said = [replace(one, is_loose=False) for one in said]
    return [*said, _plain(column.name, bold=True)]


def _widest_word(flow: Flow, said: _Said, size: float) -> float:
    """Give the width below which a cell would be broken within a word or a figure."""
    if not said.is_loose:
        return _wide(flow, said, size)
    words = said.text.removeprefix(f"{said.sign} ").split(" ")
    if said.sign:
        words[0] = f"{said.sign} {words[0]}"  # a sign stands before its word, never alone
    return max(flow.type.width(one, size=size, bold=said.bold) for one in words)


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


def _wide(flow: Flow, said: _Said, size: float) -> float:
    bar = 0.0 if said.share is None else _BAR_MM + 2
    return flow.type.width(said.text, size=size, bold=said.bold) + bar


def _height(flow: Flow, row: Sequence[_Said], laid: _Laid) -> float:
    heights = [
        flow.height(one.text, width=_inner(one, wide), size=laid.size, bold=one.bold)
        for one, wide in zip(row, laid.widths, strict=True)
    ]
    return max(heights) + 2 * _ABOVE


def _inner(said: _Said, wide: float) -> float:
    """Room for the words of a cell."""
    bar = 0.0 if said.share is None else _BAR_MM + 2
    return max(wide - _PAD - bar, 4.0) + 0.05  # what is measured twice may differ by rounding


def _lay_row(flow: Flow, row: Sequence[_Said], table: Table, laid: _Laid, *, rule: Paint) -> None:
    """Lay a row out; one that no page has room for goes on over several."""
    cells = [
        flow.type.lines(said.text, width=_inner(said, wide), size=laid.size, bold=said.bold)
        for said, wide in zip(row, laid.widths, strict=True)
    ]
    deepest = max(map(len, cells))
    for first in range(0, deepest, _LINES):
        count = min(_LINES, deepest - first)
        flow.need(count * laid.line_mm + 2 * _ABOVE)
        x = LEFT
        for said, lines, column, wide in zip(row, cells, table.columns, laid.widths, strict=True):
            shown = lines[first : first + count]
            _lay_cell(flow, said, shown, column, x=x, wide=wide, size=laid.size)
            x += wide
        flow.y += count * laid.line_mm + 2 * _ABOVE
    flow.plate(LEFT, flow.y - 0.1, sum(laid.widths), 0.15, fill=rule)


def _lay_cell(
    flow: Flow,
    said: _Said,
    lines: Sequence[str],
    column: Column,
    *,
    x: float,
    wide: float,
    size: float,
) -> None:
    for at, line in enumerate(lines):
        shift = 0.0
        if column.kind == "number":
            shift = wide - _PAD - flow.type.width(line, size=size, bold=said.bold)
        flow.write(
            line,
            x=x + max(shift, 0.0),
            y=flow.y + _ABOVE + at * size * MM_PER_PT * LEADING,
            size=size,
            bold=said.bold,
            paint=said.paint,
        )
    if said.share is not None:
        _lay_bar(flow, said.share, x=x + wide - _PAD - _BAR_MM, y=flow.y + _ABOVE + 1.2)


def _lay_bar(flow: Flow, share: float, *, x: float, y: float) -> None:
    flow.plate(x, y, _BAR_MM, 2.0, fill=(207, 229, 221))
    flow.plate(x, y, _BAR_MM * share, 2.0, fill=(31, 138, 112))
