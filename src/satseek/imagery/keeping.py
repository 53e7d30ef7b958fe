"""What is costly to make → made once, however many ask at once, and kept as long as there is room.

Does not know what is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


def _one(_value: object) -> float:
    return 1


class Kept(Generic[T]):
    """Values by key, those asked for last; safe to share between threads."""

    def __init__(self, most: float, *, size: Callable[[T], float] = _one) -> None:
        """Keep nothing yet.

        Args:
            most: Sum of the sizes kept at most; what is larger by itself is kept alone.
            size: Of a value; else each counts one.
        """
        self._most = most
        self._size = size
        self._guard = threading.Lock()
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._total = 0.0
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what is kept under a key, or make it; who asks meanwhile waits for the same one.

        Raises:
            Whatever ``make`` raises; nothing is kept then, and the next one tries again.
        """
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            with self._guard:
                if key in self._values:
                    return self._values[key]
            try:
                value = make()
                self._put(key, value)
                return value
            finally:
                with self._guard:
                    self._making.pop(key, None)

    def peek(self, key: Hashable) -> T | None:
        """Give what is kept under a key; None: nothing is."""
        with self._guard:
            return self._values.get(key)

    def forget(self, key: Hashable) -> None:
        """Let go of what is kept under a key, if anything is."""
        with self._guard:
            if key in self._values:
                self._total -= self._size(self._values.pop(key))

    def _put(self, key: Hashable, value: T) -> None:
        with self._guard:
            self._values[key] = value
            self._total += self._size(value)
            while self._total > self._most and len(self._values) > 1:
                _, gone = self._values.popitem(last=False)
                self._total -= self._size(gone)
