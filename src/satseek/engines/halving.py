"""Turns calls that are too large for memory into smaller ones, over any engine.

Does not know any runtime: each says ``OutOfMemory`` itself.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import OutOfMemory

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from satseek.engines.protocol import Engine
    from satseek.types import Features, ModelCard, Tensor, TokenIds

logger = logging.getLogger(__name__)


class HalvingEngine:
    """An engine whose calls are halved where memory is short; what fitted is remembered."""

    def __init__(self, engine: Engine) -> None:
        """Take over an engine."""
        self._engine = engine
        self._images = _Limit("images")
        self._texts = _Limit("texts")

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._engine.card

    def image_features(self, tensor: Tensor) -> Features:
        """Image tower, in as many calls as memory asks for.

        Raises:
            OutOfMemory: not even one row fits.
        """
        return self._images.run(self._engine.image_features, tensor)

    def text_features(self, ids: TokenIds) -> Features:
        """Text tower, in as many calls as memory asks for.

        Raises:
            OutOfMemory: not even one row fits.
        """
        return self._texts.run(self._engine.text_features, ids)


class _Limit:
    """Most rows of a call that may fit; None: nothing has failed yet."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._rows: int | None = None
        self._said = False
        self._lock = threading.Lock()

    def run(self, call: Callable[[Any], Features], rows: NDArray[Any]) -> Features:
        parts: list[Features] = []
        done, least = 0, len(rows)
        while done < len(rows) or not parts:
            size = min(least, self._rows or least, len(rows) - done)
            try:
                parts.append(call(rows[done : done + size]))
            except OutOfMemory:
                if size <= 1:
                    raise
                self._halve(size)
                least = size // 2
            else:
                done += size
        if least < len(rows):
            self._say(least, len(rows))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _halve(self, failed: int) -> None:
        with self._lock:
            self._rows = min(self._rows or failed, failed // 2)

    def _say(self, fitting: int, asked: int) -> None:
        with self._lock:
            said, self._said = self._said, True
        if not said:
            logger.warning(
                "memory is too short for %d %s in one call: going on with at most %d",
                asked,
                self._what,
                fitting,
            )
