from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from satseek.monitor.damage.assessment import Contrast
from satseek.monitor.damage.deciding import Decided
from satseek.monitor.damage.grading import USUAL_GRADES, EvidenceRules, Look
from satseek.monitor.damage.joining import UNSEEN, Joined, Sight
from satseek.monitor.damage.judging import class_shares, figures, judge, looks
from satseek.monitor.damage.overlaps import Overlaps
from satseek.monitor.damage.words import told

if TYPE_CHECKING:
    from satseek.monitor.findings.finding import Side

SEEN = Look(when="after", seen=1.0, clouded=0.0, date=date(2024, 7, 4))


def judged(share: float, **fields: Any) -> Any:
    usual: dict[str, Any] = {
        "seen": (SEEN,),
        "cells": 5.0,
        "judged": 1.0,
        "contrast": None,
        "event": None,
        "grades": USUAL_GRADES,
        "rules": EvidenceRules(),
    }
    return judge(share, **usual | fields)


def sight(valid: list[float], hidden: list[bool], classes: list[int]) -> Sight:
    count = len(valid)
    return Sight(
        rows=np.arange(count),
        valid=np.array(valid),
        hidden=np.array(hidden),
        classes=np.array(classes),
        sources=np.where(np.array(valid) > 0, 0, UNSEEN),
        logits=np.zeros((count, 2)),
    )


def joined(after: Sight, before: Sight | None, affected: list[bool], was: list[bool]) -> Joined:
    marks, first = np.array(affected), np.array(was)
    decided = Decided(
        affected=marks,
        before=first,
        after=marks | first,
        shares=marks.astype(np.float64),
        margins=np.zeros(len(marks)),
        shift=0.0,
    )
    names = tuple(str(at) for at in range(len(marks)))
    return Joined(cells=names, after=after, before=before, decided=decided)


PIECES = Overlaps(
    parcels=np.array([0, 0, 0, 1]),
    cells=np.array([0, 1, 2, 2]),
    hectares=np.array([1.0, 2.0, 1.0, 4.0]),
    count=2,
)
"""A parcel of 4 ha in three cells, and one of 4 ha in the last of them."""

HECTARES = np.array([4.0, 4.0])


def test_cells_count_by_the_share_of_them_that_is_affected() -> None:
    after = sight([1.0, 1.0, 1.0], [False] * 3, [0, 0, 1])
    sides = joined(after, None, [True, True, False], [False] * 3)
    decided = replace(sides.decided, shares=np.array([1.0, 0.5, 0.25]))
    found = figures(replace(sides, decided=decided), PIECES, HECTARES)
    assert pytest.approx([2.25 / 4, 0.25]) == found.affected


def test_shares_are_weighted_by_ground_that_was_seen() -> None:
    after = sight([1.0, 1.0, 0.5], [False, False, False], [0, 1, 1])
    found = figures(joined(after, None, [True, False, True], [False] * 3), PIECES, HECTARES)
    assert pytest.approx([1.5 / 3.5, 1.0]) == found.affected
    assert pytest.approx([3.5 / 4, 0.5]) == found.judged


def test_a_cloud_at_either_moment_takes_its_ground_out() -> None:
    after = sight([1.0, 1.0, 1.0], [False, True, False], [0, 1, 1])
    before = sight([1.0, 1.0, 1.0], [False, False, True], [1, 1, 1])
    found = figures(joined(after, before, [True, True, True], [False] * 3), PIECES, HECTARES)
    assert pytest.approx([0.25, 0.0]) == found.judged
    assert 1.0 == found.affected[0]
    assert np.isnan(found.affected[1])


def test_changes_count_what_was_so_before_on_both_sides() -> None:
    plain = sight([1.0] * 3, [False] * 3, [0, 0, 0])
    found = figures(
        joined(plain, plain, [True, False, False], [False, True, False]), PIECES, HECTARES
    )
    assert pytest.approx([0.25, 0.0]) == found.affected
    assert pytest.approx([0.25, 0.0]) == found.changes


