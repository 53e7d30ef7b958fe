"""Workers over the queue of a machine, with real processes: what they do when something dies."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jobprogram import PROGRAM
from shipped import make_collection

from satseek.assemble import Assembly
from satseek.index.collection import open_collection
from satseek.jobs import attempting, retrying, turns, working
from satseek.jobs.presence import Presence, is_anybody_there
from satseek.jobs.protocol import Schedule, Terms
from satseek.jobs.queues import open_queue
from satseek.jobs.results import folder_of
from satseek.jobs.working import FOLDER, Worker
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.jobs.protocol import Job, LeasingQueue

DEADLINE_SECONDS = 60


class Place:
    """A data folder, its queue, and workers that end with the test."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder)
        self.queue: LeasingQueue = open_queue(self.settings)
        self.workers: list[Worker] = []

    def hire(self, **how: Any) -> Worker:
        worker = Worker(self.queue, settings=self.settings, program=PROGRAM, **how)
        self.workers.append(worker)
        worker.start()
        return worker

    def submit(self, terms: Terms | None = None, **parameters: Any) -> str:
        job = self.queue.submit(
            "verify", parameters, collection="", asked_by="local", terms=terms or Terms()
        )
        return job.id

    def until(self, job_id: str, is_so: Callable[[Job], bool]) -> Job:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_so(job := self.queue.find(job_id)):
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
        return job

    def ended(self, job_id: str) -> Job:
        return self.until(job_id, lambda job: job.finished is not None)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(retrying, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(attempting, "REPORT_SECONDS", 0.1)
    one = Place(tmp_path / "data")
    yield one
    for worker in one.workers:
        worker.stop()
    one.queue.close()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def begun(marks: Path) -> list[tuple[str, int, int]]:
    """Job, attempt and process of every try that was begun."""
    if not marks.is_file():
        return []
    lines = map(str.split, marks.read_text().splitlines())
    return [(job, int(attempt), int(pid)) for job, attempt, pid in lines]


def test_jobs_are_done_in_one_warm_process_and_told(place: Place) -> None:
    ids = [place.submit(echoes=str(at), steps=at) for at in range(5)]
    place.hire()
    jobs = [place.ended(job_id) for job_id in ids]
    assert [("done", str(at), at, at) for at in range(5)] == [
        (job.state, (job.result or {})["text"], job.done, job.total) for job in jobs
    ]
    assert 1 == len({(job.result or {})["pid"] for job in jobs})
    assert {1} == {job.attempts for job in jobs}
    assert jobs[0].worker.endswith(f":{os.getpid()}/1")


def test_progress_log_and_pace_of_a_job_that_runs_are_seen(place: Place, tmp_path: Path) -> None:
    (gate := tmp_path / "gate").touch()
    job_id = place.submit(steps=3, says=["a line of its log\n"], exists_until=str(gate))
    place.hire()
    job = place.until(job_id, lambda job: job.done > 0 and bool(job.log))
    assert ("running", "a line of its log") == (job.state, job.log)
    assert job.seconds_left(datetime.now(UTC)) is not None
    gate.unlink()
    assert (3, 3) == ((job := place.ended(job_id)).done, job.total)


@pytest.mark.parametrize("deaf", [False, True])
def test_cancelling_takes_effect_within_a_second_of_work(place: Place, *, deaf: bool) -> None:
    job_id = place.submit(steps=1, deaf=deaf, sleeps=300)
    place.hire()
    place.until(job_id, lambda job: job.done == 1)
    before = time.monotonic()
    place.queue.cancel(job_id)
    assert "cancelled" == place.ended(job_id).state
    assert time.monotonic() - before < 1.5  # 0.3 to hear of it, 0.7 where it does not obey
    assert "done" == place.ended(place.submit()).state


def test_a_killed_process_is_begun_again_and_another_time_is_too_often(place: Place) -> None:
    place.hire()
    once = place.ended(place.submit(signal=signal.SIGKILL, bad_tries=1))
    assert ("done", 2) == (once.state, once.attempts)
    always = place.ended(place.submit(Terms(attempts=2), signal=signal.SIGKILL))
    assert ("failed", 2) == (always.state, always.attempts)
    assert "the job was killed by SIGKILL" in always.error


def test_what_may_pass_is_tried_again_and_what_cannot_is_not(place: Place) -> None:
    place.hire()
    passing = place.ended(place.submit(raises="ServerUnreachable", bad_tries=2))
    assert ("done", 3, "") == (passing.state, passing.attempts, passing.error)
    staying = place.ended(place.submit(raises="Overloaded", message="too much"))
    assert ("failed", 3, "too much") == (staying.state, staying.attempts, staying.error)
    assert "Overloaded" == staying.error_kind
    wrong = place.ended(place.submit(raises="UnreadableImage", message="no image"))
    assert ("failed", 1, "no image") == (wrong.state, wrong.attempts, wrong.error)
    assert "UnreadableImage" == wrong.error_kind
    broken = place.ended(place.submit(breaks="a mistake of ours"))
    assert ("failed", 1) == (broken.state, broken.attempts)
    assert "RuntimeError: a mistake of ours" in broken.log


def test_a_silent_job_is_not_taken_from_a_worker_that_lives(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(attempting, "BEAT_SECONDS", 0.2)
    place.hire()
    place.hire()
    silent = place.ended(place.submit(sleeps=2.5))
    assert ("done", 1) == (silent.state, silent.attempts)


def test_a_worker_whose_job_is_anothers_by_now_ends_its_try(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "marks"
    job_id = place.submit(marks=str(marks), sleeps=300)
    monkeypatch.setattr(attempting, "BEAT_SECONDS", 0.2)
    worker = place.hire()
    until(lambda: len(begun(marks)) == 1)
    with sqlite3.connect(place.settings.data_dir / FOLDER / "jobs.sqlite") as db:
        db.execute("UPDATE jobs SET token = 'of another try', worker = 'elsewhere'")
    ((_, _, pid),) = begun(marks)
    until(lambda: not is_alive(pid))
    worker.stop()
    assert ("running", "elsewhere") == (
        place.queue.find(job_id).state,
        place.queue.find(job_id).worker,
    )


WORKER = """
import sys
from pathlib import Path
from jobprogram import PROGRAM
from satseek.jobs import turns
from satseek.jobs.queues import open_queue
from satseek.jobs.working import Worker
from satseek.settings import Settings

turns.LEASE_SECONDS = 1.0
settings = Settings(data_dir=Path(sys.argv[1]))
worker = Worker(open_queue(settings), settings=settings, program=PROGRAM)
worker.start()
worker.wait(300)
"""


def test_a_killed_workers_job_ends_and_is_taken_over(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LEASE_SECONDS", 1.0)
    marks, started = tmp_path / "marks", tmp_path / "started"
    (gate := tmp_path / "gate").touch()
    job_id = place.submit(marks=str(marks), starts=str(started), exists_until=str(gate))
    folders = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}
    command = [sys.executable, "-c", WORKER, str(place.settings.data_dir)]
    with subprocess.Popen(command, env=environment) as other:
        until(lambda: started.is_file() and started.read_text() != "")
        other.kill()
    ((_, _, pid),) = begun(marks)
    until(lambda: not is_alive(pid) and not is_alive(int(started.read_text())))
    place.hire()
    until(lambda: len(begun(marks)) == 2)
    gate.unlink()
    job = place.ended(job_id)
    assert ("done", 2, 2) == (job.state, job.attempts, (job.result or {})["attempt"])


def test_stopping_puts_a_job_back_as_if_it_had_not_been_begun(place: Place) -> None:
    job_id = place.submit(steps=1, sleeps=300)
    worker = place.hire()
    place.until(job_id, lambda job: job.done == 1)
    before = time.monotonic()
    worker.stop()
    assert time.monotonic() - before < 3
    assert worker.wait(0)
    job = place.queue.find(job_id)
    assert ("queued", 0) == (job.state, job.attempts)


def test_draining_lets_a_job_end_and_takes_no_other(place: Place, tmp_path: Path) -> None:
    (gate := tmp_path / "gate").touch()
    first = place.submit(steps=1, exists_until=str(gate))
    second = place.submit()
    worker = place.hire()
    place.until(first, lambda job: job.done == 1)
    stopping = threading.Thread(target=worker.stop, args=(DEADLINE_SECONDS,))
    stopping.start()
    until(worker._draining.is_set)
    gate.unlink()
    stopping.join()
    assert ["done", "queued"] == [place.queue.find(one).state for one in (first, second)]


def test_so_many_jobs_are_done_at_once_as_asked(place: Place, tmp_path: Path) -> None:
    (gate := tmp_path / "gate").touch()
    marks = tmp_path / "marks"
    asked = {"marks": str(marks), "exists_until": str(gate)}
    ids = [place.submit(**asked) for _ in range(3)]
    place.hire(lanes=2)
    until(lambda: len(begun(marks)) == 2)
    assert "queued" == place.queue.find(ids[2]).state
    assert 2 == len({pid for _, _, pid in begun(marks)})
    gate.unlink()
    assert ["done"] * 3 == [place.ended(one).state for one in ids]


def test_of_two_workers_each_job_has_one(place: Place, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    ids = [place.submit(marks=str(marks)) for _ in range(40)]
    place.hire()
    place.hire()
    assert {"done"} == {place.ended(one).state for one in ids}
    assert sorted(ids) == sorted(job for job, _, _ in begun(marks))


def test_a_result_that_finds_no_room_is_told_later(place: Place, told: list[str]) -> None:
    job_id = place.submit(echoes="kept")
    path = place.settings.data_dir / FOLDER / "jobs.sqlite"
    refusing = "BEFORE UPDATE ON jobs WHEN NEW.state = 'done'"
    with sqlite3.connect(path) as db:
        db.execute(f"CREATE TRIGGER full {refusing} BEGIN SELECT RAISE(ABORT, 'no room'); END")
    place.hire()
    until(lambda: any("cannot be written down yet" in one for one in told))
    assert ("running", None) == ((job := place.queue.find(job_id)).state, job.result)
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER full")
    job = place.ended(job_id)
    assert ("done", 1, "kept") == (job.state, job.attempts, (job.result or {})["text"])


def test_a_burst_ends_when_nothing_waits_any_more(place: Place) -> None:
    again = place.submit(raises="Overloaded", bad_tries=1)
    others = [place.submit() for _ in range(3)]
    worker = place.hire(burst=True)
    assert worker.wait(DEADLINE_SECONDS)
    jobs = [place.queue.find(one) for one in (again, *others)]
    assert [("done", 2)] + [("done", 1)] * 3 == [(job.state, job.attempts) for job in jobs]
    assert not is_anybody_there(place.settings.data_dir / FOLDER)


def test_what_is_asked_of_a_burst_that_is_just_ending_is_done(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave, asked = Presence.leave, list[str]()

    def ask_and_leave(presence: Presence) -> None:
        if not asked:
            assert is_anybody_there(place.settings.data_dir / FOLDER)
            asked.append(place.submit())
        leave(presence)

    monkeypatch.setattr(Presence, "leave", ask_and_leave)
    worker = place.hire(burst=True)
    assert worker.wait(DEADLINE_SECONDS)
    assert ["done"] == [place.queue.find(one).state for one in asked]


def test_a_worker_is_there_as_long_as_it_lives(place: Place) -> None:
    folder = place.settings.data_dir / FOLDER
    assert not is_anybody_there(folder)
    first, second = place.hire(), place.hire()
    until(lambda: is_anybody_there(folder))
    first.stop()
    until(lambda: is_anybody_there(folder))
    second.stop()
    assert not is_anybody_there(folder)


def test_a_worker_asks_for_what_is_due(place: Place) -> None:
    place.queue.put_schedule(
        Schedule(
            name="often",
            cron="* * * * *",
            timezone="UTC",
            task="verify",
            parameters={"echoes": "by the clock"},
            collection="",
            asked_by="local",
            created=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    place.hire()
    until(lambda: any(job.state == "done" for job in place.queue.jobs()))
    job = next(job for job in place.queue.jobs() if job.state == "done")
    assert ("often", "by the clock") == (job.schedule, (job.result or {})["text"])


class _Told(logging.Handler):
    """What workers log, wherever the handlers above them lie."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture
def told() -> Iterator[list[str]]:
    handler = _Told()
    loggers = (working.logger, attempting.logger)
    for one in loggers:
        one.addHandler(handler)
    yield handler.messages
    for one in loggers:
        one.removeHandler(handler)


def test_a_folder_that_cannot_be_written_is_told_once(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LOOK_SECONDS", 0.01)
    (tmp_path / "file").write_text("no folder")
    settings = Settings(data_dir=tmp_path / "file")
    worker = Worker(open_queue(settings), settings=settings)
    worker.start()
    until(lambda: bool(told))
    looked = threading.Event()
    monkeypatch.setattr(worker._presence, "enter", _counting(worker._presence.enter, looked))
    assert looked.wait(DEADLINE_SECONDS)
    worker.stop()
    assert 1 == len([message for message in told if str(tmp_path) in message])


def _counting(enter: Callable[[], None], looked: threading.Event) -> Callable[[], None]:
    """Tells when it was tried another twenty times."""
    times = []

    def counted() -> None:
        times.append(1)
        if len(times) > 20:
            looked.set()
        enter()

    return counted


def test_of_two_writers_of_a_collection_the_second_waits_and_spends_no_attempt(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path / "data")
    assembly = Assembly(place.settings)
    make_collection(assembly, "small")
    assembly.close()
    asked = {"collection": "small"}
    submit = place.queue.submit
    wrong = submit("compact", {"colour": 1}, collection="small", asked_by="local").id
    second = submit("compact", asked, collection="small", asked_by="local").id
    worker = Worker(place.queue, settings=place.settings)
    with open_collection(tmp_path / "data" / "collections" / "small", mode="write"):
        worker.start()
        place.until(second, lambda job: job.note.startswith("waits: another process is writing"))
    job = place.ended(second)
    assert ("done", 1, 3) == (job.state, job.attempts, (job.result or {})["rows_after"])
    assert ("failed", "InvalidRequest") == (
        place.queue.find(wrong).state,
        place.queue.find(wrong).error_kind,
    )
    worker.stop()
    place.queue.close()


def test_what_forgotten_jobs_left_is_cleared_away(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = place.submit(Terms(not_before=datetime(2100, 1, 1, tzinfo=UTC)))
    folders = {
        name: folder_of(place.settings.data_dir, name) for name in (kept, "0" * 16, "1" * 16)
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    os.utime(folders["0" * 16], (0, 0))
    os.utime(folders[kept], (0, 0))
    monkeypatch.setattr(working, "TIDY_SECONDS", 0.1)
    place.hire()
    until(lambda: not folders["0" * 16].exists())
    assert folders["1" * 16].exists()  # young: it may be another queue's
    assert folders[kept].exists()
