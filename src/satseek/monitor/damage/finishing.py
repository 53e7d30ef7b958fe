"""An assessment and its collections → tables, reports, claim sheets and findings.

Does not know who asks. Killed and run again it writes the same files and finds the same findings;
what people decided on them stays. Files of an earlier run that are not of this one are removed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from satseek.monitor.damage.findings import KIND, findings_of, untold
from satseek.monitor.damage.provenance import ReportTerms
from satseek.monitor.damage.report import claim_report, damage_report
from satseek.monitor.damage.sheets import policies_with_sheets
from satseek.monitor.damage.survey import survey
from satseek.monitor.damage.tables import by_policy
from satseek.monitor.damage.writing import LIST, write_assessment
from satseek.monitor.reports.writing import write_report
from satseek.monitor.runs.folders import OutFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.monitor.damage.assessment import Assessment, OnProgress
    from satseek.monitor.damage.survey import Visit
    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.findings.keeping import Findings
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.reports.report import Language, Report

REPORTS: Final = ("html", "pdf")
"""What reports and claim sheets can be written as."""

SHEETS: Final = "claims"
"""Folder of the claim sheets."""

_UNSAFE: Final = re.compile(r"[^\w.-]+")
_LONGEST: Final = 80
"""Letters of a policy in a file's name."""
_DIGITS: Final = 8
"""Of a digest that tells apart what reads alike: one of two names in 4,000 million is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be written of an assessment."""

    visits: int = 20
    """Parcels drawn for surveyors at most; 0: none."""
    seed: int = 0
    """By which they are drawn."""
    formats: tuple[str, ...] | None = None
    """Of the tables; None: the usual ones that are at hand."""
    reports: tuple[str, ...] = ("html",)
    """Of `REPORTS`."""
    sheets: tuple[str, ...] = ()
    """Likewise: a file for each policy that is not all green."""
    language: Language = "en"
    """Of reports and sheets."""
    attribution: str = ""
    """Whose imagery it is."""
    operator: str = ""
    """Who asks."""
    command: str = ""
    """What was typed or asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of an assessment."""

    assessment: Assessment
    """What imagery says."""
    folder: Path
    """Where its files lie."""
    files: tuple[Path, ...]
    """All of them."""
    visits: tuple[Visit, ...]
    """Parcels drawn for surveyors."""
    findings: tuple[str, ...]
    """Ids of its findings: parcels that are red or amber."""
    news: int
    """Findings that are new or say something new."""


def finish(
    assessment: Assessment,
    wanted: Wanted,
    *,
    out: Path,
    collections: Mapping[str, Collection],
    findings: Findings,
    pictures: Pictures,
    made_at: datetime,
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> Done:
    """Keep what was found, and write everything down.

    Args:
        assessment: What imagery says.
        wanted: What is to be written.
        out: Folder of the files; made where it is missing.
        collections: Those of the assessment by name, open, to read their scenes again.
        findings: Where findings are kept.
        pictures: Where their pictures are.
        made_at: When, timezone-aware: stands in the reports.
        on_progress: Called as it goes.

    Raises:
        InvalidRequest: the folder is a file.
        SatseekError: its list is none of a run.
        DependencyMissing: a format or a PDF needs a package that is not installed.
        DiskFull: there is no room; what was kept before is whole.
    """
    visits = survey(assessment, visits=wanted.visits, seed=wanted.seed) if wanted.visits else ()
    folder = OutFolder(out, LIST)
    write_assessment(
        assessment, folder, visits=visits, formats=wanted.formats, language=wanted.language
    )
    found, news = _keep(assessment, collections, findings, pictures, on_progress)
    terms = ReportTerms(
        operator=wanted.operator,
        made_at=made_at,
        language=wanted.language,
        command=wanted.command,
        attribution=wanted.attribution,
    )
    if wanted.reports:
        report = damage_report(
            assessment, visits=visits, seed=wanted.seed, collections=collections, terms=terms
        )
        for suffix in dict.fromkeys(wanted.reports):
            make = partial(_report, report, on_progress=on_progress)
            folder.add(f"report.{suffix}", "the report", make=make)
    if wanted.sheets:
        _sheets(
            assessment,
            wanted,
            folder,
            collections=collections,
            terms=terms,
            on_progress=on_progress,
        )
    folder.finish(_summary(assessment, found))
    return Done(
        assessment=assessment,
        folder=out,
        files=tuple(out / name for name in (*(one.name for one in folder.files), LIST)),
        visits=visits,
        findings=tuple(one.id for one in found),
        news=news,
    )


def _keep(
    assessment: Assessment,
    collections: Mapping[str, Collection],
    findings: Findings,
    pictures: Pictures,
    on_progress: OnProgress,
) -> tuple[list[Finding], int]:
    """Keep findings; those of parcels that are seen not to be affected any more are flagged."""
    count = len(assessment.of("red")) + len(assessment.of("amber"))
    found = []
    for one in findings_of(assessment, collections=collections, pictures=pictures):
        found.append(one)
        on_progress("findings", len(found), count)
    with findings.changing() as change:
        kept = change.keep(found)
        there = [*(one.id for one in found), *untold(assessment)]
        gone = change.withdraw(kind=KIND, source=assessment.name, found=there)
    return found, len(kept) + len(gone)


def _report(report: Report, path: Path, *, on_progress: OnProgress) -> None:
    def told(done: int, total: int) -> None:
        on_progress(f"writing {path.name}", done, total)

    write_report(report, path, on_progress=told)


def _sheets(
    assessment: Assessment,
    wanted: Wanted,
    folder: OutFolder,
    *,
    collections: Mapping[str, Collection],
    terms: ReportTerms,
    on_progress: OnProgress,
) -> None:
    chosen = policies_with_sheets(by_policy(assessment))
    names = file_names([one.name for one in chosen])
    suffixes = dict.fromkeys(wanted.sheets)
    folder.expect(f"{SHEETS}/{name}.{suffix}" for name in names.values() for suffix in suffixes)
    for at, one in enumerate(chosen):
        on_progress("claim sheets", at, len(chosen))
        report = claim_report(assessment, one.name, collections=collections, terms=terms)
        for suffix in suffixes:
            name = f"{SHEETS}/{names[one.name]}.{suffix}"
            folder.add(name, f"claim sheet of {one.name}", make=partial(write_report, report))


def _summary(assessment: Assessment, found: Sequence[Finding]) -> Mapping[str, object]:
    return {
        "name": assessment.name,
        "collections": assessment.collections,
        "model": assessment.model,
        "label_set": assessment.labels.name,
        "source": assessment.source,
        "parcels": len(assessment.damages),
        "lights": Counter(one.light for one in assessment.damages),
        "findings": len(found),
    }


def file_names(policies: Sequence[str]) -> dict[str, str]:
    """Give each policy a file's name that is its alone, in this assessment and in any other.

    What cannot stand in a name is told apart by a digest, and so are policies that differ by the
    case of their letters alone: no sheet of one takes the place of another's.
    """
    plain = {one: _UNSAFE.sub("_", one).strip("._")[:_LONGEST] for one in policies}
    often = Counter(name.casefold() for policy, name in plain.items() if name == policy)
    return {
        policy: name
        if name and name == policy and often[name.casefold()] == 1
        else f"{name or 'policy'}-{sha256(policy.encode()).hexdigest()[:_DIGITS]}"
        for policy, name in plain.items()
    }
