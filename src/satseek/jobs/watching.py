"""A watch by its name → its new scenes indexed, and looked at: the use-case, run here and now.

Does not know queues or processes. What it does is committed step by step: run again, it goes on.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from satseek.assemble.asking import reading
from satseek.jobs.indexing import IndexHere, layout_of
from satseek.jobs.sources import candidates_for
from satseek.monitor.opening import opened_findings, opened_pictures
from satseek.monitor.tables import FOLDER
from satseek.monitor.watch.keeping import Watches
from satseek.monitor.watch.running import WatchTools, run_watch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from satseek.assemble import Assembly
    from satseek.jobs.asking import OnStage
    from satseek.monitor.findings.keeping import Findings
    from satseek.monitor.watch.running import WatchRun
    from satseek.monitor.watch.watch import Watch
    from satseek.search.indexing import IndexReport
    from satseek.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What came of a watch."""

    indexed: IndexReport | None
    """What was indexed first; None: its scenes are indexed by somebody else."""
    run: WatchRun
    """What was looked at, and found."""


def opened_watches(settings: Settings) -> AbstractContextManager[Watches]:
    """Give the watches of the data folder, to be closed; opens nothing yet."""
    return closing(Watches(settings.data_dir / FOLDER))


def watch_now(name: str, parts: Assembly, *, on_stage: OnStage) -> Watched:
    """Index what is new of a watch's scenes, and look at it.

    Args:
        name: The watch.
        parts: The working parts.
        on_stage: Told what is done, how far, and of how much.

    Raises:
        WatchNotFound: there is none of that name.
        FolderNotFound, UnreadableImage, UnsafeReference: its scenes cannot be listed.
        SatseekError: as ``run_watch``; what was committed is kept.
    """
    with (
        opened_watches(parts.settings) as watches,
        closing(opened_findings(parts.settings)) as findings,
    ):
        watch = watches.get(name)
        indexed = None if watch.scenes is None else _index(watch, parts, on_stage)
        tools = tools_for(watch, parts, watches=watches, findings=findings)
        return Watched(indexed=indexed, run=run_watch(name, tools=tools, on_progress=on_stage))


def tools_for(watch: Watch, parts: Assembly, *, watches: Watches, findings: Findings) -> WatchTools:
    """Put together what it takes to run a watch.

    Raises:
        CollectionNotFound: nothing was indexed into its collection yet.
        ModelMismatch: the model that made its vectors cannot be had.
    """
    matched = parts.matched(watch.collection)
    return WatchTools(
        collection=matched.collection,
        embedder=matched.model.embedder,
        watches=watches,
        findings=findings,
        pictures=opened_pictures(parts.settings),
        concepts=parts.concepts,
        opened=reading(parts.reader),
        glossary=parts.glossary,
    )


def _index(watch: Watch, parts: Assembly, on_stage: OnStage) -> IndexReport:
    """Index what is new; scenes that cannot be read are listed in the report and told again."""
    from satseek.imagery.candidates import BegunCandidates  # noqa: PLC0415 - slow to load
    from satseek.search.indexing import index_scenes  # noqa: PLC0415

    assert watch.scenes is not None
    asked = IndexHere.model_validate({"collection": watch.collection, **asdict(watch.scenes)})
    candidates = BegunCandidates(candidates_for(asked, parts.settings))
    with parts.writer(watch.collection, layout_of(asked)) as target:
        return index_scenes(
            candidates,
            collection=target,
            embedder=parts.bulk_embedder,
            workers=parts.workers,
            batch=parts.batch,
            compact_from=parts.settings.compact_from,
            on_progress=lambda done: on_stage(done.scene, done.files_done, done.files_total),
        )
