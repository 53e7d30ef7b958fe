"""A chart → the table of its figures, for those who cannot see it or want to compute with it.

Knows no page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.reports.blocks import Column, Table
from satseek.monitor.reports.words import word

if TYPE_CHECKING:
    from satseek.monitor.reports.blocks import Cell, Chart
    from satseek.monitor.reports.report import Language


def figures_of(chart: Chart, *, language: Language) -> Table:
    """Lay a chart's figures out: a row a place, a column a series, and its interval where known."""
    decimals = _decimals(chart)
    columns = [Column(name=word("place", language))]
    for one in chart.series:
        columns.append(Column(name=f"{one.name} ({chart.unit})", kind="number", decimals=decimals))
        if one.low:
            columns += [
                Column(name=f"{one.name}, {end}", kind="number", decimals=decimals)
                for end in ("≥", "≤")
            ]
    rows = tuple(_row(chart, at) for at in range(len(chart.places)))
    return Table(caption=chart.title, columns=tuple(columns), rows=rows)


def _row(chart: Chart, at: int) -> tuple[Cell, ...]:
    cells: list[Cell] = [chart.places[at]]
    for one in chart.series:
        cells.append(one.values[at])
        if one.low:
            cells += [one.low[at], one.high[at]]
    return tuple(cells)


def _decimals(chart: Chart) -> int:
    """Three significant figures of the largest, none of whole numbers."""
    known = [value for one in chart.series for value in one.values if value is not None]
    if all(float(value).is_integer() for value in known):
        return 0
    largest = max(map(abs, known), default=1.0)
    return next((digits for digits, least in ((0, 1000), (1, 100), (2, 1)) if largest >= least), 3)
