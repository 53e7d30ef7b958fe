from __future__ import annotations

import pytest
from damagemaking import assessment, damage

from satseek.monitor.damage.report import _next_step
from satseek.monitor.damage.words import _TEXTS

GREY = "insufficient evidence"


@pytest.mark.parametrize(
    ("lights", "said"),
    [
        (["red", GREY, "amber"], "visit the 1 parcels that imagery cannot tell and the 1 in doubt"),
        (["red", "green"], "no other parcel is in doubt"),
        (["green", GREY], "No parcel shows a loss. Visit the 1 parcels"),
    ],
)
def test_the_first_page_says_what_to_do(lights: list[str], said: str) -> None:
    found = assessment(*(damage(at, 0.5, light) for at, light in enumerate(lights)))
    assert said in _next_step(found, "en")


def test_both_languages_take_the_same_figures() -> None:
    def places(text: str) -> set[str]:
        return {part.partition("}")[0].partition(":")[0] for part in text.split("{")[1:]}

    odd = [
        name for name, (english, chinese) in _TEXTS.items() if places(english) != places(chinese)
    ]
    assert [] == odd
