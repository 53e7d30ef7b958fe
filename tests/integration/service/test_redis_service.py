"""Two real servers that share a real Redis, which is killed, paused, damaged and brought back."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import serving
from redisserving import needs_redis, running_redis

from satseek.assemble import Assembly
from satseek.embed.sharing import PREFIX
from satseek.search.searching import search
from satseek.settings import Settings
from satseek.types import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from redisserving import RedisServer

    from satseek.types import Hit

pytestmark = needs_redis

CLIENTS = 4
SETTLED_S = 40.0
"""Longest wait for what happens in the background; the longest rest is 30 s."""

SLOW_S = 2.0
"""No search may take longer on a busy machine, whatever becomes of Redis: alone it takes 0.02 s."""

K = 5

TOLERANCE = 1e-4
"""Of a score: a text computed in company differs from one computed alone in the last digits."""

SECRET = "s3cret-of-redis"  # noqa: S105 (of a server that lives as long as these tests)

TEXTS = ("a harbour", "dense forest", "a river mouth", "bare land", "an airport", "storage tanks")


@dataclass(slots=True)
class Pair:
    """Two servers over the same collection, and the Redis between them."""

    redis: RedisServer
    servers: list[serving.Server]
    http: list[httpx.Client]
    expected: dict[str, tuple[Hit, ...]]
    """Hits by text, as the use-case finds them without any cache."""

    def search(self, at: int, text: str) -> list[dict[str, Any]]:
        answer = self.http[at].post("/v1/search", json={"text": text, "k": K})
        assert 200 == answer.status_code, answer.text
        return list(answer.json()["hits"])

    def lookups(self, at: int) -> dict[tuple[str, str], float]:
        """Lookups so far by what was looked up and how it ended."""
        figures = self.http[at].get("/metrics").text
        line = r'^satseek_cache_lookups_total{cache="(\w+)",outcome="(\w+)"} (\S+)$'
        found = re.findall(line, figures, re.MULTILINE)
        return {(cache, outcome): float(count) for cache, outcome, count in found}


def expected(data: Path) -> dict[str, tuple[Hit, ...]]:
    assembly = Assembly(Settings(data_dir=data))
    with assembly.matched("small").pinned() as index:
        embedder = assembly.embedder
        found = {
            text: search(Query(text=text, k=K), index=index, embedder=embedder).hits
            for text in TEXTS
        }
    assembly.close()
    return found


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    home = tmp_path_factory.mktemp("pair")
    data = home / "data"
    serving.index(data, serving.make_scenes(home / "scenes"), "small")
    secret = ("--requirepass", SECRET, "--appendonly", "yes")
    with (
        running_redis(home / "redis", *secret, password=SECRET) as redis,
        serving.running_server(data, redis_url=redis.url, log_level="debug") as one,
        serving.running_server(data, redis_url=redis.url, log_level="debug") as other,
        httpx.Client(base_url=one.url, timeout=20) as first,
        httpx.Client(base_url=other.url, timeout=20) as second,
    ):
        yield Pair(redis=redis, servers=[one, other], http=[first, second], expected=expected(data))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def same(pair: Pair, text: str, hits: list[dict[str, Any]]) -> bool:
    """Whether hits are the right ones, in the right order, with the right scores."""
    right = pair.expected[text]
    scores = [
        abs(hit["scores"][kind] - value) <= TOLERANCE
        for hit, other in zip(hits, right, strict=True)
        for kind, value in other.scores.items()
        if kind != "percentile"  # a rank: it jumps where cosines of the background lie close
    ]
    return [hit["chip"] for hit in hits] == [hit.chip.id for hit in right] and all(scores)


def written(pair: Pair) -> int:
    with pair.redis.client() as client:
        return len(client.keys(PREFIX + "*"))


def test_what_one_server_was_asked_the_other_knows(pair: Pair) -> None:
    before = pair.lookups(1)
    for number, text in enumerate(TEXTS[:3], 1):
        assert same(pair, text, pair.search(0, text))
        until(lambda: written(pair) >= 2 * number)  # noqa: B023 (the text's vector, and the answer)
        assert same(pair, text, pair.search(1, text))
    after = pair.lookups(1)
    grown = {key: after[key] - before.get(key, 0) for key in after}
    # all three, unless the machine kept a lookup waiting for longer than it is worth
    assert grown["answer", "hit"] == grown["redis", "hit"] >= 1
    assert grown.get(("text", "hit"), 0) == 0


def test_garbage_under_our_keys_is_never_an_answer(pair: Pair) -> None:
    text = TEXTS[4]
    assert same(pair, text, pair.search(0, text))
    until(lambda: written(pair) >= 8)
    with pair.redis.client() as client:
        keys = sorted(client.keys(PREFIX + "*"))
        values = [client.get(key) for key in keys]
        for key, value in zip(keys, [*values[1:], b"garbage"], strict=True):
            client.set(key, value)  # whole values, but of other keys
    assert same(pair, text, pair.search(1, text))


def load(pair: Pair, stop: threading.Event, at: int) -> list[tuple[bool, float]]:
    """Search until told to stop; whether each answer was right, and its seconds."""
    results = []
    number = at
    while not stop.is_set():
        text = TEXTS[number % len(TEXTS)]
        number += 1
        started = time.perf_counter()
        try:
            right = same(pair, text, pair.search(number % 2, text))
            pair.search(number % 2, f"{text} {number} of {at}")  # never asked before
        except (AssertionError, httpx.HTTPError):
            right = False
        results.append((right, time.perf_counter() - started))
    return results


def test_no_request_fails_nor_waits_whatever_becomes_of_redis(pair: Pair) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        loads = [pool.submit(load, pair, stop, at) for at in range(CLIENTS)]
        time.sleep(0.7)
        pair.redis.kill()
        time.sleep(1)
        pair.redis.start()
        time.sleep(1)
        pair.redis.pause()
        time.sleep(1.5)
        pair.redis.resume()
        time.sleep(0.7)
        stop.set()
        results = [result for one in loads for result in one.result(60)]
    assert len(results) > 10 * CLIENTS
    assert [] == [seconds for right, seconds in results if not right]
    assert max(seconds for _, seconds in results) < SLOW_S


def test_a_server_says_how_its_redis_is(pair: Pair) -> None:
    def state() -> str:
        answer = pair.http[0].get("/readyz")
        assert 200 == answer.status_code  # it is ready without
        return str(answer.json()["redis"])

    until(lambda: state() == "up")
    pair.redis.kill()
    until(lambda: state().startswith("down: "))
    assert all(same(pair, text, pair.search(0, text)) for text in TEXTS)
    pair.redis.start()
    until(lambda: state() == "up")


def test_no_log_line_shows_the_password(pair: Pair) -> None:
    for server in pair.servers:
        assert "redis is given a rest" in server.lines()
        assert SECRET not in server.lines()
