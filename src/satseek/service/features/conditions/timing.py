"""Two spans of time → how they follow each other (Allen's relations, as CQL2 names them).

A moment is a span whose ends are the same.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, TypeAlias

from satseek.errors import InvalidFilter
from satseek.service.features.conditions.values import as_moment, read_day
from satseek.service.features.moments import read_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.service.features.conditions.compiling import Facts

Span: TypeAlias = tuple[datetime, datetime]

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)

ORDERS: Mapping[str, Callable[[datetime, datetime, datetime, datetime], bool]] = {
    "t_after": lambda a, _b, _c, d: a > d,
    "t_before": lambda _a, b, c, _d: b < c,
    "t_contains": lambda a, b, c, d: a < c and b > d,
    "t_disjoint": lambda a, b, c, d: b < c or a > d,
    "t_during": lambda a, b, c, d: a > c and b < d,
    "t_equals": lambda a, b, c, d: a == c and b == d,
    "t_finishedby": lambda a, b, c, d: a < c and b == d,
    "t_finishes": lambda a, b, c, d: a > c and b == d,
    "t_intersects": lambda a, b, c, d: a <= d and b >= c,
    "t_meets": lambda _a, b, c, _d: b == c,
    "t_metby": lambda a, _b, _c, d: a == d,
    "t_overlappedby": lambda a, b, c, d: c < a < d and b > d,
    "t_overlaps": lambda a, b, c, d: a < c < b < d,
    "t_startedby": lambda a, b, c, d: a == c and b > d,
    "t_starts": lambda a, b, c, d: a == c and b < d,
}
"""From ``a`` to ``b`` against from ``c`` to ``d`` (OGC 21-065r2, table 10)."""


def span_of(tree: Any) -> Callable[[Facts], Span | None]:
    """Make what gives a span: a moment, a day, an interval, or a property that holds a moment.

    Raises:
        InvalidFilter: it is none of them.
    """
    match tree:
        case {"property": str(name)}:
            return lambda facts: None if (at := as_moment(facts(name))) is None else (at, at)
        case {"timestamp": str(text)}:
            moment = read_moment(text)
            return lambda _facts: (moment, moment)
        case {"date": str(text)}:
            day = _day(text)
            return lambda _facts: day
        case {"interval": [first, last]}:
            return _interval(first, last)
    raise InvalidFilter(f"filter: expected a time or an interval, came {str(tree)[:80]!r}")


def _interval(first: Any, last: Any) -> Callable[[Facts], Span | None]:
    starts, ends = _end(first, open_end=FIRST, at=0), _end(last, open_end=LAST, at=1)

    def span(facts: Facts) -> Span | None:
        start, end = starts(facts), ends(facts)
        return None if start is None or end is None else (start, end)

    return span


def _end(tree: Any, *, open_end: datetime, at: int) -> Callable[[Facts], datetime | None]:
    if tree == "..":
        return lambda _facts: open_end
    if isinstance(tree, str):
        tree = {"timestamp" if "t" in tree.lower() else "date": tree}
    span = span_of(tree)
    return lambda facts: None if (found := span(facts)) is None else found[at]


def _day(text: str) -> Span:
    day = read_day(text)
    return tuple(datetime.combine(day, clock, tzinfo=UTC) for clock in (time.min, time.max))  # type: ignore[return-value]
