from __future__ import annotations

import pytest
from damagemaking import assessment, damage

from satseek.monitor.damage.report import _actions, _next_step
from satseek.monitor.damage.report_tables import roll_up_table
from satseek.monitor.damage.survey import survey, visits_for
from satseek.monitor.damage.tables import by_policy, in_all
from satseek.monitor.damage.words import _TEXTS

GREY = "insufficient evidence"


@pytest.mark.parametrize(
    ("lights", "said"),
    [
        (["red", GREY, "amber"], "1 of 3 parcels, 5.0 ha of them affected. Of what imagery cannot"),
        (["red", "green"], "No other parcel is in doubt"),
        (
            ["green", GREY],
            "No parcel shows a loss. Visit what imagery cannot tell (1 of 2 parcels)",
        ),
        (["green", "green"], "there is nothing to settle"),
        ([GREY, GREY], "nothing of any of the 2 parcels (not seen 2)"),
    ],
)
def test_the_first_page_says_what_to_do(lights: list[str], said: str) -> None:
    found = assessment(*(damage(at, 0.5, light) for at, light in enumerate(lights)))
    assert said in _next_step(found, "en")


def test_only_what_is_red_is_to_be_settled() -> None:
    found = assessment(damage(0, 0.9, "red"), damage(1, 0.2, "amber"), damage(2, 0.05))
    assert "9.0 ha of them affected" in _next_step(found, "en")


def test_the_first_page_says_what_the_list_of_visits_leaves_out() -> None:
    found = assessment(*(damage(at, 0.5, GREY) for at in range(7)), damage(7, 0.2, "amber"))
    short, whole = (
        list(_actions(found, survey(found, visits=count), "en"))
        for count in (4, visits_for(in_all(found).lights))
    )
    assert "it holds 3 of 7 parcels that imagery cannot tell, then 1 of 1 in doubt" in short[0]
    assert "leaves out 4 of them: run the same again with `--visits 8`" in short[1]
    assert "it holds 7 of 7 parcels" in whole[0]
    assert [] == [one for one in whole if "leaves out" in one]


def test_of_a_policy_that_imagery_cannot_tell_no_area_is_told() -> None:
    found = assessment(damage(0, 0.8, GREY), damage(1, 0.8, GREY), damage(2, 0.0), damage(3, 0.0))
    table = roll_up_table(by_policy(found), in_all(found), "policy", "en")
    assert [None, 0.0] == [row[4] for row in table.rows]


def test_both_languages_take_the_same_figures() -> None:
    def places(text: str) -> set[str]:
        return {part.partition("}")[0].partition(":")[0] for part in text.split("{")[1:]}

    odd = [
        name for name, (english, chinese) in _TEXTS.items() if places(english) != places(chinese)
    ]
    assert [] == odd
