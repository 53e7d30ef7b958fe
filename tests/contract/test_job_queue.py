"""What every queue of jobs keeps to, whichever it is."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from satseek.errors import InvalidRequest, JobNotFound, Overloaded
from satseek.jobs import embedded
from satseek.jobs.embedded import KEEP_SECONDS, MAX_ATTEMPTS, MAX_LOG, EmbeddedQueue
from satseek.jobs.protocol import STATES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.jobs.protocol import Job, JobQueue


@dataclass
class Clock:
    """Time that tests move."""

    now: float = 1_700_000_000.0
    opened: list[JobQueue] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["embedded"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Callable[[], JobQueue]:
    """Opens the queue, as often as a server does."""

    def embedded() -> JobQueue:
        return EmbeddedQueue(tmp_path / "jobs" / "jobs.sqlite", clock=clock)

    return {"embedded": embedded}[request.param]


@pytest.fixture
def queue(opened: Callable[[], JobQueue]) -> JobQueue:
    return opened()


def submit(queue: JobQueue, name: str = "a", *, who: str = "local", key: str | None = None) -> Job:
    asked = {"collection": name}
    return queue.submit("verify", asked, collection=name, asked_by=who, key=key)


def test_jobs_are_taken_in_the_order_of_asking(queue: JobQueue) -> None:
    ids = [submit(queue, name).id for name in "abcd"]
    assert ids == sorted(ids)
    taken = [queue.claim() for _ in ids]
    assert ids == [job.id for job in taken if job]
    assert {"running"} == {job.state for job in taken if job}
    assert queue.claim() is None
    assert ids[::-1] == [job.id for job in queue.jobs()]


def test_a_job_is_kept_as_it_was_asked(opened: Callable[[], JobQueue]) -> None:
    asked = {"folder": "дир", "chip_px": 64, "deep": {"a": [1, None]}}
    job = opened().submit("index", asked, collection="c", asked_by="key:ä")
    found = opened().find(job.id)
    assert job == found
    assert (asked, "c", "key:ä", "queued", 0) == (
        found.parameters,
        found.collection,
        found.asked_by,
        found.state,
        found.attempts,
    )
    assert found.created.utcoffset() is not None


def test_progress_and_result_are_written_down(queue: JobQueue) -> None:
    job_id = submit(queue).id
    queue.claim()
    assert queue.report(job_id, done=3, total=9, note="north.tif", log="x" * (MAX_LOG + 5)) is False
    job = queue.find(job_id)
    assert (3, 9, "north.tif", MAX_LOG) == (job.done, job.total, job.note, len(job.log))
    assert [""] == [one.log for one in queue.jobs()]
    ended = queue.finish(job_id, "done", result={"chips": 4}, log="end")
    assert ("done", {"chips": 4}, "end") == (ended.state, ended.result, ended.log)
    assert ended.finished is not None


def test_what_is_final_stays_so(queue: JobQueue) -> None:
    job_id = submit(queue).id
    queue.claim()
    queue.finish(job_id, "failed", error="no")
    for change in (
        lambda: queue.finish(job_id, "done", result={}),
        lambda: queue.cancel(job_id),
        lambda: queue.put_back(job_id),
    ):
        job = change()
        assert ("failed", "no", None) == (job.state, job.error, job.result)
    assert [] == queue.recover()


def test_what_waits_is_cancelled_at_once_and_what_runs_is_told(queue: JobQueue) -> None:
    first, second = submit(queue).id, submit(queue).id
    queue.claim()
    assert "cancelled" == queue.cancel(second).state
    assert queue.claim() is None
    running = queue.cancel(first)
    assert ("running", True) == (running.state, running.cancelling)
    assert queue.report(first, done=0, total=0, note="", log="") is True
    assert ("cancelled", False) == (
        queue.finish(first, "cancelled").state,
        queue.find(first).cancelling,
    )


def test_what_died_with_its_worker_is_begun_again_but_not_for_ever(
    opened: Callable[[], JobQueue],
) -> None:
    job_id = submit(opened()).id
    for attempt in range(1, MAX_ATTEMPTS + 1):
        taken = opened().claim()
        assert taken is not None
        assert attempt == taken.attempts
        (changed,) = opened().recover()
        assert job_id == changed.id
        assert ("failed" if attempt == MAX_ATTEMPTS else "queued") == changed.state
    assert "the server ended 3 times" in opened().find(job_id).error
    assert opened().claim() is None


def test_what_was_to_end_when_its_worker_died_has_ended(queue: JobQueue) -> None:
    job_id = submit(queue).id
    queue.claim()
    queue.cancel(job_id)
    assert ["cancelled"] == [job.state for job in queue.recover()]


def test_what_is_put_back_counts_as_not_begun(queue: JobQueue) -> None:
    job_id = submit(queue).id
    queue.claim()
    assert ("queued", 0) == (queue.put_back(job_id).state, queue.find(job_id).attempts)
    taken = queue.claim()
    assert taken is not None
    assert 1 == taken.attempts


def test_the_same_key_is_the_same_job(queue: JobQueue) -> None:
    first = submit(queue, key="k")
    assert first.id == submit(queue, key="k").id
    assert first.id != submit(queue, key="k", who="another").id
    assert first.id != submit(queue).id
    with pytest.raises(InvalidRequest, match="another job"):
        submit(queue, "b", key="k")


def test_ended_jobs_are_kept_for_a_day(queue: JobQueue, clock: Clock) -> None:
    old, waiting = submit(queue).id, submit(queue).id
    queue.claim()
    queue.finish(old, "done", result={})
    clock.now += KEEP_SECONDS - 1
    assert "done" == queue.find(old).state
    clock.now += 2
    with pytest.raises(JobNotFound):
        queue.find(old)
    assert [waiting] == [job.id for job in queue.jobs()]


def test_a_clock_that_goes_back_changes_no_order(queue: JobQueue, clock: Clock) -> None:
    first = submit(queue).id
    clock.now -= 1000
    assert first < submit(queue).id
    taken = queue.claim()
    assert taken is not None
    assert first == taken.id


def test_too_many_are_refused(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MAX_WAITING", 2)
    submit(queue)
    submit(queue)
    with pytest.raises(Overloaded):
        submit(queue)


def test_jobs_are_counted_by_state(queue: JobQueue) -> None:
    assert dict.fromkeys(STATES, 0) == queue.counts()
    submit(queue)
    submit(queue)
    queue.claim()
    assert {"queued": 1, "running": 1, "done": 0, "failed": 0, "cancelled": 0} == queue.counts()


def test_nobody_finds_what_is_not_there(queue: JobQueue) -> None:
    for ask in (queue.find, queue.cancel):
        with pytest.raises(JobNotFound):
            ask("0" * 16)


def test_no_two_threads_take_the_same_job(opened: Callable[[], JobQueue]) -> None:
    ids = {submit(opened()).id for _ in range(20)}
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: opened().claim(), range(20)))
    assert ids == {job.id for job in taken if job}


CLAIM_ALL = """
import pathlib, sys
from satseek.jobs.embedded import EmbeddedQueue
queue = EmbeddedQueue(pathlib.Path(sys.argv[1]))
while (job := queue.claim()) is not None:
    print(job.id)
"""


def test_no_two_processes_take_the_same_job(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    queue = EmbeddedQueue(path)
    ids = [submit(queue).id for _ in range(20)]
    command = [sys.executable, "-c", CLAIM_ALL, str(path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    taken = [job_id for one in workers for job_id in one.communicate(timeout=60)[0].split()]
    assert ids == sorted(taken)
