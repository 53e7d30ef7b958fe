"""A write that is sent again with its key is done once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from keymaking import bearer, make_key, satseek
from shipped import make_collection

from satseek.assemble import Assembly
from satseek.errors import IdempotencyConflict
from satseek.jobs.answers import Answers
from satseek.settings import Settings

if TYPE_CHECKING:
    from conftest import Desk

ASKED = {"task": "verify", "collection": "small"}


def _jobs(desk: Desk) -> list[str]:
    return [job["id"] for job in desk.operator.get("/v1/jobs?limit=1000").json()["jobs"]]


def test_the_same_request_again_gets_the_first_answer(desk: Desk) -> None:
    headers = {"idempotency-key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
    first = desk.operator.post("/v1/jobs", json=ASKED, headers=headers)
    before = _jobs(desk)
    again = desk.operator.post("/v1/jobs", json=ASKED, headers=headers)
    assert (202, 202) == (first.status_code, again.status_code)
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert "true" == again.headers["idempotency-replayed"]
    assert "idempotency-replayed" not in first.headers
    assert before == _jobs(desk)


def test_another_request_with_the_key_is_refused(desk: Desk) -> None:
    headers = {"idempotency-key": "other-1"}
    desk.operator.post("/v1/jobs", json=ASKED, headers=headers).raise_for_status()
    for asked, path in (
        (ASKED | {"collection": "secret"}, "/v1/jobs"),
        (ASKED, "/v1/jobs?again"),
    ):
        answer = desk.operator.post(path, json=asked, headers=headers)
        assert 422 == answer.status_code
        assert "Idempotency-Key" in answer.json()["detail"]


def test_keys_are_of_who_sent_them(desk: Desk) -> None:
    headers = {"idempotency-key": "mine"}
    first = desk.operator.post("/v1/jobs", json=ASKED, headers=headers).json()["id"]
    assert first != desk.admin.post("/v1/jobs", json=ASKED, headers=headers).json()["id"]


def test_who_has_lost_a_right_gets_no_old_answer(desk: Desk) -> None:
    headers, asked = {"idempotency-key": "before"}, ASKED | {"collection": "secret"}
    data, states = desk.home / "data", []
    for rights in (("--group", "staff"), ()):
        key = make_key(data, "turned", "--role", "operator", *rights)
        answer = httpx.post(
            f"{desk.server.url}/v1/jobs", json=asked, headers=headers | bearer(key), timeout=60
        )
        states.append(answer.status_code)
        assert 0 == satseek(data, "key", "revoke", "turned").returncode
    assert [202, 404] == states


def test_what_was_refused_may_be_sent_again(desk: Desk) -> None:
    headers = {"idempotency-key": "later"}
    assert 404 == desk.operator.delete("/v1/collections/later", headers=headers).status_code
    make_collection(Assembly(Settings(data_dir=desk.home / "data")), "later")
    for _ in range(2):
        assert 204 == desk.operator.delete("/v1/collections/later", headers=headers).status_code


def test_many_at_once_make_one_job(desk: Desk) -> None:
    before = set(_jobs(desk))
    ready = threading.Barrier(8)

    def ask(_: int) -> int:
        ready.wait()
        headers = {"idempotency-key": "at-once"}
        return desk.operator.post("/v1/jobs", json=ASKED, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(ask, range(8)))
    assert statuses <= {202, 409}
    assert 202 in statuses
    assert 1 == len(set(_jobs(desk)) - before)


def test_one_that_is_still_on_is_a_conflict(desk: Desk) -> None:
    other = Answers(desk.home / "data" / "jobs" / "answers.sqlite")  # another process would be one
    assert other.begin("key:nobody", "still-on", "f") is None
    with pytest.raises(IdempotencyConflict):
        Answers(desk.home / "data" / "jobs" / "answers.sqlite").begin("key:nobody", "still-on", "f")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, '"open', "ä"])
def test_a_key_has_a_form(desk: Desk, key: str) -> None:
    headers = [(b"idempotency-key", key.encode())]
    answer = desk.operator.post("/v1/jobs", json=ASKED, headers=headers)
    assert 422 == answer.status_code
    assert "Idempotency-Key" in answer.json()["detail"]
