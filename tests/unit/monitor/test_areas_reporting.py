"""What a report says of a sample: figures with their ends, in both languages, and what is left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from satseek.monitor.areas.estimating import Judged, Stratum, estimate_areas
from satseek.monitor.areas.notes import TEXTS, Note
from satseek.monitor.areas.reporting import areas_report, areas_section
from satseek.monitor.areas.words import WORDS
from satseek.monitor.reports.blocks import Chart, Table
from satseek.monitor.samples.sample import Sample

if TYPE_CHECKING:
    from satseek.monitor.areas.estimating import AreaEstimates
    from satseek.monitor.reports.report import Language

MADE = datetime(2026, 3, 1, 9, tzinfo=UTC)
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def sample() -> Sample:
    return Sample(
        name="june",
        collection="county",
        subject="land use 2024-06",
        unit="cell",
        seed=0,
        opinions=1,
        labels=(),
        strata=(Stratum(name="forest", area_m2=9e6), Stratum(name="mine", area_m2=1e6)),
        mapped_m2={"forest": 9e6, "mine": 1e6},
        sizes={"forest": 20, "mine": 10},
        frame="f" * 64,
        made=MADE,
        told={"date": "2024-06", "since": "", "model": "starter@1"},
    )


def estimates() -> AreaEstimates:
    judged = [
        *(Judged(stratum="forest", mapped="forest", reference="forest") for _ in range(18)),
        *(Judged(stratum="forest", mapped="forest", reference="mine") for _ in range(2)),
        *(Judged(stratum="mine", mapped="mine", reference="mine") for _ in range(9)),
    ]
    return estimate_areas(sample().strata, judged)


def test_tables_say_what_was_estimated() -> None:
    section = areas_section(estimates(), subject="land use 2024-06")
    areas, accuracy, matrix = (one for one in section.blocks if isinstance(one, Table))
    mine = dict(zip((one.name for one in areas.columns), areas.rows[1], strict=True))
    assert ("mine", 100.0) == (mine["class"], mine["on the map (ha)"])
    assert pytest.approx(190.0) == mine["estimated (ha)"]  # a tenth of 900 ha, and all of 100
    assert float(str(mine["from (ha)"])) < 190 < float(str(mine["to (ha)"]))
    assert [0.9, 1.0] == [row[1] for row in accuracy.rows]
    assert (("forest", 18, 2, 20), ("mine", 0, 9, 9)) == matrix.rows
    assert ("all", 18, 11, 29) == matrix.total
    (chart,) = (one for one in section.blocks if isinstance(one, Chart))
    assert (900.0, 100.0) == chart.series[0].values
    assert "mine 190 ha" in chart.alt


def test_a_map_whose_areas_are_not_known_has_no_bars() -> None:
    judged = [Judged(stratum="east", mapped="forest", reference="forest")] * 3
    found = estimate_areas([Stratum(name="east", area_m2=1e6)], judged)
    (chart,) = (one for one in areas_section(found, subject="x").blocks if isinstance(one, Chart))
    assert 1 == len(chart.series)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_says_what_to_do_next(language: Language) -> None:
    report = areas_report(estimates(), sample(), operator="wu", language=language, made_at=MADE)
    assert "`satseek landuse answer june`" in report.next_step
    assert ["29", "mine"] == [one.value for one in report.headlines[1:]]
    assert "2024-06" in report.subtitle
    assert report.subtitle in report.sections[0].title
    assert "starter@1" == report.provenance.model
    assert "wilson" in dict(report.provenance.facts).values()


def test_both_languages_say_the_same() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, texts in TEXTS.items():
        assert set(LANGUAGES) == texts.keys(), key


@pytest.mark.parametrize("key", TEXTS)
def test_every_note_can_be_said(key: str) -> None:
    values = dict.fromkeys(("left", "drawn", "open", "contested", "unclear", "several", "same"), 3)
    named = {"strata": "'forest'", "labels": "'mine'", "share": 0.125}
    for language in LANGUAGES:
        said = Note(key=key, values=values | named).said(language)
        assert "{" not in said
        assert not ("12.5%" not in said and "share" in TEXTS[key][language])
