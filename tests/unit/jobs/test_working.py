"""The one worker: what it cannot do it says once, and only one lives."""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from satseek.jobs import working
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.working import Worker
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


WAIT_SECONDS = 60


def worker(folder: Path, queue: EmbeddedQueue) -> Worker:
    return Worker(queue, settings=Settings(data_dir=folder), lock=folder / "jobs" / "lock")


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class _Told(logging.Handler):
    """What the worker logs, wherever the handlers above it lie."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def told() -> Iterator[list[str]]:
    handler = _Told()
    working.logger.addHandler(handler)
    yield handler.messages
    working.logger.removeHandler(handler)


def test_a_folder_that_cannot_be_written_is_told_once(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LOOK_SECONDS", 0.01)
    (tmp_path / "file").write_text("no folder")
    one = worker(tmp_path / "file", EmbeddedQueue(tmp_path / "jobs.sqlite"))
    one.start()
    until(lambda: bool(told))
    time.sleep(0.3)
    one.stop()
    assert 1 == len([message for message in told if str(tmp_path) in message])


def test_another_worker_takes_over_when_the_first_ends(tmp_path: Path) -> None:
    queue = EmbeddedQueue(tmp_path / "jobs" / "jobs.sqlite")
    first, second = worker(tmp_path, queue), worker(tmp_path, queue)
    asked = {"collection": "nowhere"}
    first.start()
    one = queue.submit("verify", asked, collection="nowhere", asked_by="local")
    until(lambda: queue.find(one.id).state == "failed")
    assert "no collection 'nowhere'" in queue.find(one.id).error
    second.start()
    first.stop()
    two = queue.submit("verify", asked, collection="nowhere", asked_by="local")
    until(lambda: queue.find(two.id).state == "failed")
    second.stop()


def test_a_job_that_makes_no_sense_fails_alone(tmp_path: Path) -> None:
    queue = EmbeddedQueue(tmp_path / "jobs" / "jobs.sqlite")
    one = worker(tmp_path, queue)
    job = queue.submit("verify", {"unknown": 1}, collection="a", asked_by="local")
    one.start()
    until(lambda: queue.find(job.id).state == "failed")
    assert "expected a task and its parameters" in queue.find(job.id).error
    one.stop()


def test_a_job_whose_end_cannot_be_written_down_is_not_left_running(
    tmp_path: Path, told: list[str]
) -> None:
    path = tmp_path / "jobs" / "jobs.sqlite"
    queue = EmbeddedQueue(path)
    job = queue.submit("verify", {"unknown": 1}, collection="a", asked_by="local")
    with sqlite3.connect(path) as db:
        refusing = "BEFORE UPDATE ON jobs WHEN NEW.state = 'failed'"
        db.execute(f"CREATE TRIGGER full {refusing} BEGIN SELECT RAISE(ABORT, 'full'); END")
    one = worker(tmp_path, queue)
    one.start()
    until(lambda: any("full" in message for message in told))
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER full")
    until(lambda: queue.find(job.id).state == "failed")
    one.stop()
    assert queue.find(job.id).attempts > 1
