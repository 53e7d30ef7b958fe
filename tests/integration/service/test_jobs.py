"""``/v1/jobs``: long work beside the server, seen, ended, and found again after the server died."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import serving

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk

FINAL = {"done", "failed", "cancelled"}
JOB_SECONDS = 90


def ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Wait for a job."""
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").raise_for_status().json()
        if job["state"] in FINAL:
            return job
        time.sleep(0.1)
    raise AssertionError(f"not ended within {JOB_SECONDS} s: {job}")


def submit(client: httpx.Client, task: str, collection: str, **more: object) -> str:
    """Ask for a job; returns its id."""
    answer = client.post("/v1/jobs", json={"task": task, "collection": collection, **more})
    assert 202 == answer.status_code, answer.text
    job_id: str = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/jobs/{job_id}"
    return job_id


def test_a_folder_is_indexed_embedded_again_verified_and_gone(desk: Desk) -> None:
    job = ended(desk.operator, submit(desk.operator, "index", "fresh", folder="."))
    assert "done" == job["state"], job
    assert (12, 3, 1) == tuple(job["result"][name] for name in ("chips", "scenes", "refusals"))
    assert ("key:operator", 1, None) == (job["asked_by"], job["attempts"], job["error"])
    assert str(desk.home) not in str(job)
    assert '"event": "indexed"' in job["log"]
    chips = desk.operator.get("/v1/collections/fresh").raise_for_status().json()["chips"]
    assert 12 == chips

    again = ended(desk.operator, submit(desk.operator, "reembed", "fresh", to=desk.own))
    assert ("done", "switched") == (again["state"], (again["result"] or {}).get("outcome")), again
    model = desk.operator.get("/v1/collections/fresh").json()["model"]
    assert desk.own == f"{model['name']}@{model['version']}"

    sound = ended(desk.operator, submit(desk.operator, "verify", "fresh"))
    assert {"collection": "fresh", "sound": True} == sound["result"]
    mended = ended(desk.operator, submit(desk.operator, "repair", "fresh"))
    assert ([], [], 0) == tuple(mended["result"][name] for name in ("found", "lost", "chips"))
    smaller = ended(desk.operator, submit(desk.operator, "compact", "fresh"))
    assert (12, 12) == tuple(smaller["result"][name] for name in ("rows_before", "rows_after"))
    tuned = ended(desk.operator, submit(desk.operator, "tune", "fresh"))["result"]
    assert tuned["kinds"]["text"]["recall"] == 1  # of so few chips every one is compared
    desk.operator.delete("/v1/collections/fresh").raise_for_status()


def test_a_job_that_fails_says_why(desk: Desk) -> None:
    (desk.home / "scenes" / "nothing").mkdir(exist_ok=True)
    (desk.home / "scenes" / "nothing" / "cut.tif").write_bytes(b"II*\0 cut short")
    job = ended(desk.operator, submit(desk.operator, "index", "useless", folder="nothing"))
    assert ("failed", None) == (job["state"], job["result"])
    assert "none of the 1 files can be used" == job["error"]
    (desk.home / "scenes" / "nothing" / "cut.tif").unlink()
    desk.operator.delete("/v1/collections/useless").raise_for_status()  # it says what was refused


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"task": "index", "collection": "a", "folder": "../elsewhere"}, 422),
        ({"task": "index", "collection": "a", "folder": "out"}, 422),
        ({"task": "index", "collection": "a", "folder": "/etc"}, 422),
        ({"task": "index", "collection": "a", "folder": "a\0b"}, 422),
        ({"task": "index", "collection": "a", "folder": "not-there"}, 404),
        ({"task": "index", "collection": "a", "folder": "http://127.0.0.1/catalog.json"}, 422),
        ({"task": "index", "collection": "a", "folder": "s3://bucket/catalog.json"}, 422),
        ({"task": "index", "collection": "a", "folder": ".", "search": {}}, 422),
        ({"task": "index", "collection": "../a", "folder": "."}, 422),
        ({"task": "index", "collection": "a", "folder": ".", "recipe": "sepia"}, 422),
        ({"task": "index", "collection": "a", "folder": ".", "chip_px": 64, "stride_px": 65}, 422),
        ({"task": "reembed", "collection": "nowhere"}, 404),
        ({"task": "reembed", "collection": "small", "to": "nobody"}, 404),
        ({"task": "verify", "collection": "nowhere"}, 404),
        ({"task": "repair", "collection": "nowhere"}, 404),
        ({"task": "compact", "collection": "nowhere"}, 404),
        ({"task": "dance", "collection": "small"}, 422),
        ({"task": "verify", "collection": "small", "colour": 1}, 422),
        ({"task": "verify"}, 422),
        ({}, 422),
    ],
)
def test_what_would_fail_is_refused_at_once(desk: Desk, asked: dict[str, Any], status: int) -> None:
    answer = desk.operator.post("/v1/jobs", json=asked)
    assert status == answer.status_code, answer.text
    assert str(desk.home) not in answer.text


