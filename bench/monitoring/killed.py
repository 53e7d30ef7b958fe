"""Is anything lost, or done twice, where those who watch the land are killed all the time?

Real workers with their processes, over the embedded queue and over Redis, are killed at random
moments while scenes come into a watched folder, some of them half at first, and while the receiver
of alerts fails three times in ten: refuses, hangs up before or after it has taken a letter, answers
too late. Jobs of the watch, of land use and of assessing are asked for meanwhile. What is left is
compared with what one worker leaves whom nobody disturbs: findings with their pictures, alerts and
their ids, scenes that were looked at, and all files of land use and assessment byte by byte, but
for the moments at which they were made. Prints one JSON object; whatever differs ends it.

``python bench/monitoring/killed.py [RUNS [KILLS]]``: so many runs over each queue, so many kills
in each. ``killed.py worker`` is a worker in a hurry.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import killmaking as making
from chaos.crew import Crew
from chaos.ground import environment
from chaos.monkey import Monkey
from chaos.stages import QueueStage
from receiving import receiving
from redisserving import KEEPS, free_port

from satseek.errors import DiskFull, Overloaded
from satseek.jobs.protocol import FINAL, Terms
from satseek.jobs.queues import open_queue
from satseek.monitor.opening import opened_findings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from killmaking import Left
    from receiving import Receiver

    from satseek.jobs.protocol import Job, TaskName
    from satseek.settings import Settings

RUNS, KILLS = 2, 60
KINDS = {"embedded": ("worker", "child", "child"), "redis": ("worker", "child", "child", "redis")}
"""Who is killed, in which proportions."""
GAPS_A_RUN = 25
"""Kills in the time that everything takes undisturbed: denser ones would let nothing start."""
SLOWER = 40
"""So many times as long as undisturbed may a run take."""
TICK_SECONDS, LOOK_SECONDS = 0.02, 0.2
ATTEMPTS = 100
OTHERS: tuple[TaskName, ...] = ("landuse", "assess")


@dataclass(slots=True)
class Played:
    """One run."""

    left: Left
    content: dict[str, list[dict[str, bytes]]]
    """Files of each job of land use and of assessing."""
    attempts: list[int]
    """Of each job."""
    seconds: float
    wrong: list[str] = field(default_factory=list)


def main(runs: int, kills: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        land = making.make_land(root / "land")
        with receiving() as receiver:
            calm = _played(root / "calm", land, receiver, queue="embedded", monkey=None)
        if calm.wrong:
            raise SystemExit("undisturbed: " + "; ".join(calm.wrong))
        sys.stderr.write(f"undisturbed: {calm.seconds} s\n")
        figures: dict[str, Any] = {"calm_seconds": calm.seconds, "alerts_a_run": _alerts(calm)}
        for queue in KINDS:
            one = partial(_killed, root / queue, land, calm, queue=queue, kills=kills)
            figures[queue] = _summed([one(seed) for seed in range(runs)])
        print(json.dumps(figures))


def _killed(
    root: Path, land: Path, calm: Played, seed: int, *, queue: str, kills: int
) -> dict[str, Any]:
    """Do everything while the monkey is about, and compare."""
    chance = random.Random(seed)
    deck = Counter(KINDS[queue][at % len(KINDS[queue])] for at in range(kills))
    monkey = Monkey(deck, seed=seed, gap=calm.seconds / GAPS_A_RUN)
    with receiving() as receiver:
        making.failing(receiver, chance)
        played = _played(root / str(seed), land, receiver, queue=queue, monkey=monkey, calm=calm)
        requests = [got.key for got in receiver.got]
        wrong = [*played.wrong, *_differences(calm, played, receiver)]
    if wrong:
        raise SystemExit(f"{queue}, seed {seed}: " + "; ".join(wrong))
    sys.stderr.write(f"{queue} {seed}: {dict(monkey.killed)} in {played.seconds} s\n")
    return {
        "kills": monkey.killed,
        "alerts": _alerts(played),
        "requests": len(requests),
        "doubled": sum(count > 1 for count in Counter(requests).values()),
        "cut_off": receiver.cut_off,
        "jobs": len(played.attempts),
        "attempts": sum(played.attempts),
        "compared": {task: len(found) for task, found in played.content.items()},
        "seconds": played.seconds,
    }


def _played(
    home: Path,
    land: Path,
    receiver: Receiver,
    *,
    queue: str,
    monkey: Monkey | None,
    calm: Played | None = None,
) -> Played:
    """Have scenes come, and everything done, with or without a monkey."""
    settings = making.begin(home, land, receiver.port)
    stage = _stage(home, making.settings_of(home, land, receiver.port), queue)
    turn = _Turn(stage, settings, home, land, monkey, random.Random(home.name))
    begun = time.monotonic()
    limit = begun + (600.0 if calm is None else max(300.0, calm.seconds * SLOWER))
    wrong = []
    try:
        looked = 0.0
        while not turn.over:
            if time.monotonic() > limit:
                wrong.append(f"it does not end: {turn.told()}")
                break
            stage.crew.tend()
            if monkey is not None:
                monkey.act(stage.victims)
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                turn.look()
            time.sleep(TICK_SECONDS)
    finally:
        wrong += stage.crew.dismiss()
    seconds = round(time.monotonic() - begun, 1)
    jobs = stage.jobs() if queue == "embedded" else turn.jobs
    return Played(
        left=making.left(settings),
        content=turn.content(),
        attempts=[job.attempts for job in jobs or ()],
        seconds=seconds,
        wrong=[*wrong, *turn.wrong()],
    )


@dataclass(slots=True)
class _Turn:
    """What has come, and what is still to be asked for."""

    stage: QueueStage
    settings: Settings
    home: Path
    land: Path
    monkey: Monkey | None
    chance: random.Random
    days: list[str] = field(default_factory=lambda: list(making.DAYS))
    half: bool = False
    """Whether a part of the next scene is there."""
    asked: dict[str, TaskName] = field(default_factory=dict)
    """Jobs that were accepted, by id."""
    jobs: list[Job] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Tell whether everything was done, and told; or something failed, which nothing may."""
        if any(job.state == "failed" for job in self.jobs):
            return True
        if self.days or self.unended or (self.monkey is not None and self.monkey.left):
            return False
        known = {job.id for job in self.jobs} >= self.asked.keys()
        done = known and set(OTHERS) <= set(self.asked.values())
        return done and all(state == "arrived" for *_, state in self._left.alerts.values())

    @property
    def unended(self) -> list[Job]:
        return [job for job in self.jobs if job.state not in FINAL]

    @property
    def _left(self) -> Left:
        return making.left(self.settings)

    def look(self) -> None:
        """See how jobs stand; have scenes come, and ask for what follows from them."""
        found = self.stage.jobs()
        if found is None:
            return
        self.jobs = found
        if self.over:
            return
        waiting = [self.asked.get(job.id) for job in self.unended]
        if self.days:
            if not waiting or (self.monkey is not None and self.chance.random() < 0.05):
                self._arrive()
                self._ask("watch")
        elif not waiting:
            seen = set(self._left.scenes)
            self._ask("watch" if len(seen) < len(making.DAYS) else self._next())

    def content(self) -> dict[str, list[dict[str, bytes]]]:
        """Read the files of all jobs; each must be whole."""
        found: dict[str, list[dict[str, bytes]]] = {task: [] for task in OTHERS}
        for job in self.jobs:
            if self.asked.get(job.id) in OTHERS and job.state == "done":
                told = dict(job.result or {})
                found[self.asked[job.id]].append(making.content_of(told, self.settings, job.id))
        return found

    def wrong(self) -> list[str]:
        """Tell what is not as it should be."""
        failed = [
            f"{job.task} {job.state}: {job.error}" for job in self.jobs if job.state != "done"
        ]
        with closing(opened_findings(self.settings)) as findings:
            return failed + findings.verify()

    def told(self) -> str:
        left = "" if self.monkey is None else f"{self.monkey.left} kills left, "
        return f"{left}{self.days} to come, jobs {[(j.task, j.state) for j in self.unended]}"

    def _arrive(self) -> None:
        disturbed = self.monkey is not None
        half = disturbed and not self.half and self.chance.random() < 0.5
        making.arrive(self.days[0], land=self.land, home=self.home, part=0.6 if half else 1.0)
        self.half = half
        if not half:
            self.days.pop(0)

    def _next(self) -> TaskName:
        done = Counter(self.asked.values())
        return min(OTHERS, key=lambda task: done[task])

    def _ask(self, task: TaskName) -> None:
        asked: Mapping[str, Any] = {"collection": making.COLLECTION, **making.ASKED[task]}
        try:
            job = self.stage.queue.submit(
                task,
                asked,
                collection=making.COLLECTION,
                asked_by="local",
                terms=Terms(attempts=ATTEMPTS),
            )
        except (Overloaded, DiskFull):  # a queue that is away is one of these
            return
        self.asked[job.id] = task


