"""A person's language → all words that the page says, from one table.

Knows neither the page's shape nor what the words are about.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Language: TypeAlias = Literal["en", "zh-CN"]
"""Languages that the page speaks, by their tags (BCP 47)."""

LANGUAGES: tuple[Language, ...] = get_args(Language)

TABLE = Path(__file__).parent / "static" / "words.json"
"""Key → its words in each language, in the order of ``LANGUAGES``."""

COOKIE = "satseek-language"
"""Remembers what somebody chose; holds one of ``LANGUAGES``."""


@cache
def words(language: Language) -> Mapping[str, str]:
    """Give all words of a language, by key."""
    column = LANGUAGES.index(language)
    table: dict[str, list[str]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return {key: columns[column] for key, columns in table.items()}


def language_of(chosen: str | None, accepted: str) -> Language:
    """Choose a language.

    Args:
        chosen: What the person chose before; None: nothing.
        accepted: The header Accept-Language (RFC 9110, 12.5.4); empty: none.
    """
    for language in LANGUAGES:
        if chosen == language:
            return language
    weighed = sorted((_weighed(one) for one in accepted.split(",")), key=lambda one: -one[1])
    for tag, weight in weighed:
        primary = tag.partition("-")[0].lower()
        for language in LANGUAGES:
            if weight > 0 and primary == language.partition("-")[0]:
                return language
    return LANGUAGES[0]


def other(language: Language) -> Language:
    """Give the language that the page can be switched to."""
    return next(one for one in LANGUAGES if one != language)


def _weighed(part: str) -> tuple[str, float]:
    """``zh-CN;q=0.8`` → ``zh-CN``, 0.8; what cannot be read has no weight."""
    tag, _, parameter = part.strip().partition(";")
    if not parameter:
        return tag, 1.0
    name, _, value = parameter.strip().partition("=")
    try:
        return tag, float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return tag, 0.0
