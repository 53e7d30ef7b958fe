"""A real server whose jobs wait in a real Redis, which is killed and brought back."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import serving
from redisserving import KEEPS, needs_redis, running_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from redisserving import RedisServer

pytestmark = needs_redis

SETTLED_S = 40.0


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@contextmanager
def gone(redis: RedisServer) -> Iterator[None]:
    """Have a Redis away to begin with."""
    redis.kill()
    yield


def test_searches_go_on_without_the_queue_and_jobs_once_it_is_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    serving.index(data, serving.make_scenes(tmp_path / "scenes"), "small")
    secret = "s3cret-of-redis"  # noqa: S105 - of a server that lives as long as this test
    kept = (*KEEPS, "--requirepass", secret)
    with (
        running_redis(tmp_path / "redis", *kept, password=secret) as redis,
        gone(redis),
        serving.running_server(data, queue_url=redis.url) as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):

        def ask() -> httpx.Response:
            asked = {"task": "verify", "collection": "small"}
            return http.post("/v1/jobs", json=asked)

        def show(job: dict[str, Any]) -> dict[str, Any]:
            found: dict[str, Any] = http.get(f"/v1/jobs/{job['id']}").json()
            return found

        assert (
            "down: ConnectionRefusedError" == http.get("/readyz").json()["queue"]
        )  # it starts without
        assert 502 == http.get("/v1/jobs").status_code
        redis.start()
        until(lambda: http.get("/readyz").json()["queue"] == "up")
        first = ask()
        assert 202 == first.status_code, first.text
        until(lambda: show(first.json())["state"] == "done")
        redis.kill()
        for answer in (ask(), http.get("/v1/jobs"), http.get(f"/v1/jobs/{first.json()['id']}")):
            assert 502 == answer.status_code
            assert answer.json()["type"].endswith(":server-unreachable")
        ready = http.get("/readyz")
        assert (200, "down: ConnectionRefusedError") == (ready.status_code, ready.json()["queue"])
        found = http.post("/v1/search", json={"text": "a harbour", "k": 3})
        assert (200, 3) == (found.status_code, len(found.json()["hits"]))
        assert 200 == http.get("/metrics").status_code
        redis.start()
        until(lambda: http.get("/readyz").json()["queue"] == "up")
        assert "done" == show(first.json())["state"]
        second = ask()
        assert 202 == second.status_code, second.text
        until(lambda: show(second.json())["state"] == "done")
        assert secret not in server.lines()
