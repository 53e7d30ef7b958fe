"""The one worker: what it cannot do it says once, and only one lives."""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING

from satseek.jobs import working
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.working import Worker
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

WAIT_SECONDS = 60


def worker(folder: Path, queue: EmbeddedQueue) -> Worker:
    return Worker(queue, settings=Settings(data_dir=folder), lock=folder / "jobs" / "lock")


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_folder_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(logging.getLogger("satseek"), "propagate", True)
    (tmp_path / "file").write_text("no folder")
    one = worker(tmp_path / "file", EmbeddedQueue(tmp_path / "jobs.sqlite"))
    one.start()

    def told() -> list[str]:  # workers of other tests may still be ending
        found = [record.getMessage() for record in caplog.records]
        return [message for message in found if str(tmp_path) in message]

    until(lambda: bool(told()))
    time.sleep(0.3)
    one.stop()
    assert 1 == len(told())


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
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("satseek"), "propagate", True)
    path = tmp_path / "jobs" / "jobs.sqlite"
    queue = EmbeddedQueue(path)
    job = queue.submit("verify", {"unknown": 1}, collection="a", asked_by="local")
    with sqlite3.connect(path) as db:
        refusing = "BEFORE UPDATE ON jobs WHEN NEW.state = 'failed'"
        db.execute(f"CREATE TRIGGER full {refusing} BEGIN SELECT RAISE(ABORT, 'full'); END")
    one = worker(tmp_path, queue)
    one.start()
    until(lambda: any("full" in record.getMessage() for record in caplog.records))
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER full")
    until(lambda: queue.find(job.id).state == "failed")
    one.stop()
    assert queue.find(job.id).attempts > 1
