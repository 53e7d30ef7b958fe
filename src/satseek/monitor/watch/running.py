"""A watch and its collection → alerts: what is new since the last run is looked at, once.

Does not know where scenes come from, nor how alerts are delivered.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.logs import log_line
from satseek.monitor.findings.keeping import FindingFilter
from satseek.monitor.watch.alerts import Alerting, alert_of
from satseek.monitor.watch.ground import check_model, odd_footprints, survey, unseen_scenes
from satseek.monitor.watch.learning import learn, learning_of
from satseek.monitor.watch.marks import mark_cells, patches_at
from satseek.monitor.watch.rows import idle_run, mark, write_run
from satseek.monitor.watch.sites import KnownSites
from satseek.monitor.watch.tools import WatchTools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.monitor.findings.finding import Change
    from satseek.monitor.findings.keeping import Changing
    from satseek.monitor.watch.alerts import Alert
    from satseek.monitor.watch.ground import WatchedGround
    from satseek.monitor.watch.thresholds import Cut
    from satseek.monitor.watch.watch import Watch

__all__ = ["WatchRun", "WatchTools", "run_watch"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRun:
    """What one run of a watch did."""

    watch: str
    """Name of the watch."""
    version: int
    """Version of the watch that was run."""
    new_scenes: int
    """Scenes that no run had looked at before."""
    days: tuple[str, ...]
    """Dates that were looked at, ascending, such as ``2024-07-04``."""
    cells: int
    """Cells that were looked at, all dates together."""
    undated: int
    """Chips without a date, which no run looks at."""
    cut: Cut | None
    """Where the cut lay; None: there was nothing to look at."""
    confirmed: int
    """Answers that show what is looked for, and from which the run has learnt."""
    rejected: int
    """Answers that do not."""
    missed: tuple[str, ...]
    """Chips of answers that are there no more."""
    alerts: tuple[str, ...]
    """Ids of findings that are new."""
    seen_again: tuple[str, ...]
    """Ids of findings from before of which more is known now."""
    seconds: float
    """What it took."""


def run_watch(
    name: str, *, tools: WatchTools, on_progress: Callable[[str, int, int], None] = lambda *_: None
) -> WatchRun:
    """Look at every date that has a scene which no run has looked at, earliest first.

    The findings of a date, the letters about them, and the mark that its scenes were looked at are
    one durable step: killed anywhere and run again, no alert is lost and none comes twice.

    Args:
        name: The watch.
        tools: What it takes.
        on_progress: Told of each date, how many are done, and of how many.

    Raises:
        WatchNotFound: there is none of that name.
        ModelMismatch: the collection was made by another model than the embedder's.
        InvalidRequest: too little ground, or too few answers, for the operating point asked for.
        CollectionLocked: another process runs it at this moment.
    """
    watch = tools.watches.get(name)
    with tools.watches.held(name):
        unseen = unseen_scenes(tools.collection, tools.watches.looked_at(name))
        run = _Run(watch, tools)
        if unseen:
            run.look(unseen, on_progress)
        else:
            run.rest()
        done = run.told()
    log_line(
        logger,
        "watched",
        watch=name,
        scenes=done.new_scenes,
        dates=len(done.days),
        alerts=len(done.alerts),
        seen_again=len(done.seen_again),
        seconds=round(done.seconds, 2),
    )
    return done


class _Run:
    """One run: what it has looked at and found so far."""

    def __init__(self, watch: Watch, tools: WatchTools) -> None:
        self._watch = watch
        self._tools = tools
        self._started = time.perf_counter()
        self._number: int | None = None
        self._scenes = 0
        self._days: list[str] = []
        self._cells = 0
        self._undated = 0
        self._cut: Cut | None = None
        self._answers = (0, 0)
        self._missed: tuple[str, ...] = ()
        self._new: list[str] = []
        self._again: dict[str, None] = {}

    def look(self, unseen: Mapping[str, str], on_progress: Callable[[str, int, int], None]) -> None:
        """Look at all dates that new scenes show, then mark the scenes that show none."""
        tools, watch = self._tools, self._watch
        with tools.collection.pinned() as index:
            check_model(index, tools.embedder.card)
            ground = survey(watch, index, unseen=unseen)
            self._undated = ground.undated
            dates = np.flatnonzero(ground.new)
            if dates.size and ground.table.cells:
                learnt = learn(learning_of(watch, index, ground, tools), new=ground.new)
                self._cut, self._missed = learnt.cut, learnt.missed
                self._answers = learnt.right, learnt.wrong
                marked = mark_cells(learnt.scored, learnt.cut, watch=watch)
                alerting = Alerting(
                    watch=watch,
                    index=index,
                    tools=tools,
                    ground=ground,
                    learnt=learnt,
                    marked=marked,
                    places={cell: at for at, cell in enumerate(learnt.scored.cells)},
                )
                self._look_at_dates(alerting, ground, on_progress)
        with tools.findings.changing() as change:
            self._scenes = len(unseen)
            mark(change.db, watch.name, scenes=unseen, sightings={}, now=change.now)
            self._write(change)

    def rest(self) -> None:
        """Write down that there was nothing new: one line, however often in a row."""
        with self._tools.findings.changing() as change:
            self._number = idle_run(change.db, self._watch.name)
            self._write(change)

    def _look_at_dates(
        self,
        alerting: Alerting,
        ground: WatchedGround,
        on_progress: Callable[[str, int, int], None],
    ) -> None:
        scored, name = alerting.learnt.scored, self._watch.name
        where = FindingFilter(
            kinds=("watch",), sources=(name,), collections=(self._watch.collection,)
        )
        sites = KnownSites(self._tools.findings.all(where))
        sightings = self._tools.watches.sightings(name)
        new = [day for day, is_new in zip(ground.days, ground.new, strict=True) if is_new]
        for done, day in enumerate(new):
            on_progress(day, done, len(new))
            date = scored.days.index(day)
            alerts = self._alerts(date, alerting, sites, sightings)
            looked = ground.by_day[day]
            with self._tools.findings.changing() as change:
                changes = change.keep([one.finding for one in alerts])
                days = {one.finding.id: one.days for one in alerts}
                mark(change.db, name, scenes=looked, sightings=days, now=change.now)
                self._scenes += len(looked)
                self._count(day, int(scored.seen[date].sum()), changes)
                self._write(change)
            for one in alerts:
                sites.add(one.finding)
                sightings.setdefault(one.finding.id, set()).update(one.days)
        on_progress("", len(new), len(new))

    def _alerts(
        self,
        date: int,
        alerting: Alerting,
        sites: KnownSites,
        sightings: Mapping[str, set[str]],
    ) -> list[Alert]:
        scored = alerting.learnt.scored
        lasting = np.flatnonzero(alerting.marked.lasting[date])
        footprints = odd_footprints(
            alerting.index,
            [scored.cells[place] for place in lasting.tolist()],
            scored.rows[date, lasting],
        )
        patches = patches_at(
            date, scored, alerting.marked, watch=self._watch, footprints=footprints
        )
        found = []
        for site in sites.among(patches):
            seen_on = frozenset(sightings.get(site.known.id, ())) if site.known else frozenset()
            found.append(alert_of(site, date, alerting, seen_on=seen_on))
        return found

    def _count(self, day: str, cells: int, changes: tuple[Change, ...]) -> None:
        self._days.append(day)
        self._cells += cells
        for change in changes:
            if change.former is None:
                self._new.append(change.finding.id)
            elif change.finding.id not in self._new:
                self._again[change.finding.id] = None

    def _write(self, change: Changing) -> None:
        """Write down what the run did so far, within the transaction of what it did last."""
        told = asdict(self.told())
        name = self._watch.name
        self._number = write_run(change.db, name, told, now=change.now, number=self._number)

    def told(self) -> WatchRun:
        """Tell what it did so far."""
        return WatchRun(
            watch=self._watch.name,
            version=self._watch.version,
            new_scenes=self._scenes,
            days=tuple(self._days),
            cells=self._cells,
            undated=self._undated,
            cut=self._cut,
            confirmed=self._answers[0],
            rejected=self._answers[1],
            missed=self._missed,
            alerts=tuple(self._new),
            seen_again=tuple(self._again),
            seconds=time.perf_counter() - self._started,
        )
