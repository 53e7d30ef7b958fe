"""One suite for every cache: in memory, in a real Redis, and one before the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from redisserving import needs_redis, running_redis

from satseek.embed.caching import LayeredCache, MemoryCache
from satseek.embed.sharing import KEYS_AT_ONCE, RedisCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from redisserving import RedisServer

    from satseek.embed.caching import Cache

ROOM = 64 * 1024**2
PATIENT_S = 10.0


class Settled:
    """Writes, and waits until it is written."""

    def __init__(self, cache: Cache, shared: RedisCache | None) -> None:
        self.cache = cache
        self.shared = shared

    def put(self, items: Mapping[str, bytes]) -> None:
        self.cache.put_many(items)
        assert self.shared is None or self.shared.drain(PATIENT_S)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(
    params=[
        "memory",
        pytest.param("redis", marks=needs_redis),
        pytest.param("both", marks=needs_redis),
    ]
)
def settled(request: pytest.FixtureRequest) -> Iterator[Settled]:
    memory, shared = MemoryCache(ROOM), None
    if request.param != "memory":
        running: RedisServer = request.getfixturevalue("server")
        with running.client() as client:
            client.flushall()
        shared = RedisCache(running.url, wait_s=PATIENT_S)
    cache: Cache = shared or memory
    if shared is not None and request.param == "both":
        cache = LayeredCache(memory, shared)
    yield Settled(cache, shared)
    cache.close()


def test_nothing_was_put(settled: Settled) -> None:
    assert [None, None] == settled.cache.get_many(["a", "b"])


def test_what_was_put_is_found_in_the_order_asked(settled: Settled) -> None:
    settled.put({"a": b"1", "b": b"2"})
    assert [b"2", None, b"1", b"2"] == settled.cache.get_many(["b", "c", "a", "b"])


def test_what_was_put_last_counts(settled: Settled) -> None:
    settled.put({"a": b"1"})
    settled.put({"a": b"2"})
    assert [b"2"] == settled.cache.get_many(["a"])


@pytest.mark.parametrize("value", [b"", b"\0", bytes(range(256)), b"SSK1", b"v" * 500_000])
def test_any_bytes_come_back_as_they_were(settled: Settled, value: bytes) -> None:
    settled.put({"a": value})
    assert [value] == settled.cache.get_many(["a"])


@pytest.mark.parametrize("key", ["", " ", "fluß 河流", "a\r\nb", "k" * 10_000])
def test_any_text_is_a_key(settled: Settled, key: str) -> None:
    settled.put({key: b"1"})
    assert [b"1", None] == settled.cache.get_many([key, key + "x"])


def test_no_keys_and_no_values(settled: Settled) -> None:
    settled.put({})
    assert [] == settled.cache.get_many([])


def test_many_at_once(settled: Settled) -> None:
    items = {f"key {number}": b"%d" % number for number in range(3 * KEYS_AT_ONCE + 1)}
    settled.put(items)
    assert list(items.values()) == settled.cache.get_many(list(items))


def test_threads_share_it(settled: Settled) -> None:
    def work(seed: int) -> None:
        for number in range(40):
            key = str((seed + number) % 20)
            (found,) = settled.cache.get_many([key])
            assert found in {None, key.encode() * 9}
            settled.cache.put_many({key: key.encode() * 9})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    settled.put({})
    keys = [str(number) for number in range(20)]
    assert [key.encode() * 9 for key in keys] == settled.cache.get_many(keys)


def test_after_closing_it_has_nothing_and_says_no_word(settled: Settled) -> None:
    settled.put({"a": b"1"})
    settled.cache.close()
    settled.cache.put_many({"b": b"1"})
    assert [None, None] == settled.cache.get_many(["a", "b"])
