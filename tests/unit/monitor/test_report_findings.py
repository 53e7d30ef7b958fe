"""A report of findings tells who has to look where, in one order all through."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from findingmaking import AUGUST, JULY, make_finding

from satseek.errors import CollectionNotFound
from satseek.monitor.findings.finding import Evidence
from satseek.monitor.findings.keeping import FindingFilter, Findings
from satseek.monitor.findings.pictures import Pictures
from satseek.monitor.findings.reviewing import close, confirm, reject
from satseek.monitor.reports.blocks import Map, Pairs, Table
from satseek.monitor.reports.findings_gathering import gather_findings
from satseek.monitor.reports.findings_report import findings_report
from satseek.monitor.reports.findings_sections import MOST_PAIRS, SHOWN_ID
from satseek.monitor.reports.findings_writing import report_findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.reports.report import Report

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Findings]:
    with closing(Findings(tmp_path / "monitor")) as findings:
        yield findings


def gone(name: str) -> Collection:
    raise CollectionNotFound(f"no collection {name}")


def report_of(kept: Findings, where: FindingFilter | None = None, **terms: Any) -> Report:
    material = gather_findings(
        kept,
        where or FindingFilter(),
        pictures=Pictures(kept.folder),
        opened=gone,
        operator="a.tester",
        made_at=NOON,
        **terms,
    )
    return findings_report(material)


def blocks(report: Report, kind: type) -> list[Any]:
    return [one for section in report.sections for one in section.blocks if isinstance(one, kind)]


def keep(kept: Findings, *findings: Finding) -> list[str]:
    kept.keep(findings)
    return [one.id for one in findings]


def test_what_waits_comes_first_and_what_lies_outside_a_permit_before_it(kept: Findings) -> None:
    withdrawn, urgent, outside, rejected, confirmed = keep(
        kept,
        make_finding(99, flags=("withdrawn",)),
        make_finding(5),
        make_finding(1, flags=("outside-permit",)),
        make_finding(9),
        make_finding(8),
    )
    reject(rejected, findings=kept, who="ann")
    confirm(confirmed, findings=kept, who="ann")

    (table,) = blocks(report_of(kept), Table)[:1]

    in_order = (outside, urgent, withdrawn, confirmed, rejected)
    assert [one[:SHOWN_ID] for one in in_order] == [row[-1] for row in table.rows]
    assert [1, 2, 3, 4, 5] == [row[0] for row in table.rows]


def test_map_table_and_images_have_the_same_numbers(kept: Findings) -> None:
    ids = keep(kept, *(make_finding(at) for at in range(4)))
    report = report_of(kept)

    (table, *_), (shown,), (asked,) = (blocks(report, kind) for kind in (Table, Pairs, Map))

    by_number = {row[0]: row[-1] for row in table.rows}
    assert [one[:SHOWN_ID] for one in reversed(ids)] == list(by_number.values())
    for pair in shown.pairs:
        number = int(re.findall(r"No\. (\d+)", pair.title)[0])
        assert dict(pair.facts)["id"].startswith(by_number[number])
    for shape in asked.shapes:
        west = shape.geometry["coordinates"][0][0][0]
        assert by_number[int(shape.label)] == ids[int(west)][:SHOWN_ID]


def test_the_first_page_says_how_many_wait_and_where_to_begin(kept: Findings) -> None:
    first, *_ = keep(kept, make_finding(7, flags=("outside-permit",)), make_finding(2))

    report = report_of(kept)

    assert (
        "Waiting for a decision: 2 of 2 findings, 1 of them outside any permit" in report.next_step
    )
    assert "mine, 0.00500° N, 7.00500° E, first seen 2024-07-04" in report.next_step
    assert first in report.actions[0]
    assert "123.00 ha" in report.actions[0]
    assert {"2", "1", "0", "246.0 ha"} == {one.value for one in report.headlines}


def test_confirmed_ones_are_to_be_followed_up(kept: Findings) -> None:
    (one,) = keep(kept, make_finding(1))
    confirm(one, findings=kept, who="ann", comment="a pit, seen on site")

    report = report_of(kept)

    assert report.next_step.startswith(
        "Every finding has been looked at. Confirmed and still open: 1 of 1 finding."
    )
    decisions = blocks(report, Table)[-1]
    assert ("confirm", "ann", "a pit, seen on site") == (
        decisions.rows[0][1],
        decisions.rows[0][3],
        decisions.rows[0][4],
    )


def test_nothing_left_to_do_is_said(kept: Findings) -> None:
    (one,) = keep(kept, make_finding(1))
    confirm(one, findings=kept, who="ann")
    close(one, findings=kept, who="ann")

    assert "There is nothing left to do: of 1 finding, all are closed" in report_of(kept).next_step


def test_nothing_found_is_said_with_what_was_asked(kept: Findings) -> None:
    where = FindingFilter(sources=("mines",), states=("new",), start=JULY)

    report = report_of(kept, where)

    assert "source: mines; states: new; seen 2024-07-04 … –" in report.next_step
    assert () == report.sections == report.headlines


def test_only_what_is_asked_for_is_told(kept: Findings) -> None:
    mine, _ = keep(kept, make_finding(1), make_finding(2, source="quarries"))

    report = report_of(kept, FindingFilter(sources=("mines",)))

    (table, *_) = blocks(report, Table)
    assert [mine[:SHOWN_ID]] == [row[-1] for row in table.rows]
    assert "Findings of mines" == report.title


def test_what_is_lacking_is_told(kept: Findings) -> None:
    keep(
        kept,
        make_finding(1, footprint=None, area_m2=None),
        make_finding(2, flags=("withdrawn",)),
    )

    limits = " ".join(report_of(kept).limits)

    assert (
        "Without a place on the ground, as their imagery has no georeference: 1 finding." in limits
    )
    assert "An image is missing of 2 findings" in limits
    assert "later run of their source (withdrawn): 1 finding." in limits
    assert "The collections county are not at hand" in limits
    assert "the machine alone" in limits


def test_kept_pictures_are_shown(kept: Findings, tmp_path: Path) -> None:
    pictures = Pictures(kept.folder)
    evidence = tuple(
        Evidence(
            side=side,
            chip_id=f"{side}/0_0",
            scene=side,
            datetime=moment,
            picture=pictures.keep(np.full((16, 16, 3), shade, np.uint8)),
        )
        for side, moment, shade in (("before", JULY, 10), ("after", AUGUST, 240))
    )
    keep(kept, make_finding(1, evidence=evidence))

    told = report_findings(
        tmp_path / "report.html",
        FindingFilter(),
        findings=kept,
        pictures=pictures,
        opened=gone,
        operator="a.tester",
        made_at=NOON,
    )

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (2, 0) == (told.images, told.missing_images)
    assert "No. 1, mine: the ground on 2024-08-05, scene after" in page


def test_of_many_the_first_are_shown_and_the_table_has_all(kept: Findings) -> None:
    keep(kept, *(make_finding(at % 180, urgency=float(at), label=f"l{at}") for at in range(310)))

    report = report_of(kept)

    (table, *_), (shown,) = blocks(report, Table), blocks(report, Pairs)
    assert (310, MOST_PAIRS) == (len(table.rows), len(shown.pairs))
    assert any("Of 310 findings, images of the first 300" in one for one in report.limits)


def test_chinese_says_the_same(kept: Findings) -> None:
    keep(kept, make_finding(1), make_finding(2, flags=("outside-permit",)))

    report = report_of(kept, language="zh")

    assert "2 处发现中有 2 处待核实，其中 1 处在许可范围之外" in report.next_step
    texts = [report.title, report.subtitle, *report.actions, *report.limits]
    assert all(re.search(r"[\u4e00-\u9fff]", one) for one in texts)


def test_the_same_findings_are_the_same_inputs(kept: Findings) -> None:
    keep(kept, make_finding(1))
    first = report_of(kept).provenance.inputs_digest
    keep(kept, make_finding(2))

    again = report_of(kept).provenance.inputs_digest

    assert first != again
    assert again == report_of(kept).provenance.inputs_digest


def test_a_title_of_ones_own(kept: Findings) -> None:
    assert "To do" == report_of(kept, title="To do").title
