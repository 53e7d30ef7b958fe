"""Scenes, wherever they are → a collection: the use-case, run here and now.

Does not know queues or processes. What it does is committed step by step: run again, it goes on.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import Field

from satseek.assemble import DEFAULT_GRID, Assembly, Layout
from satseek.errors import InvalidRequest, UnreadableImage
from satseek.jobs.asking import ByHand, CollectionTask, Elsewhere, ScenesAsked
from satseek.types import GridSpec

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.jobs.protocol import Executor
    from satseek.search.indexing import IndexProgress
    from satseek.settings import Settings
    from satseek.types import Recipe


class IndexTask(ScenesAsked, Elsewhere, CollectionTask):
    """Index scenes; again: go on, or add what is new."""


class IndexHere(IndexTask, ByHand):
    """The same, asked by a person at this machine's terminal."""

    recipe: str | None = Field(None, max_length=4096, description="Recipe, or a file of one.")


def check_index(asked: IndexTask, parts: Parts) -> None:
    """Refuse a layout that cannot be, or scenes that may not be read.

    Raises:
        InvalidRequest, UnsafeReference, FolderNotFound: as said.
    """
    from satseek.jobs.sources import source_for  # noqa: PLC0415 - slow to load

    layout_of(asked)
    executor_of(asked, parts.settings)
    source_for(asked, parts.settings)


def index(asked: IndexTask, settings: Settings, on_progress: OnProgress, _results: Path) -> Result:
    """Index scenes.

    Raises:
        UnreadableImage: not one of them can be used.
    """
    from satseek.imagery.candidates import BegunCandidates  # noqa: PLC0415 - slow to load
    from satseek.jobs.partitions import index_in_partitions  # noqa: PLC0415
    from satseek.jobs.sources import candidates_for  # noqa: PLC0415
    from satseek.search.indexing import index_scenes  # noqa: PLC0415

    candidates = BegunCandidates(candidates_for(asked, settings))

    def show(progress: IndexProgress) -> None:
        on_progress(progress.files_done, progress.files_total, progress.scene)

    with (
        closing(Assembly(settings)) as parts,
        parts.writer(asked.collection, layout_of(asked)) as target,
    ):
        if (executor := executor_of(asked, settings)) is not None:
            report = index_in_partitions(
                candidates,
                collection=target,
                parts=parts,
                executor=executor,
                on_progress=lambda stage, done, total: on_progress(done, total, stage),
            )
        else:
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


def executor_of(asked: Elsewhere, settings: Settings) -> Executor | None:
    """Give whose workers do it; None: this process.

    Raises:
        InvalidRequest: an address that is none.
    """
    from satseek.jobs.executors import executor_named  # noqa: PLC0415 - slow to load

    if asked.executor is None:
        return None
    address = asked.address if isinstance(asked, ByHand) else None
    return executor_named(asked.executor, address, asked.workers, settings)


def overlapping(asked: IndexTask, settings: Settings) -> IndexTask:
    """Leave no stride open: half a chip in a new collection, else the collection's own.

    For maps: what several chips show is told better; see docs/guides/landuse.md. A chip whose edge
    is odd is not cut in halves.
    """
    if asked.stride_px is not None:
        return asked
    edge = asked.chip_px or DEFAULT_GRID.chip_px
    with closing(Assembly(settings)) as parts:
        is_new = asked.collection not in parts.collections()
        grid = None if is_new else parts.reader(asked.collection).spec.grid
    if grid is None:
        return asked if edge % 2 else asked.model_copy(update={"stride_px": edge // 2})
    said = (asked.chip_px, asked.pixel_size, asked.crs, asked.levels)
    if all(one is None for one in said):
        return asked
    return asked.model_copy(update={"stride_px": min(grid.stride_px, edge)})


def layout_of(asked: ScenesAsked) -> Layout:
    """Cut and stretch as it was asked; what was left open follows the collection, or the default.

    Raises:
        InvalidRequest: no such recipe, or a stride beyond the chip's edge.
    """
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
        recipe=_recipe(asked),
        grid=None if all(one is None for one in wanted) else grid,
        min_valid=asked.min_valid,
    )


def _recipe(asked: ScenesAsked) -> Recipe | None:
    from satseek.imagery.recipe_files import find_recipe  # noqa: PLC0415 - slow to load
    from satseek.imagery.recipes import recipe_named  # noqa: PLC0415

    if asked.recipe is None:
        return None
    by_hand = isinstance(asked, ByHand) and asked.here
    return find_recipe(asked.recipe) if by_hand else recipe_named(asked.recipe)
