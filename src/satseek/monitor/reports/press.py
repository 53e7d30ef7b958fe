"""Drawings, words and images → a PDF file; the only file that knows the library which writes it.

Knows nothing of what is on its pages.
"""

from __future__ import annotations

import io
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing, InvalidRequest
from satseek.monitor.reports.drawing import LIGHT
from satseek.monitor.reports.faces import CORE, CoreFace, EmbeddedFace, reads_chinese
from satseek.monitor.reports.fonts import INSTALL, check_font, families
from satseek.monitor.reports.typesetting import MM_PER_PT, Typesetter
from satseek.monitor.reports.words import TAGS

if TYPE_CHECKING:
    from pathlib import Path as File

    from satseek.monitor.reports.blocks import Colour
    from satseek.monitor.reports.drawing import Paint, Path
    from satseek.monitor.reports.faces import Face
    from satseek.monitor.reports.fonts import FontFace
    from satseek.monitor.reports.report import Report


class Press:
    """A PDF that is written page by page; see `Canvas`."""

    is_blank = False

    def __init__(self, report: Report, *, fonts: tuple[File, ...] = ()) -> None:
        """Load the fonts, and name the document.

        Args:
            report: What it will hold.
            fonts: Files that go before those of this machine.

        Raises:
            DependencyMissing: the library is missing, or every font for Chinese that a Chinese
                document takes.
            InvalidRequest: a file of ``fonts`` is none that a PDF can use.
        """
        self._library = _library()
        self._pdf = self._library.FPDF(unit="mm", format="A4")
        self._pdf.set_auto_page_break(False)
        self._pdf.core_fonts_encoding = "cp1252"
        self._describe(report)
        self.typesetter = self._set_up(fonts)
        if report.language == "zh" and not reads_chinese(self.typesetter):
            raise DependencyMissing(
                f"a Chinese PDF needs a font that has Chinese: {INSTALL}, name one with --font, or "
                "write HTML"
            )

    @property
    def pages(self) -> int:
        """Pages begun so far."""
        return int(self._pdf.pages_count)

    def begin_page(self) -> None:
        """Go on to the next page."""
        self._pdf.add_page()

    def text(self, x: float, y: float, text: str, *, size: float, bold: bool, paint: Paint) -> None:
        """Write on a base line, beginning at x; ``size`` in points."""
        self._pdf.set_text_color(*_colour(paint))
        for face, part in self.typesetter.runs(text, bold=bold):
            self._pdf.set_font(face.name, face.style, size)
            self._pdf.text(x, y, part)
            x += face.width(part) * size * MM_PER_PT

    def path(self, path: Path, *, x: float, y: float) -> None:
        """Draw areas or lines of a drawing whose upper left corner lies at x, y."""
        if not path.rings:
            return
        with self._pdf.new_path() as drawn:
            look = drawn.style
            look.auto_close = False
            look.fill_color = None if path.fill is None else _hex(path.fill)
            look.fill_opacity = path.opacity
            look.stroke_color = None if path.stroke is None else _hex(path.stroke)
            look.stroke_width = path.width
            look.stroke_join_style = "round"
            if path.dash:
                look.stroke_dash_pattern = [path.dash, path.dash]
            for ring in path.rings:
                drawn.move_to(x + ring[0][0], y + ring[0][1])
                for point in ring[1:]:
                    drawn.line_to(x + point[0], y + point[1])
                if path.closed:
                    drawn.close()

    def jpeg(
        self, content: bytes, *, x: float, y: float, width: float, height: float, alt: str
    ) -> None:
        """Lay an image."""
        self._pdf.image(io.BytesIO(content), x=x, y=y, w=width, h=height, alt_text=alt)

    def link(self, x: float, y: float, width: float, height: float, *, page: int) -> None:
        """Make a rectangle lead to a page, from 1."""
        self._pdf.link(x, y, width, height, self._pdf.add_link(page=page))

    def outline(self, title: str, *, level: int, y: float) -> None:
        """Name what begins at y for the reader's panel of contents; 0 is the highest level."""
        self._pdf.set_y(y)
        self._pdf.start_section(title, level=level, strict=False)

    def save(self, path: File) -> None:
        """Write the file."""
        self._pdf.output(str(path))

    def _describe(self, report: Report) -> None:
        made = report.provenance
        self._pdf.set_title(report.title)
        self._pdf.set_subject(report.subtitle)
        self._pdf.set_author(made.operator)
        self._pdf.set_creator(made.software)
        self._pdf.set_lang(TAGS[report.language])
        self._pdf.set_creation_date(made.made_at)

    def _set_up(self, given: tuple[File, ...]) -> Typesetter:
        regular: list[Face] = []
        bold: list[Face] = []
        for number, family in enumerate(families(given=given)):
            regular.append(self._face(f"f{number}", family.regular))
            if family.bold is not None:
                bold.append(self._face(f"f{number}b", family.bold))
        for faces, style in ((regular, ""), (bold, "B")):
            self._pdf.set_font(CORE, style)
            faces.append(CoreFace(style, self._pdf.fonts[CORE + style]))
        return Typesetter(regular, bold)

    def _face(self, name: str, face: FontFace) -> EmbeddedFace:
        if face.is_given:
            check_font(face.path)
        return EmbeddedFace(name, partial(self._loaded, name, face))

    def _loaded(self, name: str, face: FontFace) -> Any:
        """Load a face; None for one of this machine's that the library cannot use."""
        try:
            self._pdf.add_font(name, "", str(face.path), collection_font_number=face.number)
        except _unusable() as error:
            if face.is_given:
                raise InvalidRequest(f"{face.path}: expected a font for a PDF: {error}") from error
            return None
        return self._pdf.fonts[name]


def _colour(paint: Paint) -> Colour:
    return LIGHT[paint] if isinstance(paint, str) else paint


def _hex(paint: Paint) -> str:
    return f"#{bytes(_colour(paint)).hex()}"


def _library() -> Any:
    try:
        return import_module("fpdf")
    except ModuleNotFoundError as error:
        raise DependencyMissing(
            "writing a PDF needs fpdf2: pip install 'satseek[pdf]'; HTML needs nothing"
        ) from error


def _unusable() -> tuple[type[Exception], ...]:
    """What the library, and the reader of fonts below it, raise over a font they cannot use."""
    library, reader = import_module("fpdf.errors"), import_module("fontTools.ttLib")
    return (library.FPDFException, reader.TTLibError, OSError, KeyError, ValueError, RuntimeError)
