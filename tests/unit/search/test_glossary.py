"""Chinese words of planning → English prompts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.errors import InvalidConfig
from satseek.search.glossary import (
    FILE_NAME,
    Glossary,
    glossary_in,
    is_chinese,
    read_glossary,
    shipped_glossary,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("采石场", "quarry"),
        ("耕地", "cultivated land"),
        ("水库旁的村庄", "village beside reservoir"),
        ("农田被淹", "flooded farmland"),
        ("被淹没的农田", "flooded farmland"),
        ("在森林里有一个湖", "lake in forest"),
        ("树林和河流", "woodland and river"),
        ("机场 停机坪", "airport, airport apron"),
        ("机场、港口", "airport, port"),
        ("废弃的露天矿山", "abandoned open-pit mine"),
        ("solar farm 附近的村庄", "village near solar farm"),
        ("河边的储油罐", "oil storage tanks beside river"),
    ],
)
def test_words_come_in_english_order(text: str, first: str) -> None:
    translation = shipped_glossary().translate(text)
    assert first == translation.prompts[0]
    assert () == translation.unknown
    assert 0 == translation.unknown_share


def test_the_longest_word_goes_first() -> None:
    glossary = shipped_glossary()
    assert "high-speed railway" == glossary.translate("高铁").prompts[0]
    assert "train station" == glossary.translate("高铁站").prompts[0]


def test_every_way_to_say_it_is_a_prompt() -> None:
    assert ("reservoir", "reservoir with a dam") == shipped_glossary().translate("水库").prompts


def test_what_is_not_known_is_named_and_counted() -> None:
    translation = shipped_glossary().translate("火星上的农田")
    assert ("火星",) == translation.unknown
    assert pytest.approx(2 / 5) == translation.unknown_share
    assert "not known: 火星" in translation.shown
    assert 1 == shipped_glossary().translate("的").unknown_share


def test_the_glossary_covers_what_planners_name() -> None:
    terms = shipped_glossary().terms
    assert 200 <= sum(one.kind == "thing" for one in terms.values())
    first_level = ["耕地", "园地", "林地", "草地", "商服用地", "工矿仓储用地", "住宅用地"]
    more = ["公共管理与公共服务用地", "特殊用地", "交通运输用地", "水域", "其他土地"]
    assert [] == [word for word in (*first_level, *more) if word not in terms]  # GB/T 21010-2017
    assert all(name.isascii() for one in terms.values() for name in one.names if one.word != "、")


def test_words_of_ones_own_go_first_and_are_read_again(tmp_path: Path) -> None:
    assert glossary_in(tmp_path) is shipped_glossary()
    file = tmp_path / FILE_NAME
    file.write_text("# ours\n光伏车棚\tthing\tsolar carport; roof over cars\n", encoding="utf-8")
    assert "solar carport" == glossary_in(tmp_path).translate("光伏车棚").prompts[0]
    assert "quarry" == glossary_in(tmp_path).translate("采石场").prompts[0]
    file.write_text("采石场\tthing\tstone pit\n", encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert ("stone pit",) == glossary_in(tmp_path).translate("采石场").prompts
    assert glossary_in(tmp_path).digest != shipped_glossary().digest


@pytest.mark.parametrize(
    "line", ["采石场", "采石场\tnoun\tquarry", "采石场\tthing", "\tthing\tquarry", "a\tthing\tb\tc"]
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(InvalidConfig, match="here, line 2"):
        read_glossary(["# words", line], source="here")


def test_english_is_not_chinese() -> None:
    assert [False, False, False, True] == [
        is_chinese(text) for text in ("a quarry", "Zürich", "карьер", "a 湖")
    ]


@given(st.text(alphabet="采石场水库旁的村庄 ,和mine火星。；x", max_size=30))
def test_any_text_is_translated_without_chinese_left(text: str) -> None:
    translation = shipped_glossary().translate(text)
    assert not any(is_chinese(one) for one in translation.prompts)
    assert 0 <= translation.unknown_share <= 1


def test_an_empty_glossary_knows_nothing() -> None:
    translation = Glossary().translate("采石场")
    assert [(), ("采石场",), 1.0] == [
        translation.prompts,
        translation.unknown,
        translation.unknown_share,
    ]
