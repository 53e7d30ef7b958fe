"""Which findings, and a file → their report in it: what doors and jobs call.

Knows neither terminals nor queues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.reports.findings_gathering import gather_findings
from satseek.monitor.reports.findings_report import findings_report
from satseek.monitor.reports.writing import check_report_path, write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.monitor.findings.keeping import FindingFilter, Findings
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.reports.report import Language
    from satseek.monitor.reports.writing import Written


def report_findings(
    path: Path,
    asked: FindingFilter,
    *,
    findings: Findings,
    pictures: Pictures,
    opened: Callable[[str], Collection],
    operator: str,
    command: str = "",
    language: Language = "en",
    title: str = "",
    fonts: tuple[Path, ...] = (),
    made_at: datetime | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Report findings and what people decided, replacing a file of that name in one step.

    Args:
        path: File; ``.html`` or ``.pdf``.
        asked: Which findings.
        findings: Where they are kept.
        pictures: Where their pictures are kept.
        opened: Opens a collection for reading; what cannot be opened is left out of the maps.
        operator: Who asks.
        command: What was typed or asked.
        language: Of the report.
        title: Its title; empty: by what was asked for.
        fonts: Font files that a PDF takes before those of this machine.
        made_at: When, timezone-aware; None: now.
        on_progress: Called with the blocks written so far, and of how many.

    Raises:
        InvalidFilter: findings are asked for that cannot be.
        InvalidRequest, FolderNotFound, DependencyMissing, DiskFull: as `write_report`.
    """
    check_report_path(path)
    material = gather_findings(
        findings,
        asked,
        pictures=pictures,
        opened=opened,
        operator=operator,
        command=command,
        language=language,
        title=title,
        made_at=made_at,
    )
    return write_report(findings_report(material), path, fonts=fonts, on_progress=on_progress)
