from __future__ import annotations

import pytest
from damagemaking import assessment, damage, mixed

from satseek.errors import InvalidRequest
from satseek.monitor.damage.survey import SHARES, shared_out, survey, visit_features

GREY = "insufficient evidence"


def many(red: int = 40, amber: int = 40, grey: int = 40, green: int = 40):  # noqa: ANN201
    lights = ["red"] * red + ["amber"] * amber + [GREY] * grey + ["green"] * green
    return assessment(*(damage(at, 0.5, light) for at, light in enumerate(lights)))


def test_visits_go_where_imagery_tells_least() -> None:
    there = dict.fromkeys(SHARES, 100)
    assert {GREY: 7, "amber": 7, "red": 4, "green": 2} == shared_out(there, 20)
    assert sum(shared_out(there, 33).values()) == 33


def test_nobody_is_visited_twice_and_what_is_over_goes_on() -> None:
    there = {"red": 1, "amber": 0, GREY: 2, "green": 50}
    assert {GREY: 2, "amber": 0, "red": 1, "green": 7} == shared_out(there, 10)
    assert 53 == sum(shared_out(there, 1000).values())


def test_a_longer_list_holds_the_shorter_one() -> None:
    drawn = many()
    lists = [{one.damage.parcel.id for one in survey(drawn, visits=n)} for n in (1, 5, 20, 60)]
    assert [1, 5, 20, 60] == [len(one) for one in lists]
    assert lists[0] < lists[1] < lists[2] < lists[3]


def test_the_same_seed_draws_the_same_and_another_others() -> None:
    drawn = many()
    first, again = (survey(drawn, visits=20, seed=3) for _ in range(2))
    assert first == again
    assert first != survey(drawn, visits=20, seed=4)


def test_the_list_begins_with_what_imagery_cannot_tell() -> None:
    visits = survey(mixed(), visits=6)
    assert [1, 2, 3, 4, 5, 6] == [one.number for one in visits]
    assert [GREY, "amber", "red", "red", "green", "green"] == [one.damage.light for one in visits]
    row = visit_features(visits)[0]
    assert "imagery cannot tell: assess on the spot" == row.properties["task"]
    assert row.properties["found_affected_share"] is None
    chinese = visit_features(visits, language="zh")[0].properties
    assert "影像无法判定：现场定损" == chinese["task"]
    assert "仅观测到地块的 20%" in str(chinese["reasons"])


def test_no_visit_and_a_negative_seed_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="visits: expected 1 or more"):
        survey(mixed(), visits=0)
    with pytest.raises(InvalidRequest, match="seed"):
        survey(mixed(), visits=1, seed=-1)
