"""What every queue keeps to with real workers, in processes that are stopped and killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redisserving import KEEPS, needs_redis, running_redis

from satseek.errors import JobNotFound
from satseek.jobs.protocol import FINAL, Schedule, Terms
from satseek.jobs.queues import open_queue
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.jobs.protocol import Job, LeasingQueue

SETTLED_S = 30.0
"""Longest wait for what happens in another process, on a busy machine."""

WORKER = Path(__file__).with_name("queue_worker.py")


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@dataclass
class Place:
    """A queue, the folder that its jobs leave their traces in, and workers."""

    settings: dict[str, Any]
    folder: Path
    queue: LeasingQueue
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    def submit(self, do: str, **more: Any) -> Job:
        terms = more.pop("terms", Terms())
        key = more.pop("key", None)
        asked = {"do": do, "folder": str(self.folder), **more}
        return self.queue.submit(
            "verify", asked, collection="c", asked_by="me", terms=terms, key=key
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, str(WORKER), json.dumps(self.settings), *words],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.workers.append(worker)
        return worker

    def ready(self) -> None:
        for worker in self.workers:
            assert worker.stdout is not None
            if worker.poll() is None:
                assert worker.stdout.readline() in {"ready\n", ""}

    def ended(self, job: Job) -> Job:
        until(lambda: self.queue.find(job.id).state in FINAL)
        return self.queue.find(job.id)

    def begun(self) -> list[str]:
        path = self.folder / "begun"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(SETTLED_S)
            assert worker.stdout is not None
            worker.stdout.close()
        self.workers.clear()


@contextmanager
def opened(folder: Path, url: str | None) -> Iterator[Place]:
    traces = folder / "traces"
    traces.mkdir(parents=True)
    settings = {"data_dir": str(folder / "data"), "queue_url": url}
    queue = open_queue(Settings.model_validate(settings))
    place = Place(settings, traces, queue)
    try:
        yield place
    finally:
        place.stop()
        queue.close()


@pytest.fixture(scope="module", params=["embedded", pytest.param("redis", marks=needs_redis)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    with ExitStack() as stack:
        if kind == "embedded":
            yield None
        else:
            folder = tmp_path_factory.mktemp("redis")
            yield stack.enter_context(running_redis(folder, *KEEPS)).url


@pytest.fixture(scope="module")
def crowd(url: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A queue with two workers that several tests share."""
    with opened(tmp_path_factory.mktemp("crowd"), url and url.replace("/0", "/1")) as place:
        place.start()
        place.start()
        place.ready()
        yield place


@pytest.fixture
def alone(url: str | None, tmp_path: Path) -> Iterator[Place]:
    """A queue of a test's own, without workers."""
    if url is not None:
        import redis  # noqa: PLC0415

        with redis.Redis.from_url(url) as client:
            client.flushdb()
    with opened(tmp_path, url) as place:
        yield place


def test_a_job_is_done_and_forgotten_in_time(crowd: Place) -> None:
    job = crowd.submit("work", name="this", terms=Terms(keep_seconds=0.7))
    assert "queued" == job.state
    done = crowd.ended(job)
    assert ("done", 1, "") == (done.state, done.attempts, done.error)
    assert {"of": "this", "attempt": 1} == done.result
    assert (3, 3, "scene 2") == (done.done, done.total, done.note)
    assert "looking" in done.log
    assert done.started is not None
    assert done.finished is not None
    assert job.created <= done.started <= done.finished

    def is_gone() -> bool:
        try:
            crowd.queue.find(job.id)
        except JobNotFound:
            return True
        return False

    until(is_gone)
    assert job.id not in {one.id for one in crowd.queue.jobs()}


def test_many_jobs_are_each_done_once(crowd: Place) -> None:
    names = [f"many-{at}" for at in range(40)]
    jobs = [crowd.submit("work", name=name) for name in names]
    results = [crowd.ended(job).result for job in jobs]
    assert [{"of": name, "attempt": 1} for name in names] == results
    begun = [line for line in crowd.begun() if line.startswith("many-")]
    assert sorted(f"{name} 1" for name in names) == sorted(begun)
    assert 2 == len({crowd.queue.find(job.id).worker for job in jobs})


