"""Turns a text seen before into its vector without the model.

Does not know texts or models: keys are pairs of strings.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Key: TypeAlias = tuple[str, str]
"""(model version, text)."""


class VectorCache:
    """Keeps the vectors used last, up to a number; safe to share between threads."""

    def __init__(self, capacity: int) -> None:
        """Keep at most ``capacity`` vectors."""
        self._capacity = capacity
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, NDArray[np.float32]] = OrderedDict()

    def __len__(self) -> int:
        """Vectors kept now."""
        return len(self._kept)

    def get(self, key: Key) -> NDArray[np.float32] | None:
        """The vector, shape (dim,) and read-only, or None."""
        with self._lock:
            vector = self._kept.get(key)
            if vector is not None:
                self._kept.move_to_end(key)
            return vector

    def put(self, key: Key, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Keep a copy of a vector (dim,) and return that copy; the one unused longest may go."""
        kept = vector.copy()
        kept.setflags(write=False)
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return kept
