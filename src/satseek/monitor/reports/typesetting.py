"""Text → runs of one font each, their widths, and lines that fit.

Knows no page. Lines break at spaces, and between Chinese characters where their rules of line
breaking allow it (GB/T 15834-2011, 5.1.10: closing marks begin no line, opening ones end none).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from satseek.monitor.reports.texts import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CLOSING = frozenset("，。、；：？！）》〉」』】〕”’…%％,.;:?!)]}°")
_OPENING = frozenset("（《〈「『【〔“‘([{")
_IDEOGRAPHS = 0x2E80

MM_PER_PT = 25.4 / 72
"""Of desktop publishing's point."""

BOX = "□"
"""Stands for a character that no font has; a question mark where no font has even this."""

_STAND_INS = {"−": "-", "→": "->", "≥": ">=", "≤": "<=", "＼": "/"} | dict.fromkeys("●▲■○", "")
"""Written instead of what no font has and every reader understands; signs stand beside their word.
"""


class Typeface(Protocol):
    """One face of one font."""

    name: str
    """By which a canvas knows its font."""
    style: str
    """Empty, or ``B`` where one font has several weights of that name."""

    def has(self, sign: str) -> bool:
        """Tell whether it has a character."""

    def width(self, text: str) -> float:
        """Give the width of characters that it has, in sizes of type."""


class Typesetter:
    """Measures and breaks text; remembers which characters no font had."""

    def __init__(self, regular: Sequence[Typeface], bold: Sequence[Typeface]) -> None:
        """Take faces in order of preference; those of ``bold`` are heavier where there are any."""
        self._faces = {False: tuple(regular), True: (*bold, *regular)}
        self._chosen: dict[tuple[str, bool], Typeface | None] = {}
        self._ems: dict[bool, dict[str, float]] = {False: {}, True: {}}
        self.missing: dict[str, None] = {}
        """Characters that no font has, in the order they came."""

    def can_set(self, text: str) -> bool:
        """Tell whether every character has a font."""
        return all(self._face(sign, bold=False) is not None for sign in text)

    def runs(self, text: str, *, bold: bool) -> list[tuple[Typeface, str]]:
        """Cut text where its font changes."""
        runs: list[tuple[Typeface, str]] = []
        for sign in text:
            face, shown = self._set(sign, bold=bold)
            if runs and runs[-1][0] is face:
                runs[-1] = (face, runs[-1][1] + shown)
            else:
                runs.append((face, shown))
        return runs

    def width(self, text: str, *, size: float, bold: bool = False) -> float:
        """Give a width in millimetres of text of so many points."""
        ems = self._ems[bold]
        return sum(ems.get(sign) or self._em(sign, bold=bold) for sign in text) * size * MM_PER_PT

    def lines(self, text: str, *, width: float, size: float, bold: bool = False) -> list[str]:
        """Break text into lines that are no wider than ``width`` millimetres; at least one."""
        lines: list[str] = []
        line, used = "", 0.0
        for piece in _pieces(one_line(text).strip()):
            if used + self.width(piece.rstrip(), size=size, bold=bold) > width:
                if line:
                    lines.append(line.rstrip())
                *whole, line = self._cut(piece, width=width, size=size, bold=bold)
                lines += whole
                used = self.width(line, size=size, bold=bold)
            else:
                line += piece
                used += self.width(piece, size=size, bold=bold)
        return [*lines, line.rstrip()]

    def _cut(self, piece: str, *, width: float, size: float, bold: bool) -> list[str]:
        """Cut what is wider than a line, such as a path or a digest, anywhere."""
        parts, part, used = [], "", 0.0
        for sign in piece:
            wide = self.width(sign, size=size, bold=bold)
            if part and sign != " " and used + wide > width:
                parts.append(part.rstrip())
                part, used = "", 0.0
            part += sign
            used += wide
        return [*parts, part]

    def _em(self, sign: str, *, bold: bool) -> float:
        """Give the width of one character, in sizes of type, and remember it."""
        face, shown = self._set(sign, bold=bold)
        return self._ems[bold].setdefault(sign, face.width(shown))

    def _set(self, sign: str, *, bold: bool) -> tuple[Typeface, str]:
        face = self._face(sign, bold=bold)
        if face is not None:
            return face, sign
        known = _STAND_INS.get(sign)
        if known is not None:
            return self._faces[bold][0], known
        self.missing.setdefault(sign)
        stand_in = self._face(BOX, bold=bold)
        return (self._faces[bold][0], "?") if stand_in is None else (stand_in, BOX)

    def _face(self, sign: str, *, bold: bool) -> Typeface | None:
        key = (sign, bold)
        if key not in self._chosen:
            self._chosen[key] = next((one for one in self._faces[bold] if one.has(sign)), None)
        return self._chosen[key]


def _pieces(text: str) -> Iterator[str]:
    """Cut text where a line may end; spaces stay at the end of what they follow."""
    piece = ""
    for at, sign in enumerate(text):
        before = text[at - 1] if at else ""
        if piece and _may_break(before, sign):
            yield piece
            piece = ""
        piece += sign
    yield piece


def _may_break(before: str, sign: str) -> bool:
    if sign == " ":
        return False
    if before == " ":
        return True
    if sign in _CLOSING or before in _OPENING:
        return False
    return ord(sign) >= _IDEOGRAPHS or ord(before) >= _IDEOGRAPHS
