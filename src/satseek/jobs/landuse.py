"""Imagery of several dates → what each place was and became: the use-case, run here and now.

Does not know queues or processes. What it does is committed step by step: run again, it goes on.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from satseek.assemble import Assembly
from satseek.errors import InvalidRequest
from satseek.jobs.asking import (
    CollectionTask,
    CutAsked,
    GroundAsked,
    StacSearch,
    TypedByHand,
    command_of,
    operator_of,
)
from satseek.jobs.gathering import gathered
from satseek.jobs.indexing import IndexHere, IndexTask, check_index, index, overlapping
from satseek.jobs.results import FILES, new_try

if TYPE_CHECKING:
    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.monitor.damage.parcels_reading import Reading
    from satseek.monitor.landuse.asking import Said
    from satseek.monitor.landuse.finishing import Done
    from satseek.monitor.landuse.running import Asked
    from satseek.settings import Settings

_Condition = Annotated[str, Field(min_length=3, max_length=200)]


class LanduseTask(CutAsked, GroundAsked, CollectionTask):
    """Tell what each place was at each date, and what changed; again: go on, or add dates."""

    folder: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="Scenes that are indexed first, as the task `index` takes them; unset: what "
        "the collection has.",
    )
    search: StacSearch | None = Field(
        None, description="Set where `folder` is the address of a STAC API: what it is asked for."
    )
    name: str | None = Field(
        None, max_length=64, description="Of the run: its findings go by it; unset: the collection."
    )
    labels: str = Field("planning", max_length=1000, description="A shipped label set.")
    own: tuple[Annotated[str, Field(min_length=1, max_length=4000)], ...] = Field(
        (),
        max_length=100,
        description="Labels instead of a set, as `NAME` or `NAME=PROMPT;PROMPT`.",
    )
    distractors: bool = Field(
        default=True, description="Of such labels: let other land cover be 'none of these'."
    )
    by: Literal["day", "month", "year"] = Field("month", description="What is one date.")
    least_valid: float = Field(0.5, ge=0, le=1, description="Least measured share of a cell.")
    shift: Literal["fitted", "mean", "none"] = Field(
        "fitted", description="What of the step between two dates is taken for season and light."
    )
    change: float | None = Field(
        None, gt=0, lt=1, description="Chance of another label between two dates; unset: as usual."
    )
    persist: int = Field(1, ge=1, description="Dates on which a new class must have been seen.")
    seed: float | None = Field(
        None, ge=0, le=100, description="Percentile of change that begins a patch; unset: as usual."
    )
    grow: float | None = Field(
        None, ge=0, le=100, description="Percentile of change that goes on; unset: as usual."
    )
    least_cells: int = Field(1, ge=1, description="Smallest change told, in cells.")
    least_ha: float = Field(0.0, ge=0, description="Smallest change told, in hectares.")
    districts: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="File of polygons whose areas are told, below one of the server's "
        "`reference_roots`, or one that was sent: `upload:ID`.",
    )
    district_column: str | None = Field(
        None, max_length=200, description="Column with their names; unset: one of the usual ones."
    )
    districts_crs: str | None = Field(
        None, max_length=5000, description="CRS of the districts; unset: what the file names."
    )
    districts_layer: str | None = Field(
        None,
        max_length=200,
        description="Of a file of several layers; unset: its first. Of an upload column, CRS and "
        "layer are, where they are unset, as they were named when it was sent; what is empty is as "
        "usual, whatever was named then.",
    )
    where: tuple[_Condition, ...] = Field(
        (), max_length=20, description="Conditions such as `eo:cloud_cover<=20`."
    )
    reports: tuple[Literal["html", "pdf"], ...] = Field(
        ("html",), description="As what the report is written."
    )
    language: Literal["en", "zh"] = Field("en", description="Of the report.")


class LanduseHere(LanduseTask, TypedByHand):
    """The same, asked by a person at this machine's terminal."""

    labels: str = Field("planning", description="A shipped label set, or a file of one.")
    recipe: str | None = Field(None, max_length=4096, description="Recipe, or a file of one.")
    out: str | None = None
    """Folder of the results, an absolute path; None: among the job's files."""


def check_landuse(asked: LanduseTask, parts: Parts) -> None:
    """Refuse labels, districts, a collection or scenes that cannot be.

    Raises:
        InvalidRequest, EmptyText, InvalidFilter, CollectionNotFound, UnsafeReference,
            FolderNotFound, DependencyMissing: as said.
        InvalidName, Conflict: no run of this collection may have the name.
    """
    from satseek.monitor.opening import opened_runs  # noqa: PLC0415 - slow to load

    if asked.folder is None:
        if asked.search is not None:
            raise InvalidRequest("search: give the address of a STAC API as folder, too")
        parts.reader(asked.collection)
    else:
        check_index(_index_task(asked), parts)
    run = _checked(asked, parts.settings)
    opened_runs(parts.settings).check_free("landuse", run.name, asked.collection)


