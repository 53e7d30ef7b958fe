"""What does it cost a job to be watched?

The same work, one thread that computes and tells of each step, is done in turn: by its process
alone, told of by a worker, and told of by a worker while eight people look at it five times a
second each. Prints one JSON object: seconds of the work in each case (medians of rounds that
alternate) and their ratios, and the processor's share of worker and watchers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.jobs.protocol import Job
from satseek.jobs.queues import open_queue
from satseek.jobs.running import Runner
from satseek.jobs.working import Worker
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCHERS = 8
LOOKS_PER_SECOND = 5
STEPS = 1000
"""Steps that a job tells of, as an indexing of a thousand scenes does."""

WORK = f"""
import time
from satseek.jobs.obeying import obey

def do(asked, on_progress):
    began, spent = time.perf_counter(), time.process_time()
    for step in range({STEPS}):
        sum(range(asked.parameters["additions"] // {STEPS}))
        on_progress(step + 1, {STEPS}, f"scene {{step}}.tif")
    return {{"seconds": time.perf_counter() - began, "cpu": time.process_time() - spent}}

obey(do)
"""
PROGRAM = (sys.executable, "-c", WORK)


def alone(runner: Runner, additions: int) -> dict[str, float]:
    """Have the process do it; nobody writes down what it tells."""
    asked = {"additions": additions}
    job = Job(
        id="0" * 16,
        task="verify",
        parameters=asked,
        collection="",
        asked_by="local",
        state="running",
        created=datetime.now(UTC),
    )
    runner.begin(job)
    while not runner.wait(60):
        pass
    return dict(runner.result or {})


def by_worker(folder: Path, additions: int, watchers: int) -> dict[str, float]:
    """Have a worker do it, while so many look; what is told also has their processor's share."""
    settings = Settings(data_dir=folder)
    with closing(open_queue(settings)) as queue:
        worker = Worker(queue, settings=settings, program=PROGRAM)
        worker.start()
        asked = {"additions": 1000}
        _ended(folder, queue.submit("verify", asked, collection="", asked_by="local").id)
        spent, began = time.process_time(), time.perf_counter()
        asked = {"additions": additions}
        job_id = queue.submit("verify", asked, collection="", asked_by="local").id
        with _watched(folder, job_id, watchers):
            job = _ended(folder, job_id)
        share = (time.process_time() - spent) / (time.perf_counter() - began)
        worker.stop()
    return {**(job.result or {}), "share": share}


@contextmanager
def _watched(folder: Path, job_id: str, watchers: int) -> Iterator[None]:
    enough = threading.Event()

    def look() -> None:
        with closing(open_queue(Settings(data_dir=folder))) as queue:
            while not enough.wait(1 / LOOKS_PER_SECOND):
                queue.find(job_id)

    threads = [threading.Thread(target=look) for _ in range(watchers)]
    for thread in threads:
        thread.start()
    yield
    enough.set()
    for thread in threads:
        thread.join()


def _ended(folder: Path, job_id: str) -> Job:
    with closing(open_queue(Settings(data_dir=folder))) as queue:
        while (job := queue.find(job_id)).finished is None:
            time.sleep(0.05)
    return job


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--additions", type=int, default=100_000_000, help="size of the work")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {"alone": [], "told": [], "watched": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runner = Runner(Settings(data_dir=folder), PROGRAM)
        alone(runner, 1000)  # its process is warm now
        for _ in range(chosen.rounds):
            found["alone"].append(alone(runner, chosen.additions))
            found["told"].append(by_worker(folder, chosen.additions, 0))
            found["watched"].append(by_worker(folder, chosen.additions, WATCHERS))
        runner.close()
    middle = {
        name: {one: statistics.median(each[one] for each in rounds) for one in rounds[0]}
        for name, rounds in found.items()
    }
    seconds = {name: one["seconds"] for name, one in middle.items()}
    cpu = {name: one["cpu"] for name, one in middle.items()}
    told = {
        "rounds": chosen.rounds,
        "seconds": {name: round(one, 3) for name, one in seconds.items()},
        "to_alone": {name: round(one / seconds["alone"], 3) for name, one in seconds.items()},
        "cpu_to_alone": {name: round(one / cpu["alone"], 3) for name, one in cpu.items()},
        "share_of_a_core": {name: round(middle[name]["share"], 4) for name in ("told", "watched")},
        "watchers": WATCHERS,
        "looks_per_second": LOOKS_PER_SECOND,
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
