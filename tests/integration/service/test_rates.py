"""One too many is refused with when to come again, through every door; others are not held up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import serving
from keymaking import bearer, make_key
from redisserving import needs_redis, running_redis

pytest.importorskip("limits", reason="limits is not on this machine: pip install 'satseek[auth]'")

if TYPE_CHECKING:
    from pathlib import Path


def test_one_too_many_is_refused_and_told_when_to_come_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ada, grace = (bearer(make_key(data, name)) for name in ("ada", "grace"))
    with (
        serving.running_server(data, ready=False, auth="keys", rate_per_minute="5") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        answers = [client.get("/v1/collections", headers=ada) for _ in range(7)]
        assert [200] * 5 + [429] * 2 == [one.status_code for one in answers]
        assert '"default";q=5;w=60' == answers[0].headers["ratelimit-policy"]
        assert answers[0].headers["ratelimit"].startswith('"default";r=4;t=')
        refused = answers[-1]
        assert "urn:satseek:problem:rate-limited" == refused.json()["type"]
        seconds = int(refused.headers["retry-after"])
        assert 1 <= seconds <= 60
        assert f'"default";r=0;t={seconds}' == refused.headers["ratelimit"]
        assert 200 == client.get("/v1/collections", headers=grace).status_code
        assert {200} == {client.get("/livez").status_code for _ in range(10)}
        assert 401 == client.get("/v1/collections").status_code


def test_without_authentication_each_address_has_its_rate(tmp_path: Path) -> None:
    with serving.running_server(tmp_path / "data", ready=False, rate_per_minute="3") as server:
        url = f"{server.url}/v1/collections"
        statuses = [httpx.get(url, timeout=60).status_code for _ in range(5)]
    assert [200, 200, 200, 429, 429] == statuses


@needs_redis
def test_replicas_share_the_rate_and_go_on_without_redis(tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = bearer(make_key(data, "ada"))
    with running_redis(tmp_path / "redis") as redis:
        shared = {"auth": "keys", "rate_per_minute": "6", "redis_url": redis.url}
        with (
            serving.running_server(data, ready=False, **shared) as first,
            serving.running_server(data, ready=False, **shared) as second,
        ):

            def asked(server: serving.Server) -> int:
                answer = httpx.get(f"{server.url}/v1/collections", headers=key, timeout=60)
                return answer.status_code

            assert [200] * 3 == [asked(first) for _ in range(3)]
            assert [200] * 3 + [429] == [asked(second) for _ in range(4)]
            assert 429 == asked(first)
            redis.kill()
            assert 200 == asked(first), "counted here meanwhile"
            assert "Redis does not answer" in first.lines()
