"""Words and things one below the other → pages, each begun where the last one is full.

Knows a canvas and a typesetter, but no block of a report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from satseek.monitor.reports.drawing import Label, Path, Raster, box
from satseek.monitor.reports.texts import bare
from satseek.monitor.reports.typesetting import MM_PER_PT
from satseek.monitor.reports.words import word

if TYPE_CHECKING:
    from satseek.monitor.reports.canvas import Canvas
    from satseek.monitor.reports.drawing import Drawing, Paint
    from satseek.monitor.reports.report import Language
    from satseek.monitor.reports.typesetting import Typesetter

PAGE = (210.0, 297.0)
"""ISO 216 A4, millimetres."""

LEFT, TOP, WIDTH, BOTTOM = 20.0, 18.0, 170.0, 277.0
"""Of what is printed: edges, width, and the lowest line."""

LEADING = 1.4
"""From base line to base line, in sizes of type."""

BODY, SMALL, TITLE, SECTION, PART, MINOR = 10.0, 8.5, 21.0, 15.0, 12.0, 10.5
"""Sizes of type in points."""

_ASCENT = 0.8
"""From the top of a line to its base line, in sizes of type."""

_FOOT = 288.0

_MAPPED_PT = 1 / MM_PER_PT


@dataclass(slots=True)
class Layout:
    """Where everything stood when it was laid out before."""

    pages: int = 0
    """How many pages there are; 0: not known yet."""
    anchors: dict[str, int] = field(default_factory=dict)
    """Page of everything that was named."""


class Flow:
    """A cursor that goes down pages."""

    def __init__(
        self,
        canvas: Canvas,
        typesetter: Typesetter,
        *,
        language: Language,
        foot: str,
        known: Layout,
    ) -> None:
        """Begin the first page.

        Args:
            canvas: What is drawn on.
            typesetter: Measures text.
            language: Of the words in the foot.
            foot: What stands there on every page, left.
            known: From laying the same out before; empty the first time.
        """
        self.canvas = canvas
        self.type = typesetter
        self.language = language
        self.y = TOP
        self.found = Layout()
        self._foot = foot
        self._known = known
        self.new_page()

    def new_page(self) -> None:
        """Go on at the top of the next page."""
        self.canvas.begin_page()
        self.found.pages += 1
        self.y = TOP
        pages = self._known.pages
        number = word("page", self.language, page=self.found.pages, pages=pages or "0000")
        size = 8.0
        wide = self.type.width(number, size=size)
        foot = self.type.lines(self._foot, width=WIDTH - wide - 8, size=size)[0]
        self.canvas.text(LEFT, _FOOT, foot, size=size, bold=False, paint="soft")
        right = LEFT + WIDTH - wide
        self.canvas.text(right, _FOOT, number, size=size, bold=False, paint="soft")

    def need(self, height: float) -> bool:
        """Begin a page unless so much is left of this one; tells whether it did."""
        if self.y + height <= BOTTOM or self.y <= TOP:
            return False
        self.new_page()
        return True

    def skip(self, height: float) -> None:
        """Leave room; never at the top of a page."""
        if self.y > TOP:
            self.y += height

    def anchor(self, name: str) -> None:
        """Remember on which page this is."""
        self.found.anchors[name] = self.found.pages

    def page_of(self, name: str) -> int | None:
        """Tell on which page something is; None until it has been laid out once."""
        return self._known.anchors.get(name)

    def words(
        self,
        text: str,
        *,
        size: float = BODY,
        bold: bool = False,
        paint: Paint = "ink",
        x: float = LEFT,
        width: float = WIDTH,
        behind: Behind | None = None,
    ) -> None:
        """Write a paragraph, over pages if it must be."""
        height = size * MM_PER_PT * LEADING
        for line in self.type.lines(bare(text), width=width, size=size, bold=bold):
            self.need(height)
            if behind is not None:
                behind.draw(self.canvas, y=self.y, height=height)
            self.write(line, x=x, y=self.y, size=size, bold=bold, paint=paint)
            self.y += height

    def write(
        self,
        line: str,
        *,
        x: float,
        y: float,
        size: float,
        bold: bool = False,
        paint: Paint = "ink",
    ) -> None:
        """Write a line whose top is at y; the cursor stays."""
        base = y + size * MM_PER_PT * (LEADING / 2 - 0.5 + _ASCENT)
        if line:
            self.canvas.text(x, base, line, size=size, bold=bold, paint=paint)

    def height(self, text: str, *, width: float, size: float, bold: bool = False) -> float:
        """Tell how high a paragraph gets."""
        lines = self.type.lines(bare(text), width=width, size=size, bold=bold)
        return len(lines) * size * MM_PER_PT * LEADING

    def plate(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: Paint | None = None,
        stroke: Paint | None = None,
    ) -> None:
        """Draw a rectangle."""
        ring = box(0, 0, width, height)
        self.canvas.path(Path(rings=(ring,), fill=fill, stroke=stroke, width=0.2), x=x, y=y)

    def drawing(self, drawing: Drawing, *, x: float, y: float, alt: str) -> None:
        """Draw a map or a chart; the cursor stays."""
        for item in drawing.items:
            match item:
                case Raster():
                    self.canvas.jpeg(
                        item.jpeg,
                        x=x + item.x,
                        y=y + item.y,
                        width=item.width,
                        height=item.height,
                        alt=alt,
                    )
                case Path():
                    self.canvas.path(item, x=x, y=y)
                case Label():
                    self._label(item, x=x, y=y)

    def _label(self, item: Label, *, x: float, y: float) -> None:
        size = item.size * _MAPPED_PT
        wide = self.type.width(item.text, size=size, bold=item.bold)
        left = x + item.x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[item.anchor]
        if item.halo:
            ring = box(-0.4, -item.size * 0.88, wide + 0.8, item.size * 1.16)
            plate = Path(rings=(ring,), fill="paper", opacity=0.8)
            self.canvas.path(plate, x=left, y=y + item.y)
        self.canvas.text(left, y + item.y, item.text, size=size, bold=item.bold, paint=item.paint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What lies behind the lines of a paragraph that must not be overlooked."""

    bar: Paint
    """A bar at the left."""
    fill: Paint
    """The ground."""

    def draw(self, canvas: Canvas, *, y: float, height: float) -> None:
        """Draw it behind one line, from y on."""
        ground = Path(rings=(box(0, 0, WIDTH, height + 0.1),), fill=self.fill)
        canvas.path(ground, x=LEFT, y=y)
        canvas.path(Path(rings=(box(0, 0, 1.6, height + 0.1),), fill=self.bar), x=LEFT, y=y)
