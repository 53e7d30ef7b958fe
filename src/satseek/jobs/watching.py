"""A watch by its name → its new scenes indexed, and looked at: the use-case, run here and now.

Does not know queues or processes. What it does is committed step by step: run again, it goes on.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from satseek.assemble.asking import reading
from satseek.errors import InvalidRequest
from satseek.jobs.hours import schedule_name, waiting
from satseek.jobs.indexing import IndexHere, layout_of
from satseek.jobs.scheduling import following
from satseek.jobs.sources import candidates_for
from satseek.monitor.delivery.channels import channels_of
from satseek.monitor.findings.keeping import FindingFilter
from satseek.monitor.opening import opened_findings, opened_pictures
from satseek.monitor.tables import FOLDER
from satseek.monitor.watch.describing import described_watch
from satseek.monitor.watch.keeping import Watches, find_watch
from satseek.monitor.watch.running import WatchTools, run_watch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from satseek.assemble import Assembly
    from satseek.jobs.asking import OnStage
    from satseek.jobs.protocol import JobQueue
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


def watch_among(name: str, collection: str, watches: Watches) -> Watch:
    """Find a watch of a collection, empty: of any; who may see that may run and measure it.

    Raises:
        WatchNotFound: the collection has none of that name; names those that it has.
    """
    there = [one for one in watches.list() if collection in ("", one.collection)]
    return find_watch(name, there, of=f" of collection {collection!r}" if collection else "")


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


def check_channels(watch: Watch, settings: Settings) -> None:
    """Refuse to tell somebody whom the settings do not name; raises InvalidRequest."""
    known = channels_of(settings)
    unknown = [name for name in watch.deliver if name not in known]
    if unknown:
        there = ", ".join(known) or "none: set alert_channels in satseek.toml"
        raise InvalidRequest(f"deliver: no channel {unknown[0]!r}; there are: {there}")


def described(
    watch: Watch, *, watches: Watches, findings: Findings, queue: JobQueue
) -> dict[str, Any]:
    """Describe a watch and how it stands, as JSON, for every door."""
    named = schedule_name(watch.name)
    plan = next((one for one in queue.schedules() if one.name == named), None)
    where = FindingFilter(kinds=("watch",), sources=(watch.name,), collections=(watch.collection,))
    return described_watch(
        watch,
        paused=watch.name in waiting([watch], watches, queue),
        following=() if plan is None else following(plan),
        counts=findings.counts(where),
        looked_at=len(watches.looked_at(watch.name)),
        runs=watches.runs(watch.name),
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
