"""A real Redis that is paused, killed, full, restarted, damaged, or no Redis at all."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from redisserving import free_port, needs_redis, running_redis

from satseek.embed.breaking import FAILURES
from satseek.embed.sealing import SEAL_BYTES
from satseek.embed.sharing import MAX_VALUE_BYTES, PREFIX, WAIT_S, RedisCache
from satseek.errors import InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from redisserving import RedisServer

pytestmark = needs_redis

SETTLED_S = 10.0
"""Longest wait for what happens in the background."""

AT_ONCE_S = 0.02
"""A lookup that asks nobody, on a busy machine."""

SLACK_S = 0.3
"""What a busy machine may add to a wait."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path / "redis", "--enable-debug-command", "local") as running:
        yield running


@contextmanager
def cache_of(url: str, *, wait_s: float = SETTLED_S, **how: float) -> Iterator[RedisCache]:
    """Open a cache; unless a test is about waiting, it waits for a busy machine."""
    cache = RedisCache(url, wait_s=wait_s, **how)
    try:
        yield cache
    finally:
        cache.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def put(cache: RedisCache, **items: bytes) -> None:
    cache.put_many(items)
    assert cache.drain(SETTLED_S)


def quickest(call: Callable[[], object], times: int = 5) -> float:
    """Seconds of the quickest of some calls: the others may have waited for the machine."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return min(taken)


def found(cache: RedisCache, key: str) -> bytes | None:
    """What is kept once Redis is asked again."""
    until(lambda: cache.state() == "up")
    return cache.get_many([key])[0]


def test_a_paused_redis_costs_a_few_waits_and_then_nothing(server: RedisServer) -> None:
    with cache_of(server.url, wait_s=WAIT_S) as cache:
        put(cache, a=b"1")
        server.pause()
        started = time.perf_counter()
        for _ in range(FAILURES):
            assert [None] == cache.get_many(["a"])
        assert time.perf_counter() - started < FAILURES * WAIT_S + SLACK_S
        assert quickest(lambda: cache.get_many(["a"])) < AT_ONCE_S
        assert quickest(lambda: cache.put_many({"b": b"2"})) < AT_ONCE_S
        assert cache.state().startswith("down: ")
        server.resume()
        assert b"1" == found(cache, "a")


def test_a_sleeping_redis_is_waited_for_no_longer_than_allowed(server: RedisServer) -> None:
    with cache_of(server.url, wait_s=WAIT_S) as cache, server.client() as client:
        put(cache, a=b"1")
        asleep = threading.Thread(target=lambda: client.execute_command("DEBUG", "SLEEP", "1.5"))
        asleep.start()
        awake = True
        while awake:
            time.sleep(0.2)
            started = time.perf_counter()
            awake = cache.get_many(["a"]) == [b"1"]
        for _ in range(50):
            assert [None] == cache.get_many(["a"])
        assert time.perf_counter() - started < FAILURES * WAIT_S + SLACK_S
        asleep.join()
        assert b"1" == found(cache, "a")


def test_writing_never_keeps_anybody_waiting(server: RedisServer) -> None:
    with cache_of(server.url, wait_s=WAIT_S) as cache:
        put(cache, a=b"1")
        server.pause()
        assert quickest(lambda: cache.put_many({"b": b"2"})) < AT_ONCE_S
        server.resume()


def test_a_killed_redis_is_nothing_and_comes_back_empty_or_full(tmp_path: Path) -> None:
    on_disk = ("--appendonly", "yes", "--appendfsync", "always")
    for settings, expected in (((), None), (on_disk, b"1")):
        folder = tmp_path / f"redis {len(settings)}"
        with running_redis(folder, *settings) as server, cache_of(server.url) as cache:
            put(cache, a=b"1")
            server.kill()
            for _ in range(20):
                assert [None] == cache.get_many(["a"])
                cache.put_many({"b": b"2"})
            server.start()
            assert expected == found(cache, "a")
            put(cache, a=b"3")
            assert [b"3"] == cache.get_many(["a"])


def test_connections_of_a_redis_that_was_restarted_cost_nothing(server: RedisServer) -> None:
    with cache_of(server.url) as cache:
        put(cache, a=b"1")
        server.kill()
        server.start()
        put(cache, a=b"2")
        assert [b"2"] == cache.get_many(["a"])
        assert not cache._circuit.why


def test_a_full_redis_keeps_nothing_more_and_is_still_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ("--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
    with running_redis(tmp_path / "redis", *settings) as server, cache_of(server.url) as cache:
        put(cache, first=b"1")
        for number in range(60):
            cache.put_many({f"key {number}": bytes(200_000)})
            assert cache.drain(SETTLED_S)
        assert "redis keeps nothing more for now: OutOfMemoryError" in caplog.messages
        assert [b"1", None] == cache.get_many(["first", "key 59"])
        assert "up" == cache.state()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"garbage",
        lambda kept: kept[:-1],
        lambda kept: kept + b"\0",
        lambda kept: kept[SEAL_BYTES:],
        lambda kept: b"SSK2" + kept[4:],
        lambda kept: kept[:SEAL_BYTES] + bytes([kept[SEAL_BYTES] ^ 1]) + kept[SEAL_BYTES + 1 :],
    ],
    ids=["empty", "foreign", "shorter", "longer", "unsealed", "other format", "one bit"],
)
def test_what_is_not_what_was_written_is_a_miss(
    server: RedisServer, damage: Callable[[bytes], bytes]
) -> None:
    with cache_of(server.url) as cache, server.client() as client:
        put(cache, a=b"a vector of some kind")
        kept = client.get(PREFIX + "a")
        assert isinstance(kept, bytes)
        client.set(PREFIX + "a", damage(kept))
        assert [None] == cache.get_many(["a"])
        client.set(PREFIX + "a", kept)
        assert [b"a vector of some kind"] == cache.get_many(["a"])


def test_a_value_moved_to_another_key_or_of_another_kind_is_a_miss(server: RedisServer) -> None:
    with cache_of(server.url) as cache, server.client() as client:
        put(cache, a=b"1", c=b"3")
        client.rename(PREFIX + "a", PREFIX + "b")
        client.hset(PREFIX + "hash", "field", "value")
        assert [None, None, None, b"3"] == cache.get_many(["a", "b", "hash", "c"])
        assert "up" == cache.state()


def test_values_go_by_themselves(server: RedisServer) -> None:
    with cache_of(server.url, ttl_s=0.3) as cache, server.client() as client:
        put(cache, a=b"1")
        assert [b"1"] == cache.get_many(["a"])
        until(lambda: not client.exists(PREFIX + "a"))


def test_a_value_that_would_hold_up_the_others_is_not_written(server: RedisServer) -> None:
    with cache_of(server.url) as cache:
        put(cache, a=bytes(MAX_VALUE_BYTES + 1), b=b"2")
        assert [None, b"2"] == cache.get_many(["a", "b"])


class Stranger:
    """Something else that listens: answers what it is told to, a piece at a time."""

    def __init__(self, answer: bytes, *, pause_s: float = 0) -> None:
        self._answer = answer
        self._pause_s = pause_s
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://somebody:s3cret@127.0.0.1:{self._listening.getsockname()[1]}/0"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(65536):
                    for at in range(0, len(self._answer), 1 if self._pause_s else 1 << 20):
                        end = at + (1 if self._pause_s else 1 << 20)
                        connection.sendall(self._answer[at:end])
                        time.sleep(self._pause_s)
            except OSError:
                return


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n", 0),
        (b"-ERR unknown command 'AUTH', with args beginning with: 'somebody' 's3cret'\r\n", 0),
        (b"+OK\r\n", 0),
        (b":1\r\n", 0),
        (b"$-1\r\n", 0),
        (b"*1\r\n$3\r\nfoo\r\n", 0),
        (b"*2147483647\r\n", 0),
        (b"\xff\xfe\x00\r\n", 0),
        (b"", 0),
        (b"$1000000\r\n" + b"x" * 1000, 0.05),  # never quite silent: no read takes too long
    ],
)
def test_something_else_that_listens_is_a_cache_of_nothing(
    answer: bytes, pause_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Stranger(answer, pause_s=pause_s)
    with caplog.at_level(logging.DEBUG), cache_of(stranger.url, wait_s=WAIT_S) as cache:
        started = time.perf_counter()
        for number in range(30):
            assert [None, None] == cache.get_many(["a", "b"])
            cache.put_many({f"{number}": b"1"})
        assert time.perf_counter() - started < FAILURES * WAIT_S + SLACK_S
        assert cache.state().startswith("down: ")
    stranger.close()
    shown = caplog.text + cache.state()
    assert "redis is given a rest" in shown
    assert "s3cret" not in shown
    assert "somebody" not in shown


def test_nobody_listens() -> None:
    with cache_of(f"redis://127.0.0.1:{free_port()}/0") as cache:
        for _ in range(FAILURES):
            assert [None] == cache.get_many(["a"])
        assert "down: ConnectionError" == cache.state()
        assert quickest(lambda: cache.get_many(["a"])) < AT_ONCE_S


def test_a_wrong_password_is_a_cache_of_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_redis(tmp_path / "redis", "--requirepass", "r1ght", password="r1ght") as server:  # noqa: S106
        for password, state in (("wr0ng", "down: AuthenticationError"), ("r1ght", "up")):
            url = f"redis://:{password}@127.0.0.1:{server.port}/0"
            with caplog.at_level(logging.DEBUG), cache_of(url) as cache:
                for _ in range(FAILURES):
                    cache.get_many(["a"])
                assert state == cache.state()
    assert "wr0ng" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cache:6379",
        "http://s3cret@cache",
        "redis://cache:s3cret/0",
        "redis://cache/0?db=s3cret",
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidSettings, match="redis_url") as refused:
        RedisCache(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
