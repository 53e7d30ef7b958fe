"""Turns failures of something far away into a rest: nobody asks it until it answers again.

Does not know what it is. While it rests one thread tries it, less and less often, so that no
request pays for finding out.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING

from satseek.logs import log_line

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

FAILURES = 3
"""Failures in a row that open the circuit: a single one may be chance."""

FIRST_REST_S = 0.25
"""First rest; each one soon after another is twice as long."""

LONGEST_REST_S = 30.0
"""Longest rest: what comes back is noticed within half a minute."""

WELL_S = 60.0
"""After so long without a failure the next rest is the first one again: what answers when tried and
fails when used would otherwise slow a request four times a second."""

_JITTER = 0.2


class Circuit:
    """Closed while all is well, open while nobody should ask; safe to share between threads."""

    def __init__(self, name: str, *, probe: Callable[[], str], failures: int = FAILURES) -> None:
        """Begin closed.

        Args:
            name: What is far away, as the log names it.
            probe: Tries it, in a thread of its own; returns why it fails, or nothing.
            failures: How many in a row open the circuit.
        """
        self._name = name
        self._probe = probe
        self._allowed = failures
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._failed = 0
        self._rests = 0
        self._closed_since = time.monotonic()
        self._why = ""

    @property
    def why(self) -> str:
        """Why nobody should ask; empty: all is well."""
        return self._why

    def succeeded(self) -> None:
        """Tell that it answered."""
        if self._failed:
            with self._lock:
                self._failed = 0

    def failed(self, why: str) -> None:
        """Tell that it did not, and why: one line that may be shown."""
        with self._lock:
            self._failed += 1
            if self._why or self._failed < self._allowed or self._stopped.is_set():
                return
            if time.monotonic() - self._closed_since >= WELL_S:
                self._rests = 0
            self._why = why
        logger.warning("%s is given a rest, going on without it: %s", self._name, why)
        name = f"satseek-{self._name}-probe"
        threading.Thread(target=self._rest, name=name, daemon=True).start()

    def stop(self) -> None:
        """Try no more."""
        self._stopped.set()

    def _rest(self) -> None:
        """Wait and try until it answers."""
        while not self._stopped.wait(self._next_rest()):
            why = self._probe()
            if not why:
                break
            self._why = why
        with self._lock:
            self._failed = 0
            self._closed_since = time.monotonic()
            self._why = ""
        if not self._stopped.is_set():
            log_line(logger, f"{self._name} answers again")

    def _next_rest(self) -> float:
        rest = min(LONGEST_REST_S, FIRST_REST_S * 2.0**self._rests)
        self._rests = min(self._rests + 1, 10)
        return rest * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 (chance, not secrecy)
