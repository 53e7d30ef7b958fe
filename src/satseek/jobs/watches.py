"""The watches of a data folder → the verbs that a client has, in this very process.

Knows no HTTP. Whoever asks here sits at this machine: scenes may lie anywhere.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.client.watches import watch_expected_of, watch_measured_of, watch_of
from satseek.errors import InvalidRequest
from satseek.imagery.outlines import outline
from satseek.jobs import hours
from satseek.jobs.lands import LocalRuns
from satseek.jobs.verbs import LOCAL
from satseek.jobs.watching import check_channels, described, opened_watches, tools_for
from satseek.monitor.opening import opened_findings
from satseek.monitor.watch.describing import (
    described_held_out,
    described_learnt,
    scenes_as_told,
)
from satseek.monitor.watch.files import watch_from
from satseek.monitor.watch.judging import expect, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.client.handles import JobHandle
    from satseek.client.watches import Watch, WatchExpected, WatchMeasured
    from satseek.monitor.findings.keeping import Findings
    from satseek.monitor.watch.keeping import Watches
    from satseek.monitor.watch.watch import Watch as WatchAsked


class LocalWatches(LocalRuns):
    """The watches of one data folder beside its runs; safe to share between threads."""

    def watches(self) -> list[Watch]:
        """List the watches, by name, without what their runs did."""
        with self._stores() as (watches, findings):
            told = [self._told(one.name, watches, findings) for one in watches.list()]
        return [watch_of({**one, "runs": ()}) for one in told]

    def watch(self, name: str) -> Watch:
        """Show a watch and what its latest runs did; raises WatchNotFound."""
        with self._stores() as (watches, findings):
            return watch_of(self._told(name, watches, findings))

    def put_watch(self, name: str, *, paused: bool = False, **asked: Any) -> Watch:
        """Set a watch up, or change it; takes what ``Client.put_watch`` takes.

        Raises:
            InvalidName, InvalidRequest, InvalidFilter, InvalidConfig: it cannot be.
            CollectionNotFound, ConceptNotFound: it names what is not there.
            Conflict: there is one of that name, of another collection.
        """
        told = {key: _listed(one) for key, one in asked.items() if one is not None}
        watch = self._asked({"name": name, **told})
        check_channels(watch, self._parts.settings)
        if watch.scenes is None:
            self._parts.reader(watch.collection)
        with self._stores() as (watches, findings):
            hours.set_up(watch, who=LOCAL, watches=watches, queue=self._queue(), paused=paused)
            return watch_of(self._told(name, watches, findings))

    def run_watch(self, name: str, *, again: bool = False, key: str | None = None) -> JobHandle:
        """Ask for a run of a watch; takes what ``Client.run_watch`` takes."""
        with self._stores() as (watches, _):
            collection = watches.get(name).collection
            if again:
                watches.look_again(name)
        return self.submit("watch", key=key, collection=collection, watch=name)

    def pause_watch(self, name: str) -> Watch:
        """Have nobody ask for a watch by its schedule any more; raises as ``resume_watch``."""
        with self._stores() as (watches, findings):
            hours.pause(name, who=LOCAL, watches=watches, queue=self._queue())
            return watch_of(self._told(name, watches, findings))

    def resume_watch(self, name: str) -> Watch:
        """Have a watch asked for by its schedule again; raises InvalidRequest: it has none."""
        with self._stores() as (watches, findings):
            hours.resume(name, who=LOCAL, watches=watches, queue=self._queue())
            return watch_of(self._told(name, watches, findings))

    def remove_watch(self, name: str) -> None:
        """Forget a watch and what it has looked at; its findings stay."""
        with self._stores() as (watches, _):
            hours.remove(name, watches, self._queue())

    def teach_watch(
        self, name: str, *, liked: Sequence[str] = (), disliked: Sequence[str] = ()
    ) -> None:
        """Show a watch chips that do or do not show what it looks for."""
        both = sorted(set(liked) & set(disliked))
        if both:
            raise InvalidRequest(f"chip {both[0]!r} is liked and disliked")
        with self._stores() as (watches, _):
            watches.answer(name, liked, "liked", who=LOCAL)
            watches.answer(name, disliked, "disliked", who=LOCAL)

    def watch_expected(self, name: str) -> WatchExpected:
        """Tell what a watch has learnt, and what is expected of its next run."""
        with self._stores() as (watches, findings):
            watch = watches.get(name)
            tools = tools_for(watch, self._parts, watches=watches, findings=findings)
            return watch_expected_of(described_learnt(name, expect(watch, tools)))

    def measure_watch(
        self,
        name: str,
        *,
        truth: Mapping[str, Any] | str | None = None,
        truth_crs: str | None = None,
        day: str | None = None,
    ) -> WatchMeasured:
        """Measure a watch on ground held out from it; takes what ``Client.measure_watch`` takes."""
        ground = None
        if truth is not None:
            ground = outline(truth if isinstance(truth, str) else dict(truth), crs=truth_crs)
        with self._stores() as (watches, findings):
            watch = watches.get(name)
            tools = tools_for(watch, self._parts, watches=watches, findings=findings)
            held = judge(watch, tools, truth=ground, day=day)
        return watch_measured_of(described_held_out(name, held))

    def _asked(self, told: dict[str, Any]) -> WatchAsked:
        """Make the watch; scenes that come back as they were told stay what they are."""
        scenes = told.get("scenes")
        if not (isinstance(scenes, dict) and scenes.get("here")):
            return watch_from(told, folder=Path.cwd())
        with self._stores() as (watches, _):
            former = {one.name: one for one in watches.list()}.get(told["name"])
        kept = scenes_as_told(scenes, former)
        return replace(watch_from({**told, "scenes": None}, folder=Path.cwd()), scenes=kept)

    def _told(self, name: str, watches: Watches, findings: Findings) -> dict[str, Any]:
        return described(watches.get(name), watches=watches, findings=findings, queue=self._queue())

    @contextmanager
    def _stores(self) -> Iterator[tuple[Watches, Findings]]:
        settings = self._parts.settings
        with opened_watches(settings) as watches, closing(opened_findings(settings)) as findings:
            yield watches, findings


def _listed(one: Any) -> Any:
    """Give tuples as the lists that files have."""
    if isinstance(one, dict):
        return {key: _listed(value) for key, value in one.items()}
    return list(one) if isinstance(one, tuple) else one
