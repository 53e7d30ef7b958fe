"""Blocks of a report → things on pages.

Knows no format: a flow writes and draws. Tables and figures are laid out in files of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from satseek.monitor.reports.blocks import Chart, Facts, Map, Pairs, Table, Text
from satseek.monitor.reports.charts import HEIGHT_MM
from satseek.monitor.reports.flow import BODY, LEFT, WIDTH, Behind
from satseek.monitor.reports.mapping import frame_for
from satseek.monitor.reports.palette import TONES
from satseek.monitor.reports.pdf_figures import KEPT_MM, lay_chart, lay_map
from satseek.monitor.reports.pdf_pairs import EDGE_MM, lay_pair
from satseek.monitor.reports.pdf_tables import kept_mm, lay_table

if TYPE_CHECKING:
    from satseek.monitor.reports.blocks import Block
    from satseek.monitor.reports.flow import Flow
    from satseek.monitor.reports.pieces import Told

_NAMES_SHARE = 0.3
"""Of the width, for the names of facts."""

_SHORT = 16.0
"""Of a text that stays with its heading: three lines, millimetres."""


class Blocks:
    """Lays blocks out, one below the other."""

    def __init__(self, flow: Flow, told: Told) -> None:
        """Lay out on the pages of a flow."""
        self.flow = flow
        self._told = told

    def lay(self, block: Block) -> None:
        """Lay one block out."""
        flow = self.flow
        flow.skip(2)
        match block:
            case Text():
                self._text(block)
            case Facts():
                self._facts(block)
            case Table():
                lay_table(flow, block)
            case Map():
                lay_map(flow, block, self._told)
            case Pairs():
                for pair in block.pairs:
                    lay_pair(flow, pair, self._told)
            case Chart():
                lay_chart(flow, block)
            case _:
                assert_never(block)
        flow.skip(2)
        self._told.step()

    def kept(self, block: Block) -> float:
        """Tell how much of a block stays with the heading above it, in millimetres."""
        match block:
            case Map():
                frame = frame_for(block, width=WIDTH)
                return _SHORT if frame is None else frame.height + KEPT_MM
            case Chart():
                return HEIGHT_MM + KEPT_MM
            case Pairs():
                return EDGE_MM + KEPT_MM if block.pairs else 0.0
            case Table():
                return kept_mm(self.flow, block) + 2
            case _:
                return _SHORT

    def _text(self, block: Text) -> None:
        if block.tone == "plain":
            for one in block.paragraphs:
                self.flow.words(one)
                self.flow.skip(1.5)
            return
        behind = Behind(bar=TONES[block.tone], fill="card")
        for one in block.paragraphs:
            self.flow.words(one, x=LEFT + 6, width=WIDTH - 8, behind=behind)

    def _facts(self, block: Facts) -> None:
        """Names at the left, values at the right of them."""
        flow = self.flow
        names = WIDTH * _NAMES_SHARE
        for name, value in block.rows:
            if not value:
                continue
            name_height = flow.height(name, width=names - 4, size=BODY)
            value_height = flow.height(value, width=WIDTH - names, size=BODY)
            height = max(name_height, value_height)
            flow.need(height)
            top = flow.y
            flow.words(name, paint="soft", width=names - 4)
            flow.y = top
            flow.words(value, x=LEFT + names, width=WIDTH - names)
            flow.y = max(flow.y, top + height) if flow.y >= top else flow.y