def test_work_ends_within_a_second_of_being_cancelled(crowd: Place, tmp_path: Path) -> None:
    job = crowd.submit("tick", folder=str(tmp_path))
    ticks = tmp_path / "ticks"
    until(ticks.exists)
    asked = time.time()
    assert crowd.queue.cancel(job.id).cancelling
    ended = crowd.ended(job)
    assert ("cancelled", None, False) == (ended.state, ended.result, ended.cancelling)
    last = float(ticks.read_text(encoding="utf-8").splitlines()[-1])
    assert last - asked < 1.0
    assert "done" == crowd.ended(crowd.submit("work")).state


def test_what_waits_is_cancelled_at_once_and_the_best_first(alone: Place) -> None:
    first = alone.submit("work", name="first")
    unwanted = alone.submit("work", name="unwanted", terms=Terms(priority=10))
    jobs = [
        alone.submit("work", name=name, terms=Terms(priority=priority))
        for name, priority in [("low", -5), ("second", 0), ("high", 9)]
    ]
    assert "cancelled" == alone.queue.cancel(unwanted.id).state
    same = alone.submit("work", name="once", key="k", terms=Terms(priority=-10))
    assert same.id == alone.submit("work", name="once", key="k").id
    worker = alone.start("--burst")
    assert 0 == worker.wait(SETTLED_S)
    assert ["high 1", "first 1", "second 1", "low 1", "once 1"] == alone.begun()
    assert {"done"} == {alone.queue.find(one.id).state for one in (first, same, *jobs)}
    counts = alone.queue.counts()
    assert (0, 0, 5, 1) == tuple(counts[s] for s in ("queued", "running", "done", "cancelled"))


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(crowd: Place) -> None:
    passing = crowd.submit("busy", times=2)
    staying = crowd.submit("busy", times=9, terms=Terms(attempts=2))
    failing = crowd.submit("fail")
    dying = crowd.submit("die", terms=Terms(attempts=2))
    done = crowd.ended(passing)
    assert ("done", 3, {"attempt": 3}, "") == (done.state, done.attempts, done.result, done.error)
    failed = crowd.ended(staying)
    assert ("failed", 2, "try 2: somebody else writes", "CollectionLocked") == (
        failed.state,
        failed.attempts,
        failed.error,
        failed.error_kind,
    )
    failed = crowd.ended(failing)
    assert ("failed", 1, "no such scene", "FolderNotFound") == (
        failed.state,
        failed.attempts,
        failed.error,
        failed.error_kind,
    )
    failed = crowd.ended(dying)
    assert ("failed", 2) == (failed.state, failed.attempts)
    assert "SIGKILL" in failed.error


def test_a_dead_workers_job_is_taken_over(alone: Place) -> None:
    dead = alone.start()
    job = alone.submit("tick")
    until(alone.begun)
    dead.kill()
    alone.start()
    until(lambda: len(alone.begun()) == 2)
    (alone.folder / "enough").touch()
    ended = alone.ended(job)
    assert ("done", 2, {"attempt": 2}) == (ended.state, ended.attempts, ended.result)
    assert [f"{job.id} 1", f"{job.id} 2"] == alone.begun()


def test_a_worker_that_stops_gives_its_job_back(alone: Place) -> None:
    stopping = alone.start()
    job = alone.submit("tick")
    until(alone.begun)
    stopping.terminate()
    assert 0 == stopping.wait(SETTLED_S)
    waits = alone.queue.find(job.id)
    assert ("queued", 0) == (waits.state, waits.attempts)
    (alone.folder / "enough").touch()
    alone.start()
    assert {"attempt": 1} == alone.ended(job).result


def test_two_schedulers_ask_once_for_what_was_missed(alone: Place) -> None:
    last_year = datetime.now(UTC) - timedelta(days=367)  # holds one New Year at least
    schedule = alone.queue.put_schedule(
        Schedule(
            name="new-year",
            cron="0 0 1 1 *",
            timezone="Asia/Shanghai",
            task="verify",
            parameters={"do": "work", "folder": str(alone.folder), "name": "yearly"},
            collection="c",
            asked_by="me",
            created=last_year - timedelta(days=365),
        )
    )
    assert [schedule] == alone.queue.schedules()
    alone.start()
    alone.start()
    until(lambda: alone.queue.counts()["done"])
    (fired,) = alone.queue.schedules()
    assert fired.last is not None
    assert last_year < fired.last <= datetime.now(UTC)
    after = alone.submit("work", name="after")
    alone.ended(after)
    assert ["yearly 1", "after 1"] == alone.begun()
    yearly = alone.queue.jobs()[-1]
    assert ("new-year", "me", "done") == (yearly.schedule, yearly.asked_by, yearly.state)
