"""A failed try → how long to wait before the next one, or that there is none.

Does not know what was asked.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

WAITING = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may succeed: refused, or lost at a gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """How often and how patiently a request is tried again."""

    tries: int = 5
    """All of them, the first one included."""
    first_s: float = 0.2
    """Longest wait after the first try; it doubles with each."""
    longest_s: float = 20.0
    """Longest wait at all; a server that asks for more is not asked again."""

    def wait(self, failed: int, *, retry_after: str | None = None) -> float | None:
        """Seconds to wait after so many failed tries; None: give up.

        Waits are drawn evenly from nothing to a doubling limit, so that refused clients do not
        come back together (Brooker, “Exponential Backoff and Jitter”, AWS 2015: full jitter), and
        never shorter than what the server asked for.
        """
        if failed >= self.tries:
            return None
        asked = seconds_of(retry_after)
        if asked > self.longest_s:
            return None
        limit = min(self.longest_s, self.first_s * 2 ** (failed - 1))
        return asked + random.uniform(0, limit)  # noqa: S311 (spreads load, protects nothing)


def seconds_of(retry_after: str | None) -> float:
    """Read ``Retry-After``, seconds or a date (RFC 9110 10.2.3); 0 where it is neither."""
    text = (retry_after or "").strip()
    if text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
