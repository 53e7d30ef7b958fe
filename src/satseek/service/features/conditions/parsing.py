"""A CQL2 condition as clients send it → its JSON form, small enough to work on.

Does not know what a condition means.
"""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

from satseek.errors import InvalidFilter
from satseek.service.features.conditions.text import MAX_LETTERS, parse

Language: TypeAlias = Literal["cql2-text", "cql2-json"]

MAX_NESTING = 32
"""Levels of a condition, of its outlines too: what is made of it goes down by recursion."""

MAX_PARTS = 20_000
"""Values in a condition: an outline of some 6,000 corners fits."""


def read_condition(condition: Any, *, language: Language) -> Any:
    """Read a condition; what its parts mean is looked at where it is compiled.

    Args:
        condition: Text, or for ``cql2-json`` also what its JSON says.
        language: What it is written in.

    Raises:
        InvalidFilter: it is not of that language, or too large.
    """
    if language == "cql2-text":
        if not isinstance(condition, str):
            raise InvalidFilter(f"filter: expected CQL2 text, came {type(condition).__name__}")
        tree = parse(condition)
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


def _from_json(text: str) -> Any:
    if len(text) > MAX_LETTERS:
        raise InvalidFilter(f"filter: expected at most {MAX_LETTERS} letters, came {len(text)}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFilter(f"filter: expected CQL2 JSON, came {text[:80]!r}") from error
