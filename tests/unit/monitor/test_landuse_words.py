"""Every text of a land-use report says the same in both languages."""

from __future__ import annotations

from string import Formatter

import pytest

from satseek.model.prompts import NONE_OF_THESE
from satseek.monitor.labels.files import preset
from satseek.monitor.landuse.words import _TEXTS, class_names, hectares, percent
from satseek.search.glossary import is_chinese


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("name", list(_TEXTS))
def test_both_languages_have_the_same_places(name: str) -> None:
    english, chinese = _TEXTS[name]
    assert _places(english) == _places(chinese)
    assert not is_chinese(english)


def test_classes_are_called_as_the_language_does() -> None:
    planning = preset("planning")
    names = (*planning.plain, NONE_OF_THESE)
    english, chinese = (class_names(planning, names, language) for language in ("en", "zh"))
    assert ("Residential", NONE_OF_THESE) == (english[0], english[-1])
    assert ("居住用地", "其他") == (chinese[0], chinese[-1])


@pytest.mark.parametrize(
    ("value", "expected"), [(0.1234, "0.12"), (9.994, "9.99"), (10.4, "10"), (12345.6, "12,346")]
)
def test_hectares_are_written_as_they_are_read(value: float, expected: str) -> None:
    assert expected == hectares(value)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, "0%"), (0.0123, "1.2%"), (0.1, "10%"), (0.999, "100%")]
)
def test_small_shares_have_a_digit_more(value: float, expected: str) -> None:
    assert expected == percent(value)
