"""What does the queue add to a job, and does it matter how many wait?

Two queues are asked the same in turn: an empty one and one in which a million jobs wait. Prints one
JSON object: milliseconds of each stage in both and their ratio, the bytes of a job that waits, what
a sync of this disk takes; and what a job that does nothing takes in all, done by a worker and its
warm process: one after the other as they are asked for, and out of those that wait.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.working import Worker
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.jobs.protocol import LeasingQueue

OF_A_JOB = ("submit", "claim", "report", "finish")
"""What every job goes through; ``report`` once every half second of its work."""

LISTED = 100
"""Jobs on a page."""

FIRST_MOMENT = 1_600_000_000_000
"""Milliseconds since 1970 of the first that waits: all that wait are before what is measured."""


NOTHING = (
    sys.executable,
    "-c",
    "from satseek.jobs.obeying import obey; obey(lambda asked, on_progress: {})",
)
"""Does jobs as our own program does, but nothing of what they ask for."""


def fill(queue: EmbeddedQueue, waiting: int) -> float:
    """Let so many jobs wait, in one change; returns the seconds that took."""
    started = time.perf_counter()
    rows = (
        (f"{FIRST_MOMENT + at:012x}0000", f'{{"collection": "county", "part": {at}}}')
        for at in range(waiting)
    )
    with queue._store.transaction() as db:  # noqa: SLF001 - one sync a job would take hours
        db.executemany(
            "INSERT INTO jobs (id, task, collection, asked_by, state, ready, most_attempts,"
            " keep_seconds, created, parameters)"
            " VALUES (?, 'verify', 'county', 'local', 'queued', 1, 3, 86400, 1.6e9, ?)",
            rows,
        )
    return time.perf_counter() - started


def stages(queue: LeasingQueue) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Give what is done to one job, one after the other, and what lookers ask meanwhile."""
    held: list[Any] = []
    asked = {"collection": "county"}
    yield (
        "submit",
        lambda: held.append(queue.submit("verify", asked, collection="county", asked_by="local")),
    )
    yield "claim", lambda: held.append(queue.claim("bench"))
    yield "report", lambda: queue.report(held[1], done=1, total=2, note="a.tif", log="began\n")
    yield "find", lambda: queue.find(held[0].id)
    yield "counts", queue.counts
    yield "page", lambda: queue.jobs(limit=LISTED)
    yield "finish", lambda: queue.finish(held[1], "done", result={"chips": 1})
    waits = queue.submit("verify", asked, collection="county", asked_by="local")
    yield "cancel", lambda: queue.cancel(waits.id)


def measured(queues: dict[str, LeasingQueue], rounds: int) -> dict[str, dict[str, float]]:
    """Take the median milliseconds of each stage in each queue."""
    for queue in queues.values():
        for _ in range(LISTED):  # pages are full from the first round on
            queue.cancel(queue.submit("verify", {}, collection="county", asked_by="local").id)
    taken: dict[str, dict[str, list[float]]] = {name: {} for name in queues}
    for _ in range(rounds):
        for name, queue in queues.items():
            for stage, act in stages(queue):
                started = time.perf_counter()
                act()
                spent = (time.perf_counter() - started) * 1000
                taken[name].setdefault(stage, []).append(spent)
    return {
        name: {stage: round(statistics.median(all_), 3) for stage, all_ in stages_.items()}
        for name, stages_ in taken.items()
    }


def done_by_worker(queue: LeasingQueue, folder: Path, jobs: int) -> float:
    """Milliseconds a job, of so many that wait."""
    goal = queue.counts()["done"] + jobs + 1
    worker = Worker(queue, settings=Settings(data_dir=folder), program=NOTHING)
    worker.start()
    _wait(lambda: queue.counts()["done"] > goal - jobs)  # its process is warm now
    started, before = time.perf_counter(), queue.counts()["done"]
    _wait(lambda: queue.counts()["done"] >= goal)
    spent, done = time.perf_counter() - started, queue.counts()["done"] - before
    worker.stop()
    return round(spent * 1000 / done, 3)


def asked_one_by_one(queue: LeasingQueue, folder: Path, jobs: int) -> float:
    """Median milliseconds from asking for a job to seeing that it is done, with nothing waiting."""
    worker = Worker(queue, settings=Settings(data_dir=folder), program=NOTHING)
    worker.start()
    taken = list[float]()
    for _ in range(jobs):
        started = time.perf_counter()
        job = queue.submit("verify", {}, collection="county", asked_by="local")
        worker.wake()
        _wait(lambda job=job: queue.find(job.id).state == "done")
        taken.append((time.perf_counter() - started) * 1000)
    worker.stop()
    return round(statistics.median(taken), 3)


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit("jobs are not done")
        time.sleep(0.001)


def idle(queue: LeasingQueue, rounds: int) -> float:
    """Milliseconds of asking an empty queue for work."""
    while (lease := queue.claim("bench")) is not None:
        queue.finish(lease, "done", result={})
    started = time.perf_counter()
    for _ in range(rounds):
        queue.claim("bench")
    return round((time.perf_counter() - started) * 1000 / rounds, 4)


def sync(folder: Path, rounds: int) -> float:
    """Median milliseconds of making 4 KiB durable at the end of a file."""
    taken = list[float]()
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(rounds):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(taken), 3)


def embedded(folder: Path, waiting: int, rounds: int) -> dict[str, Any]:
    """Measure the embedded queue."""
    with (
        closing(EmbeddedQueue(folder / "empty.sqlite")) as empty,
        closing(EmbeddedQueue(folder / "many.sqlite")) as many,
    ):
        filled = fill(many, waiting)
        size = (folder / "many.sqlite").stat().st_size
        found = measured({"empty": empty, "many": many}, rounds)
        slower = {
            stage: round(found["many"][stage] / ms, 2) for stage, ms in found["empty"].items()
        }
        of_a_job = {
            name: round(sum(one[stage] for stage in OF_A_JOB), 3) for name, one in found.items()
        }
        asked = asked_one_by_one(empty, folder, rounds)
        for _ in range(rounds + 2):
            empty.submit("verify", {}, collection="county", asked_by="local")
        of_few = done_by_worker(empty, folder, rounds)
        of_many = done_by_worker(many, folder, rounds)
        return {
            "asked_one_by_one_ms": asked,
            "done_of_few_ms": of_few,
            "done_of_many_ms": of_many,
            "done_many_to_few": round(of_many / of_few, 2),
            "fill_seconds": round(filled, 1),
            "bytes_per_waiting_job": round(size / waiting),
            "empty_ms": found["empty"],
            "many_ms": found["many"],
            "many_to_empty": slower,
            "job_ms": of_a_job,
            "job_many_to_empty": round(of_a_job["many"] / of_a_job["empty"], 2),
            "idle_claim_ms": idle(empty, rounds),
        }


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=1_000_000, help="jobs that wait")
    parser.add_argument("--rounds", type=int, default=300, help="jobs measured in each queue")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="satseek-queue-") as name:
        folder = Path(name)
        found = {
            "waiting": asked.waiting,
            "rounds": asked.rounds,
            "sync_ms": sync(folder, asked.rounds),
            "embedded": embedded(folder, asked.waiting, asked.rounds),
        }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
