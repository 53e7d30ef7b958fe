"""Findings, and what people decided → a file for those who act on them: run here and now.

Does not know queues or processes. The file is there whole, or not at all.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from satseek.assemble import Assembly
from satseek.jobs.asking import (
    CollectionTask,
    GroundAsked,
    TypedByHand,
    command_of,
    operator_of,
)
from satseek.jobs.gathering import gathered
from satseek.jobs.results import FILES, new_try

if TYPE_CHECKING:
    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.monitor.findings.keeping import FindingFilter
    from satseek.monitor.reports.writing import Written
    from satseek.monitor.watch.holding_out_measuring import HeldOut
    from satseek.settings import Settings

_Name = Annotated[str, Field(min_length=1, max_length=200)]


class ReportTask(GroundAsked, CollectionTask):
    """Report the findings of a collection, and what became of them."""

    form: Literal["html", "pdf"] = Field("html", description="What the report is written as.")
    language: Literal["en", "zh"] = Field("en", description="Of the report.")
    title: str = Field("", max_length=200, description="Of the report; empty: by what is asked.")
    kinds: tuple[Literal["landuse", "watch", "damage"], ...] = Field(
        (), description="Any of these; none: all."
    )
    sources: tuple[_Name, ...] = Field(
        (), max_length=100, description="Any of these watches, runs or assessments; none: all."
    )
    states: tuple[Literal["new", "assigned", "confirmed", "rejected", "closed"], ...] = Field(
        (), description="Any of these; none: all."
    )
    labels: tuple[_Name, ...] = Field(
        (), max_length=100, description="Any of these labels; none: all."
    )
    flags: tuple[_Name, ...] = Field((), max_length=20, description="All of these flags.")
    assignee: str | None = Field(
        None, max_length=200, description="Who looks at them; empty: nobody; unset: whoever."
    )
    measured: bool = Field(
        default=False,
        description="Of one watch (`kinds` and `sources` name nothing else): with how it does on "
        "ground held out from it, by what people answered.",
    )

    @model_validator(mode="after")
    def _of_one_watch(self) -> Self:
        if self.measured and (self.kinds != ("watch",) or len(self.sources) != 1):
            raise ValueError("measured: expected kinds watch, and one source")
        return self


class ReportHere(ReportTask, TypedByHand):
    """The same, asked by a person at this machine's terminal, who may leave the collection open."""

    collection: str = Field("", max_length=64, description="Only of this one; empty: of any.")
    fonts: tuple[str, ...] = ()
    """Font files that a PDF takes first, absolute paths."""
    out: str | None = None
    """File to write, an absolute path whose name tells the form; None: among the job's files."""


def check_report(asked: ReportTask, parts: Parts) -> None:
    """Refuse a collection, a filter, a watch to be measured or a place that cannot be.

    Raises:
        CollectionNotFound, InvalidFilter, WatchNotFound, InvalidRequest, FolderNotFound: as said.
    """
    from satseek.jobs.watching import opened_watches, watch_among  # noqa: PLC0415 - slow to load
    from satseek.monitor.reports.writing import check_report_path  # noqa: PLC0415 - slow to load

    if asked.collection:
        parts.reader(asked.collection)
    _where(asked)
    if asked.measured:
        with opened_watches(parts.settings) as watches:
            watch_among(asked.sources[0], asked.collection, watches)
    if isinstance(asked, ReportHere) and asked.out is not None:
        check_report_path(Path(asked.out))


def report(asked: ReportTask, settings: Settings, on_progress: OnProgress, results: Path) -> Result:
    """Write a report; it is one of the job's files, or where it was asked for."""
    if isinstance(asked, ReportHere) and asked.out is not None:
        written = _write(asked, settings, on_progress, Path(asked.out))
        return _told(written) | {"file": asked.out}
    name = f"report.{asked.form}"
    with new_try(results) as folder:
        written = _write(asked, settings, on_progress, folder / name)
        files = gathered(folder)
    return _told(written) | {"file": name, FILES: files}


def _write(asked: ReportTask, settings: Settings, on_progress: OnProgress, path: Path) -> Written:
    from satseek.assemble.reporting import report_of  # noqa: PLC0415 - slow to load

    fonts = asked.fonts if isinstance(asked, ReportHere) else ()
    with closing(Assembly(settings)) as parts:
        return report_of(
            path,
            _where(asked),
            parts=parts,
            operator=operator_of(asked),
            command=command_of("report", asked),
            language=asked.language,
            title=asked.title,
            fonts=tuple(map(Path, fonts)),
            held_out=_held_out(asked, parts) if asked.measured else None,
            on_progress=lambda done, total: on_progress(done, total, "blocks"),
        )


def _held_out(asked: ReportTask, parts: Assembly) -> HeldOut:
    """Measure the watch on what people answered."""
    from satseek.jobs.watching import (  # noqa: PLC0415 - slow to load
        opened_watches,
        tools_for,
        watch_among,
    )
    from satseek.monitor.opening import opened_findings  # noqa: PLC0415
    from satseek.monitor.watch.judging import judge  # noqa: PLC0415

    with (
        opened_watches(parts.settings) as watches,
        closing(opened_findings(parts.settings)) as findings,
    ):
        watch = watch_among(asked.sources[0], asked.collection, watches)
        return judge(watch, tools_for(watch, parts, watches=watches, findings=findings))


def _where(asked: ReportTask) -> FindingFilter:
    from satseek.monitor.findings.keeping import FindingFilter  # noqa: PLC0415 - slow to load
    from satseek.search.filtering import read_filter  # noqa: PLC0415

    ground = read_filter(
        bbox=asked.bbox,
        area=asked.area,
        area_crs=asked.area_crs,
        start=asked.start,
        end=asked.end,
    )
    return FindingFilter(
        kinds=asked.kinds,
        sources=asked.sources,
        collections=(asked.collection,) if asked.collection else (),
        states=asked.states,
        labels=asked.labels,
        flags=asked.flags,
        assignee=asked.assignee,
        area=ground.area,
        start=ground.start,
        end=ground.end,
    )


def _told(written: Written) -> Result:
    return {
        "digest": written.digest,
        "sha256": written.sha256,
        "bytes": written.bytes,
        "pages": written.pages,
        "images": written.images,
        "missing_images": written.missing_images,
        "missing_characters": written.missing_characters,
    }
