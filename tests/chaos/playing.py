"""A stage of real programs, what is asked of them and a monkey → whether anything was lost.

Does not know which queue it is.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from chaos.asking import more, what_is_wrong, whole_ground

from satseek.jobs.protocol import FINAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from chaos.asking import Account, Ask
    from chaos.crew import Crew, Process
    from chaos.monkey import Monkey

    from satseek.jobs.protocol import Job

LOOK_SECONDS = 0.2
"""How often the jobs are looked at."""
TICK_SECONDS = 0.02
READY = 3
"""Jobs that may wait for a worker: another is asked for where there are fewer."""
ANYBODY = 0.02
"""Chance at each tick at which somebody is to die that it may be one who has nothing to do."""
UNENDED = 30
"""Jobs that have not ended, those of dead workers among them."""
UNWANTED_SECONDS = 1.5
"""A job that is not wanted any more is cancelled within so long of being accepted."""


class Stage(Protocol):
    """A queue and its workers, all of them real programs."""

    crew: Crew
    data: Path

    def submit(self, ask: Ask) -> str | None:
        """Ask for a job; returns its id, None: the queue is away, it has to be said again."""

    def cancel(self, job_id: str) -> bool:
        """Have a job end; returns whether that was heard."""

    def jobs(self) -> list[Job] | None:
        """Give all jobs; None: the queue is away."""

    def victims(self, kind: str) -> Sequence[Process]:
        """Give the living processes of a kind."""


@dataclass(slots=True)
class Played:
    """What came of a run."""

    seed: int
    kills: Counter[str]
    """Who was killed, how often."""
    accepted: int = 0
    """Jobs that were accepted."""
    states: Counter[str] = field(default_factory=Counter)
    """In which state they ended."""
    attempts: int = 0
    """How often they were begun in all."""
    chips: int = 0
    """Chips in the collections of those that were done."""
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    """Everything that should not be."""

    def figures(self) -> dict[str, object]:
        """Give all of it as JSON."""
        counts = {"kills": dict(self.kills), "states": dict(self.states)}
        return {name: getattr(self, name) for name in self.__slots__} | counts


@dataclass(slots=True)
class _Turn:
    """One run at work."""

    stage: Stage
    monkey: Monkey
    chance: random.Random
    asks: Iterator[Ask]
    least: int
    """Jobs that are asked for, however few kills there are."""
    said: Ask | None = None
    """What is asked for until it is accepted."""
    accepted: dict[str, Ask] = field(default_factory=dict)
    unwanted: dict[str, float] = field(default_factory=dict)
    """When a job is to be cancelled, by id."""
    jobs: list[Job] = field(default_factory=list)

    @property
    def unended(self) -> list[Job]:
        return [job for job in self.jobs if job.state not in FINAL]

    @property
    def over(self) -> bool:
        known = {job.id for job in self.jobs}
        heard = known >= set(self.accepted) and not self.unended and not self.unwanted
        asked = self.said is None and len(self.accepted) >= self.least
        return heard and asked and not self.monkey.left

    def ask(self) -> None:
        """Ask for the next job, or for the same again where nobody has heard it."""
        wanted = self.monkey.left or len(self.accepted) < self.least
        now = datetime.now(tz=UTC)
        queued = [job for job in self.unended if job.state == "queued"]
        waiting = [job for job in queued if not job.not_before or job.not_before <= now]
        if self.said is None and wanted and len(waiting) < READY and len(self.unended) < UNENDED:
            self.said = next(self.asks)
        if self.said is None:
            return
        job_id = self.stage.submit(self.said)
        if job_id is not None:
            self.accepted[job_id] = self.said
            if self.said.fate == "cancelled":
                delay = self.chance.uniform(0, UNWANTED_SECONDS)
                self.unwanted[job_id] = time.monotonic() + delay
            self.said = None

    def cancel(self) -> None:
        """Cancel what is not wanted any more, until that is heard."""
        now = time.monotonic()
        due = [job_id for job_id, moment in self.unwanted.items() if moment <= now]
        for job_id in due:
            if self.stage.cancel(job_id):
                del self.unwanted[job_id]

    def victims(self, kind: str) -> Sequence[Process]:
        """Give those who are at work; now and then anybody, who may just be starting."""
        living = self.stage.victims(kind)
        if kind == "redis" or self.chance.random() < ANYBODY:
            return living
        # a worker is called HOST:PID/LANE
        told = [job.worker for job in self.unended if job.state == "running"]
        busy = {int(one.partition(":")[2].partition("/")[0]) for one in told}
        return [one for one in living if one.pid in busy or one.parent in busy]

    def look(self) -> None:
        """See how the jobs stand."""
        found = self.stage.jobs()
        self.jobs = self.jobs if found is None else found


def play(stage: Stage, monkey: Monkey, calm: Mapping[str, Account], *, seconds: float) -> Played:
    """Index the ground while the monkey is about, and more for as long as it is.

    Args:
        stage: Its programs are dismissed at the end.
        monkey: Kills them.
        calm: What each folder's collection is when nobody is killed.
        seconds: When everything must have ended.
    """
    began = time.monotonic()
    asks = whole_ground()
    turn = _Turn(stage, monkey, random.Random(monkey.seed), _all(asks), least=len(asks))
    played = Played(monkey.seed, monkey.killed)
    try:
        _play_on(turn, played, until=began + seconds)
    finally:
        played.wrong += stage.crew.dismiss()
    played.seconds = round(time.monotonic() - began, 1)
    _judge(played, turn, calm)
    return played


def _play_on(turn: _Turn, played: Played, *, until: float) -> None:
    """Have the monkey act, ask and look, until everything has ended."""
    looked = 0.0
    while not turn.over:
        now = time.monotonic()
        if now > until:
            left = [f"{job.id} {job.state} {job.note} {job.error}" for job in turn.unended]
            played.wrong.append(f"it does not end: {turn.monkey.left} kills left, jobs {left}")
            return
        turn.stage.crew.tend()
        turn.monkey.act(turn.victims)
        if now - looked >= LOOK_SECONDS:
            turn.look()
            turn.ask()
            turn.cancel()
            looked = now
        time.sleep(TICK_SECONDS)


def _all(asks: Sequence[Ask]) -> Iterator[Ask]:
    yield from asks
    yield from more()


def _judge(played: Played, turn: _Turn, calm: Mapping[str, Account]) -> None:
    """Compare every job with what there is of it."""
    found = {job.id: job for job in turn.jobs}
    played.accepted = len(turn.accepted)
    played.states = Counter(job.state for job in found.values())
    played.attempts = sum(job.attempts for job in found.values())
    lost = turn.accepted.keys() - found.keys()
    doubled = found.keys() - turn.accepted.keys()
    played.wrong += [f"{turn.accepted[job_id].key}: accepted and lost" for job_id in sorted(lost)]
    played.wrong += [f"{found[job_id].task}: never accepted, or twice" for job_id in doubled]
    for job_id in turn.accepted.keys() & found.keys():
        ask, job = turn.accepted[job_id], found[job_id]
        wrong = what_is_wrong(ask, job, turn.stage.data, calm)
        played.wrong += [wrong] if wrong else []
        if ask.task == "index" and job.state == "done" and not wrong:
            played.chips += calm[ask.account][0]
