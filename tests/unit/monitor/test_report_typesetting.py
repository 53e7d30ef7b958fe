"""Lines fit, break where they may, and no character is lost in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.monitor.reports.typesetting import MM_PER_PT, Typesetter

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 10.0
EM = SIZE * MM_PER_PT


class Even:
    """A face whose characters are all as wide as half their height."""

    style = ""

    def __init__(self, name: str, has: Callable[[str], bool]) -> None:
        self.name = name
        self._has = has

    def has(self, sign: str) -> bool:
        return self._has(sign)

    def width(self, text: str) -> float:
        return 0.5 * len(text)


LATIN = Even("latin", lambda sign: " " <= sign <= "~")
CHINESE = Even("chinese", lambda sign: "\u3000" <= sign <= "\u9fff" or sign in "，。（）□")


def lines(text: str, signs: float) -> list[str]:
    setter = Typesetter([LATIN, CHINESE], [])
    return setter.lines(text, width=signs * 0.5 * EM + 1e-6, size=SIZE)


@pytest.mark.parametrize(
    ("text", "signs", "expected"),
    [
        ("", 5, [""]),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one", "two"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("a abcdefgh b", 4, ["a", "abcd", "efgh", "b"]),
        ("两行\n文字", 9, ["两行 文字"]),
        ("土地利用变化", 4, ["土地利用", "变化"]),
        ("土地利用，变化", 4, ["土地利", "用，变化"]),
        ("变化（矿山）", 3, ["变化", "（矿", "山）"]),
        ("面积 12 公顷", 5, ["面积 12", "公顷"]),
    ],
)
def test_lines_break_where_they_may(text: str, signs: float, expected: list[str]) -> None:
    assert expected == lines(text, signs)


@given(st.text("ab ，（矿", max_size=40), st.integers(2, 12))
def test_lines_fit_and_hold_everything(text: str, signs: int) -> None:
    found = lines(text, signs)

    assert max(map(len, found)) <= signs
    assert "".join(text.split()) == "".join("".join(found).split())


def test_a_text_is_set_in_as_many_fonts_as_it_takes() -> None:
    setter = Typesetter([LATIN, CHINESE], [])

    runs = [(face.name, text) for face, text in setter.runs("mine 矿 1", bold=False)]

    assert [("latin", "mine "), ("chinese", "矿"), ("latin", " 1")] == runs
    assert setter.width("mine 矿 1", size=SIZE) == pytest.approx(8 * 0.5 * EM)


def test_bold_goes_before_regular_where_it_has_the_character() -> None:
    heavy = Even("heavy", str.isalpha)
    setter = Typesetter([LATIN], [heavy])

    assert ["heavy", "latin"] == [face.name for face, _ in setter.runs("ab 1", bold=True)]
    assert ["latin"] == [face.name for face, _ in setter.runs("ab 1", bold=False)]


def test_what_no_font_has_is_a_box_and_told_once() -> None:
    setter = Typesetter([LATIN, CHINESE], [])

    shown = "".join(text for _, text in setter.runs("aйбй", bold=False))

    assert "a□□□" == shown
    assert ["й", "б"] == list(setter.missing)


def test_without_even_a_box_it_is_a_question_mark() -> None:
    setter = Typesetter([LATIN], [])

    assert "?" == "".join(text for _, text in setter.runs("矿", bold=False))


def test_signs_that_every_reader_knows_are_written_another_way() -> None:
    setter = Typesetter([LATIN], [])

    assert "a -> b >=-1" == "".join(text for _, text in setter.runs("a → b ≥−1", bold=False))
    assert [] == list(setter.missing)


def test_ends_of_lines_and_odd_spaces_are_spaces_and_controls_are_spelled_out() -> None:
    assert ["a b c\\x07"] == lines("a\nb\u3000c\x07", 20)
