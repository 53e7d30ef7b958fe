"""What does the queue on Redis add to a job, and does it matter how many wait?

Two Redis of their own, each with an append-only file that is synced for every change, are asked the
same in turn: one with nothing in it and one in which a million jobs wait. Prints one JSON object as
``job_queue`` does; the bytes of a job that waits are memory of Redis.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from job_queue import FIRST_MOMENT, OF_A_JOB, idle, measured, sync

from satseek.jobs.rqueue.queue import RqQueue

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from redisserving import KEEPS, running_redis

if TYPE_CHECKING:
    from redisserving import RedisServer

AT_ONCE = 1_000
"""Jobs made by one script, which Redis runs without a pause."""

COPIES = """
local fields = redis.call('HGETALL', 'rq:job:' .. ARGV[1])
for at = tonumber(ARGV[2]), tonumber(ARGV[3]) - 1 do
  local id = string.format('%012x0000', at)
  redis.call('HSET', 'rq:job:' .. id, unpack(fields))
  redis.call('ZADD', 'satseek:jobs:all', 0, id)
  redis.call('RPUSH', 'rq:queue:satseek', id)
end
"""
"""What ``submit`` leaves, so many times: a sync a job would take hours."""


def fill(server: RedisServer, queue: RqQueue, waiting: int) -> dict[str, float]:
    """Let so many jobs wait; returns the seconds that took, and what each takes of memory."""
    asked = {"collection": "county", "part": 0}
    job = queue.submit("verify", asked, collection="county", asked_by="local")
    started = time.perf_counter()
    with server.client() as client:
        before = client.info("memory")["used_memory"]
        for at in range(0, waiting, AT_ONCE):
            first = FIRST_MOMENT + at
            client.eval(COPIES, 0, job.id, first, first + min(AT_ONCE, waiting - at))
        used = client.info("memory")["used_memory"] - before
    return {
        "fill_seconds": round(time.perf_counter() - started, 1),
        "bytes_per_waiting_job": round(used / waiting),
    }


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=1_000_000, help="jobs that wait")
    parser.add_argument("--rounds", type=int, default=300, help="jobs measured in each queue")
    asked = parser.parse_args()
    if shutil.which("redis-server") is None:
        sys.exit("redis-server is not on this machine: apt-get install redis-server")
    with tempfile.TemporaryDirectory(prefix="satseek-queue-") as name:
        folder = Path(name)
        found = {"waiting": asked.waiting, "rounds": asked.rounds, "sync_ms": sync(folder, 100)}
        found |= _on_redis(folder, asked.waiting, asked.rounds)
    print(json.dumps(found, indent=2))


def _on_redis(folder: Path, waiting: int, rounds: int) -> dict[str, Any]:
    with (
        running_redis(folder / "empty", *KEEPS) as one,
        running_redis(folder / "many", *KEEPS) as other,
        closing(RqQueue(one.url)) as empty,
        closing(RqQueue(other.url)) as many,
    ):
        filled = fill(other, many, waiting)
        found = measured({"empty": empty, "many": many}, rounds)
        of_a_job = {name: sum(told[stage] for stage in OF_A_JOB) for name, told in found.items()}
        return filled | {
            "empty_ms": found["empty"],
            "many_ms": found["many"],
            "many_to_empty": {
                stage: round(found["many"][stage] / ms, 2) for stage, ms in found["empty"].items()
            },
            "job_ms": {name: round(ms, 3) for name, ms in of_a_job.items()},
            "job_many_to_empty": round(of_a_job["many"] / of_a_job["empty"], 2),
            "idle_claim_ms": idle(empty, rounds),
        }


if __name__ == "__main__":
    main()
