"""Which findings, and a file → their report in it, that of one watch with all that it was asked.

Knows no door: commands and jobs ask alike.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from satseek.errors import CollectionNotFound, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.assemble.assembling import Assembly
    from satseek.monitor.findings.keeping import FindingFilter
    from satseek.monitor.reports.findings_gathering import FindingsMaterial, Imagery
    from satseek.monitor.reports.report import Language, Report
    from satseek.monitor.reports.writing import Written
    from satseek.monitor.watch.holding_out_measuring import HeldOut
    from satseek.monitor.watch.keeping import Watches
    from satseek.monitor.watch.watch import Watch


def report_of(
    path: Path,
    asked: FindingFilter,
    *,
    parts: Assembly,
    operator: str,
    command: str = "",
    language: Language = "en",
    title: str = "",
    fonts: tuple[Path, ...] = (),
    held_out: HeldOut | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Report findings and what people decided, replacing a file of that name in one step.

    Where the findings of one watch are asked for, and of nothing else, the report tells as well
    what it was asked, where its cut lay, and all scenes that it has looked at.

    Args:
        path: File; ``.html`` or ``.pdf``.
        asked: Which findings.
        parts: Collections and settings.
        operator: Who asks.
        command: What was typed or asked.
        language: Of the report.
        title: Its title; empty: by what was asked for.
        fonts: Font files that a PDF takes before those of this machine.
        held_out: How the one watch does on ground held out from it; None: nobody has measured.
        on_progress: Called with the blocks written so far, and of how many.

    Raises:
        InvalidFilter: findings are asked for that cannot be.
        InvalidRequest, FolderNotFound, DependencyMissing, DiskFull: as `write_report`; or there
            is no such watch that could have been measured.
    """
    from satseek.monitor.opening import opened_findings, opened_pictures  # noqa: PLC0415 - slow
    from satseek.monitor.reports.findings_gathering import gather_findings  # noqa: PLC0415
    from satseek.monitor.reports.findings_writing import report_findings  # noqa: PLC0415
    from satseek.monitor.reports.writing import check_report_path, write_report  # noqa: PLC0415
    from satseek.monitor.tables import FOLDER  # noqa: PLC0415
    from satseek.monitor.watch.keeping import Watches  # noqa: PLC0415

    check_report_path(path)
    said: dict[str, Any] = {
        "pictures": opened_pictures(parts.settings),
        "opened": parts.reader,
        "operator": operator,
        "command": command,
        "language": language,
        "title": title,
    }
    written: dict[str, Any] = {"fonts": fonts, "on_progress": on_progress}
    with (
        closing(opened_findings(parts.settings)) as findings,
        closing(Watches(parts.settings.data_dir / FOLDER)) as watches,
    ):
        watch = _watch_of(asked, watches)
        if watch is not None:
            found = gather_findings(findings, asked, **said)
            report = _report(watch, found, parts=parts, watches=watches, held_out=held_out)
            return write_report(report, path, **written)
        if held_out is not None:
            raise InvalidRequest("held_out: expected the findings of one watch that is there")
        return report_findings(path, asked, findings=findings, **said, **written)


def _report(
    watch: Watch,
    found: FindingsMaterial,
    *,
    parts: Assembly,
    watches: Watches,
    held_out: HeldOut | None,
) -> Report:
    from satseek.monitor.watch.report import WatchMaterial, watch_report  # noqa: PLC0415 - slow

    return watch_report(
        WatchMaterial(
            watch=watch,
            found=found,
            run=next(iter(watches.runs(watch.name, limit=1)), None),
            looked_at=_looked_at(watch, parts, watches),
            held_out=held_out,
        )
    )


def _watch_of(asked: FindingFilter, watches: Watches) -> Watch | None:
    """Find the one watch whose findings are asked for; None: others are, or it was removed."""
    if tuple(asked.kinds) != ("watch",) or len(asked.sources) != 1:
        return None
    named = {one.name: one for one in watches.list()}.get(asked.sources[0])
    hidden = named is not None and asked.collections not in ((), (named.collection,))
    return None if hidden else named


def _looked_at(watch: Watch, parts: Assembly, watches: Watches) -> Imagery | None:
    """Give every scene that a watch has looked at; None: its collection is not there."""
    from satseek.monitor.reports.findings_gathering import Imagery  # noqa: PLC0415 - slow to load

    try:
        collection = parts.reader(watch.collection)
    except CollectionNotFound:
        return None
    scenes = map(collection.find_scene, sorted(watches.looked_at(watch.name)))
    return Imagery(spec=collection.spec, scenes=tuple(one for one in scenes if one is not None))
