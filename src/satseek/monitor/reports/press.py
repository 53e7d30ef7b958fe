"""Drawings, words and images → a PDF file; the only file that knows the library which writes it.

Knows nothing of what is on its pages.
"""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing
from satseek.monitor.reports.drawing import LIGHT
from satseek.monitor.reports.fonts import INSTALL, families
from satseek.monitor.reports.typesetting import MM_PER_PT, Typesetter

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path as File

    from satseek.monitor.reports.blocks import Colour
    from satseek.monitor.reports.drawing import Paint, Path
    from satseek.monitor.reports.fonts import Face
    from satseek.monitor.reports.report import Language

_CHINESE_SAMPLE = "报告"

_CORE = "helvetica"
"""What every reader of PDF has: Latin letters alone."""


class _Embedded:
    """A face of a font file, of which the characters that are used go into the document."""

    def __init__(self, name: str, font: Any) -> None:
        self.name = name
        self._font = font

    def has(self, sign: str) -> bool:
        return ord(sign) in self._font.cmap

    def width(self, text: str) -> float:
        return float(sum(self._font.cw[ord(sign)] for sign in text)) / 1000


class _Core:
    """A face that every reader of PDF has."""

    def __init__(self, name: str, font: Any) -> None:
        self.name = name
        self._font = font

    def has(self, sign: str) -> bool:
        try:
            sign.encode("cp1252")
        except UnicodeEncodeError:
            return False
        return True

    def width(self, text: str) -> float:
        shown = text.encode("cp1252").decode("latin-1")
        return float(sum(self._font.cw[sign] for sign in shown)) / 1000


class Press:
    """A PDF that is written page by page; see `Canvas`."""

    is_blank = False

    def __init__(self, *, language: Language, fonts: tuple[File, ...] = ()) -> None:
        """Load the fonts.

        Args:
            language: Of the document.
            fonts: Files that go before those of this machine.

        Raises:
            DependencyMissing: the library is missing, or every font for Chinese that a Chinese
                document takes.
        """
        self._pdf = _library().FPDF(unit="mm", format="A4")
        self._pdf.set_auto_page_break(False)
        self._pdf.core_fonts_encoding = "cp1252"
        regular: list[_Embedded | _Core] = []
        bold: list[_Embedded | _Core] = []
        for number, family in enumerate(families(given=fonts)):
            self._load(f"f{number}", family.regular, regular, wanted=family.regular.path in fonts)
            if family.bold is not None:
                self._load(f"f{number}b", family.bold, bold, wanted=False)
        if language == "zh" and not all(
            any(face.has(sign) for face in regular) for sign in _CHINESE_SAMPLE
        ):
            raise DependencyMissing(
                f"a Chinese PDF needs a font that has Chinese: {INSTALL}, name one with --font, or "
                "write HTML"
            )
        for style, faces in (("", regular), ("B", bold)):
            self._pdf.set_font(_CORE, style)
            faces.append(_Core(_CORE + style, self._pdf.fonts[_CORE + style]))
        self.typesetter = Typesetter(regular, bold)

    def _load(self, name: str, face: Face, faces: list[Any], *, wanted: bool) -> None:
        """Load a face; one that the library cannot use is left out, unless somebody named it."""
        try:
            self._pdf.add_font(name, "", str(face.path), collection_font_number=face.number)
        except Exception as error:  # the library's, and those of the reader of fonts below it
            if wanted:
                raise DependencyMissing(f"{face.path}: not a font that a PDF can use") from error
            return
        faces.append(_Embedded(name, self._pdf.fonts[name]))