def _stage(home: Path, settings: dict[str, Any], queue: str) -> QueueStage:
    crew, around = Crew(home / "logs"), _environment(settings)
    if queue == "redis":
        port = free_port()
        around["SATSEEK_QUEUE_URL"] = settings["queue_url"] = f"redis://127.0.0.1:{port}/0"
        (home / "redis").mkdir()
        words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
        words += ["--dir", str(home / "redis"), "--save", "", "--loglevel", "warning", *KEEPS]
        crew.hire("redis", words, environment({}))
    for number in range(2):
        crew.hire(f"worker-{number}", [sys.executable, __file__, "worker"], around)
    data = Path(settings["data_dir"])
    from satseek.settings import Settings  # noqa: PLC0415

    return QueueStage(crew=crew, data=data, queue=open_queue(Settings.model_validate(settings)))


def _environment(settings: Mapping[str, Any]) -> dict[str, str]:
    lists = {name: ",".join(value) for name, value in settings.items() if isinstance(value, list)}
    tables = {name: json.dumps(it) for name, it in settings.items() if isinstance(it, dict)}
    plain = {name: str(value) for name, value in settings.items()}
    room = Path(__file__).parents[2]  # whatever is installed, this is what is measured
    path = os.pathsep.join(str(room / name) for name in ("src", "tests"))
    return dict(environment(plain | lists | tables, PYTHONPATH=path))


