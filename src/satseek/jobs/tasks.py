"""A task's name and JSON → the use-case, run here and now.

Does not know queues or processes. What it does is committed step by step: run again, it goes on.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from satseek.assemble import DEFAULT_GRID, Assembly, Layout
from satseek.errors import (
    Conflict,
    DamagedData,
    InvalidRequest,
    ModelMismatch,
    ModelNotFound,
    UnreadableImage,
)
from satseek.jobs import keeping, tuning
from satseek.jobs.keeping import CompactTask, RepairTask, Task, VerifyTask
from satseek.jobs.tuning import TuneTask
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import CollectionSpec
    from satseek.jobs.keeping import OnProgress, Result
    from satseek.jobs.protocol import TaskName
    from satseek.search.indexing import IndexProgress
    from satseek.search.reembedding import ReembedProgress, ReembedReport
    from satseek.settings import Settings


class StacSearch(BaseModel):
    """Which items of a STAC API are indexed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collections: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        (), max_length=100, description="Ids of collections; none: all."
    )
    bbox: tuple[float, float, float, float] | None = Field(
        None, description="West, south, east, north in degrees; unset: anywhere."
    )
    datetime: str | None = Field(
        None, max_length=100, description="RFC 3339 moment or `START/END`; unset: any time."
    )
    query: tuple[Annotated[str, Field(min_length=3, max_length=200)], ...] = Field(
        (), max_length=20, description="Conditions such as `eo:cloud_cover<20`."
    )
    ids: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field(
        (), max_length=1000, description="Ids of items; none: any."
    )
    max_items: int | None = Field(None, ge=1, description="Items taken at most; unset: all.")


class IndexTask(Task):
    """Index scenes; again: go on, or add what is new."""

    folder: str = Field(
        min_length=1,
        max_length=1000,
        description="Folder, scene, STAC document or table of STAC items below one of the server's "
        "`reference_roots`; or the address of a STAC document, table or API on one of its "
        "`stac_hosts`.",
    )
    search: StacSearch | None = Field(
        None, description="Set where `folder` is the address of a STAC API: what it is asked for."
    )
    recipe: str | None = Field(None, max_length=64, description="Radiometric recipe; unset: auto.")
    chip_px: int | None = Field(None, ge=16, le=8192, description="Chip edge in pixels.")
    stride_px: int | None = Field(None, ge=1, le=8192, description="Step from chip to chip.")
    pixel_size: float | None = Field(None, gt=0, description="Metres per pixel; unset: scenes'.")
    crs: str | None = Field(None, max_length=1000, description="CRS of the grid; unset: scenes'.")
    levels: tuple[int, ...] | None = Field(
        None, min_length=1, max_length=6, description="Sizes of chips, such as 1, 2, 4; unset: 1."
    )
    min_valid: float | None = Field(None, ge=0, le=1, description="Least valid fraction of a chip.")


class ReembedTask(Task):
    """Embed a collection again with another model, compare, and switch."""

    to: str | None = Field(None, max_length=200, description="`NAME@VERSION`; unset: in use.")
    min_overlap: float | None = Field(
        None, ge=0, le=1, description="Keep the old vectors where the mean overlap is below."
    )
    keep_old: bool = Field(default=False, description="Keep the old vectors, to go back.")
    drop_unreadable: bool = Field(default=False, description="Drop scenes that cannot be read.")
    restart: bool = Field(default=False, description="Throw away new vectors begun before.")


Asked: TypeAlias = IndexTask | ReembedTask | VerifyTask | RepairTask | CompactTask | TuneTask
"""Parameters of any task."""

TASKS: Mapping[TaskName, type[Asked]] = {
    "index": IndexTask,
    "reembed": ReembedTask,
    "verify": VerifyTask,
    "repair": RepairTask,
    "compact": CompactTask,
    "tune": TuneTask,
}
"""What each task needs to know."""


def run_task(
    name: TaskName, parameters: Mapping[str, Any], *, settings: Settings, on_progress: OnProgress
) -> Result:
    """Do what a job is for; returns what came of it, as JSON.

    Raises:
        SatseekError: it cannot be done; what was committed is kept.
    """
    try:
        asked = TASKS[name].model_validate(dict(parameters))
    except (KeyError, ValidationError) as error:
        raise InvalidRequest(f"{name}: expected a task and its parameters, came others") from error
    match asked:
        case IndexTask():
            return _index(asked, settings, on_progress)
        case ReembedTask():
            return _reembed(asked, settings, on_progress)
        case VerifyTask():
            return keeping.verify(asked, settings, on_progress)
        case RepairTask():
            return keeping.repair(asked, settings, on_progress)
        case CompactTask():
            return keeping.compact(asked, settings, on_progress)
        case TuneTask():
            return tuning.tune(asked, settings, on_progress)


