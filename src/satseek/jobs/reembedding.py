"""A collection and another model → its vectors made anew: the use-case, run here and now.

Does not know queues or processes. What it does is committed step by step: run again, it goes on.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import Field

from satseek.assemble import Assembly
from satseek.errors import Conflict, DamagedData, ModelMismatch, ModelNotFound, UnreadableImage
from satseek.jobs.asking import CollectionTask
from satseek.model.durable import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import CollectionSpec
    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.search.reembedding import ReembedChoices, ReembedProgress, ReembedReport
    from satseek.settings import Settings


RESTARTED = "restarted"
"""Says, in the job's folder, that a try has begun anew as it was asked: the next one goes on."""


class ReembedTask(CollectionTask):
    """Embed a collection again with another model, compare, and switch."""

    to: str | None = Field(None, max_length=200, description="`NAME@VERSION`; unset: in use.")
    k: int = Field(10, ge=1, le=1000, description="Hits compared for each query.")
    sample: int = Field(256, ge=1, le=100_000, description="Chips compared as queries.")
    min_overlap: float | None = Field(
        None, ge=0, le=1, description="Keep the old vectors where the mean overlap is below."
    )
    keep_old: bool = Field(default=False, description="Keep the old vectors, to go back.")
    drop_unreadable: bool = Field(default=False, description="Drop scenes that cannot be read.")
    restart: bool = Field(default=False, description="Throw away new vectors begun before.")


def check_reembed(asked: ReembedTask, parts: Parts) -> None:
    """Refuse a collection or a model that is not there.

    Raises:
        CollectionNotFound, ModelNotServed: as said.
    """
    parts.reader(asked.collection)
    if asked.to is not None:
        parts.model_named(asked.to)


def reembed(
    asked: ReembedTask, settings: Settings, on_progress: OnProgress, results: Path
) -> Result:
    """Embed a collection again.

    Raises:
        UnreadableImage: scenes would be lost.
        Conflict: the new vectors find too different chips.
    """
    from satseek.search.reembedding import ReembedChoices  # noqa: PLC0415 - slow to load

    restarted = results / RESTARTED

    def show(progress: ReembedProgress) -> None:
        if asked.restart and not restarted.exists():
            make_folder(results)
            restarted.touch()
        on_progress(progress.chips_done, progress.chips_total, progress.scene)

    choices = ReembedChoices(
        k=asked.k,
        sample=asked.sample,
        min_overlap=asked.min_overlap,
        begun="restart" if asked.restart and not restarted.exists() else "resume",
        lost="drop" if asked.drop_unreadable else "refuse",
        old="keep" if asked.keep_old else "drop",
    )
    with closing(Assembly(settings)) as usual:
        report = _reembed(usual, asked, choices, show)
    _check(report)
    told = asdict(report)
    return {"collection": asked.collection, **told, "losses": len(report.losses)}


def _reembed(
    usual: Assembly,
    asked: ReembedTask,
    choices: ReembedChoices,
    show: Callable[[ReembedProgress], None],
) -> ReembedReport:
    from satseek.index.collection import open_collection  # noqa: PLC0415 - slow to load
    from satseek.search.reembedding import reembed_collection  # noqa: PLC0415

    usual.reader(asked.collection)  # names the collections that there are
    target = usual.model_named(asked.to)
    with open_collection(usual.collections_dir / asked.collection, mode="write") as collection:
        return reembed_collection(
            collection,
            embedder=target.bulk_embedder,
            former=_former(usual, collection.spec),
            choices=choices,
            workers=target.streams,
            batch=target.batch,
            on_progress=show,
        )


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
