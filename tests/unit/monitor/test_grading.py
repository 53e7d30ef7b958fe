from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import FolderNotFound, InvalidConfig
from satseek.monitor.damage.grading import (
    USUAL_GRADES,
    EvidenceRules,
    Grade,
    GradeTable,
    Look,
    lacking,
    read_grades,
)

if TYPE_CHECKING:
    from pathlib import Path

BEFORE, AFTER = date(2024, 6, 2), date(2025, 8, 27)


def look(when: Any, seen: float = 1.0, *, clouded: float = 0.0, on: date | None = None) -> Look:
    day = on or {"before": BEFORE, "after": AFTER}[when]
    return Look(when=when, seen=seen, clouded=clouded, date=day)


def kinds(*looks: Look, cells: float = 5.0, event: date | None = None, **rules: Any) -> list[str]:
    found = lacking(looks, cells=cells, event=event, rules=EvidenceRules(**rules))
    return [one.name for one in found]


@pytest.mark.parametrize(
    ("share", "name", "light"),
    [
        (0.0, "none", "green"),
        (0.0999, "none", "green"),
        (0.1, "slight", "amber"),
        (0.3, "moderate", "red"),
        (0.79, "severe", "red"),
        (0.8, "total", "red"),
        (1.0, "total", "red"),
    ],
)
def test_a_grade_holds_from_its_share_on(share: float, name: str, light: str) -> None:
    found = USUAL_GRADES.grade(share)
    assert (name, light) == (found.name, found.light)


@pytest.mark.parametrize("shares", [[0.1], [0.0, 0.3, 0.3], [0.0, 0.5, 0.2], [0.0, 1.2], []])
def test_a_table_with_gaps_or_doubles_is_refused(shares: list[float]) -> None:
    grades = [Grade(name=str(at), from_share=one, light="red") for at, one in enumerate(shares)]
    with pytest.raises(InvalidConfig, match="expected shares"):
        GradeTable(name="odd", grades=tuple(grades))


def test_a_parcel_that_was_seen_well_lacks_nothing() -> None:
    assert [] == kinds(look("after"), look("before"))


def test_cloud_hides_at_either_moment() -> None:
    assert ["unseen"] == kinds(look("after", 0.69, clouded=0.31), look("before"))
    assert ["unseen"] == kinds(look("after"), look("before", 0.2))
    assert [] == kinds(look("after", 0.7), look("before", 0.7))


def test_a_parcel_smaller_than_chips_is_not_judged() -> None:
    assert ["small"] == kinds(look("after"), cells=1.99)
    assert [] == kinds(look("after"), cells=1.9999)
    assert [] == kinds(look("after"), cells=1.99, least_cells=0.5)


def test_moments_too_far_apart_or_in_the_wrong_order_are_not_compared() -> None:
    apart = look("before", on=date(2023, 1, 1))
    assert ["apart"] == kinds(look("after"), apart)
    assert [] == kinds(look("after"), apart, most_days_between=None)
    assert ["reversed"] == kinds(look("after", on=BEFORE), look("before", on=AFTER))


def test_undated_imagery_is_not_compared_unless_any_gap_will_do() -> None:
    undated = Look(when="before", seen=1.0, clouded=0.0, date=None)
    assert ["undated"] == kinds(look("after"), undated)
    assert [] == kinds(look("after"), undated, most_days_between=None)


def test_imagery_must_follow_the_event_and_soon() -> None:
    assert [] == kinds(look("after"), event=date(2025, 8, 20))
    assert ["older"] == kinds(look("after"), event=date(2025, 8, 28))
    assert ["late"] == kinds(look("after"), event=date(2025, 7, 1))
    assert [] == kinds(look("after"), event=date(2025, 7, 1), most_days_after=None)


def test_imagery_before_must_be_older_than_the_event() -> None:
    before = look("before", on=date(2025, 8, 21))
    assert ["newer"] == kinds(look("after"), before, event=date(2025, 8, 20))
    assert [] == kinds(look("after"), before, event=date(2025, 8, 21))
    assert [] == kinds(look("after"), before)


def test_several_lacks_are_told_together() -> None:
    assert ["unseen", "small"] == kinds(look("after", 0.1), cells=0.2)


@pytest.mark.parametrize(
    "rules", [{"least_seen": 0.0}, {"least_seen": 1.1}, {"least_cells": -1.0}, {"neighbours": 0}]
)
def test_rules_that_cannot_be_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match="expected"):
        EvidenceRules(**rules)


def test_a_table_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "wheat.toml"
    path.write_text(
        'name = "winter wheat"\n'
        '[[grade]]\nname = "keiner"\nfrom_share = 0\nlight = "green"\n'
        '[[grade]]\nname = "zahlbar"\nfrom_share = 0.2\nlight = "red"\n',
        encoding="utf-8",
    )
    found = read_grades(path)
    assert "winter wheat" == found.name
    assert ("keiner", "zahlbar") == (found.grade(0.19).name, found.grade(0.2).name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grade = 3", "expected"),
        ('[[grade]]\nname = "a"\nfrom_share = 0', "expected from_share, light, name"),
        ('[[grade]]\nname = "a"\nfrom_share = true\nlight = "red"', "expected from_share"),
        ('[[grade]]\nname = "a"\nfrom_share = 0\nlight = "blue"', "came 'blue'"),
        ("[[grade", "expected TOML"),
        ("colour = 1", "came"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfig, match=said):
        read_grades(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match=r"gone\.toml"):
        read_grades(tmp_path / "gone.toml")