def _index(asked: IndexTask, settings: Settings, on_progress: OnProgress) -> Result:
    from satseek.imagery.candidates import BegunCandidates  # noqa: PLC0415 - slow to load
    from satseek.jobs.sources import candidates_for  # noqa: PLC0415
    from satseek.search.indexing import index_scenes  # noqa: PLC0415

    candidates = BegunCandidates(candidates_for(asked, settings))
    parts = Assembly(settings)

    def show(progress: IndexProgress) -> None:
        on_progress(progress.files_done, progress.files_total, progress.scene)

    with parts.writer(asked.collection, layout_of(asked)) as target:
        report = index_scenes(
            candidates,
            collection=target,
            embedder=parts.bulk_embedder,
            workers=parts.workers,
            batch=parts.batch,
            compact_from=settings.compact_from,
            on_progress=show,
        )
        chips = len(target)
    if report.refusals and not report.scenes:
        raise UnreadableImage(f"none of the {len(report.refusals)} files can be used")
    told = asdict(report) | {"refusals": len(report.refusals)}
    return {"collection": asked.collection, "chips": chips, **told}


def layout_of(asked: IndexTask) -> Layout:
    """Lay a new collection out as it was asked.

    Raises:
        InvalidRequest: no such recipe, or a stride beyond the chip's edge.
    """
    from satseek.imagery.recipes import recipe_named  # noqa: PLC0415 - slow to load

    edge = asked.chip_px or DEFAULT_GRID.chip_px
    step = asked.stride_px or edge
    if step > edge:
        raise InvalidRequest(f"stride_px: expected at most the chip's edge {edge}, came {step}")
    wanted = (asked.chip_px, asked.stride_px, asked.pixel_size, asked.crs, asked.levels)
    grid = GridSpec(
        crs=asked.crs,
        chip_px=edge,
        stride_px=step,
        pixel_size=asked.pixel_size,
        levels=asked.levels or DEFAULT_GRID.levels,
    )
    return Layout(
        recipe=recipe_named(asked.recipe) if asked.recipe else None,
        grid=None if all(one is None for one in wanted) else grid,
        min_valid=asked.min_valid,
    )


def _reembed(asked: ReembedTask, settings: Settings, on_progress: OnProgress) -> Result:
    from satseek.index.collection import open_collection  # noqa: PLC0415 - slow to load
    from satseek.search.reembedding import ReembedChoices, reembed_collection  # noqa: PLC0415

    usual = Assembly(settings)
    usual.reader(asked.collection)  # names the collections that there are
    target = usual.model_named(asked.to)

    def show(progress: ReembedProgress) -> None:
        on_progress(progress.chips_done, progress.chips_total, progress.scene)

    choices = ReembedChoices(
        min_overlap=asked.min_overlap,
        begun="restart" if asked.restart else "resume",
        lost="drop" if asked.drop_unreadable else "refuse",
        old="keep" if asked.keep_old else "drop",
    )
    with open_collection(usual.collections_dir / asked.collection, mode="write") as collection:
        report = reembed_collection(
            collection,
            embedder=target.bulk_embedder,
            former=_former(usual, collection.spec),
            choices=choices,
            workers=target.streams,
            batch=target.batch,
            on_progress=show,
        )
    _check(report)
    told = asdict(report)
    return {"collection": asked.collection, **told, "losses": len(report.losses)}


def _former(parts: Assembly, spec: CollectionSpec) -> Embedder | None:
    """Find the model that made a collection, if it is still there."""
    try:
        return parts.models.version(spec.model_name, spec.model_version).bulk_embedder
    except (ModelMismatch, ModelNotFound, DamagedData):
        return None


def _check(report: ReembedReport) -> None:
    if report.outcome == "scenes lost":
        chips = sum(loss.chips for loss in report.losses)
        raise UnreadableImage(
            f"{len(report.losses)} scenes with {chips} chips cannot be read again and would be "
            "lost, so the old vectors stay in use; put the files back, or set drop_unreadable"
        )
    if report.outcome == "below overlap":
        raise Conflict("the mean overlap is below min_overlap, so the old vectors stay in use")
