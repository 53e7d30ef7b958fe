"""One process for many jobs: warm, mortal, and nobody's words are another's."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jobprogram import PROGRAM

from satseek.errors import SatseekError
from satseek.jobs import running
from satseek.jobs.protocol import Job
from satseek.jobs.running import PASSED, Runner
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_SECONDS = 60


def job(**parameters: Any) -> Job:
    return Job(
        id="019a2b3c4d5e6f70",
        task="verify",
        parameters=parameters,
        collection="",
        asked_by="local",
        state="running",
        created=datetime.now(UTC),
        attempts=1,
    )


def done(runner: Runner, **parameters: Any) -> Any:
    runner.begin(job(**parameters))
    assert runner.wait(DEADLINE_SECONDS)
    return runner.result


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    one = Runner(Settings(data_dir=tmp_path), PROGRAM)
    yield one
    one.close()


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


def test_one_process_does_job_after_job(runner: Runner) -> None:
    assert runner.pid is None
    pids = {done(runner, echoes=str(at))["pid"] for at in range(5)}
    assert {runner.pid} == pids
    assert os.getpid() not in pids
    assert ("", "", None) == (runner.error, runner.error_kind, runner.exit_code)
    assert done(runner, echoes="x" * 2_000_000)["text"] == "x" * 2_000_000


def test_what_a_job_says_belongs_to_it_alone(runner: Runner) -> None:
    done(runner, prints=["first\n"], says=["straight\n", "without an end"])
    assert {"first", "straight", "without an end"} == set(runner.log.splitlines())
    done(runner, starts_a_program_on=[1, 2], prints=['{"result": 1}\n', "5\n"])
    expected = {"from a program", '{"result": 1}', "5"}
    assert expected == set(runner.log.splitlines())
    assert isinstance(runner.result, dict)
    done(runner)
    assert runner.log == ""
    done(runner, says=["a" * 300_000, "\n", *(f"{at}\n" for at in range(1000))])
    assert "999" == runner.log.splitlines()[-1]
    assert running.MAX_LINES == len(runner.log.splitlines())


def test_an_error_is_told_by_its_kind_and_the_process_goes_on(runner: Runner) -> None:
    pid = done(runner)["pid"]
    assert done(runner, raises="DiskFull", message="no room") is None
    assert ("no room", "DiskFull", None) == (runner.error, runner.error_kind, runner.exit_code)
    assert pid == done(runner)["pid"]
    assert runner.error == ""


def test_what_nobody_foresaw_ends_the_process_with_a_traceback(runner: Runner) -> None:
    assert done(runner, breaks="unforeseen") is None
    assert "the job ended with exit code 1 without a result; see its log" == runner.error
    assert ("", 1) == (runner.error_kind, runner.exit_code)
    assert "RuntimeError: unforeseen" in runner.log
    assert done(runner)["attempt"] == 1


def test_a_killed_process_is_told_and_replaced(runner: Runner, tmp_path: Path) -> None:
    assert done(runner, signal=signal.SIGSEGV, starts=str(tmp_path / "started")) is None
    assert runner.error == "the job was killed by SIGSEGV"
    assert -signal.SIGSEGV == runner.exit_code
    assert gone(int((tmp_path / "started").read_text()))
    assert done(runner)["attempt"] == 1


def test_progress_is_told_to_the_last_step(runner: Runner) -> None:
    done(runner, steps=1000)
    assert {"done": 1000, "total": 1000, "note": "step 1000"} == runner.progress
    done(runner)
    assert {} == runner.progress


@pytest.mark.parametrize("deaf", [False, True])
def test_a_job_ends_within_a_second_with_what_it_started(
    runner: Runner, tmp_path: Path, *, deaf: bool
) -> None:
    first = done(runner)["pid"]
    started = tmp_path / "started"
    runner.begin(job(starts=str(started), steps=1, deaf=deaf, sleeps=300))
    while not runner.progress:
        assert not runner.wait(0.02)
    before = time.monotonic()
    runner.end()
    assert time.monotonic() - before < 1
    assert not is_alive(first)
    assert gone(int(started.read_text()))
    assert (None, "") == (runner.result, runner.error)
    spare = runner.pid
    assert spare not in {None, first}
    assert runner.wait(0)
    runner.end()  # nothing is at work
    assert spare == done(runner)["pid"]


def test_a_process_that_died_between_two_jobs_is_replaced(runner: Runner) -> None:
    first = done(runner)["pid"]
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not runner._present().has_ended():  # its threads may live on for a moment
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert first != done(runner)["pid"]


def test_a_process_is_replaced_when_it_is_worn(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = done(runner)["pid"]
    leaky = done(runner, wears=True)["pid"]
    assert first == leaky != runner.pid
    assert not is_alive(leaky)
    monkeypatch.setattr(running, "WORN_BYTES", 300_000_000)
    second = done(runner)["pid"]
    assert second == done(runner, holds_bytes=300_000_000)["pid"] != runner.pid
    monkeypatch.setattr(running, "WORN_JOBS", 2)
    third = done(runner)["pid"]
    assert third == done(runner)["pid"] != runner.pid


def test_closing_leaves_no_process_and_the_next_job_starts_one(runner: Runner) -> None:
    first = done(runner)["pid"]
    runner.close()
    assert (None, False) == (runner.pid, is_alive(first))
    runner.begin(job(sleeps=300))
    second = runner.pid
    assert second is not None
    runner.close()
    assert not is_alive(second)
    assert done(runner)["pid"] not in {first, second}


def test_a_job_is_told_no_credentials_and_no_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATSEEK_MILVUS_TOKEN", "token-in-the-environment")
    settings = Settings(data_dir=tmp_path, milvus_token="token-of-the-worker", batch=7)  # noqa: S106
    runner = Runner(settings, PROGRAM)
    told = done(runner)["settings"]
    runner.close()
    assert 7 == told["batch"]
    assert not {"token-in-the-environment", "token-of-the-worker"} & set(map(str, told.values()))
    assert told["milvus_token"] is None
    secret = {name for name in PASSED if "token" in name or "secret" in name or "url" in name}
    assert set() == secret


@pytest.mark.parametrize("program", [("/no/such/program",), (sys.executable, "-c", "")])
def test_a_program_that_cannot_be_started_is_told(tmp_path: Path, program: tuple[str, ...]) -> None:
    runner = Runner(Settings(data_dir=tmp_path), program)
    try:
        runner.begin(job())
        assert runner.wait(DEADLINE_SECONDS)
        said = runner.error
    except SatseekError as error:
        said = str(error)
    runner.close()
    assert said.startswith(("no process can be started: ", "the job ended with exit code 0 "))
