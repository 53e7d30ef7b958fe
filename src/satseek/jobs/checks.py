"""What is asked of a queue → the same, or a clear refusal; one for every kind of queue.

Does not know the tasks: what they need to know is any JSON here.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.jobs.protocol import Terms

PRIORITIES = range(-10, 11)
"""Those that a job may have."""

MOST_ATTEMPTS = 100
"""A job that fails so often fails for a reason."""

MOST_KEEP_SECONDS = 366 * 24 * 3600.0
"""A queue is no archive."""

MAX_PARAMETERS = 1_000_000
"""Letters of JSON that a job may come with; whoever has more of them has a file."""

MAX_TEXT = 1000
"""Letters of a name or a key."""


def check_terms(terms: Terms) -> None:
    """Refuse terms that no job can have.

    Raises:
        InvalidRequest: which, and what they may be.
    """
    check_priority(terms.priority)
    if not 1 <= terms.attempts <= MOST_ATTEMPTS:
        raise InvalidRequest(f"attempts: expected 1 to {MOST_ATTEMPTS}, came {terms.attempts}")
    if not (math.isfinite(terms.keep_seconds) and 0 < terms.keep_seconds <= MOST_KEEP_SECONDS):
        raise InvalidRequest(
            f"keep_seconds: expected more than 0 and at most {MOST_KEEP_SECONDS:.0f}, "
            f"came {terms.keep_seconds:g}"
        )
    if terms.not_before is not None and terms.not_before.utcoffset() is None:
        raise InvalidRequest(f"not_before: expected a time zone, came {terms.not_before}")


def check_priority(priority: int) -> None:
    """Refuse a priority that no job can have.

    Raises:
        InvalidRequest: what it may be.
    """
    if priority not in PRIORITIES:
        raise InvalidRequest(f"priority: expected -10 to 10, came {priority}")


def check_text(what: str, text: str) -> None:
    """Refuse a name that cannot be kept.

    Raises:
        InvalidRequest: it is too long, or no Unicode text.
    """
    if len(text) > MAX_TEXT:
        raise InvalidRequest(f"{what}: expected at most {MAX_TEXT} letters, came {len(text)}")
    if not text.isascii() and text != plain(text):
        raise InvalidRequest(f"{what}: expected Unicode text, came {text[:80]!a}")


def written(parameters: Mapping[str, Any]) -> str:
    """Give parameters as JSON, the same for the same ones.

    Raises:
        InvalidRequest: they are none, or too many.
    """
    try:
        text = json.dumps(dict(parameters), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"parameters: expected JSON: {error}") from error
    if len(text) > MAX_PARAMETERS:
        raise InvalidRequest(
            f"parameters: expected at most {MAX_PARAMETERS} letters of JSON, came {len(text)}; "
            "name a file that holds them"
        )
    return text


def plain(text: str) -> str:
    """Give a text without what is no Unicode, such as the bytes of an odd file name."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
