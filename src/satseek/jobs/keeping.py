"""What keeps a collection sound and small → the use-case, run here and now.

Does not know queues or processes. Each of these is done as a whole or not at all.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from satseek.assemble import Assembly
from satseek.errors import DamagedData
from satseek.jobs.asking import CollectionTask

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.jobs.asking import OnProgress, OnStage, Parts, Result
    from satseek.settings import Settings


class VerifyTask(CollectionTask):
    """Read a collection back and compare it with its checksums."""


class RepairTask(CollectionTask):
    """Mend what can be mended; take out what cannot, for the next indexing to embed again."""


class CompactTask(CollectionTask):
    """Give back the room of chips that were replaced or removed."""


def check_verify(asked: VerifyTask, parts: Parts) -> None:
    """Refuse a collection that is not there; raises CollectionNotFound."""
    parts.reader(asked.collection)


def check_files(asked: RepairTask | CompactTask, parts: Parts) -> None:
    """Refuse a collection without files here; it may be too damaged to be opened.

    Raises:
        CollectionNotFound, Conflict: it is not there, or lives in a Milvus.
    """
    parts.local_folder(asked.collection)


def verify(
    asked: VerifyTask, settings: Settings, on_progress: OnProgress, _results: Path
) -> Result:
    """Read a collection back.

    Raises:
        DamagedData: it is not what was written.
    """
    with closing(Assembly(settings)) as parts:
        problems = parts.reader(asked.collection).verify(on_progress=_staged(on_progress))
    if problems:
        raise DamagedData(f"{len(problems)} damaged parts: {problems[0]}")
    return {"collection": asked.collection, "sound": True}


def repair(
    asked: RepairTask, settings: Settings, on_progress: OnProgress, _results: Path
) -> Result:
    """Mend what can be mended.

    Raises:
        Conflict: it lives in a Milvus.
        DamagedData: a snapshot has to be restored.
    """
    from satseek.index.repairing import repair_collection  # noqa: PLC0415 - slow to load

    with closing(Assembly(settings)) as parts:
        folder = parts.local_folder(asked.collection)
    told = repair_collection(folder, on_progress=_staged(on_progress))
    return {"collection": asked.collection, **asdict(told)}


def compact(
    asked: CompactTask, settings: Settings, on_progress: OnProgress, _results: Path
) -> Result:
    """Copy the living rows, and put the copy into the place of the rows in use."""
    from satseek.index.collection import open_collection  # noqa: PLC0415 - slow to load

    with closing(Assembly(settings)) as parts:
        folder = parts.local_folder(asked.collection)
    with open_collection(folder, mode="write") as collection:
        done = collection.compact(on_progress=_staged(on_progress))
    told = asdict(done) | {"bytes_freed": done.bytes_freed}
    return {"collection": asked.collection, **told}


def _staged(on_progress: OnProgress) -> OnStage:
    return lambda stage, done, total: on_progress(done, total, stage)
