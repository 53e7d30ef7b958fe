"""Parcels, and imagery after and before an event → what became of each: run here and now.

Does not know queues or processes. Scenes that are indexed stay so: run again, it goes on.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from satseek.assemble import Assembly
from satseek.errors import InvalidRequest
from satseek.jobs.asking import CollectionTask, TypedByHand, command_of, operator_of
from satseek.jobs.gathering import gathered
from satseek.jobs.indexing import IndexHere, IndexTask
from satseek.jobs.results import FILES, new_try

if TYPE_CHECKING:
    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.monitor.damage.asking import Said
    from satseek.monitor.damage.finishing import Done
    from satseek.monitor.damage.grading import GradeTable
    from satseek.settings import Settings

_Label = Annotated[str, Field(min_length=1, max_length=4000)]
_Column = Annotated[str, Field(max_length=200)]
_Report = Literal["html", "pdf"]


class GradeAsked(BaseModel):
    """One row of a table of losses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, description="As claims call it.")
    from_share: float = Field(ge=0, le=1, description="Affected share from which it holds.")
    light: Literal["green", "amber", "red"] = Field(description="What it lights.")


class AssessTask(CollectionTask):
    """Say how much of each parcel is affected, or why that cannot be said; again: go on."""

    parcels: str = Field(
        min_length=1,
        max_length=1000,
        description="File of parcels below one of the server's `reference_roots`, or one that was "
        "sent: `upload:ID`.",
    )
    after: str = Field(
        min_length=1,
        max_length=1000,
        description="Imagery after the event: scenes as the task `index` takes them, or a period "
        "of the collection such as `2025-08`.",
    )
    before: str | None = Field(
        None, min_length=1, max_length=1000, description="Likewise before it; unset: none."
    )
    name: str = Field(
        "assessment", min_length=1, max_length=64, description="Its findings go by it."
    )
    hazard: str = Field("flood", max_length=1000, description="Whose labels are taken.")
    affected: tuple[_Label, ...] = Field(
        (), max_length=100, description="Labels of your own that are damage: `NAME=PROMPT;PROMPT`."
    )
    sound: tuple[_Label, ...] = Field((), max_length=100, description="Likewise, that are none.")
    hidden: tuple[_Label, ...] = Field(
        (), max_length=100, description="Likewise, that hide the ground; none: clouds."
    )
    grades: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="TOML file of the table of losses below one of the server's `reference_roots`.",
    )
    losses: tuple[GradeAsked, ...] = Field(
        (),
        max_length=20,
        description="The table of losses itself, ascending from a share of 0; none: as usual.",
    )
    event: str | None = Field(None, max_length=10, description="Its day, such as `2025-08-20`.")
    least_seen: float | None = Field(
        None, gt=0, le=1, description="Share of a parcel that must be seen; unset: as usual."
    )
    least_cells: float | None = Field(
        None, ge=0, description="Chips that a parcel must be as large as; unset: as usual."
    )
    most_days_between: int | None = Field(
        None, ge=0, description="Days between before and after at most; 0: any; unset: as usual."
    )
    most_days_after: int | None = Field(
        None,
        ge=0,
        description="Days from the event to the imagery at most; 0: any; unset: as usual.",
    )
    neighbours: int | None = Field(
        None, ge=1, description="Unaffected neighbours that are compared with; unset: as usual."
    )
    step_quantile: float | None = Field(
        None,
        ge=0.5,
        lt=1,
        description="Of the steps of sound cells from before to after: an affected cell's step is "
        "larger; unset: as usual.",
    )
    policy_column: _Column | None = Field(None, description="Of the policy; unset: a usual name.")
    parcel_column: _Column | None = Field(None, description="Of the parcel's id.")
    crop_column: _Column | None = Field(None, description="Of the crop.")
    insured_column: _Column | None = Field(None, description="Of the insured area.")
    district_column: _Column | None = Field(None, description="Of the village or district.")
    insured_unit: Literal["ha", "mu", "acre", "m2"] | None = Field(
        None,
        description="Of the insured area; unset: hectares. Of an upload all of these, the CRS and "
        "the layer are, where they are unset, as they were named when it was sent; what is empty "
        "is as usual, whatever was named then.",
    )
    parcels_crs: str | None = Field(
        None, max_length=5000, description="CRS of the parcels; unset: what their file names."
    )
    layer: str | None = Field(None, max_length=200, description="Of a file of several layers.")
    chip_px: int | None = Field(None, ge=16, le=8192, description="Chip edge of a new collection.")
    stride_px: int | None = Field(None, ge=1, le=8192, description="Step from chip to chip.")
    pixel_size: float | None = Field(None, gt=0, description="Metres per pixel of its grid.")
    crs: str | None = Field(None, max_length=1000, description="CRS of its grid.")
    visits: int = Field(20, ge=0, le=100_000, description="Parcels drawn for surveyors at most.")
    seed: int = Field(0, ge=0, description="By which they are drawn.")
    formats: tuple[Annotated[str, Field(max_length=20)], ...] = Field(
        (), max_length=20, description="Of the tables, as `/v1/formats` lists them; none: usual."
    )
    reports: tuple[_Report, ...] = Field(("html",), description="As what the report is written.")
    sheets: tuple[_Report, ...] = Field((), description="As what claim sheets are written.")
    language: Literal["en", "zh"] = Field("en", description="Of the reports.")
    attribution: str = Field("", max_length=1000, description="Whose imagery it is.")


class AssessHere(AssessTask, TypedByHand):
    """The same, asked by a person at this machine's terminal, who may leave the collection open."""

    collection: str = Field("", max_length=64, description="Empty: of the assessment's name.")
    hazard: str = Field("flood", description="Whose labels are taken, or a file of labels.")
    out: str | None = None
    """Folder of the results, an absolute path; None: among the job's files."""

    def about(self) -> str:
        """Name the collection."""
        return self.collection or self.name


