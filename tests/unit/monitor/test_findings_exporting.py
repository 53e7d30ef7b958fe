"""A finding as a row: what is said first, columns of its own, none lost under another's name."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from findingmaking import JULY, JUNE, make_finding

from satseek.errors import InvalidRequest
from satseek.monitor.findings import reviewing
from satseek.monitor.findings.exporting import feature_of, write_findings
from satseek.monitor.findings.finding import Step
from satseek.monitor.findings.keeping import FindingFilter, Findings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_row_says_what_where_when_and_who() -> None:
    decided = Step(
        finding="x",
        revision=3,
        at=JULY,
        who="lin",
        deed="confirm",
        before="assigned",
        after="confirmed",
        comment="seen on site",
    )
    row = feature_of(make_finding(flags=("outside-permit", "steep")), decided=decided).properties
    assert list(row) == [
        *("kind", "source", "label", "before", "after", "state", "assignee", "flags"),
        *("first_seen", "last_seen", "seen", "area_ha", "urgency"),
        *("percentile", "permit", "district"),
        *("last_deed", "last_who", "last_at", "last_comment", "collection", "cells"),
        *("before_chip", "before_date", "before_picture"),
        *("after_chip", "after_date", "after_picture"),
        *("created", "changed", "revision"),
    ]
    assert (row["area_ha"], row["flags"], row["cells"]) == (123.0, "outside-permit, steep", 1)
    assert (row["last_who"], row["last_at"], row["before_date"]) == ("lin", JULY, JUNE)


def test_names_that_are_taken_are_given_with_their_origin() -> None:
    one = make_finding(
        scores={"urgency": 2.0, "cosine": 0.3},
        properties={"State": "Brandenburg", "geom": "g", "cosine": 7, "owner": "w"},
    )
    row = feature_of(one).properties
    assert (row["urgency"], row["score_urgency"], row["cosine"]) == (0.0, 2.0, 0.3)
    assert (row["watch_State"], row["watch_geom"], row["watch_cosine"]) == ("Brandenburg", "g", 7)
    assert (row["state"], row["owner"]) == ("new", "w")


def test_without_evidence_its_columns_are_empty() -> None:
    row = feature_of(make_finding(evidence=(), area_m2=None)).properties
    assert (row["before_chip"], row["after_picture"], row["area_ha"]) == (None, None, None)
    assert (row["last_deed"], row["last_who"]) == (None, None)


def test_a_file_has_the_columns_of_all_and_says_what_was_asked(tmp_path: Path) -> None:
    with closing(Findings(tmp_path)) as findings:
        findings.keep(
            [
                make_finding(0, properties={"district": "north"}),
                make_finding(1, properties={"policy": "P7"}),
                make_finding(2, source="others", properties={"third": 3}),
            ]
        )
        reviewing.reject(make_finding(0).id, findings, who="lin", comment="a pond")
        where = FindingFilter(sources=("mines",), start=JUNE)
        assert write_findings(findings, tmp_path / "some.geojson", where=where) == 2
    written = json.loads((tmp_path / "some.geojson").read_text(encoding="utf-8"))
    policy, district = (one["properties"] for one in written["features"])
    assert (policy["policy"], district["district"], district["last_comment"]) == (
        *("P7", "north", "a pond"),
    )
    assert written["name"] == "findings"
    assert (written["origin"]["sources"], written["origin"]["start"]) == (
        *("mines", JUNE.isoformat()),
    )


def test_a_file_of_none_is_a_file_all_the_same(tmp_path: Path) -> None:
    with closing(Findings(tmp_path / "empty")) as findings:
        assert write_findings(findings, tmp_path / "none.csv") == 0
        with pytest.raises(InvalidRequest, match="expected one of geojson"):
            write_findings(findings, tmp_path / "none.csv", format="doc")
    assert (tmp_path / "none.csv").read_text(encoding="utf-8") == "id,lon,lat,wkt\n"
