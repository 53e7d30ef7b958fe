"""The stages: a queue, its workers and its doors, all of them real programs that may die.

Knows which queues there are.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from chaos.asking import Account, Ask, account_of, whole_ground
from chaos.crew import Crew, Process
from chaos.ground import CHIPS, CITY, environment, hurried, satseek
from redisserving import free_port

from satseek.errors import DiskFull, Overloaded
from satseek.jobs.protocol import Terms
from satseek.jobs.queues import open_queue
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chaos.ground import Ground

    from satseek.jobs.protocol import Job, JobQueue

ATTEMPTS = 100
SERVED_ATTEMPTS = 10
"""How often a job may be begun: nobody is to give up while the monkey is about."""
ANSWER_SECONDS = 10.0
"""How long a server has to answer, before it is asked again."""
CHILD = "-m satseek.jobs"
"""The end of the command line of a process that does jobs."""


@dataclass(slots=True, kw_only=True)
class QueueStage:
    """Asks the queue itself, as commands do."""

    crew: Crew
    data: Path
    queue: JobQueue

    def submit(self, ask: Ask) -> str | None:
        """See ``Stage.submit``."""
        try:
            job = self.queue.submit(
                ask.task,
                ask.parameters,
                collection=ask.collection,
                asked_by="local",
                key=ask.key,
                terms=Terms(attempts=ATTEMPTS),
            )
        except (Overloaded, DiskFull):  # a queue that is away is one of these
            return None
        return job.id

    def cancel(self, job_id: str) -> bool:
        """See ``Stage.cancel``."""
        try:
            self.queue.cancel(job_id)
        except (Overloaded, DiskFull):
            return False
        return True

    def jobs(self) -> list[Job] | None:
        """See ``Stage.jobs``."""
        try:
            return self.queue.jobs()
        except (Overloaded, DiskFull):
            return None

    def victims(self, kind: str) -> Sequence[Process]:
        """See ``Stage.victims``; ``child`` is who does jobs, the others are programs by name."""
        living = self.crew.processes()
        if kind == "child":
            return [one for one in living if one.line.endswith(CHILD)]
        pids = {self.crew.pid(name) for name in self.crew.names if name.startswith(kind)}
        return [one for one in living if one.pid in pids]


@dataclass(slots=True, kw_only=True)
class ServedStage(QueueStage):
    """Asks a server over HTTP, which does jobs itself; what became of them the queue tells."""

    url: str

    def submit(self, ask: Ask) -> str | None:
        """See ``Stage.submit``."""
        if ask.folder == CITY:  # it dies more often than a server lets anybody ask for
            return QueueStage.submit(self, ask)
        asked = {"task": ask.task, "attempts": SERVED_ATTEMPTS, **ask.parameters}
        answer = self._post("/v1/jobs", asked, key=ask.key)
        return None if answer is None else str(answer["id"])

    def cancel(self, job_id: str) -> bool:
        """See ``Stage.cancel``."""
        return self._post(f"/v1/jobs/{job_id}/cancel", None, key=f"cancel-{job_id}") is not None

    def _post(self, path: str, asked: object, *, key: str) -> dict[str, object] | None:
        """Send what is to be done once; None: nobody has answered that it is."""
        try:
            answer = httpx.post(
                self.url + path,
                json=asked,
                headers={"Idempotency-Key": key},
                timeout=ANSWER_SECONDS,
            )
        except httpx.TransportError:
            return None
        # 409: the same is still being worked on; 429, 5xx: later
        if answer.status_code in {409, 429} or answer.status_code >= 500:
            return None
        assert answer.is_success, answer.text
        return dict(answer.json())


def served(ground: Ground, folder: Path) -> ServedStage:
    """A server that owns the embedded queue and works for it, and a worker of its own."""
    settings = ground.settings(folder / "data")
    crew, port = Crew(folder / "logs"), free_port()
    around = environment(settings)
    crew.hire("server", hurried("serve", "--port", str(port)), around)
    crew.hire("worker", hurried("worker"), around)
    return ServedStage(
        crew=crew,
        data=folder / "data",
        queue=open_queue(Settings.model_validate(settings)),
        url=f"http://127.0.0.1:{port}",
    )


def worked(ground: Ground, folder: Path) -> QueueStage:
    """The embedded queue and two workers, nobody else."""
    settings = ground.settings(folder / "data")
    crew = Crew(folder / "logs")
    for number in range(2):
        crew.hire(f"worker-{number}", hurried("worker"), environment(settings))
    return QueueStage(
        crew=crew,
        data=folder / "data",
        queue=open_queue(Settings.model_validate(settings)),
    )


def shared(ground: Ground, folder: Path) -> QueueStage:
    """A Redis with its append-only file, and two workers that share it."""
    port = free_port()
    settings = ground.settings(folder / "data") | {"queue_url": f"redis://127.0.0.1:{port}/0"}
    crew = Crew(folder / "logs")
    kept = folder / "redis"
    kept.mkdir(parents=True)
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(kept)]
    words += [
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--save",
        "",
        "--loglevel",
        "warning",
    ]
    crew.hire("redis", words, environment({}))
    for number in range(2):
        crew.hire(f"worker-{number}", hurried("worker"), environment(settings))
    queue = open_queue(Settings.model_validate(settings))
    return QueueStage(crew=crew, data=folder / "data", queue=queue)


def undisturbed(ground: Ground, folder: Path) -> tuple[dict[str, Account], float]:
    """Have everything done by one worker whom nobody disturbs.

    Returns:
        What comes of it, and the seconds that it takes on this machine, as busy as it is.
    """
    settings = ground.settings(folder / "data")
    queue = open_queue(Settings.model_validate(settings))
    stage = QueueStage(crew=Crew(folder / "logs"), data=folder / "data", queue=queue)
    asks = {ask.account: ask for ask in whole_ground() if ask.fate == "done"}
    accepted = {name: stage.submit(ask) for name, ask in asks.items()}
    around, began = environment(settings), time.monotonic()
    subprocess.run(satseek("worker", "--burst"), env=around, check=True, capture_output=True)
    seconds = time.monotonic() - began
    jobs = {job.id: job for job in queue.jobs()}
    queue.close()
    assert {"done"} == {job.state for job in jobs.values()}
    calm = {
        name: account_of(asks[name], jobs[job_id], stage.data)
        for name, job_id in accepted.items()
        if job_id is not None
    }
    assert {calm[f"index {name}"][0] for name in CHIPS} == set(CHIPS.values())
    return calm, seconds
