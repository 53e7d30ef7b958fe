"""Faces of fonts, as the library that writes PDF has them → what a typesetter asks of them.

Knows neither files nor pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.monitor.reports.typesetting import Typesetter

CORE = "helvetica"
"""What every reader of PDF has (ISO 32000-1, 9.6.2.2), in Latin letters alone."""

CHINESE = "报告损失"
"""What a font that has Chinese certainly has."""

_LATIN = "cp1252"


class EmbeddedFace:
    """A face of a font file, of which the characters that are used go into the document.

    It is loaded when it is first asked for: one for Chinese takes half a second.
    """

    style = ""

    def __init__(self, name: str, load: Callable[[], Any]) -> None:
        """Take a name, and what loads the font under it; None where it cannot be used."""
        self.name = name
        self._load = load
        self._font: Any = None
        self._is_loaded = False

    def has(self, sign: str) -> bool:
        """Tell whether it has a character."""
        if not self._is_loaded:
            self._font, self._is_loaded = self._load(), True
        return self._font is not None and ord(sign) in self._font.cmap

    def width(self, text: str) -> float:
        """Give the width of characters that it has, in sizes of type."""
        return float(sum(self._font.cw[ord(sign)] for sign in text)) / 1000


class CoreFace:
    """A face that every reader of PDF has."""

    name = CORE

    def __init__(self, style: str, font: Any) -> None:
        """Take a loaded font in its style: empty, or ``B``."""
        self.style = style
        self._font = font

    def has(self, sign: str) -> bool:
        """Tell whether it has a character."""
        try:
            sign.encode(_LATIN)
        except UnicodeEncodeError:
            return False
        return sign >= " "

    def width(self, text: str) -> float:
        """Give the width of characters that it has, in sizes of type."""
        shown = text.encode(_LATIN).decode("latin-1")
        return float(sum(self._font.cw[sign] for sign in shown)) / 1000


Face: TypeAlias = EmbeddedFace | CoreFace


def reads_chinese(typesetter: Typesetter) -> bool:
    """Tell whether Chinese can be set."""
    return typesetter.can_set(CHINESE)
