"""Turns “somebody waits for this answer” into something that long work can look at.

Does not know who waits. A door opens a patience for each request; what computes for it finds that
in its context, in whatever thread it runs, and stops before work that nobody wants any more.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from satseek.errors import Abandoned, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Patience:
    """How long somebody waits, and whether anybody still does; safe to share between threads."""

    def __init__(self, seconds: float | None = None) -> None:
        """Wait for so many seconds from now; None: for as long as it takes."""
        self.deadline = None if seconds is None else time.monotonic() + seconds
        """On ``time.monotonic``'s clock; None: none."""
        self._lock = threading.Lock()
        self._given_up = False
        self._calls: list[Callable[[], None]] = []

    @property
    def given_up(self) -> bool:
        """True once nobody waits any more."""
        return self._given_up

    def left(self) -> float | None:
        """Seconds until the deadline, 0 where it has passed; None: no deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def give_up(self) -> None:
        """Say that nobody waits any more: the client has gone. A second time changes nothing."""
        with self._lock:
            self._given_up = True
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def on_give_up(self, call: Callable[[], None]) -> Callable[[], None]:
        """Have something called once nobody waits, at once if so already; returns what undoes it.

        ``call`` may run in any thread and must not block.
        """
        with self._lock:
            if not self._given_up:
                self._calls.append(call)
                return lambda: self._forget(call)
        call()
        return lambda: None

    def check(self) -> None:
        """Go on only if somebody still waits.

        Raises:
            Abandoned: nobody does.
            DeadlineExceeded: the time is over.
        """
        if self._given_up:
            raise Abandoned("the client went away before its answer was computed")
        if self.left() == 0:
            raise DeadlineExceeded("the answer was not ready within the time of the request")

    def _forget(self, call: Callable[[], None]) -> None:
        with self._lock:
            if call in self._calls:
                self._calls.remove(call)


_ENDLESS = Patience()
_CURRENT: ContextVar[Patience] = ContextVar("satseek_patience", default=_ENDLESS)


def current_patience() -> Patience:
    """The patience of the request that this is computed for; endless outside of one."""
    return _CURRENT.get()


@contextmanager
def waiting(patience: Patience) -> Iterator[Patience]:
    """Compute what is inside for somebody with this patience."""
    token = _CURRENT.set(patience)
    try:
        yield patience
    finally:
        _CURRENT.reset(token)
