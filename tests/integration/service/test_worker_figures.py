"""A worker shows what it has done, on a port of its own; and says whether it lives and is ready."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest
import starting
from jobprogram import PROGRAM
from redisserving import KEEPS, needs_redis, running_redis

from satseek.errors import InvalidSettings
from satseek.jobs import retrying
from satseek.jobs.queues import open_queue, worker_for
from satseek.service.working import WorkerDoor, WorkerFigures
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.jobs.protocol import Job

DEADLINE_SECONDS = 60


def _value(text: str, name: str) -> float:
    (line,) = [one for one in text.splitlines() if one.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


def test_tries_are_counted_and_the_machine_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "FIRST_SECONDS", 0.05)
    settings = Settings(data_dir=tmp_path)
    with closing(open_queue(settings)) as queue:
        for parameters in ({}, {"raises": "InvalidRequest"}, {"signal": 9, "bad_tries": 1}):
            queue.submit("verify", parameters, collection="", asked_by="local")
        figures = WorkerFigures(settings, queue)
        worker = worker_for(queue, settings, burst=True, program=PROGRAM, observer=figures)
        door = WorkerDoor(
            figures, queue=queue, is_alive=lambda: not worker.wait(0), host="127.0.0.1", port=0
        )
        worker.start()
        door.open()
        try:
            assert 200 == httpx.get(f"{door.url}/readyz", timeout=20).status_code
            assert worker.wait(DEADLINE_SECONDS)
            answer = httpx.get(f"{door.url}/metrics", timeout=20)
            ended = httpx.get(f"{door.url}/livez", timeout=20)
            nothing = httpx.get(f"{door.url}/v1/search", timeout=20)
        finally:
            door.close()
    assert answer.headers["content-type"].startswith("text/plain")
    tries = 'satseek_job_tries_total{ending="%s",task="verify"}'
    done = sorted(job.state for job in _jobs(settings))
    assert ["done", "done", "failed"] == done
    endings = ("done", "failed", "again", "lost")
    assert (2.0, 1.0, 1.0, 0.0) == tuple(_value(answer.text, tries % one) for one in endings)
    assert _value(answer.text, "satseek_memory_limit_bytes") > 0
    assert "satseek_redis_up{" not in answer.text
    assert (503, "the worker has ended") == (ended.status_code, ended.json()["detail"])
    assert 404 == nothing.status_code


def _jobs(settings: Settings) -> list[Job]:
    with closing(open_queue(settings)) as queue:
        return queue.jobs()


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with closing(open_queue(settings)) as queue, socket.create_server(("127.0.0.1", 0)) as taken:
        figures = WorkerFigures(settings, queue)
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSettings, match=f"cannot listen on 127.0.0.1:{port}"):
            WorkerDoor(figures, queue=queue, is_alive=lambda: True, host="127.0.0.1", port=port)


@needs_redis
def test_without_its_queue_it_is_not_ready_and_says_so(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis", *KEEPS) as redis:
        environment = os.environ | {
            "SATSEEK_QUEUE_URL": redis.url,
            "SATSEEK_DATA_DIR": str(tmp_path / "data"),
            "SATSEEK_METRICS_PORT": "0",
        }
        command = [*starting.command(), "worker"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
            try:
                url = _url(process)
                assert 200 == httpx.get(f"{url}/readyz", timeout=20).status_code
                up = 'satseek_redis_up{server="queue"}'
                assert 1.0 == _value(httpx.get(f"{url}/metrics", timeout=20).text, up)
                with closing(open_queue(Settings(queue_url=redis.url))) as queue:
                    _until(queue.is_attended)
                redis.kill()
                _until(lambda: 503 == httpx.get(f"{url}/readyz", timeout=20).status_code)
                assert 200 == httpx.get(f"{url}/livez", timeout=20).status_code
                redis.start()  # it ends sooner with its queue than without
            finally:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)
    assert 0 == process.returncode


def _url(process: subprocess.Popen[bytes]) -> str:
    """Read where it shows its figures."""
    assert process.stderr is not None
    for line in process.stderr:
        if b"worker shows figures" in line:
            return line.decode().partition('"url": "')[2].partition('"')[0]
    raise AssertionError("it ended before it showed figures")


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)
