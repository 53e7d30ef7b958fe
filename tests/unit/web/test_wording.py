"""All words in one table, in every language; the language that somebody gets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from satseek.web.drawing import STATIC, Visit, draw_body
from satseek.web.wording import LANGUAGES, TABLE, language_of, other, words

if TYPE_CHECKING:
    from satseek.web.wording import Language

TAKEN = {"none_of_these", "leave"}


def test_every_key_has_words_in_every_language() -> None:
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    assert [] == [key for key, columns in table.items() if len(columns) != len(LANGUAGES)]
    assert [] == [key for key, columns in table.items() if not all(columns)]


def test_every_language_fills_in_the_same() -> None:
    slots = [
        {key: set(re.findall(r"\{\w+\}", text)) for key, text in words(one).items()}
        for one in LANGUAGES
    ]
    assert slots[0] == slots[1]


def test_the_page_says_what_stands_in_the_table_and_nothing_else() -> None:
    """Keys that are made of parts (``state_${…}``) count for all that begin so."""
    sources = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
    page = (STATIC / "page.html").read_text(encoding="utf-8")
    said = set(re.findall(r'"(\w+)"', sources)) | set(re.findall(r"\{\{(\w+)\}\}", page))
    begun = tuple(re.findall(r"`(\w+_)\$\{", sources))
    ones = {f"{key}_one" for key in said}
    known = set(words("en"))
    unsaid = {key for key in known - said - ones if not key.startswith(begun)}
    assert unsaid == {"log_out"}
    asked = set(re.findall(r'say\("(\w+)"', sources)) | set(re.findall(r"\{\{(\w+)\}\}", page))
    assert asked - known == {"leave"}


@pytest.mark.parametrize(
    ("chosen", "accepted", "expected"),
    [
        (None, "", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        (None, "zh-TW", "zh-CN"),
        (None, "fr, en;q=0.5, zh;q=0.2", "en"),
        (None, "de", "en"),
        (None, "en;q=0, zh;q=0.1", "zh-CN"),
        (None, "zh;q=many, en", "en"),
        ("en", "zh-CN", "en"),
        ("zh-CN", "en", "zh-CN"),
        ("klingon", "zh", "zh-CN"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_browsers(
    chosen: str | None, accepted: str, expected: Language
) -> None:
    assert language_of(chosen, accepted) == expected


def test_each_language_can_be_left_for_the_other() -> None:
    assert {one: other(one) for one in LANGUAGES} == {"en": "zh-CN", "zh-CN": "en"}


def test_nothing_that_comes_from_elsewhere_is_markup() -> None:
    visit = Visit(
        language="en",
        scopes=("search",),
        who="</script><b>x",
        leaver='ldap:"><script>x</script>',
        collections=("</script><b>",),
        model="<i>",
        map_id=4,
    )
    drawn = draw_body(visit)
    assert "<script>x" not in drawn
    assert "<b>" not in drawn
    assert "<i>" not in drawn
