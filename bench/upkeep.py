"""What does it cost to count what an operator looks after, in the folder of an old, large office?

A million jobs that wait, a million findings, a million letters that arrived and ten thousand that
wait, two hundred schedules. Processor time of one count, of which there is one in ten seconds at
most.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.index.storing import Store
from satseek.jobs.protocol import Schedule
from satseek.jobs.queues import open_queue
from satseek.jobs.tables import lay_out
from satseek.jobs.working import FOLDER as JOBS
from satseek.monitor.delivery.rows import OUTBOX
from satseek.monitor.findings.rows import PART
from satseek.monitor.tables import FOLDER, opened
from satseek.service import machine
from satseek.service.monitor.stores import Stores
from satseek.service.upkeep import Upkeeping
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 1_000_000
WAITING = 10_000
SCHEDULES = 200
TIMES = 9
SAID = json.dumps({"what": "x" * 600})


def main() -> None:
    """Fill a folder, count, and print what it took."""
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(data_dir=Path(name))
        _fill_queue(settings.data_dir / JOBS / "jobs.sqlite")
        _fill_monitor(settings.data_dir / FOLDER)
        with closing(open_queue(settings)) as queue:
            for at in range(SCHEDULES):
                queue.put_schedule(_schedule(at))
            stores = Stores.of(settings)
            upkeep = Upkeeping(settings, jobs=queue, stores=stores, fresh_seconds=0.0)
            parts: dict[str, Callable[[], object]] = {
                "all": upkeep.take,
                "job_wait": queue.wait_seconds,
                "schedules": queue.schedules,
                "findings": stores.findings.counts,
                "oldest_finding": stores.findings.oldest_undecided,
                "letters": lambda: stores.outbox.backlog(now=time.time()),
                "machine": lambda: machine.look(settings.data_dir),
            }
            figures = {f"{name}_cpu_ms": _cpu_ms(work) for name, work in parts.items()}
            stores.close()
    print(
        json.dumps(
            {
                "jobs": MANY,
                "findings": MANY,
                "letters_arrived": MANY,
                "letters_waiting": WAITING,
                "schedules": SCHEDULES,
                **figures,
                "load_of_the_machine": round(os.getloadavg()[0], 1),
            }
        )
    )


def _cpu_ms(work: Callable[[], object]) -> float:
    work()
    taken = []
    for _ in range(TIMES):
        started = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - started))
    return round(statistics.median(taken), 2)


def _schedule(at: int) -> Schedule:
    return Schedule(
        name=f"watch-{at}",
        cron=f"{at % 60} 3 * * *",
        timezone="Europe/Berlin",
        task="watch",
        parameters={"collection": "county", "watch": f"w{at}"},
        collection="county",
        asked_by="local",
        created=datetime.now(UTC) - timedelta(days=2),
    )


def _fill_queue(path: Path) -> None:
    store, now = Store(path, lay_out), time.time()
    with closing(store), store.transaction() as db:
        db.executemany(
            "INSERT INTO jobs (id, task, collection, asked_by, state, ready, priority,"
            " most_attempts, keep_seconds, created, parameters)"
            " VALUES (?, 'verify', 'c', 'local', 'queued', 1, ?, 3, 86400, ?, '{}')",
            ((f"{int(now * 1000) + at:012x}0000", at % 3, now) for at in range(MANY)),
        )


def _fill_monitor(folder: Path) -> None:
    store, now = opened(folder, PART, OUTBOX), time.time()
    stamp = datetime.now(UTC).isoformat()
    states = ("new", "confirmed", "rejected", "closed")
    with closing(store), store.transaction() as db:
        db.executemany(
            "INSERT INTO findings (id, kind, source, collection, label, flags, urgency, state,"
            " assignee, revision, created, changed, proof, said)"
            " VALUES (?, 'watch', 'mines', 'c', 'mine', '', ?, ?, '', 1, ?, ?, '', ?)",
            ((f"{at:020x}", float(at), states[at % 4], stamp, stamp, SAID) for at in range(MANY)),
        )
        db.executemany(
            "INSERT INTO outbox_letters (key, channel, subject, state, made, since, due, settled,"
            " body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    f"{at:020x}",
                    f"channel{at % 5}",
                    f"{at:020x}",
                    "arrived" if at < MANY else "waiting",
                    *(now, now, now),
                    now if at < MANY else None,
                    SAID.encode(),
                )
                for at in range(MANY + WAITING)
            ),
        )


if __name__ == "__main__":
    main()