def test_looks_tell_cloud_from_missing_imagery() -> None:
    after = sight([1.0, 0.5, 0.0], [True, False, False], [1, 0, UNSEEN])
    first, second = looks(after, [None], PIECES, HECTARES, when="after")
    assert (pytest.approx(0.25), pytest.approx(0.25)) == (first.seen, first.clouded)
    assert (0.0, 0.0, None) == (second.seen, second.clouded, second.date)


@pytest.mark.parametrize(
    ("when", "event", "day"), [("after", 4, 3), ("after", 2, 9), ("before", 4, 9), ("after", 0, 9)]
)
def test_a_parcel_that_is_partly_seen_too_early_has_that_date(
    when: Side, event: int, day: int
) -> None:
    both = sight([1.0] * 3, [False] * 3, [0, 0, 0])
    both = replace(both, sources=np.array([0, 1, 1]))
    dates = [datetime(2024, 7, one, 23, 59, tzinfo=UTC) for one in (3, 9)]
    day_of_event = date(2024, 7, event) if event else None
    first, _ = looks(both, dates, PIECES, HECTARES, when=when, event=day_of_event)
    assert date(2024, 7, day) == first.date


def test_class_shares_are_of_what_was_seen_the_largest_first() -> None:
    after = sight([1.0, 1.0, 1.0], [False, False, True], [0, 1, 1])
    assert {"dry": pytest.approx(2 / 3), "wet": pytest.approx(1 / 3)} == class_shares(
        after, ["wet", "dry"], PIECES, 0
    )
    assert ["dry", "wet"] == list(class_shares(after, ["wet", "dry"], PIECES, 0))
    assert {} == class_shares(after, ["wet", "dry"], PIECES, 1)


def test_missing_evidence_goes_before_any_grade() -> None:
    found = judged(0.9, seen=(Look(when="after", seen=0.1, clouded=0.9, date=None),), judged=0.1)
    assert ("insufficient evidence", "") == (found.light, found.grade)
    assert ["unseen"] == [one.name for one in found.reasons]


def test_clouds_that_hide_different_parts_leave_too_little_to_compare() -> None:
    halves = tuple(
        Look(when=when, seen=0.75, clouded=0.25, date=date(2024, 7, 4))
        for when in ("after", "before")
    )
    found = judged(0.0, seen=halves, judged=0.5)
    assert "insufficient evidence" == found.light
    assert ["50% of the parcel seen both before and after, expected 70%"] == [
        told(one) for one in found.reasons
    ]


@pytest.mark.parametrize(
    ("share", "judged_share", "light"),
    [
        (0.0, 1.0, "green"),
        (0.0, 0.95, "green"),
        (0.05, 0.7, "amber"),
        (0.1, 0.8, "amber"),
        (0.9, 0.7, "red"),
        (0.0, 0.75, "green"),
        (0.0, 0.69999, "insufficient evidence"),
    ],
)
def test_a_hidden_part_that_could_turn_the_light_makes_it_amber(
    share: float, judged_share: float, light: str
) -> None:
    assert light == judged(share, judged=judged_share).light


def test_a_loss_that_neighbours_share_is_in_doubt() -> None:
    alike = Contrast(own=0.5, neighbours=0.45, count=7, crop="maize")
    found = judged(0.5, contrast=alike)
    assert ("amber", "severe") == (found.light, found.grade)
    assert "7 neighbours that are not affected changed by +45%" in told(found.reasons[1])
    apart = Contrast(own=0.5, neighbours=0.05, count=7, crop="maize")
    assert "red" == judged(0.5, contrast=apart).light


def test_reasons_are_said_in_either_language() -> None:
    (reason,) = judged(0.5).reasons
    assert "50% of the area seen is affected: severe" == told(reason)
    assert "已观测面积的 50% 受灾：重度" == told(reason, "zh")
