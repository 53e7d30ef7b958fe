"""What finds out how much a search must look at → the use-case, run here and now.

Does not know queues or processes.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pydantic import Field

from satseek.assemble import Assembly
from satseek.jobs.asking import CollectionTask

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.settings import Settings


class TuneTask(CollectionTask):
    """Measure how many candidates words, images and both together need."""

    recall: float = Field(
        0.98, ge=0.5, lt=1, description="Share of the ten nearest chips that is to be found."
    )


def check_tune(asked: TuneTask, parts: Parts) -> None:
    """Refuse a collection that is not there; raises CollectionNotFound."""
    parts.reader(asked.collection)


def tune(asked: TuneTask, settings: Settings, _progress: OnProgress, _results: Path) -> Result:
    """Tune a collection with the model that made its vectors.

    Raises:
        Conflict: it lives in a Milvus.
        CollectionNotFound, ModelMismatch: it cannot be searched.
    """
    from satseek.search.tuning import facts_of  # noqa: PLC0415 - slow to load
    from satseek.search.tuning import tune as tuned  # noqa: PLC0415

    with closing(Assembly(settings)) as parts:
        parts.local_folder(asked.collection)  # what a Milvus keeps it tunes itself
        matched = parts.matched(asked.collection)
        found = tuned(matched.collection, embedder=matched.model.embedder, recall=asked.recall)
    return {"collection": asked.collection, **facts_of(found)}
