"""Pages to draw on, and one on which nothing is drawn: to see first where everything will stand.

Knows no document and no format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from satseek.monitor.reports.drawing import Paint, Path


class Canvas(Protocol):
    """Pages, of which the last one begun is drawn on. Millimetres from the upper left."""

    is_blank: bool
    """True: nothing is drawn, so that no image has to be read for it."""

    def begin_page(self) -> None:
        """Go on to the next page."""

    def text(self, x: float, y: float, text: str, *, size: float, bold: bool, paint: Paint) -> None:
        """Write on a base line, beginning at x; ``size`` in points."""

    def path(self, path: Path, *, x: float, y: float) -> None:
        """Draw areas or lines of a drawing whose upper left corner lies at x, y."""

    def jpeg(
        self, content: bytes, *, x: float, y: float, width: float, height: float, alt: str
    ) -> None:
        """Lay an image."""

    def link(self, x: float, y: float, width: float, height: float, *, page: int) -> None:
        """Make a rectangle lead to a page, from 1."""

    def outline(self, title: str, *, level: int, y: float) -> None:
        """Name what begins at y for the reader's panel of contents; 0 is the highest level."""


class Blank:
    """Pages on which nothing is drawn."""

    is_blank = True

    def begin_page(self) -> None:
        """Go on."""

    def text(self, x: float, y: float, text: str, *, size: float, bold: bool, paint: Paint) -> None:
        """Write nothing."""

    def path(self, path: Path, *, x: float, y: float) -> None:
        """Draw nothing."""

    def jpeg(
        self, content: bytes, *, x: float, y: float, width: float, height: float, alt: str
    ) -> None:
        """Lay nothing."""

    def link(self, x: float, y: float, width: float, height: float, *, page: int) -> None:
        """Lead nowhere."""

    def outline(self, title: str, *, level: int, y: float) -> None:
        """Name nothing."""
