"""What a finding is: named by what it is of, written as JSON and read again, or refused."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from findingmaking import JULY, JUNE, make_finding, square

from satseek.errors import InvalidRequest
from satseek.monitor.findings.checking import check_finding, check_name
from satseek.monitor.findings.describing import (
    SAID,
    described,
    described_step,
    finding_of,
    said_text,
)
from satseek.monitor.findings.finding import KINDS, STATES, Evidence, Finding, Step, finding_id

if TYPE_CHECKING:
    from collections.abc import Mapping

OF: Mapping[str, Any] = {
    "kind": "watch",
    "source": "mines",
    "anchor": "3_4",
    "label": "mine",
    "first_seen": JULY,
}


def test_the_same_finding_has_the_same_name_in_every_release() -> None:
    assert finding_id(**OF) == "c7dad5a259b6e12386dd"
    east = JULY.astimezone(timezone(timedelta(hours=8)))
    assert finding_id(**{**OF, "first_seen": east}) == finding_id(**OF)


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "damage"},
        {"source": "mines2"},
        {"anchor": "3_5"},
        {"label": "quarry"},
        {"first_seen": JUNE},
        {"first_seen": None},
    ],
)
def test_another_finding_has_another_name(other: dict[str, Any]) -> None:
    assert finding_id(**{**OF, **other}) != finding_id(**OF)


def test_a_moment_of_no_zone_names_nothing() -> None:
    with pytest.raises(InvalidRequest, match="first_seen: expected a time with a zone"):
        finding_id(**{**OF, "first_seen": datetime(2024, 7, 4)})  # noqa: DTZ001


def test_letters_cut_elsewhere_make_another_name() -> None:
    one = finding_id(**{**OF, "source": "ab", "anchor": "c"})
    assert one != finding_id(**{**OF, "source": "a", "anchor": "bc"})


def test_a_finding_survives_json() -> None:
    one = replace(
        make_finding(evidence=(_evidence(picture="a" * 64, bounds=(0.0, 1.0, 2.0, 3.0)),)),
        state="confirmed",
        assignee="lin",
        revision=3,
        created=JUNE,
        changed=JULY,
    )
    assert finding_of(json.loads(json.dumps(described(one), allow_nan=False))) == one
    assert set(described(one)) == {field.name for field in fields(Finding)}


def test_what_a_source_says_is_all_but_what_people_and_the_store_say() -> None:
    own = {"state", "assignee", "revision", "created", "changed"}
    assert set(SAID) == {field.name for field in fields(Finding)} - own
    one = make_finding()
    decided = replace(one, state="rejected", assignee="lin", revision=7, changed=JULY)
    assert said_text(decided) == said_text(one)
    assert said_text(replace(one, seen=2)) != said_text(one)


@pytest.mark.parametrize("content", [{"nonsense": 1}, {}, {"id": "x", "evidence": [{"side": 1}]}])
def test_what_is_no_finding_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="finding: expected"):
        finding_of(content)


def test_a_step_is_told_by_the_names_of_its_fields() -> None:
    step = Step(
        finding="abcd", revision=1, at=JULY, who="lin", deed="confirm", before="new", after="new"
    )
    assert described_step(step) == {
        "finding": "abcd",
        "revision": 1,
        "at": "2024-07-04T10:30:00+00:00",
        "who": "lin",
        "deed": "confirm",
        "before": "new",
        "after": "new",
        "assignee": "",
        "comment": "",
    }


def test_pictures_of_a_date_are_those_that_were_kept() -> None:
    kept = (_evidence(picture="a" * 64), _evidence(), _evidence(side="after", picture="b" * 64))
    one = make_finding(evidence=kept)
    assert (one.pictures("before"), one.pictures("after")) == (("a" * 64,), ("b" * 64,))


def test_numbers_and_lists_are_made_plain() -> None:
    one = make_finding(
        cells=("b", "a", "b"),
        flags=("steep", "outside-permit", "steep"),
        scores={"percentile": np.float32(99.5)},
        urgency=np.float64(2.0),
        properties={"cells": np.int64(3), "near": np.bool_(1)},
        first_seen=JULY.astimezone(timezone(timedelta(hours=8))),
        footprint=shapely.geometry.mapping(shapely.geometry.shape(square(0.0))),
    )
    checked = check_finding(one)
    assert (checked.cells, checked.flags) == (("a", "b"), ("outside-permit", "steep"))
    assert checked.properties == {"cells": 3, "near": True}
    assert type(checked.properties["cells"]) is int
    assert checked.first_seen is not None
    assert (checked.first_seen, checked.first_seen.tzinfo) == (JULY, UTC)
    assert checked.footprint == square(0.0)
    assert [type(checked.scores["percentile"]), type(checked.urgency)] == [float, float]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "No Id"}, "id: expected"),
        ({"kind": "weather"}, f"kind: expected one of {', '.join(KINDS)}"),
        ({"source": " "}, "source: expected a name"),
        ({"label": "a\nb"}, "label: expected one line of letters"),
        ({"label": "x" * 201}, "label: expected at most 200"),
        ({"collection": "\ud800"}, "collection: expected Unicode"),
        ({"seen": 0}, "seen: expected 1 or more"),
        ({"first_seen": datetime(2024, 7, 4)}, "first_seen: expected a time with a zone"),  # noqa: DTZ001
        ({"last_seen": JUNE}, "first_seen: expected none after last_seen"),
        ({"scores": {"percentile": math.nan}}, "percentile: expected a finite number"),
        ({"urgency": math.inf}, "urgency: expected a finite number"),
        ({"area_m2": -1.0}, "area_m2: expected 0 or more"),
        ({"flags": ("a|b",)}, "flags: expected none with a '|'"),
        ({"properties": {"list": [1]}}, "properties: list: expected a text"),
        ({"properties": {"x": math.nan}}, "properties: x: expected a finite number"),
        ({"properties": {str(n): n for n in range(1001)}}, "properties: expected at most 1,000"),
        ({"footprint": {"type": "Point", "coordinates": [0, 0]}}, "footprint: expected a Polygon"),
        ({"footprint": {"type": "Polygon", "coordinates": [[1]]}}, "footprint: expected GeoJSON"),
        ({"footprint": {"type": "Polygon", "coordinates": []}}, "footprint: expected a polygon"),
        ({"footprint": square(500_000.0)}, "footprint: expected degrees"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    one = replace(make_finding(), **changes)
    with pytest.raises(InvalidRequest, match=words.replace("|", r"\|")) as refused:
        check_finding(one)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "evidence", [{"side": "later"}, {"picture": "short"}, {"chip_id": ""}, {"scene": "\x00"}]
)
def test_evidence_that_cannot_be_is_refused(evidence: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="evidence: expected"):
        check_finding(make_finding(evidence=(_evidence(**evidence),)))


def test_names_lose_the_spaces_around_them() -> None:
    assert check_name("who", " lin ") == "lin"


def test_names_and_ids_may_be_in_any_letters() -> None:
    label, chip = "采矿\u3000用地", f"{'深' * 300}\u00a0\u200b/0_0"
    checked = check_finding(make_finding(label=label, evidence=(_evidence(chip_id=chip),)))
    assert (checked.label, checked.evidence[0].chip_id) == (label, chip)


def test_states_are_those_that_are_drawn() -> None:
    assert STATES == ("new", "assigned", "confirmed", "rejected", "closed")


def _evidence(**changes: Any) -> Evidence:
    one = Evidence(
        side="before", chip_id="june/0_0", scene="june", datetime=datetime(2024, 6, 2, tzinfo=UTC)
    )
    return replace(one, **changes)
