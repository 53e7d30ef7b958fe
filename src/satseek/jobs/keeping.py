"""What keeps a collection sound and small → the use-case, run here and now.

Does not know queues or processes. Each of these is done as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from satseek.assemble import Assembly
from satseek.errors import DamagedData

if TYPE_CHECKING:
    from satseek.settings import Settings

Result = dict[str, Any]
OnProgress = Callable[[int, int, str], None]
"""Takes what is done, what there is in all, and a note."""


class Task(BaseModel):
    """What every task needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: str = Field(
        min_length=1, max_length=64, description="Collection that the job is about."
    )


class VerifyTask(Task):
    """Read a collection back and compare it with its checksums."""


class RepairTask(Task):
    """Mend what can be mended; take out what cannot, for the next indexing to embed again."""


class CompactTask(Task):
    """Give back the room of chips that were replaced or removed."""


def verify(asked: VerifyTask, settings: Settings, _: OnProgress) -> Result:
    """Read a collection back.

    Raises:
        DamagedData: it is not what was written.
    """
    problems = Assembly(settings).reader(asked.collection).verify()
    if problems:
        raise DamagedData(f"{len(problems)} damaged parts: {problems[0]}")
    return {"collection": asked.collection, "sound": True}


def repair(asked: RepairTask, settings: Settings, _: OnProgress) -> Result:
    """Mend what can be mended.

    Raises:
        Conflict: it lives in a Milvus.
        DamagedData: a snapshot has to be restored.
    """
    from satseek.index.repairing import repair_collection  # noqa: PLC0415 - slow to load

    told = repair_collection(Assembly(settings).local_folder(asked.collection))
    return {"collection": asked.collection, **asdict(told)}


def compact(asked: CompactTask, settings: Settings, on_progress: OnProgress) -> Result:
    """Copy the living rows, and put the copy into the place of the rows in use."""
    from satseek.index.collection import open_collection  # noqa: PLC0415 - slow to load

    folder = Assembly(settings).local_folder(asked.collection)

    def show(what: str, done: int, total: int) -> None:
        on_progress(done, total, what)

    with open_collection(folder, mode="write") as collection:
        done = collection.compact(on_progress=show)
    told = asdict(done) | {"bytes_freed": done.bytes_freed}
    return {"collection": asked.collection, **told}
