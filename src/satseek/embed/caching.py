"""Turns a key seen before into the bytes kept under it: in memory, and in a second place behind it.

Does not know what the bytes are, nor how keys are made; ``recalling`` does.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENTRY_BYTES = 256
"""What an entry takes beside its key and value: its node in the ordered dictionary, its slot in the
hash table, and the room that the table keeps free to grow (measured: 110 to 240 bytes)."""

LARGEST_SHARE = 16
"""An entry may take one part in so many of a memory, so that one answer cannot empty it."""


class Cache(Protocol):
    """Bytes by key, kept for a while; safe to share between threads.

    It may forget anything at any time, and never raises because of where it keeps things. What it
    gives is what was put last under that key, or None.
    """

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give what is kept under each key, in their order; None: nothing."""

    def put_many(self, items: Mapping[str, bytes]) -> None:
        """Keep values under their keys for a while."""

    def close(self) -> None:
        """Let go of what it holds; afterwards it keeps nothing."""


class LookupObserver(Protocol):
    """Is told how often something was found; called from any thread."""

    def on_lookup(self, kind: str, hits: int, misses: int) -> None:
        """Count one lookup.

        Args:
            kind: What was looked up: ``text``, ``image``, ``answer``; ``redis``: what the memory in
                front of Redis did not have, whatever it was.
            hits: Things found.
            misses: Things not found.
        """


class Unobserved:
    """A ``LookupObserver`` that counts nothing."""

    def on_lookup(self, kind: str, hits: int, misses: int) -> None:
        """Do nothing."""


UNOBSERVED = Unobserved()


class MemoryCache:
    """Keeps what was used last within a number of bytes; a ``Cache``."""

    def __init__(self, max_bytes: int) -> None:
        """Keep at most so many bytes, with keys and what an entry takes; 0: nothing."""
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """Entries kept now."""
        return len(self._kept)

    @property
    def size_bytes(self) -> int:
        """Bytes kept now; never more than allowed."""
        return self._bytes

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give what is kept under each key; what was found is the last to be forgotten."""
        with self._lock:
            return [self._get(key) for key in keys]

    def put_many(self, items: Mapping[str, bytes]) -> None:
        """Keep values; those unused longest go. What is too large to keep is not."""
        with self._lock:
            for key, value in items.items():
                self._put(key, value)

    def close(self) -> None:
        """Forget everything, and keep nothing from now on."""
        with self._lock:
            self._kept.clear()
            self._bytes = self._max_bytes = 0

    def _get(self, key: str) -> bytes | None:
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def _put(self, key: str, value: bytes) -> None:
        before = self._kept.pop(key, None)
        if before is not None:
            self._bytes -= entry_bytes(key, before)
        size = entry_bytes(key, value)
        if size > self._max_bytes // LARGEST_SHARE:
            return
        self._kept[key] = value
        self._bytes += size
        while self._bytes > self._max_bytes:
            gone, old = self._kept.popitem(last=False)
            self._bytes -= entry_bytes(gone, old)


class LayeredCache:
    """A cache near at hand in front of one far away; a ``Cache``."""

    def __init__(self, near: Cache, far: Cache, *, observer: LookupObserver = UNOBSERVED) -> None:
        """Look into ``near`` first; what only ``far`` has is kept in ``near`` from then on."""
        self._near = near
        self._far = far
        self._observer = observer

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give what is kept under each key in either."""
        found = self._near.get_many(keys)
        missing = [key for key, value in zip(keys, found, strict=True) if value is None]
        if not missing:
            return found
        brought = dict(zip(missing, self._far.get_many(missing), strict=True))
        known = {key: value for key, value in brought.items() if value is not None}
        self._observer.on_lookup("redis", len(known), len(brought) - len(known))
        self._near.put_many(known)
        return [
            known.get(key) if value is None else value
            for key, value in zip(keys, found, strict=True)
        ]

    def put_many(self, items: Mapping[str, bytes]) -> None:
        """Keep values in both."""
        self._near.put_many(items)
        self._far.put_many(items)

    def close(self) -> None:
        """Close both."""
        self._near.close()
        self._far.close()


def entry_bytes(key: str, value: bytes) -> int:
    """Bytes that an entry takes in a memory."""
    return sys.getsizeof(key) + sys.getsizeof(value) + ENTRY_BYTES