_OPTIONAL = (
    *("least_seen", "least_cells", "most_days_between", "most_days_after", "neighbours"),
    "step_quantile",
)
_DAYS = frozenset({"most_days_between", "most_days_after"})
_SAME = (
    *("name", "hazard", "affected", "sound", "hidden", "event", "chip_px", "stride_px"),
    *("pixel_size", "crs", "visits", "seed", "formats", "reports", "sheets", "language"),
    "attribution",
)
_COLUMNS = (
    *("policy_column", "parcel_column", "crop_column", "insured_column", "district_column"),
    *("insured_unit", "layer"),
)


def check_assess(asked: AssessTask, parts: Parts) -> None:
    """Refuse files, labels, imagery or wishes that cannot be.

    Raises:
        InvalidRequest, InvalidConfig, InvalidFilter, EmptyText, UnsafeReference, FolderNotFound,
            CollectionNotFound, DependencyMissing: as said.
        InvalidName, Conflict: no assessment of this collection may have the name.
    """
    from satseek.monitor.damage.asking import check_said  # noqa: PLC0415 - slow to load
    from satseek.monitor.damage.imagery import read_period  # noqa: PLC0415
    from satseek.monitor.opening import opened_runs  # noqa: PLC0415

    opened_runs(parts.settings).check_free("damage", asked.name, asked.about())
    check_said(_said(asked, parts.settings), folder=Path.cwd())
    if all(one is None or read_period(one) is not None for one in (asked.after, asked.before)):
        parts.reader(asked.about())


def assess(asked: AssessTask, settings: Settings, on_progress: OnProgress, results: Path) -> Result:
    """Assess parcels; files are the job's, or where they were asked for."""
    with closing(Assembly(settings)) as parts:
        if isinstance(asked, AssessHere) and asked.out is not None:
            done = _run(asked, parts, on_progress, Path(asked.out))
            return _told(done, asked) | {"folder": asked.out}
        with new_try(results) as folder:
            done = _run(asked, parts, on_progress, folder)
            return _told(done, asked) | {FILES: gathered(folder)}


def _run(asked: AssessTask, parts: Assembly, on_progress: OnProgress, out: Path) -> Done:
    from satseek.assemble.assessing import assessment_of  # noqa: PLC0415 - slow to load

    return assessment_of(
        _said(asked, parts.settings),
        parts=parts,
        folder=Path.cwd(),
        out=out,
        made_at=datetime.now(UTC),
        allowed=asked.allow if isinstance(asked, AssessHere) else (),
        on_progress=lambda note, done, total: on_progress(done, total, note),
    )


def _said(asked: AssessTask, settings: Settings) -> Said:
    from satseek.jobs.sources import (  # noqa: PLC0415 - slow to load
        is_by_hand,
        path_of,
        reading_of,
        upload_of,
    )
    from satseek.monitor.damage.asking import Said  # noqa: PLC0415
    from satseek.monitor.damage.labels import hazards  # noqa: PLC0415

    if not is_by_hand(asked) and asked.hazard not in hazards():  # a door reads no file
        raise InvalidRequest(f"hazard: expected one of {', '.join(hazards())}")
    grades = None if asked.grades is None else path_of(asked, asked.grades, settings)
    upload = upload_of(asked.parcels, settings)
    columns = {name: getattr(asked, name) for name in _COLUMNS}
    reading = reading_of(upload, {"crs": asked.parcels_crs, **columns})
    usual: dict[str, Any] = {
        name: None if name in _DAYS and value == 0 else value
        for name in _OPTIONAL
        if (value := getattr(asked, name)) is not None
    }
    return Said(
        parcels=str(path_of(asked, asked.parcels, settings).absolute()),
        after=_source(asked, asked.after, settings),
        before=None if asked.before is None else _source(asked, asked.before, settings),
        grades=None if grades is None else str(grades.absolute()),
        losses=_losses(asked),
        parcels_name="" if upload is None else upload.name,
        parcels_crs=reading.crs,
        collection=asked.about(),
        operator=operator_of(asked),
        command=command_of("assess", asked),
        **{name: getattr(asked, name) for name in _SAME},
        **{name: getattr(reading, name) for name in _COLUMNS},
        **usual,
    )


def _losses(asked: AssessTask) -> GradeTable | None:
    from satseek.monitor.damage.grading import Grade, GradeTable  # noqa: PLC0415 - slow to load

    if not asked.losses:
        return None
    grades = tuple(Grade(**one.model_dump()) for one in asked.losses)
    return GradeTable(name="own", grades=grades)


def _source(asked: AssessTask, named: str, settings: Settings) -> str:
    """Say where imagery lies, if it may be read; a period of the collection is one."""
    from satseek.jobs.sources import source_for  # noqa: PLC0415 - slow to load
    from satseek.monitor.damage.imagery import read_period  # noqa: PLC0415

    if read_period(named) is not None:
        return named
    fields = {"collection": asked.about(), "folder": named}
    if isinstance(asked, AssessHere):
        return source_for(IndexHere.model_validate(fields | {"here": asked.here}), settings)
    return source_for(IndexTask.model_validate(fields), settings)


def _told(done: Done, asked: AssessTask) -> Result:
    assessment = done.assessment
    return {
        "name": assessment.name,
        "collection": asked.about(),
        "mode": assessment.mode,
        "model": assessment.model,
        "parcels": len(assessment.damages),
        "lights": dict(Counter(one.light for one in assessment.damages)),
        "problems": len(assessment.problems),
        "visits": len(done.visits),
        "findings": len(done.findings),
        "news": done.news,
    }