def landuse(
    asked: LanduseTask, settings: Settings, on_progress: OnProgress, results: Path
) -> Result:
    """Index what is new, and tell land use; files are the job's, or where they were asked for."""
    run = _checked(asked, settings)
    if asked.folder is not None:
        index(overlapping(_index_task(asked), settings), settings, on_progress, results)
    with closing(Assembly(settings)) as parts:
        if isinstance(asked, LanduseHere) and asked.out is not None:
            done = _run(asked, run, parts, on_progress, Path(asked.out))
            return _told(done, run) | {"folder": asked.out}
        with new_try(results) as folder:
            done = _run(asked, run, parts, on_progress, folder)
            return _told(done, run) | {FILES: gathered(folder)}


def _run(
    asked: LanduseTask, run: Asked, parts: Assembly, on_progress: OnProgress, out: Path
) -> Done:
    from satseek.assemble.landuse import land_use_of  # noqa: PLC0415 - slow to load

    return land_use_of(
        asked.collection,
        run,
        parts=parts,
        out=out,
        made_at=datetime.now(UTC),
        on_progress=lambda note, done, total: on_progress(done, total, note),
    )


def _checked(asked: LanduseTask, settings: Settings) -> Asked:
    from satseek.monitor.landuse.asking import asked_of  # noqa: PLC0415 - slow to load

    return asked_of(_said(asked, settings), folder=Path.cwd())


def _said(asked: LanduseTask, settings: Settings) -> Said:
    from satseek.jobs.sources import is_by_hand, path_of  # noqa: PLC0415 - slow to load
    from satseek.monitor.labels.files import preset  # noqa: PLC0415
    from satseek.monitor.landuse.asking import Said  # noqa: PLC0415
    from satseek.search.filtering import read_filter  # noqa: PLC0415

    if not is_by_hand(asked):
        preset(asked.labels)  # a door reads no file
    districts = None if asked.districts is None else path_of(asked, asked.districts, settings)
    reading = _districts_reading(asked, settings)
    same = (
        *("labels", "own", "distractors", "by", "least_valid", "shift", "persist", "least_cells"),
        *("least_ha", "reports", "language"),
    )
    usual: dict[str, Any] = {
        name: value
        for name in ("change", "seed", "grow")
        if (value := getattr(asked, name)) is not None
    }
    where = read_filter(
        bbox=asked.bbox,
        area=asked.area,
        area_crs=asked.area_crs,
        start=asked.start,
        end=asked.end,
        where=list(asked.where),
    )
    return Said(
        name=asked.name or asked.collection,
        where=where,
        districts=None if districts is None else str(districts.absolute()),
        district_column=reading.district_column,
        districts_crs=reading.crs,
        districts_layer=reading.layer,
        operator=operator_of(asked),
        command=command_of("landuse", asked),
        **{name: getattr(asked, name) for name in same},
        **usual,
    )


def _districts_reading(asked: LanduseTask, settings: Settings) -> Reading:
    from satseek.jobs.sources import reading_of, upload_of  # noqa: PLC0415 - slow to load

    upload = None if asked.districts is None else upload_of(asked.districts, settings)
    said = {
        "district_column": asked.district_column,
        "crs": asked.districts_crs,
        "layer": asked.districts_layer,
    }
    return reading_of(upload, said)


def _index_task(asked: LanduseTask) -> IndexTask:
    """Ask for the scenes as the task that indexes them is asked."""
    fields = {name: getattr(asked, name) for name in ("collection", "folder", "search")}
    fields |= {name: getattr(asked, name) for name in CutAsked.model_fields}
    if isinstance(asked, LanduseHere):
        return IndexHere.model_validate(fields | {"here": asked.here, "allow": asked.allow})
    return IndexTask.model_validate(fields)


def _told(done: Done, run: Asked) -> Result:
    from satseek.monitor.landuse.areas import areas_by_class  # noqa: PLC0415 - slow to load

    told: Result = {
        "name": run.name,
        "images": len(done.images),
        "findings": len(done.findings),
        "news": done.news,
        "notes": list(run.notes),
        "dates": [],
        "area_ha": {},
    }
    if (found := done.found) is None:
        return told
    areas = areas_by_class(found).tolist()
    return told | {
        "collection": found.collection,
        "model": found.model,
        "dates": list(found.dates),
        "area_ha": {
            date: dict(zip(found.names, own, strict=True))
            for date, own in zip(found.dates, areas, strict=True)
        },
    }
