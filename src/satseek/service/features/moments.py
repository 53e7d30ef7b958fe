"""Moments and intervals as standards write them (RFC 3339) → datetimes, and back.

Stricter than what people type: a day alone is no moment here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from satseek.errors import InvalidFilter

Span: TypeAlias = tuple[datetime | None, datetime | None]
"""First and last moment, both inclusive; None: open."""

MICROSECOND = timedelta(microseconds=1)

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", flags=re.ASCII
)
"""``date-time`` of RFC 3339, 5.6."""

_OPEN = frozenset({"", ".."})
"""An end that is not given (OGC 17-069r4, 7.15.3)."""


def read_moment(text: str) -> datetime:
    """Read one moment; what is finer than a microsecond is cut off.

    Raises:
        InvalidFilter: it is none.
    """
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        raise _refused(text)
    day, clock, fraction, zone = found.groups()
    shift = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{shift}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _refused(text) from error


def read_span(text: str) -> Span:
    """Read a moment, or an interval with at most one open end.

    Raises:
        InvalidFilter: it is neither, or ends before it begins.
    """
    parts = text.split("/")
    if len(parts) == 1:
        moment = read_moment(text)
        return moment, moment
    if len(parts) != 2 or _OPEN.issuperset(part.strip() for part in parts):  # noqa: PLR2004
        raise _refused(text)
    start, end = (None if part.strip() in _OPEN else read_moment(part) for part in parts)
    if start and end and start > end:
        raise InvalidFilter(f"datetime: expected the start before the end, came {text!r}")
    return start, end


def written(moment: datetime) -> str:
    """Write a moment in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _refused(text: str) -> InvalidFilter:
    return InvalidFilter(
        f"datetime: expected a time such as 2024-05-01T10:30:00Z, or two of them with / between "
        f"them, came {text[:80]!r}"
    )
