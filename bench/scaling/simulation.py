"""Workers, partitions, deaths and a merge → how long a run takes: a discrete-event simulation.

Knows nothing of satseek but the rules of its executors: a worker does one partition at a time, the
next free one takes the first that waits, and what a dead worker was at goes to the front again.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

What = Literal["ready", "ended", "died", "killed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be done, by whom, and what befalls them; all in seconds."""

    partitions: Sequence[float]
    """Work of each partition, as one worker does it, in the order of the plan."""
    workers: int
    """Workers at once."""
    start_s: float
    """From asking for a worker until it takes its first partition, the model in memory."""
    plan_s: float = 0.0
    """Before the first worker is asked for."""
    merge_s: float = 0.0
    """After the last partition."""
    notice_s: float = 0.0
    """From a worker's death until another one is asked for."""
    life_s: float | None = None
    """Mean life of a worker, exponentially distributed; None: none dies by itself."""
    kills: Sequence[float] = ()
    """Moments at which the worker that has been at its partition for longest is killed."""
    deaths: int = 5
    """Workers that may die of one partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run."""

    wall_s: float
    """From beginning to end."""
    embedding_s: float
    """Of these, until the last partition was done."""
    deaths: int
    """Workers that died."""
    lost_s: float
    """Seconds of work that died with them."""
    busy: float
    """Share of the workers' time until then that was work and not lost."""
    given_up: int
    """Partitions that too many workers died of: the run ends there, and is run again."""


def simulate(run: Run, *, seed: int = 0) -> Outcome:
    """Let a run happen."""
    return _Simulation(run, seed).run()


class _Simulation:
    def __init__(self, run: Run, seed: int) -> None:
        self._run = run
        self._chance = random.Random(seed)
        self._events: list[tuple[float, int, What, int]] = []
        self._order = 0
        self._waiting = deque(range(len(run.partitions)))
        self._left = len(run.partitions)
        self._hired = 0
        self._idle: list[int] = []
        self._busy: dict[int, tuple[int, float]] = {}
        self._gone: set[int] = set()
        self._deaths: Counter[int] = Counter()
        self._died = 0
        self._lost = 0.0
        self._given_up = 0

    def run(self) -> Outcome:
        now = self._run.plan_s
        for _ in range(min(self._run.workers, self._left)):
            self._hire(now)
        for moment in self._run.kills:
            self._at(moment, "killed", 0)
        while self._left:
            now, _, what, worker = heapq.heappop(self._events)
            if what == "killed":
                self._kill(now)
            elif worker not in self._gone:
                self._happen(now, what, worker)
        return self._outcome(now)

    def _happen(self, now: float, what: What, worker: int) -> None:
        if what == "died":
            self._die(now, worker)
            return
        if what == "ended":
            del self._busy[worker]
            self._left -= 1
        self._idle.append(worker)
        self._give_out(now)

    def _give_out(self, now: float) -> None:
        while self._idle and self._waiting:
            worker, index = self._idle.pop(), self._waiting.popleft()
            self._busy[worker] = index, now
            self._at(now + self._run.partitions[index], "ended", worker)

    def _die(self, now: float, worker: int) -> None:
        self._gone.add(worker)
        self._died += 1
        if worker in self._idle:
            self._idle.remove(worker)
        elif worker in self._busy:
            index, since = self._busy.pop(worker)
            self._lost += now - since
            self._deaths[index] += 1
            if self._deaths[index] == self._run.deaths:
                self._given_up += 1
            self._waiting.appendleft(index)
            self._give_out(now)
        self._hire(now + self._run.notice_s)

    def _kill(self, now: float) -> None:
        if self._busy:
            self._die(now, min(self._busy, key=lambda worker: self._busy[worker][1]))

    def _hire(self, now: float) -> None:
        worker = self._hired
        self._hired += 1
        self._at(now + self._run.start_s, "ready", worker)
        if self._run.life_s is not None:
            self._at(now + self._chance.expovariate(1 / self._run.life_s), "died", worker)

    def _at(self, moment: float, what: What, worker: int) -> None:
        heapq.heappush(self._events, (moment, self._order, what, worker))
        self._order += 1

    def _outcome(self, now: float) -> Outcome:
        spent = (now - self._run.plan_s) * self._run.workers
        return Outcome(
            wall_s=now + self._run.merge_s,
            embedding_s=now,
            deaths=self._died,
            lost_s=self._lost,
            busy=sum(self._run.partitions) / spent if spent else 1.0,
            given_up=self._given_up,
        )
