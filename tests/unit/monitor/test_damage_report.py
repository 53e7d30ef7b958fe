from __future__ import annotations

import pytest
from damagemaking import assessment, damage, parcel

from satseek.monitor.damage.first_page import actions, headlines, next_step
from satseek.monitor.damage.grading import Reason
from satseek.monitor.damage.report import MOST_SHEETS, _sheets_said
from satseek.monitor.damage.report_tables import parcels_map, roll_up_table, visits_table
from satseek.monitor.damage.survey import survey, visits_for
from satseek.monitor.damage.tables import by_policy, in_all
from satseek.monitor.damage.words import _TEXTS, told

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
        ([GREY, GREY], "nothing of any of the 2 parcels (not seen: 2)"),
    ],
)
def test_the_first_page_says_what_to_do(lights: list[str], said: str) -> None:
    found = assessment(*(damage(at, 0.5, light) for at, light in enumerate(lights)))
    assert said in next_step(found, "en")


def test_only_what_is_red_is_to_be_settled() -> None:
    found = assessment(damage(0, 0.9, "red"), damage(1, 0.2, "amber"), damage(2, 0.05))
    assert "9.0 ha of them affected" in next_step(found, "en")


def test_the_first_page_says_what_the_list_of_visits_leaves_out() -> None:
    found = assessment(*(damage(at, 0.5, GREY) for at in range(7)), damage(7, 0.2, "amber"))
    short, whole = (
        list(actions(found, survey(found, visits=count), "en"))
        for count in (4, visits_for(in_all(found).lights))
    )
    assert "it holds 3 of 7 parcels that imagery cannot tell and 1 of 1 in doubt" in short[0]
    assert "leaves out 4 of them: run the same again with `--visits 8`" in short[1]
    assert "it holds 7 of 7 parcels" in whole[0]
    assert [] == [one for one in whole if "leaves out" in one]


def test_of_a_policy_that_imagery_cannot_tell_no_area_is_told() -> None:
    found = assessment(damage(0, 0.8, GREY), damage(1, 0.8, GREY), damage(2, 0.0), damage(3, 0.0))
    table = roll_up_table(by_policy(found), in_all(found), "policy", "en")
    assert [None, 0.0] == [row[4] for row in table.rows]


def test_where_nothing_was_judged_nothing_is_said_to_be_sound() -> None:
    found = assessment(damage(0, 0.8, GREY), damage(1, 0.8, GREY))
    affected, red, *_ = headlines(found, "en")
    assert ("–", "unknown") == (affected.value, affected.tone)
    assert ("0", "plain") == (red.value, red.tone)


def test_the_map_tells_lights_apart_without_colours() -> None:
    found = (damage(0, 0.9, "red"), damage(1, 0.2, "amber"), damage(2, 0.8, GREY), damage(3, 0.0))
    shown = parcels_map(found, backdrop=None, language="en")
    assert {"■ F-0", "▲ F-1", "○ F-2", "F-3"} == {one.label for one in shown.shapes}
    many = parcels_map(
        [*found, *(damage(at, 0.0) for at in range(4, 70))], backdrop=None, language="en"
    )
    assert {"■ F-0", "▲", "○", ""} == {one.label for one in many.shapes}


def test_columns_that_no_parcel_fills_are_left_out() -> None:
    own = parcel(0, district="", insured_ha=None)
    found = assessment(damage(0, 0.4, "red", parcel=own))
    tables = (
        roll_up_table(by_policy(found), in_all(found), "policy", "en"),
        visits_table(survey(found, visits=1), seed=0, language="en"),
    )
    names = {column.name for table in tables for column in table.columns}
    assert set() == names & {"insured (ha)", "village or district"}
    assert {"policy", "affected (ha)", "why"} <= names


def test_a_share_does_not_look_like_the_one_that_it_has_missed() -> None:
    values: dict[str, str | float] = {"when": "after", "seen": 0.6996, "least": 0.7}
    values |= {"clouded": 0.3, "missing": 0.0}
    assert "69.9% of the parcel seen, expected 70%" in told(Reason(name="unseen", values=values))


def test_sheets_that_find_no_room_are_not_said_to_be_without_a_loss() -> None:
    found = assessment(*(damage(at, 0.9, "red") for at in range(2 * MOST_SHEETS + 4)))
    said = _sheets_said(by_policy(found), "en")[1]
    assert (
        "One sheet for each policy that is not all green, the largest affected area first: "
        f"{MOST_SHEETS} of {MOST_SHEETS + 2}."
    ) == said[0]
    assert "--sheet pdf" in said[1]


def test_both_languages_take_the_same_figures() -> None:
    def places(text: str) -> set[str]:
        return {part.partition("}")[0].partition(":")[0] for part in text.split("{")[1:]}

    odd = [
        name for name, (english, chinese) in _TEXTS.items() if places(english) != places(chinese)
    ]
    assert [] == odd
