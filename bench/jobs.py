"""What does a job cost beside its work, from being asked for to being done?

A worker does jobs that do nothing, in a warm process as ever: many that wait, one after the other,
and one at a time that is asked for while the worker has nothing to do. Both kinds of queue, in
turn. Prints one JSON object: milliseconds a job, by the moments that the queue itself wrote down;
what a sync of this disk takes, of which each change of a job needs one; and how much processor time
somebody takes who looks at a job ten times a second.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from job_queue import sync

from satseek.jobs.protocol import FINAL
from satseek.jobs.queues import open_queue, worker_for
from satseek.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from redisserving import KEEPS, running_redis

if TYPE_CHECKING:
    from satseek.jobs.protocol import Job, LeasingQueue

TESTS = Path(__file__).parents[1] / "tests"

PROGRAM = (sys.executable, str(TESTS / "contract" / "queue_task.py"))
"""Does nothing, and says so as every task does."""

LOOKS = 200
"""Times that a job is looked at."""


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=300, help="jobs that wait")
    parser.add_argument("--alone", type=int, default=50, help="jobs asked for one at a time")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="satseek-jobs-") as name, ExitStack() as stack:
        folder = Path(name)
        urls: dict[str, str | None] = {"embedded": None}
        if shutil.which("redis-server"):
            redis = stack.enter_context(running_redis(folder / "redis", *KEEPS))
            urls["redis"] = redis.url
        found: dict[str, Any] = {"sync_ms": sync(folder, 100)}
        for kind, url in urls.items():
            settings = Settings.model_validate({"data_dir": folder / kind, "queue_url": url})
            found[kind] = _measured(settings, folder, asked.jobs, asked.alone)
    print(json.dumps(found, indent=2))


def _measured(settings: Settings, folder: Path, many: int, alone: int) -> dict[str, Any]:
    queue = open_queue(settings)
    worker = worker_for(queue, settings, program=PROGRAM)
    try:
        _ = [_asked(queue, folder) for _ in range(many)]
        worker.start()
        while sum(queue.counts()[state] for state in FINAL) < many:
            time.sleep(0.1)
        ended = sorted(_seconds(job.finished) for job in queue.jobs())
        spaces = [1000 * (after - before) for before, after in pairwise(ended)]
        single = [_alone(queue, folder) for _ in range(alone)]
        looked = _looked(queue)
    finally:
        worker.stop()
        queue.close()
    return {
        "job_of_many_ms": round(1000 * (ended[-1] - ended[0]) / (many - 1), 2),
        "job_of_many_p95_ms": round(statistics.quantiles(spaces, n=20)[-1], 2),
        "job_alone_ms": round(statistics.median(single), 2),
        "looking_ten_times_a_second_share_of_a_core": round(10 * looked, 5),
    }


def _asked(queue: LeasingQueue, folder: Path) -> Job:
    asked = {"do": "work", "folder": str(folder)}
    return queue.submit("verify", asked, collection="", asked_by="bench")


def _alone(queue: LeasingQueue, folder: Path) -> float:
    """Milliseconds from asking for a job to its end, while nothing else waits."""
    time.sleep(0.05)  # the worker has settled
    job = _asked(queue, folder)
    while (now := queue.find(job.id)).state not in FINAL:
        time.sleep(0.005)
    return 1000 * (_seconds(now.finished) - _seconds(job.created))


def _looked(queue: LeasingQueue) -> float:
    """Seconds of this process for one look at a job."""
    job = queue.jobs(limit=1)[0]
    started = time.process_time()
    for _ in range(LOOKS):
        queue.find(job.id)
    return (time.process_time() - started) / LOOKS


def _seconds(moment: Any) -> float:
    return float(moment.timestamp())


if __name__ == "__main__":
    main()
