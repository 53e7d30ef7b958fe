"""A watch → looked at, and whoever is told written to: the use-case, run here and now.

Does not know queues or processes. What it does is committed date by date: run again, it goes on.
Letters are written down with what was found; whoever has the job done delivers them.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import Field

from satseek.assemble import Assembly
from satseek.jobs.asking import CollectionTask

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.settings import Settings


class WatchTask(CollectionTask):
    """Index what is new of a watch's scenes, and look at it; what is found is told."""

    watch: str = Field(
        min_length=1, max_length=64, description="Name of the watch; it is of the collection."
    )


def check_watch(asked: WatchTask, parts: Parts) -> None:
    """Refuse a watch that is not there, or not of the collection.

    Raises:
        WatchNotFound: as said.
    """
    _check(asked, parts.settings)


def watch(asked: WatchTask, settings: Settings, on_progress: OnProgress, _results: Path) -> Result:
    """Run a watch.

    Raises:
        WatchNotFound: it has gone meanwhile, or is of another collection.
    """
    from satseek.jobs.watching import watch_now  # noqa: PLC0415 - slow to load

    _check(asked, settings)
    with closing(Assembly(settings)) as parts:
        done = watch_now(
            asked.watch,
            parts,
            on_stage=lambda note, done, total: on_progress(done, total, note),
        )
    told = asdict(done.run)
    if done.indexed is not None:
        told |= {
            "indexed_scenes": done.indexed.scenes,
            "indexed_chips": done.indexed.chips_added,
            "refusals": len(done.indexed.refusals),
        }
    return {"collection": asked.collection, **told}


def _check(asked: WatchTask, settings: Settings) -> None:
    from satseek.jobs.watching import opened_watches, watch_among  # noqa: PLC0415 - slow to load

    with opened_watches(settings) as watches:
        watch_among(asked.watch, asked.collection, watches)
