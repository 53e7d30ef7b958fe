"""Does one thing to an embedded queue in a process of its own, which may be killed or starved.

``python queue_process.py claim|fire|kill|fill FILE …``
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.errors import SatseekError
from satseek.index import storing
from satseek.jobs.clocks import Moment
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.protocol import LEASE_SECONDS, Schedule
from satseek.jobs.scheduling import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 1, tzinfo=UTC)


def claim(path: Path) -> None:
    """Take every job, once told to begin."""
    queue = EmbeddedQueue(path)
    sys.stdin.readline()
    while (lease := queue.claim("w")) is not None:
        _say(lease.job.id)


def fire(path: Path) -> None:
    """Ask for what is due at each moment that comes in."""
    now = [0.0]
    queue = EmbeddedQueue(path)
    scheduler = Scheduler(queue, clock=lambda: datetime.fromtimestamp(now[0], tz=UTC))
    for line in sys.stdin:
        now[0] = float(line)
        _say(json.dumps([job.id for job in scheduler.fire_due()]))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _submit(queue: EmbeddedQueue, name: str) -> str:
    return queue.submit(
        "verify", {"name": name}, collection="c", asked_by="local", key=name or None
    ).id


def _life(queue: EmbeddedQueue) -> list[Callable[[], Any]]:
    """All that can be done to a queue, step by step."""
    schedule = Schedule(
        name="s",
        cron="0 * * * *",
        timezone="UTC",
        task="verify",
        parameters={"name": "s"},
        collection="c",
        asked_by="local",
        created=START,
    )
    leases: list[Any] = []
    return [
        lambda: _submit(queue, "a"),
        lambda: _submit(queue, "b"),
        lambda: leases.append(queue.claim("w")),
        lambda: queue.report(leases[0], done=1, total=2, note="n", log="l"),
        lambda: queue.finish(leases[0], "done", result={"of": "a"}),
        lambda: leases.append(queue.claim("w")),
        lambda: queue.retry(leases[1], error="busy"),
        lambda: queue.cancel(leases[1].job.id),
        lambda: queue.put_schedule(schedule),
        lambda: queue.fire(schedule, START + timedelta(hours=1)),
        lambda: leases.append(queue.claim("w")),
        lambda: queue.put_back(leases[2]),
    ]


def _seen(path: Path) -> dict[str, Any]:
    """Everything that anybody sees of a queue."""
    queue = EmbeddedQueue(path)
    jobs = {
        job.parameters["name"]: (job.state, job.done, job.note, job.error, job.result, job.attempts)
        for job in queue.jobs()
    }
    schedules = [(one.name, one.last) for one in queue.schedules()]
    counts = {state: count for state, count in queue.counts().items() if count}
    queue.close()
    return {"jobs": jobs, "schedules": schedules, "counts": counts}


def kill(folder: Path, every: int) -> None:
    """Kill a queue's owner after so many steps of SQLite's machine, and after twice so many …"""
    whole = EmbeddedQueue(folder / "whole")
    stages = [{"jobs": {}, "schedules": [], "counts": {}}]
    for step in _life(whole):
        step()
        stages.append(_seen(folder / "whole"))
    wrong, kills = list[Any](), 0
    while True:
        path = folder / f"{kills}.sqlite"
        acknowledged, killed = _until_killed(path, kills * every + 1)
        if not killed:
            break
        kills += 1
        seen = _seen(path)
        if seen not in stages[acknowledged : acknowledged + 2]:
            wrong.append({"at": kills, "acknowledged": acknowledged, "seen": str(seen)})
        wrong += [{"at": kills, "says": told} for told in _settled(path)]
    _say(json.dumps({"kills": kills, "wrong": wrong}))


def _until_killed(path: Path, steps: int) -> tuple[int, bool]:
    """Live in a child until it kills itself; returns how much it did, and whether it died."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _mortal(steps)
        for step in _life(EmbeddedQueue(path)):
            step()
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        acknowledged = len(told.read())
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
        sys.exit(f"the queue failed by itself: {status}")
    return acknowledged, os.WIFSIGNALED(status)


def _mortal(steps: int) -> None:
    """Let each connection count the steps of SQLite's machine, to the last."""
    left = [steps]

    def step() -> int:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    connect = storing._connect

    def counted(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.set_progress_handler(step, 1)
        return db

    storing._connect = counted


def _settled(path: Path) -> list[str]:
    """Do all that is left, as another worker would; returns what is not as it should be."""

    def later() -> Moment:
        now = datetime.now(tz=UTC).timestamp() + LEASE_SECONDS + 1000
        return Moment(wall=now, ticks=0.0, boot="another")

    queue = EmbeddedQueue(path, clock=later)
    while (lease := queue.claim("next")) is not None:
        queue.finish(lease, "done", result={"of": lease.job.parameters["name"]})
    states = [job.state for job in queue.jobs()]
    queue.close()
    db = sqlite3.connect(path)
    found = [text for (text,) in db.execute("PRAGMA integrity_check") if text != "ok"]
    db.close()
    return [*found, *(state for state in states if state not in {"done", "cancelled"})]


def fill(path: Path) -> None:
    """Ask until the disk is full, then once there is room again."""
    queue = EmbeddedQueue(path)
    _submit(queue, "0")
    acknowledged, refused = [_submit(queue, "1")], list[str]()
    lease = queue.claim("w")
    assert lease is not None
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, unlimited[1]))
    while len(refused) < 4:
        try:
            acknowledged.append(_submit(queue, str(len(acknowledged) + 1)))
        except SatseekError as error:
            refused.append(type(error).__name__)
    try:
        queue.finish(lease, "done", result={"long": "x" * 20_000})
    except SatseekError as error:
        refused.append(type(error).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    queue.finish(lease, "done", result={"long": "x" * 20_000})
    _submit(queue, "last")
    ids = [job.id for job in queue.jobs()][::-1]
    counts = queue.counts()
    told = {
        "acknowledged": acknowledged,
        "refused": refused,
        "found": ids[1:],
        "counts": {state: counts[state] for state in ("queued", "running", "done")},
    }
    _say(json.dumps(told))


if __name__ == "__main__":
    verb, file, *words = sys.argv[1:]
    acts: dict[str, Callable[..., None]] = {
        "claim": claim,
        "fire": fire,
        "kill": kill,
        "fill": fill,
    }
    acts[verb](Path(file), *map(int, words))
