from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.embed.caching import ENTRY_BYTES, LARGEST_SHARE, LayeredCache, MemoryCache, entry_bytes

ROOM = 1 << 16


class Counts:
    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def on_lookup(self, kind: str, hits: int, misses: int) -> None:
        self.told.append((kind, hits, misses))


def room_for(entries: int, value: bytes) -> int:
    """Bytes that hold so many entries with one-letter keys."""
    return entries * entry_bytes("a", value)


def test_the_one_unused_longest_goes_first() -> None:
    value = b"v" * 10
    cache = MemoryCache(room_for(LARGEST_SHARE, value))
    names = [chr(ord("a") + at) for at in range(LARGEST_SHARE)]
    cache.put_many(dict.fromkeys(names, value))
    assert [value] == cache.get_many(["a"])
    cache.put_many({"z": value})
    assert [value, None, value] == cache.get_many(["a", "b", "z"])
    assert LARGEST_SHARE == len(cache)


def test_a_value_put_again_is_counted_once() -> None:
    cache = MemoryCache(ROOM)
    for size in (5, 50, 500):
        cache.put_many({"a": b"v" * size})
    assert (1, entry_bytes("a", b"v" * 500)) == (len(cache), cache.size_bytes)


def test_what_is_too_large_is_not_kept_and_pushes_nothing_out() -> None:
    cache = MemoryCache(ROOM)
    cache.put_many({"a": b"small", "b": b"small"})
    cache.put_many({"b": b"v" * ROOM})
    assert [b"small", None] == cache.get_many(["a", "b"])
    assert entry_bytes("a", b"small") == cache.size_bytes


@pytest.mark.parametrize("room", [0, ENTRY_BYTES])
def test_no_room_keeps_nothing(room: int) -> None:
    cache = MemoryCache(room)
    cache.put_many({"a": b""})
    assert ([None], 0) == (cache.get_many(["a"]), cache.size_bytes)


@given(
    room=st.integers(0, 20_000),
    steps=st.lists(
        st.dictionaries(st.text(max_size=30), st.binary(max_size=2_000), max_size=5), max_size=60
    ),
)
def test_the_bound_holds_whatever_is_put(room: int, steps: list[dict[str, bytes]]) -> None:
    cache = MemoryCache(room)
    put: dict[str, bytes] = {}
    for step in steps:
        cache.put_many(step)
        put |= step
        found = dict(zip(put, cache.get_many(list(put)), strict=True))
        kept = {key: value for key, value in found.items() if value is not None}
        assert cache.size_bytes <= room
        assert sum(entry_bytes(key, value) for key, value in kept.items()) == cache.size_bytes
        assert kept == {key: put[key] for key in kept}


@pytest.mark.parametrize("size", [16, 512, 3072])
def test_the_bound_is_of_the_memory_really_taken(size: int) -> None:
    room = 4 * 1024**2
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        cache = MemoryCache(room)
        for number in range(3 * room // (size + ENTRY_BYTES)):
            cache.put_many({f"text:model@0123456789ab:{number:064d}": bytes(size)})
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert cache.size_bytes > 0.9 * room
    assert taken <= 1.02 * room


def test_threads_share_a_memory() -> None:
    cache = MemoryCache(ROOM)

    def work(seed: int) -> None:
        for number in range(300):
            key = str((seed * 7 + number) % 50)
            (found,) = cache.get_many([key])
            assert found in {None, key.encode() * 40}
            cache.put_many({key: key.encode() * 40})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    kept = [(key, cache.get_many([key])[0]) for key in map(str, range(50))]
    assert sum(entry_bytes(key, value) for key, value in kept if value) == cache.size_bytes


def test_what_only_the_far_cache_has_is_brought_near() -> None:
    near, far, counts = MemoryCache(ROOM), MemoryCache(ROOM), Counts()
    both = LayeredCache(near, far, observer=counts)
    far.put_many({"a": b"1"})
    near.put_many({"b": b"2"})
    assert [b"1", b"2", None] == both.get_many(["a", "b", "c"])
    assert [b"1", b"2"] == both.get_many(["a", "b"])
    assert [b"1"] == near.get_many(["a"])
    assert [("redis", 1, 1)] == counts.told


def test_what_is_put_is_in_both() -> None:
    near, far = MemoryCache(ROOM), MemoryCache(ROOM)
    LayeredCache(near, far).put_many({"a": b"1"})
    assert [[b"1"], [b"1"]] == [near.get_many(["a"]), far.get_many(["a"])]
