"""The report of a watch says what was looked at, most of all where it has told nothing."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from findingmaking import make_finding
from watchmaking import MINES

from satseek.errors import CollectionNotFound
from satseek.imagery.recipes import recipe_named
from satseek.index.spec import CollectionSpec
from satseek.monitor.findings.keeping import FindingFilter, Findings
from satseek.monitor.findings.pictures import Pictures
from satseek.monitor.reports.findings_gathering import Imagery, gather_findings
from satseek.monitor.watch.report import WatchMaterial, watch_report
from satseek.types import GridSpec, Scene

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.reports.report import Report

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
RUN: dict[str, Any] = {
    "at": "2024-07-05T02:30:00+00:00",
    "days": [],
    "cut": None,
    "confirmed": 0,
    "rejected": 0,
    "undated": 0,
}


def scene(day: int) -> Scene:
    return Scene(
        id=f"{day}.tif",
        path=f"/{day}.tif",
        width=8,
        height=8,
        bands=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=(1.0, 0.0, 5e5, 0.0, -1.0, 5.4e6),
        nodata=None,
        datetime=datetime(2024, 7, day, 10, tzinfo=UTC),
        digest=f"{day}" * 8,
    )


def looked_at(*days: int) -> Imagery:
    spec = CollectionSpec(
        name="ground",
        model_name="toy",
        model_version="1",
        dim=4,
        grid=GridSpec(crs="EPSG:32633", chip_px=8, stride_px=8, pixel_size=1.0),
        min_valid=0.5,
        recipe=recipe_named("auto"),
    )
    return Imagery(spec=spec, scenes=tuple(map(scene, days)))


def report_of(folder: Path, *findings: Finding, **given: Any) -> Report:
    def gone(name: str) -> Any:
        raise CollectionNotFound(f"no collection {name}")

    with closing(Findings(folder)) as kept:
        kept.keep(findings)
        found = gather_findings(
            kept,
            FindingFilter(sources=(MINES.name,)),
            pictures=Pictures(folder),
            opened=gone,
            operator="a.tester",
            made_at=NOON,
        )
    return watch_report(WatchMaterial(**{"watch": MINES, "found": found, "run": RUN} | given))


@pytest.mark.parametrize("given", [{"run": None}, {"looked_at": None}, {"looked_at": ()}])
def test_a_watch_that_never_looked_does_not_say_that_there_is_nothing(
    given: dict[str, Any], tmp_path: Path
) -> None:
    terms = {"looked_at": looked_at(2, 4)} | given
    if terms["looked_at"] == ():
        terms["looked_at"] = looked_at()
    assert "no alert tells nothing about the ground" in report_of(tmp_path, **terms).next_step


def test_nothing_found_is_said_of_all_dates_and_can_be_defended(tmp_path: Path) -> None:
    report = report_of(tmp_path, looked_at=looked_at(4, 2))
    made = report.provenance

    assert "no new site on 2 dates from 2024-07-02 to 2024-07-04" in report.next_step
    assert ("ground", "toy@1") == (made.collection, made.model)
    assert ["2.tif", "4.tif"] == [one.id for one in made.scenes]


def test_with_findings_it_says_what_any_report_of_findings_does(tmp_path: Path) -> None:
    report = report_of(tmp_path, make_finding(1), looked_at=looked_at(2))

    assert report.next_step.startswith("Waiting for a decision: 1 of 1 finding")
    assert ["2.tif"] == [one.id for one in report.provenance.scenes]
    assert any("reach beyond them" in one for one in report.limits)