def test_jobs_are_for_those_who_may(desk: Desk) -> None:
    secret = submit(desk.operator, "verify", "secret")
    for path in ("/v1/jobs", f"/v1/jobs/{secret}"):
        assert 403 == desk.reader.get(path).status_code
    assert 403 == desk.reader.post("/v1/jobs", json={}).status_code
    missing = desk.guest.get("/v1/jobs/0000000000000000").json()["detail"]
    for answer in (
        desk.guest.get(f"/v1/jobs/{secret}"),
        desk.guest.post(f"/v1/jobs/{secret}/cancel"),
    ):
        assert 404 == answer.status_code
        assert missing == answer.json()["detail"].replace(secret, "0" * 16)
    asked = {"task": "verify", "collection": "secret"}
    assert 404 == desk.guest.post("/v1/jobs", json=asked).status_code
    collections = {job["collection"] for job in desk.guest.get("/v1/jobs").json()["jobs"]}
    assert "secret" not in collections
    assert secret in {job["id"] for job in desk.operator.get("/v1/jobs").json()["jobs"]}


def test_jobs_are_counted_by_state_for_whoever_watches(desk: Desk) -> None:
    ended(desk.operator, submit(desk.operator, "verify", "small"))
    text = desk.operator.get("/metrics").raise_for_status().text
    counts = dict(re.findall(r'^satseek_jobs\{state="(\w+)"\} (\d+)', text, flags=re.MULTILINE))
    assert {"queued", "running", "done", "failed", "cancelled"} == set(counts)
    assert int(counts["done"]) >= 1


def test_jobs_come_in_pages_the_newest_first(desk: Desk) -> None:
    ids = [submit(desk.operator, "verify", "small") for _ in range(3)]
    for job_id in ids:
        ended(desk.operator, job_id)
    found: list[str] = []
    step: str | None = "/v1/jobs?state=done&limit=2"
    while step:
        page = desk.operator.get(step).raise_for_status().json()
        assert {"done"} == {job["state"] for job in page["jobs"]}
        found += [job["id"] for job in page["jobs"]]
        step = page["next"]
    assert sorted(found, reverse=True) == found
    assert ids[::-1] == found[:3]


def test_what_waits_and_what_runs_can_be_ended(tmp_path: Path) -> None:
    scenes = _long_work(tmp_path)
    with (
        serving.running_server(
            tmp_path / "data", plain=True, reference_roots=str(scenes)
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        running = submit(client, "index", "long", folder=".", chip_px=16)
        waiting = submit(client, "index", "other", folder=".")
        _wait_for(client, running, "running")
        assert "cancelled" == client.post(f"/v1/jobs/{waiting}/cancel").json()["state"]
        began = time.monotonic()
        client.post(f"/v1/jobs/{running}/cancel").raise_for_status()
        job = ended(client, running)
        assert ("cancelled", None) == (job["state"], job["result"])
        assert time.monotonic() - began < 15
        assert "cancelled" == client.post(f"/v1/jobs/{running}/cancel").json()["state"]
        assert 200 == client.get("/livez").status_code


def test_a_killed_server_leaves_no_job_behind_and_the_next_one_goes_on(tmp_path: Path) -> None:
    scenes, data = _long_work(tmp_path), tmp_path / "data"
    with serving.running_server(data, plain=True, reference_roots=str(scenes)) as server:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            job_id = submit(client, "index", "long", folder=".", chip_px=64)
            _wait_for(client, job_id, "running")
            child = _child(server.process.pid)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(timeout=20)
        _wait_until_gone(child)
    with (
        serving.running_server(data, reference_roots=str(scenes)) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        job = ended(client, job_id)
        assert ("done", 2) == (job["state"], job["attempts"]), job
        assert client.get("/v1/collections/long").json()["chips"] == job["result"]["chips"]


def test_a_stopped_server_puts_its_job_back(tmp_path: Path) -> None:
    scenes, data = _long_work(tmp_path), tmp_path / "data"
    with serving.running_server(data, plain=True, reference_roots=str(scenes)) as server:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            job_id = submit(client, "index", "long", folder=".", chip_px=16)
            _wait_for(client, job_id, "running")
            child = _child(server.process.pid)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=40)
        assert not _is_alive(child)
    with (
        serving.running_server(data, reference_roots=str(scenes)) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        _wait_for(client, job_id, "running")
        assert 1 == client.get(f"/v1/jobs/{job_id}").json()["attempts"]
        client.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()
        assert "cancelled" == ended(client, job_id)["state"]


def _long_work(tmp_path: Path) -> Path:
    """Scenes whose smallest chips keep this machine busy for longer than a test."""
    return serving.make_scenes(tmp_path / "scenes")


def _wait_for(client: httpx.Client, job_id: str, state: str) -> None:
    deadline = time.monotonic() + JOB_SECONDS
    while (now := client.get(f"/v1/jobs/{job_id}").json()["state"]) != state:
        assert now not in FINAL, now
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _child(pid: int) -> int:
    """The process of a server's one job: a job is said to run just before its process does."""
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline:
        found = _children(pid)
        if found:
            (child,) = found
            return child
        time.sleep(0.02)
    raise AssertionError(f"no process of a job within {JOB_SECONDS} s")


def _children(pid: int) -> list[int]:
    """Processes of jobs that a server started."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/stat", encoding="utf-8") as stat:  # noqa: PTH123
                parent = int(stat.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{entry.name}/cmdline", encoding="utf-8") as words:  # noqa: PTH123
                ours = "satseek.jobs" in words.read()
        except OSError:
            continue
        if parent == pid and ours:
            found.append(int(entry.name))
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while _is_alive(pid):
        assert time.monotonic() < deadline, "the job outlived its server"
        time.sleep(0.05)


def test_figures_tell_of_no_collection_that_somebody_does_not_see(desk: Desk) -> None:
    for who, sees in ((desk.guest, False), (desk.operator, True), (desk.admin, True)):
        figures = who.get("/metrics").text
        assert 'collection="small"' in figures
        assert sees is ("secret" in figures)
