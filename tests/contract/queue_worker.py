"""A worker in a process of its own, less patient than others, over the queue that settings name."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from satseek.jobs import protocol, retrying

LEASE_SECONDS = 1.5

protocol.LEASE_SECONDS = LEASE_SECONDS  # before others take it from there
retrying.FIRST_SECONDS = 0.1
retrying.GROWTH = 1.5


def main() -> None:
    from satseek.jobs.queues import open_queue, worker_for  # noqa: PLC0415
    from satseek.settings import Settings  # noqa: PLC0415

    settings = Settings.model_validate(json.loads(sys.argv[1]))
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    queue = open_queue(settings)
    task = Path(__file__).with_name("queue_task.py")
    worker = worker_for(
        queue, settings, burst="--burst" in sys.argv, program=[sys.executable, str(task)]
    )
    worker.start()
    print("ready", flush=True)  # noqa: T201
    while not worker.wait(0.05) and not ending.is_set():
        pass
    worker.stop()
    queue.close()


if __name__ == "__main__":
    main()
