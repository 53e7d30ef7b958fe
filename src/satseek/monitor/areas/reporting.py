"""Accuracy and areas → a report, or a section of one: tables, a chart, what to be careful about.

Does not know how a report is written.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.export.areas import SQUARE_METRES
from satseek.monitor.areas.words import WORDS
from satseek.monitor.reports.blocks import Chart, Column, Series, Table, Text
from satseek.monitor.reports.digesting import digest_of_inputs
from satseek.monitor.reports.provenance import software
from satseek.monitor.reports.report import Headline, Provenance, Report, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.monitor.areas.estimating import AreaEstimates, LabelArea
    from satseek.monitor.areas.intervals import Estimate
    from satseek.monitor.areas.notes import Note
    from satseek.monitor.reports.blocks import Cell
    from satseek.monitor.reports.report import Language
    from satseek.monitor.samples.sample import Sample


def areas_report(
    found: AreaEstimates,
    sample: Sample,
    *,
    operator: str,
    language: Language = "en",
    made_at: datetime | None = None,
) -> Report:
    """Build a report of its own on what a sample says.

    Args:
        found: What was estimated.
        sample: From which.
        operator: Who asks for it.
        language: Of the report.
        made_at: When, timezone-aware; None: now.
    """
    words, drawn = WORDS[language], sum(sample.sizes.values())
    left = drawn - found.judged
    step = words["next_open"] if left else words["next_done"]
    return Report(
        title=f"{words['title']}: {sample.collection}",
        subtitle=subject_of(sample, language),
        next_step=step.format(name=sample.name, open=left, drawn=drawn),
        headlines=_headlines(found, words, drawn),
        limits=tuple(one.said(language) for one in found.notes),
        provenance=Provenance(
            made_at=made_at or datetime.now(UTC),
            operator=operator,
            software=software(),
            inputs_digest=digest_of_inputs(sample, found.counts, found.interval),
            collection=sample.collection,
            model=sample.told.get("model", ""),
            facts=_facts(sample, found.interval, words),
        ),
        sections=(
            areas_section(found, subject=subject_of(sample, language), language=language, notes=()),
        ),
        language=language,
    )


def areas_section(
    found: AreaEstimates,
    *,
    subject: str,
    language: Language = "en",
    notes: tuple[Note, ...] | None = None,
) -> Section:
    """Lay out accuracies and areas as a section of a report.

    Args:
        found: What was estimated.
        subject: Of what, see ``Sample.subject``.
        language: Of all that it says.
        notes: What to be careful about; None: the estimates' own.
    """
    words = WORDS[language]
    method = words["method"].format(
        judged=found.judged,
        strata=len(found.strata),
        overall=found.overall.value,
        low=found.overall.low,
        high=found.overall.high,
    )
    told = tuple(one.said(language) for one in (found.notes if notes is None else notes))
    cautions = (Text(paragraphs=told, tone="warning"),) if told else ()
    return Section(
        title=f"{words['title']}: {subject}",
        blocks=(
            Text(paragraphs=(method,)),
            *cautions,
            _areas(found, words),
            _chart(found, words),
            _accuracy(found, words),
            _matrix(found, words),
        ),
    )


def subject_of(sample: Sample, language: Language) -> str:
    """Say of what a sample is, in a language; of what is no land use as it was said."""
    date, since = sample.told.get("date"), sample.told.get("since")
    if not date:
        return sample.subject
    words = WORDS[language]
    return words["of_change" if since else "of_date"].format(date=date, since=since)


def _headlines(found: AreaEstimates, words: Mapping[str, str], drawn: int) -> tuple[Headline, ...]:
    overall = found.overall
    widest = max(found.classes, key=lambda one: one.area_m2.margin)
    area = widest.area_m2.scaled(1 / SQUARE_METRES)
    return (
        Headline(
            name=words["overall"],
            value=f"{overall.value:.1%}",
            note=words["from"].format(low=overall.low, high=overall.high),
        ),
        Headline(
            name=words["judged"],
            value=str(found.judged),
            note=words["of_drawn"].format(drawn=drawn),
            tone="plain" if found.judged == drawn else "warning",
        ),
        Headline(
            name=words["widest"],
            value=widest.label,
            note=f"{area.low:,.0f} – {area.high:,.0f} ha",
        ),
    )


def _facts(sample: Sample, interval: str, words: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    how = words["drawn_as"].format(
        name=sample.name, unit=sample.unit, seed=sample.seed, opinions=sample.opinions
    )
    told = tuple((name, value) for name, value in sample.told.items() if name != "model" and value)
    return (
        (words["sampled"], how),
        (words["interval"], interval),
        (words["frame"], sample.frame[:16]),
        *told,
    )


def _areas(found: AreaEstimates, words: Mapping[str, str]) -> Table:
    names = ("map", "area", "error", "low", "high")
    return Table(
        caption=words["areas"],
        columns=(
            Column(name=words["class"], weight=2.0),
            *(Column(name=words[name], kind="number", decimals=1) for name in names),
        ),
        rows=tuple(_area_row(one) for one in found.classes),
    )


def _area_row(one: LabelArea) -> tuple[Cell, ...]:
    area = one.area_m2.scaled(1 / SQUARE_METRES)
    return one.label, _mapped_ha(one), area.value, area.standard_error, area.low, area.high


def _mapped_ha(one: LabelArea) -> float | None:
    return None if one.mapped_m2 is None else one.mapped_m2 / SQUARE_METRES


def _accuracy(found: AreaEstimates, words: Mapping[str, str]) -> Table:
    def cells(estimate: Estimate | None) -> tuple[Cell, Cell]:
        if estimate is None:
            return None, None
        return estimate.value, words["from"].format(low=estimate.low, high=estimate.high)

    return Table(
        caption=words["accuracy"],
        columns=(
            Column(name=words["class"], weight=2.0),
            Column(name=words["users"], kind="share", decimals=1),
            Column(name="95 %"),
            Column(name=words["producers"], kind="share", decimals=1),
            Column(name="95 %"),
        ),
        rows=tuple((one.label, *cells(one.users), *cells(one.producers)) for one in found.classes),
    )


def _matrix(found: AreaEstimates, words: Mapping[str, str]) -> Table:
    sums = [sum(column) for column in zip(*found.counts, strict=True)]
    return Table(
        caption=words["matrix"],
        columns=(
            Column(name=words["mapped"], weight=2.0),
            *(Column(name=label, kind="number") for label in (*found.labels, words["all"])),
        ),
        rows=tuple(
            (label, *row, sum(row)) for label, row in zip(found.labels, found.counts, strict=True)
        ),
        total=(words["all"], *sums, sum(sums)),
    )


def _chart(found: AreaEstimates, words: Mapping[str, str]) -> Chart:
    areas = [one.area_m2.scaled(1 / SQUARE_METRES) for one in found.classes]
    said = [
        words["is"].format(label=one.label, area=area.value, low=area.low, high=area.high)
        for one, area in zip(found.classes, areas, strict=True)
    ]
    mapped = tuple(_mapped_ha(one) for one in found.classes)
    estimated = Series(
        name=words["estimated"],
        values=tuple(one.value for one in areas),
        low=tuple(one.low for one in areas),
        high=tuple(one.high for one in areas),
    )
    on_map = Series(name=words["map"], values=mapped)
    return Chart(
        title=words["chart"],
        alt=words["alt"].format(classes="; ".join(said)),
        kind="bars",
        places=found.labels,
        series=(estimated,) if None in mapped else (on_map, estimated),
        unit="ha",
    )
