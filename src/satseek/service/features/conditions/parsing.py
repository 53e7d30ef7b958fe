"""A CQL2 condition as clients send it → its JSON form, small enough to work on.

Knows the library that reads CQL2 text, and nothing of what a condition means.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias

from satseek.errors import DependencyMissing, InvalidFilter

Language: TypeAlias = Literal["cql2-text", "cql2-json"]

MAX_LETTERS = 8192
"""Letters of a condition: an outline of some 200 corners fits."""

MAX_NESTING = 32
"""Levels of a condition, of its outlines too: parsers go down by recursion."""

MAX_PARTS = 20_000
"""Values in a condition: an outline of some 6,000 corners fits."""

INSTALL = "pip install 'satseek[gis]'"


def reads_text() -> bool:
    """Tell whether CQL2 text can be read here."""
    return find_spec("cql2") is not None


def read_condition(condition: Any, *, language: Language) -> Any:
    """Read a condition; what its parts mean is looked at where it is compiled.

    Args:
        condition: Text, or for ``cql2-json`` also what its JSON says.
        language: What it is written in.

    Raises:
        InvalidFilter: it is not of that language, or too large.
        DependencyMissing: text cannot be read here.
    """
    if language == "cql2-text":
        if not isinstance(condition, str):
            raise InvalidFilter(f"filter: expected CQL2 text, came {type(condition).__name__}")
        tree = _from_text(condition)
    else:
        tree = _from_json(condition) if isinstance(condition, str) else condition
    check_size(tree)
    return tree


def check_size(tree: Any) -> None:
    """Refuse what is nested too deeply or has too many parts; raises InvalidFilter."""
    level, parts = [tree], 0
    for _ in range(MAX_NESTING):
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
        parts += len(below)
        if parts > MAX_PARTS:
            raise InvalidFilter(f"filter: expected at most {MAX_PARTS} values, came more")
        if not below:
            return
        level = below
    raise InvalidFilter(f"filter: expected at most {MAX_NESTING} levels, came more")


def _from_text(text: str) -> Any:
    if len(text) > MAX_LETTERS:
        raise InvalidFilter(f"filter: expected at most {MAX_LETTERS} letters, came {len(text)}")
    if _nesting(text) > MAX_NESTING:
        raise InvalidFilter(f"filter: expected at most {MAX_NESTING} parentheses within another")
    if not reads_text():
        raise DependencyMissing(f"CQL2 text needs the package cql2: {INSTALL}; CQL2 JSON does not")
    import cql2  # noqa: PLC0415 - an extra

    try:
        return cql2.parse_text(text).to_json()
    except (cql2.ParseError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InvalidFilter(f"filter: expected CQL2 text, came {text[:80]!r} ({reason})") from error


def _from_json(text: str) -> Any:
    if len(text) > MAX_LETTERS:
        raise InvalidFilter(f"filter: expected at most {MAX_LETTERS} letters, came {len(text)}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFilter(f"filter: expected CQL2 JSON, came {text[:80]!r}") from error


def _nesting(text: str) -> int:
    """Count the most parentheses that are open at once, those in quoted words too."""
    deepest = depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
    return deepest
