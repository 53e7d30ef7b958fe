"""Foreign text → text that may stand on a page: one line, plain spaces, no half characters.

Knows no format but HTML's five signs.
"""

from __future__ import annotations

import re
from html import escape

from satseek.search.evaluating_formats import plain

_SPACES = str.maketrans(dict.fromkeys("\n\r\t\x0b\x0c\x85\xa0\u2002\u2003\u2009\u202f\u3000", " "))
"""Spaces and ends of lines, all written as a space; other invisible characters are spelled out."""


_COMMAND = re.compile("`([^`]+)`")


def one_line(text: str) -> str:
    """Give text as one line of visible characters."""
    return plain(text.translate(_SPACES))


def prose(text: str) -> str:
    """Give a sentence for HTML; commands in it, which stand between backticks, are set apart."""
    return _COMMAND.sub(r"<code>\1</code>", safe(text))


def bare(text: str) -> str:
    """Give a sentence without the backticks around commands."""
    return _COMMAND.sub(r"\1", text)


def safe(text: str) -> str:
    """Give text for HTML and SVG, also inside quotes."""
    return escape(one_line(text), quote=True)
