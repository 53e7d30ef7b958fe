"""An engine of the tests that computes only while its gate is open, and counts what it computed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np
from towers import CARD, SIZE, ColourEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.engines import Engine
    from satseek.types import Features, ModelCard, Tensor, TokenIds

WAIT_S = 20.0
"""Longest wait for what should happen at once."""


class GatedEngine(ColourEngine):
    """Each call stops at the gate; an error may be given to the next calls."""

    def __init__(self, *, is_open: bool = False) -> None:
        super().__init__(CARD)
        self.gate = threading.Event()
        self.failure: Callable[[int], BaseException | None] = lambda _: None
        """What a call of so many rows fails with."""
        self.at_once = 0
        self.most_at_once = 0
        if is_open:
            self.gate.set()

    def image_features(self, tensor: Tensor) -> Features:
        features = super().image_features(tensor)
        self._pass(len(tensor))
        return features

    def text_features(self, ids: TokenIds) -> Features:
        features = super().text_features(ids)
        self._pass(len(ids))
        return features

    @property
    def rows(self) -> int:
        """Rows that were given to a tower."""
        return sum(self.image_batches) + sum(self.text_batches)

    def _pass(self, rows: int) -> None:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            assert self.gate.wait(WAIT_S), "nobody opened the gate"
        finally:
            with self._lock:
                self.at_once -= 1
        error = self.failure(rows)
        if error is not None:
            raise error


class PausedEngine:
    """Another engine, whose calls stop at a gate while it is closed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self.gate = threading.Event()
        self.gate.set()
        self.image_batches: list[int] = []
        self.text_batches: list[int] = []

    @property
    def card(self) -> ModelCard:
        return self._engine.card

    def image_features(self, tensor: Tensor) -> Features:
        with self._lock:
            self.image_batches.append(len(tensor))
        assert self.gate.wait(WAIT_S), "nobody opened the gate"
        return self._engine.image_features(tensor)

    def text_features(self, ids: TokenIds) -> Features:
        with self._lock:
            self.text_batches.append(len(ids))
        assert self.gate.wait(WAIT_S), "nobody opened the gate"
        return self._engine.text_features(ids)

    def close_gate(self) -> None:
        """Stop calls from now on, and forget those before."""
        self.gate.clear()
        self.image_batches.clear()
        self.text_batches.clear()


def texts(count: int, *, seed: int = 0) -> TokenIds:
    """Ids of texts that differ."""
    return np.random.default_rng(seed).integers(2, 500, (count, CARD.context_length))


def images(count: int, *, seed: int = 0) -> Tensor:
    """Preprocessed images that differ."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3, SIZE, SIZE)).astype(np.float32)


def wait_until(what: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)
