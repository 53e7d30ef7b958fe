"""``/v1/jobs`` and ``/v1/schedules``: waiting for news, logs, files, terms, and who sees what."""

from __future__ import annotations

import csv
import hashlib
import io
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import serving
from shipped import make_collection

from satseek.assemble import Assembly
from satseek.service.access.proving import entries
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Desk

WAIT = 25
FINAL = {"done", "failed", "cancelled"}
LABELS = ["a harbour", "a forest"]
NIGHTLY = {"cron": "30 3 * * *", "timezone": "Europe/Berlin"}
VERIFY = {"task": "verify", "collection": "small"}


def submit(client: httpx.Client, **asked: object) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json=asked)
    assert 202 == answer.status_code, answer.text
    job: dict[str, Any] = answer.json()
    return job


def ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Wait for a job, by answers that are held."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        answer = client.get(f"/v1/jobs/{job_id}", params={"wait": WAIT}).raise_for_status()
        job: dict[str, Any] = answer.json()
        if job["state"] in FINAL:
            return job
    raise AssertionError(job)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_terms_are_kept_and_shown(desk: Desk) -> None:
    terms = {"priority": 4, "keep_seconds": 7200, "attempts": 2}
    done = ended(desk.operator, submit(desk.operator, **VERIFY, **terms)["id"])
    assert ("done", 4, None) == (done["state"], done["priority"], done["error_kind"])
    kept = moment(done["expires"]) - moment(done["finished"])
    assert 7200 == pytest.approx(kept.total_seconds(), abs=1)


def test_a_job_waits_for_its_moment_and_its_watcher_for_news(desk: Desk) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    job = submit(desk.operator, **VERIFY, not_before=later.isoformat())
    assert ("queued", later) == (job["state"], moment(job["not_before"]))
    path, seen = f"/v1/jobs/{job['id']}", job["revision"]
    assert seen == desk.operator.get(path).json()["revision"]
    began = time.monotonic()
    nothing = desk.operator.get(path, params={"wait": 0.5, "seen": seen}).json()
    assert ("queued", seen) == (nothing["state"], nothing["revision"])
    assert time.monotonic() - began >= 0.5
    with ThreadPoolExecutor(2) as pool:
        news = pool.submit(desk.operator.get, path, params={"wait": WAIT, "seen": seen})
        end = pool.submit(desk.operator.get, path, params={"wait": WAIT})
        time.sleep(0.3)
        desk.operator.post(f"{path}/cancel").raise_for_status()
        states = [one.result().json()["state"] for one in (news, end)]
    assert ["cancelled", "cancelled"] == states
    assert time.monotonic() - began < WAIT


@pytest.fixture(scope="module")
def classified(desk: Desk) -> dict[str, Any]:
    """A job about no collection that left a table."""
    asked = {"task": "classify", "folder": ".", "labels": LABELS, "cut": "never"}
    return ended(desk.operator, submit(desk.operator, **asked)["id"])


def test_a_job_leaves_files_to_take(desk: Desk, classified: dict[str, Any]) -> None:
    assert ("done", "") == (classified["state"], classified["collection"]), classified
    below = f"/v1/jobs/{classified['id']}/files"
    (one,) = desk.operator.get(below).raise_for_status().json()["files"]
    assert "path" not in classified["result"]["files"][0]
    answer = desk.operator.get(one["path"]).raise_for_status()
    told = (one["bytes"], one["sha256"], one["media_type"])
    media_type = answer.headers["content-type"].partition(";")[0]
    assert told == (len(answer.content), hashlib.sha256(answer.content).hexdigest(), media_type)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [*serving.DATES, "broken.tif"] == [one["id"][:10] for one in rows]
    part = desk.operator.get(one["path"], headers={"range": "bytes=5-"})
    assert (206, answer.content[5:]) == (part.status_code, part.content)
    known = desk.operator.get(one["path"], headers={"if-none-match": answer.headers["etag"]})
    assert (304, b"") == (known.status_code, known.content)
    beyond = desk.operator.get(one["path"], headers={"range": f"bytes={one['bytes']}-"})
    assert (416, "application/problem+json") == (
        beyond.status_code,
        beyond.headers["content-type"],
    )
    for name in ("none.csv", "..%2F..%2Fjobs.sqlite", "%2Fetc%2Fpasswd"):
        missing = desk.operator.get(f"{below}/{name}")
        assert (404, "application/problem+json") == (
            missing.status_code,
            missing.headers["content-type"],
        )
        assert str(desk.home) not in missing.text


def test_a_job_about_no_collection_is_its_askers_and_the_admins(
    desk: Desk, classified: dict[str, Any]
) -> None:
    path = f"/v1/jobs/{classified['id']}"
    (name,) = [one["name"] for one in classified["result"]["files"]]
    for way in ("", "/log", "/files", f"/files/{name}"):
        states = [
            who.get(path + way).status_code
            for who in (desk.operator, desk.admin, desk.guest, desk.reader)
        ]
        assert [200, 200, 404, 403] == states, way
    assert 404 == desk.guest.post(f"{path}/cancel").status_code
    seen = {job["id"] for job in desk.guest.get("/v1/jobs?limit=1000").json()["jobs"]}
    assert classified["id"] not in seen


def test_the_log_is_text(desk: Desk, classified: dict[str, Any]) -> None:
    path = f"/v1/jobs/{classified['id']}/log"
    whole = desk.operator.get(path)
    assert "text/plain; charset=utf-8" == whole.headers["content-type"]
    assert classified["log"].splitlines() == whole.text.splitlines()
    last = desk.operator.get(path, params={"lines": 1}).text
    assert whole.text.splitlines()[-1:] == last.splitlines()


