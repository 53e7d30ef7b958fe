"""How a try at a job failed → whether another one may succeed, and when to make it.

Does not know queues. What is wrong with the question or with the files stays wrong however often it
is tried; what is short, away or busy passes.
"""

from __future__ import annotations

import random

from satseek import errors
from satseek.errors import CollectionLocked, DiskFull, HubUnreachable, Overloaded, SatseekError

FIRST_SECONDS = 2.0
"""Pause after the first try: a server that starts again, a lock that is just let go."""

GROWTH = 4.0
"""Each pause is so many times the one before: 2, 8, 32, 128 seconds, and so on."""

LONGEST_SECONDS = 300.0
"""No pause is longer: a disk that has room again is found within minutes."""

SPREAD = 0.2
"""Pauses differ by up to so much of them: what failed together is not tried again together."""

_PASSING: tuple[type[SatseekError], ...] = (
    Overloaded,
    HubUnreachable,
    CollectionLocked,
    DiskFull,
)


def may_pass(error_kind: str, exit_code: int | None) -> bool:
    """Tell whether the same job may succeed later.

    Args:
        error_kind: Name of the class of the error that it told; empty: it told none.
        exit_code: How its process ended, below zero: by which signal; None: it lives.
    """
    kind = getattr(errors, error_kind, None) if error_kind else None
    if isinstance(kind, type):
        return issubclass(kind, _PASSING)
    return exit_code is not None and exit_code < 0


def delay(attempt: int) -> float:
    """Seconds from a failed try to the next one.

    Args:
        attempt: Which try it was, from 1.
    """
    pause = min(LONGEST_SECONDS, FIRST_SECONDS * GROWTH ** min(attempt - 1, 16))
    return pause * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - chance, not secrecy
