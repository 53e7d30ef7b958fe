"""Long work from a terminal: asked for, done by a worker in the background, seen, ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import serving
import starting
from redisserving import KEEPS, needs_redis, running_redis
from shipped import make_collection
from typer.testing import CliRunner

from satseek.assemble import Assembly
from satseek.cli import indexing, jobs, keeping, scheduling
from satseek.cli.application import app
from satseek.errors import (
    Abandoned,
    DeadlineExceeded,
    InvalidRequest,
    JobNotFound,
    SatseekError,
    ScheduleNotFound,
    UnreadableImage,
)
from satseek.jobs.presence import is_anybody_there
from satseek.jobs.protocol import Terms
from satseek.jobs.queues import open_queue
from satseek.jobs.working import FOLDER
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

assert indexing, keeping  # their commands are there once they are imported

DEADLINE_SECONDS = 90


@pytest.fixture
def data(tmp_path: Path) -> Path:
    assembly = Assembly(Settings(data_dir=tmp_path / "data"))
    make_collection(assembly, "small")
    assembly.close()
    return tmp_path / "data"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving.make_scenes(tmp_path_factory.mktemp("job-scenes") / "scenes")


def command(data: Path, *words: object) -> list[str]:
    return [*starting.command(), "--data-dir", str(data), *map(str, words)]


def real(data: Path, *words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, *words),
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def run(data: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), *map(str, words)])


def told(data: Path, *words: object) -> Any:
    done = run(data, *words, "--json")
    assert 0 == done.exit_code, (done.output, done.exception)
    return json.loads(done.stdout)


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def submit(data: Path, terms: Terms | None = None, **parameters: Any) -> str:
    queue = open_queue(Settings(data_dir=data))
    asked = {"collection": "small"} | parameters
    job = queue.submit(
        "verify", asked, collection="small", asked_by="local", terms=terms or Terms()
    )
    queue.close()
    return job.id


def settle(data: Path, state: Any, **said: Any) -> None:
    """Be a worker for one job."""
    queue = open_queue(Settings(data_dir=data))
    lease = queue.claim("a worker")
    assert lease is not None
    queue.report(lease, done=1, total=4, note="a scene", log="a line")
    if state != "running":
        queue.finish(lease, state, **said)
    queue.close()


def test_work_is_detached_done_in_the_background_and_waited_for(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    words = ("index", scenes.name, "-c", "fresh", "--detach", "--key", "once", "--priority", 3)
    asked = real(data, *words, cwd=scenes.parent)
    assert 0 == asked.returncode, asked.stderr
    job_id = asked.stdout.strip()
    assert "so one was started: it ends when nothing waits" in asked.stderr

    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "cut.tif").write_bytes(b"II*\0 cut short")
    useless = real(data, "index", tmp_path / "empty", "-c", "useless", "--detach").stdout.strip()

    waited = run(data, "jobs", "wait", job_id)
    assert 0 == waited.exit_code, waited.output
    result = json.loads(waited.stdout)
    assert (12, 3, 1) == tuple(result[name] for name in ("chips", "scenes", "refusals"))
    shown = told(data, "jobs", "show", job_id)
    assert (3, "fresh", 1) == (shown["priority"], shown["collection"], shown["attempts"])
    assert shown["asked_by"].startswith("local")
    assert '"event": "indexed"' in run(data, "jobs", "log", job_id).stdout

    monkeypatch.chdir(scenes.parent)
    assert job_id == told(data, *words)["id"]  # there is no second one to be done
    failed = real(data, "jobs", "wait", useless)
    assert (4, "") == (failed.returncode, failed.stdout)
    assert f"satseek: job {useless}: none of the 1 files can be used\n" == failed.stderr

    until(lambda: not is_anybody_there(data / FOLDER))
    log = (data / FOLDER / "worker.log").read_text()
    assert "worker begins" in log
    assert "worker ends" in log


def test_a_worker_drains_when_it_is_told_to_end_and_the_next_one_goes_on(
    scenes: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    asked = {"collection": "long", "folder": str(scenes), "here": True, "chip_px": 16}
    queue = open_queue(Settings(data_dir=data))
    job_id = queue.submit("index", asked, collection="long", asked_by="local").id
    with subprocess.Popen(
        command(data, "worker", "--grace", 0.2), stderr=subprocess.PIPE, text=True
    ) as worker:
        until(lambda: queue.find(job_id).done > 0 or bool(queue.find(job_id).note))
        before = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=DEADLINE_SECONDS)
    assert time.monotonic() - before < 10
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert 0 == worker.returncode, said
    assert ["worker begins", "worker drains", "job", "worker ends"] == [
        one for one in events if one in {"worker begins", "worker drains", "job", "worker ends"}
    ]
    assert ("queued", 0) == ((job := queue.find(job_id)).state, job.attempts)
    queue.cancel(job_id)
    queue.close()


def test_jobs_are_listed_shown_and_cancelled(data: Path) -> None:
    first, second, third = (submit(data) for _ in range(3))
    settle(data, "done", result={"sound": True})
    settle(data, "running")
    listed = told(data, "jobs", "list")
    assert [third, second, first] == [one["id"] for one in listed]
    assert ["queued", "running", "done"] == [one["state"] for one in listed]
    assert [second] == [one["id"] for one in told(data, "jobs", "list", "--state", "running")]
    assert [third] == [one["id"] for one in told(data, "jobs", "list", "-n", 1)]
    table = run(data, "jobs", "list")
    assert ["id", "task", "collection", "state", "progress", "asked", "by", "created"] == (
        table.stdout.splitlines()[0].split()
    )
    assert "1/4" in table.stdout
    assert "1 queued, 1 running, 1 done\n" == table.stderr
    shown = run(data, "jobs", "show", first).stdout
    assert '{"sound": true}' in shown
    assert "a line\n" == run(data, "jobs", "log", second).stdout
    assert "has logged nothing yet" in run(data, "jobs", "log", third).stderr

    cancelled = told(data, "jobs", "cancel", second, third)
    assert [("running", True), ("cancelled", False)] == [
        (one["state"], one["cancelling"]) for one in cancelled
    ]
    assert f"job {second} is ending\n" == run(data, "jobs", "cancel", second).stderr
    assert Abandoned is type(run(data, "jobs", "wait", third).exception)


def test_a_log_is_followed_to_its_end(data: Path) -> None:
    job_id = submit(data)
    queue = open_queue(Settings(data_dir=data))
    lease = queue.claim("a worker")
    assert lease is not None
    queue.report(lease, done=0, total=0, note="", log="a\nb")
    follow = command(data, "jobs", "log", job_id, "--follow")
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        begun = [following.stdout.readline() for _ in range(2)]
        queue.report(lease, done=0, total=0, note="", log="b\nc")
        queue.finish(lease, "done", result={}, log="b\nc\nd")
        rest = following.stdout.read()
    queue.close()
    assert ["a\n", "b\n", "c\nd\n"] == [*begun, rest]
    assert following.returncode == 0


def test_waiting_ends_as_the_job_did(data: Path) -> None:
    good, bad, odd, long = (submit(data) for _ in range(4))
    settle(data, "done", result={"sound": True})
    settle(data, "failed", error="no image", error_kind="UnreadableImage")
    settle(data, "failed", error="the job was killed by SIGKILL")
    assert {"sound": True} == json.loads(run(data, "jobs", "wait", good).stdout)
    failed = run(data, "jobs", "wait", bad, "--json")
    assert UnreadableImage is type(failed.exception)
    assert "no image" == json.loads(failed.stdout)["error"]
    assert SatseekError is type(run(data, "jobs", "wait", odd).exception)
    late = run(data, "jobs", "wait", long, "--timeout", 0)
    assert DeadlineExceeded is type(late.exception)
    assert "queued" == told(data, "jobs", "show", long)["state"]


@pytest.mark.parametrize("verb", ["show", "log", "wait", "cancel"])
def test_an_unknown_job_is_refused(data: Path, verb: str) -> None:
    assert JobNotFound is type(run(data, "jobs", verb, "0" * 16).exception)


def test_schedules_are_set_up_listed_and_removed(data: Path, scenes: Path) -> None:
    add = ("jobs", "schedule", "add", "nightly")
    where = json.dumps({"folder": str(scenes), "chip_px": 64})
    put = told(
        data, *add, "30 2 * * *", "index", "-c", "small", "-p", where, "--timezone", "Europe/Berlin"
    )
    assert ("index", "small", "Europe/Berlin") == (put["task"], put["collection"], put["timezone"])
    assert (str(scenes), 64) == (put["parameters"]["folder"], put["parameters"]["chip_px"])
    upcoming = datetime.fromisoformat(put["next"])
    assert (2, 30) == (upcoming.hour, upcoming.minute)
    assert upcoming > datetime.now(UTC)
    done = run(data, *add, "0 4 * * 1", "verify", "-c", "small")
    assert done.stderr.startswith("schedule nightly: next at ")
    (one,) = told(data, "jobs", "schedule", "list")
    assert ("nightly", "0 4 * * 1", "verify") == (one["name"], one["cron"], one["task"])
    assert "0 4 * * 1" in run(data, "jobs", "schedule", "list").stdout
    assert 0 == run(data, "jobs", "schedule", "remove", "nightly").exit_code
    assert [] == told(data, "jobs", "schedule", "list")
    gone = run(data, "jobs", "schedule", "remove", "nightly")
    assert ScheduleNotFound is type(gone.exception)


def test_what_a_schedule_names_starts_where_it_was_set_up(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["satseek", "jobs", "schedule", "add", "n"])
    (tmp_path / "june").mkdir()
    (tmp_path / "parcels.geojson").write_text("{}")
    named = {"parcels": "parcels.geojson", "before": "june", "after": "2025-08", "out": "claims"}
    put = told(
        data, *("jobs", "schedule", "add", "n", "0 4 * * 1", "assess"), "-p", json.dumps(named)
    )
    places = {name: str(tmp_path / named[name]) for name in ("parcels", "before", "out")}
    assert {**places, "after": "2025-08"} == {name: put["parameters"][name] for name in named}
    assert put["parameters"]["operator"] == put["asked_by"] != ""
    assert "satseek jobs schedule add n" == put["parameters"]["command"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("collection", "verify", "--priority", 1), "--priority and --key go with --detach"),
        (("collection", "compact", "--key", "a"), "--priority and --key go with --detach"),
        (("index", "nowhere", "--detach"), "no folder or file"),
        (("index", ".", "--detach", "--batch", 4), "--batch"),
        (("index", "--detach"), "give a source of scenes, or --stac-api, not both"),
        (("index", ".", "--detach", "--bbox", "1,2,3,4"), "go with --stac-api"),
        (("index", ".", "--detach", "--chip", 64, "--stride", 65), "stride"),
        (("index", ".", "--detach", "--recipe", "sepia"), "sepia"),
        (("collection", "verify", "nowhere", "--detach"), "no collection 'nowhere'"),
        (("jobs", "list", "--state", "sleeping"), "--state: expected one of queued, running"),
        (("jobs", "schedule", "add", "a", "* * * * *", "dance"), "expected a task of index"),
        (("jobs", "schedule", "add", "a", "* * *", "verify", "-c", "small"), "5 fields"),
        (
            ("jobs", "schedule", "add", "a", "* * * * *", "verify", "-c", "small", "-p", "[]"),
            "--parameters: expected a JSON object",
        ),
        (
            ("jobs", "schedule", "add", "a", "* * * * *", "verify", "-p", '{"colour": 1}'),
            "Field required",
        ),
        (
            ("jobs", "schedule", "add", "a", "* * * * *", "verify", "-c", "nowhere"),
            "no collection 'nowhere'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_asked(
    data: Path, words: tuple[object, ...], says: str
) -> None:
    done = run(data, *words)
    assert isinstance(done.exception, SatseekError), done.output
    assert says in str(done.exception)
    assert [] == told(data, "jobs", "list")
    assert [] == told(data, "jobs", "schedule", "list")


def test_options_of_the_worker_do_not_go_with_a_job(data: Path) -> None:
    for words in (("collection", "verify", "--detach"), ("jobs", "schedule", "add", "a", "b", "c")):
        done = CliRunner().invoke(
            app, ["--data-dir", str(data), "--model", "starter", "--threads", "2", *words]
        )
        assert InvalidRequest is type(done.exception)
        assert str(done.exception).startswith("--model, --threads: a job is done as its worker is")


def test_every_command_and_state_is_in_the_reference() -> None:
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    for one in (*jobs.group.registered_commands, *scheduling.group.registered_commands):
        assert one.callback is not None
        assert (one.name or one.callback.__name__) in reference
    for words in ("satseek worker", "satseek jobs list", "satseek jobs schedule add", "--detach"):
        assert words in reference


@needs_redis
def test_machines_that_share_a_redis_leave_the_job_to_their_workers(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_redis(tmp_path / "redis", *KEEPS) as redis:
        monkeypatch.setenv("SATSEEK_QUEUE_URL", redis.url)
        asked = told(data, "collection", "verify", "--detach", "--priority", 2)
        assert (None, "queued") == (asked["worker_log"], asked["state"])
        assert not (data / FOLDER / "worker.log").exists()
        redis.kill()
        back = threading.Timer(0.5, redis.start)
        with subprocess.Popen(command(data, "worker", "--burst")) as worker:
            back.start()
            waited = run(data, "jobs", "wait", asked["id"])
            back.join()
            assert 0 == worker.wait(DEADLINE_SECONDS)
        assert {"collection": "small", "sound": True} == json.loads(waited.stdout)
        (done,) = told(data, "jobs", "list")
        assert ("done", 2, 1) == (done["state"], done["priority"], done["attempts"])


def test_a_servers_jobs_are_seen_from_elsewhere_and_done_by_it(data: Path, tmp_path: Path) -> None:
    with serving.running_server(data) as server:
        until(lambda: is_anybody_there(data / FOLDER))
        asked = told(data, "collection", "verify", "--detach")
        assert asked["worker_log"] is None
        where, there = tmp_path / "elsewhere", ("--server", server.url)
        waited = run(where, "jobs", "wait", asked["id"], *there)
        assert {"collection": "small", "sound": True} == json.loads(waited.stdout)
        (listed,) = told(where, "jobs", "list", *there)
        assert ("verify", "small", "done") == (
            listed["task"],
            listed["collection"],
            listed["state"],
        )
        assert "1 done\n" == run(where, "jobs", "list", *there).stderr
        shown = told(where, "jobs", "show", asked["id"], *there)
        assert told(data, "jobs", "show", asked["id"])["finished"] == shown["finished"]
        assert 0 == run(where, "jobs", "log", asked["id"], *there).exit_code
        assert "done" == told(where, "jobs", "cancel", asked["id"], *there)[0]["state"]
        unknown = run(where, "jobs", "wait", "0" * 16, *there)
        assert JobNotFound is type(unknown.exception)
        assert not where.exists()