def _differences(calm: Played, played: Played, receiver: Receiver) -> list[str]:
    """Tell what came of it that would not have come otherwise."""
    left, days = played.left, list(making.DAYS)
    wrong = [
        f"{name} differ: {_odd(getattr(calm.left, name), getattr(left, name))[:3]}"
        for name in ("findings", "alerts", "scenes")
        if getattr(calm.left, name) != getattr(left, name)
    ]
    if (left.days, left.picked_up) != (days, len(days)):
        wrong.append(f"picked up {left.picked_up} scenes, looked at {left.days}")
    if set(left.alerts) != set(receiver.taken):
        wrong.append(f"alerts and what was taken: {set(left.alerts) ^ set(receiver.taken)}")
    if len(left.alerts) != len({(got.key, got.body) for got in receiver.got}):
        wrong.append("one key with two bodies")
    for task, found in played.content.items():
        (expected, *_) = calm.content[task]
        wrong += [
            f"files of {task} differ: {_odd(expected, content)}"
            for content in found
            if content != expected
        ]
    return wrong


def _odd(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """What differs, and how, as far as a line shows it."""
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return [(name, str(one.get(name))[:2000], str(other.get(name))[:2000]) for name in names]


def _alerts(played: Played) -> int:
    return len(played.left.alerts)


def _summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    kills: Counter[str] = sum((one["kills"] for one in runs), Counter())
    compared: Counter[str] = sum((Counter(one["compared"]) for one in runs), Counter())
    added = ("alerts", "requests", "doubled", "cut_off", "jobs", "attempts")
    return {
        "runs": len(runs),
        "kills": dict(kills),
        "kills_in_all": sum(kills.values()),
        **{name: sum(one[name] for one in runs) for name in added},
        "compared": dict(compared),
        "median_seconds": statistics.median(one["seconds"] for one in runs),
        "lost": 0,
        "under_two_keys": 0,
        "picked_up_twice": 0,
        "files_that_differ": 0,
    }


def hurry() -> None:
    """Shorten the pauses of this process, so that many deaths fit into a minute."""
    from satseek.monitor.delivery import delivering  # noqa: PLC0415

    delivering.Pace = lambda: making.SOON  # type: ignore[assignment, misc]
    shorter = {
        ("satseek.jobs.protocol", "LEASE_SECONDS"): 4.0,
        ("satseek.jobs.retrying", "FIRST_SECONDS"): 0.2,
        ("satseek.jobs.retrying", "LONGEST_SECONDS"): 2.0,
        ("satseek.jobs.delivering", "LOOK_SECONDS"): 0.1,
    }
    for (module, name), seconds in shorter.items():
        owner = import_module(module)
        assert seconds < getattr(owner, name)
        setattr(owner, name, seconds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        hurry()
        from satseek.cli import main as satseek

        satseek()
    else:
        given = [int(word) for word in sys.argv[1:]]
        main(*given, *(RUNS, KILLS)[len(given) :])