def test_a_schedule_is_set_up_shown_replaced_and_removed(desk: Desk) -> None:
    path = "/v1/schedules/nightly"
    made = desk.operator.put(path, json={**NIGHTLY, "job": VERIFY, "priority": -2})
    assert 200 == made.status_code, made.text
    told = made.json()
    assert ("verify", "small", -2, "key:operator") == tuple(
        told[name] for name in ("task", "collection", "priority", "asked_by")
    )
    assert told == desk.operator.get(path).json()
    assert told in desk.operator.get("/v1/schedules").json()["schedules"]
    moments = [moment(one) for one in told["next"]]
    assert [3, timedelta(0)] == [len(moments), moments[0].utcoffset()]
    assert sorted(moments) == moments
    again = desk.operator.put(path, json={"cron": "0 4 * * 1", "job": VERIFY}).json()
    assert ("0 4 * * 1", "UTC", 0) == (again["cron"], again["timezone"], again["priority"])
    assert 204 == desk.operator.delete(path).status_code
    assert [404, 404] == [
        desk.operator.get(path).status_code,
        desk.operator.delete(path).status_code,
    ]
    assert "urn:satseek:problem:schedule-not-found" == desk.operator.get(path).json()["type"]
    trail = [
        (one["action"], one["outcome"])
        for one in entries(desk.home / "data" / "audit")
        if one["target"] == "nightly"
    ]
    put, removed = "schedule.put", "schedule.remove"
    assert [(put, "begun"), (put, "done")] * 2 + [(removed, "begun"), (removed, "done")] == trail


def test_schedules_are_for_those_who_see_what_they_are_about(desk: Desk) -> None:
    secret = {**NIGHTLY, "job": {"task": "verify", "collection": "secret"}}
    desk.operator.put("/v1/schedules/hidden", json=secret).raise_for_status()
    assert 404 == desk.guest.get("/v1/schedules/hidden").status_code
    assert 404 == desk.guest.delete("/v1/schedules/hidden").status_code
    assert [] == desk.guest.get("/v1/schedules").json()["schedules"]
    taken = desk.guest.put("/v1/schedules/hidden", json={**NIGHTLY, "job": VERIFY})
    assert (409, "conflict") == (taken.status_code, taken.json()["type"].rpartition(":")[2])
    assert 404 == desk.guest.put("/v1/schedules/mine", json=secret).status_code
    assert [403, 403, 403] == [
        desk.reader.get("/v1/schedules").status_code,
        desk.reader.put("/v1/schedules/mine", json=secret).status_code,
        desk.reader.delete("/v1/schedules/hidden").status_code,
    ]
    desk.operator.delete("/v1/schedules/hidden").raise_for_status()


@pytest.mark.parametrize(
    ("name", "asked", "status"),
    [
        ("a", {"cron": "61 3 * * *", "job": VERIFY}, 422),
        ("a", {"cron": "30 3 * *", "job": VERIFY}, 422),
        ("a", {"cron": "0 0 30 2 *", "job": VERIFY}, 422),
        ("a", {"cron": "30 3 * * *", "timezone": "Atlantis/Centre", "job": VERIFY}, 422),
        ("a", {"cron": "30 3 * * *", "timezone": "../../etc/passwd", "job": VERIFY}, 422),
        ("a", {"cron": "30 3 * * *", "job": {**VERIFY, "priority": 1}}, 422),
        ("a", {"cron": "30 3 * * *", "job": {"task": "dance"}}, 422),
        ("a", {"cron": "30 3 * * *", "job": {"task": "verify", "collection": "none"}}, 404),
        ("a", {"cron": "30 3 * * *"}, 422),
        ("-a b", {"cron": "30 3 * * *", "job": VERIFY}, 422),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    desk: Desk, name: str, asked: dict[str, Any], status: int
) -> None:
    answer = desk.operator.put(f"/v1/schedules/{name}", json=asked)
    assert status == answer.status_code, answer.text
    assert [] == desk.operator.get("/v1/schedules").json()["schedules"]


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[serving.Server]:
    """A server whose jobs nobody does, that holds one answer at a time."""
    assembly = Assembly(Settings(data_dir=tmp_path / "data"))
    make_collection(assembly, "small")
    assembly.close()
    settings = {"server_worker": "false", "max_concurrent_requests": "4"}
    with serving.running_server(tmp_path / "data", **settings) as server:
        yield server


def test_held_answers_are_few_and_are_given_when_the_server_stops(idle: serving.Server) -> None:
    with httpx.Client(base_url=idle.url, timeout=60) as client, ThreadPoolExecutor(1) as pool:
        path = f"/v1/jobs/{submit(client, **VERIFY)['id']}"

        def held() -> httpx.Response:
            while (answer := client.get(path, params={"wait": WAIT})).status_code == 429:
                time.sleep(0.01)
            return answer

        first = pool.submit(held)
        deadline = time.monotonic() + 20
        while client.get(path, params={"wait": 0.05}).status_code != 429:
            assert time.monotonic() < deadline
        assert 200 == client.get(path).status_code
        began = time.monotonic()
        idle.process.send_signal(signal.SIGTERM)
        answer = first.result()
        assert (200, "queued") == (answer.status_code, answer.json()["state"])
        assert time.monotonic() - began < 10
