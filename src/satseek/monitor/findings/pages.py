"""A filter → the findings that pass, page by page, and how many there are of each state.

Does not change anything.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from satseek.errors import InvalidFilter, InvalidRequest
from satseek.index.filters import check_area, prepare_area
from satseek.monitor.findings.checking import check_text
from satseek.monitor.findings.finding import KINDS, STATES
from satseek.monitor.findings.rows import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from satseek.index.filters import Area
    from satseek.index.storing import Database, Row
    from satseek.monitor.findings.finding import Finding, Kind, State
    from satseek.types import GeoJSON

Order: TypeAlias = Literal["newest", "urgent"]
"""``newest``: kept last comes first; ``urgent``: the larger urgency comes first, then the older."""

ORDERS: tuple[Order, ...] = get_args(Order)

MAX_PAGE = 1_000
"""Findings of one page: some MB, however large their footprints."""

_ROWS = 256
"""Rows that are read, and compared with an area, at once."""

_FEW = 8
"""Likewise where one is looked for: most of the time the first one passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """Which findings are asked for; what is empty or None asks for nothing."""

    kinds: tuple[Kind, ...] = ()
    """Any of these jobs."""
    sources: tuple[str, ...] = ()
    """Any of these watches, runs or assessments."""
    collections: tuple[str, ...] = ()
    """Any of these collections."""
    hidden: tuple[str, ...] = ()
    """None of these collections: those that whoever asks may not see."""
    states: tuple[State, ...] = ()
    """Any of these states."""
    labels: tuple[str, ...] = ()
    """Any of these labels."""
    flags: tuple[str, ...] = ()
    """All of these flags."""
    assignee: str | None = None
    """Who looks at it; empty: nobody."""
    area: GeoJSON | None = None
    """GeoJSON (Multi)Polygon on WGS 84 that the footprint shares a point with."""
    start: datetime | None = None
    """Seen at or after it."""
    end: datetime | None = None
    """First seen at or before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some findings, and where the next ones begin."""

    findings: tuple[Finding, ...]
    """In the order asked for."""
    next: str
    """Where the next page begins; empty: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """A filter made ready for the database."""

    clause: str
    """What stands behind WHERE; ``TRUE`` for all."""
    values: tuple[Any, ...]
    """Of its question marks."""
    area: Area | None
    """What rows are compared with once more, by their footprints; None: any place."""

    def among(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """Give those that lie in the area."""
        found = [read(row) for row in rows]
        if self.area is None:
            yield from found
            return
        placed = [one for one in found if one.footprint is not None]
        inside = meets(self.area, placed)
        yield from (one for one, is_inside in zip(placed, inside, strict=True) if is_inside)

    def and_so(self, clause: str, *values: object) -> Passing:
        """Narrow it down."""
        return Passing(
            clause=f"{self.clause} AND {clause}", values=(*self.values, *values), area=self.area
        )


def passing(where: FindingFilter | None) -> Passing:
    """Make a filter ready, once it is known to make sense.

    Raises:
        InvalidFilter: an area or dates that cannot be.
        InvalidRequest: a kind or a state that there is none of, or what is no text.
    """
    if where is None:
        return Passing(clause="TRUE", values=(), area=None)
    _check(where)
    terms: list[tuple[str, tuple[Any, ...]]] = [_dates(where)]
    for name in ("kind", "source", "collection", "state", "label"):
        asked: tuple[str, ...] = getattr(where, f"{name}s")
        if asked:
            terms.append((f"{name} IN ({', '.join('?' * len(asked))})", asked))
    if where.hidden:
        terms.append((f"collection NOT IN ({', '.join('?' * len(where.hidden))})", where.hidden))
    terms += [("instr(flags, ?) > 0", (f"|{flag}|",)) for flag in where.flags]
    if where.assignee is not None:
        terms.append(("assignee = ?", (where.assignee,)))
    area = None if where.area is None else prepare_area(check_area(where.area))
    if area is not None:
        terms.append(_boxes(area))
    clause = " AND ".join(clause for clause, _ in terms)
    return Passing(
        clause=clause, values=tuple(value for _, values in terms for value in values), area=area
    )


def page(db: Database, asked: Passing, *, order: Order, after: str, limit: int) -> Page:
    """Give a page; see `keeping.Findings.page`.

    Raises:
        InvalidRequest: an order, a place to begin or a limit that cannot be.
    """
    if order not in ORDERS:
        raise InvalidRequest(f"order: expected one of {', '.join(ORDERS)}, came {order!r:.60}")
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidRequest(f"limit: expected 1 to {MAX_PAGE}, came {limit}")
    from_here = _behind(asked, order, after)
    found: list[Finding] = []
    place = ""
    for row_place, finding in _found(db, from_here, order, at_once=min(limit + 1, _ROWS)):
        if len(found) == limit:
            return Page(findings=tuple(found), next=place)
        found.append(finding)
        place = row_place
    return Page(findings=tuple(found), next="")


def first(db: Database, asked: Passing) -> Finding | None:
    """Give the most urgent of all that pass; None: none does."""
    return next((one for _, one in _found(db, asked, "urgent", at_once=_FEW)), None)


def counts(db: Database, asked: Passing) -> dict[State, int]:
    """Count those that pass, by state."""
    counted: dict[State, int] = dict.fromkeys(STATES, 0)
    if asked.area is None:
        text = f"SELECT state, count(*) FROM findings WHERE {asked.clause} GROUP BY state"  # noqa: S608
        counted.update(db.execute(text, asked.values).fetchall())
        return counted
    for _, finding in _found(db, asked, "newest", at_once=_ROWS):
        counted[finding.state] += 1
    return counted


def meets(area: Area, findings: Sequence[Finding]) -> NDArray[np.bool_]:
    """Tell which findings, all with a footprint, share a point with an area."""
    return area.meets([json.dumps(one.footprint) for one in findings])


def _found(
    db: Database, asked: Passing, order: Order, *, at_once: int
) -> Iterator[tuple[str, Finding]]:
    """Give all that pass, with the place of each, in the order asked for; so many read at once."""
    by = "n DESC" if order == "newest" else "urgency DESC, n"
    text = f"SELECT * FROM findings WHERE {asked.clause} ORDER BY {by}"  # noqa: S608
    cursor = db.execute(text, asked.values)
    while rows := cursor.fetchmany(at_once):
        places = {row["id"]: _place(row, order) for row in rows}
        yield from ((places[one.id], one) for one in asked.among(rows))


def _place(row: Row, order: Order) -> str:
    return str(row["n"]) if order == "newest" else f"{row['urgency']!r},{row['n']}"


def _behind(asked: Passing, order: Order, after: str) -> Passing:
    if not after:
        return asked
    urgency, _, n = after.rpartition(",")
    try:
        if order == "newest" and not urgency:
            return asked.and_so("n < ?", int(n))
        if order == "urgent" and math.isfinite(float(urgency)):
            return asked.and_so(
                "(urgency < ? OR (urgency = ? AND n > ?))", float(urgency), float(urgency), int(n)
            )
    except ValueError:
        pass
    raise InvalidRequest(f"after: expected `next` of a page of this order, came {after[:60]!r}")


def _check(where: FindingFilter) -> None:
    texts = (*where.sources, *where.collections, *where.hidden, *where.labels, *where.flags)
    texts = (*texts, where.assignee or "")
    for text in texts:
        check_text("filter", text)
    for what, given, known in (("kind", where.kinds, KINDS), ("state", where.states, STATES)):
        for one in given:
            if one not in known:
                expected = ", ".join(known)
                raise InvalidRequest(f"{what}: expected one of {expected}, came {one!r:.60}")
    for what, moment in (("start", where.start), ("end", where.end)):
        if moment is not None and moment.utcoffset() is None:
            raise InvalidFilter(f"{what}: expected a time with a zone, came {moment.isoformat()}")
    if where.start is not None and where.end is not None and where.start > where.end:
        raise InvalidFilter(
            f"dates: expected the start before the end, came {where.start.isoformat()} to "
            f"{where.end.isoformat()}"
        )


def _dates(where: FindingFilter) -> tuple[str, tuple[float, ...]]:
    terms, values = ["TRUE"], list[float]()
    if where.start is not None:
        terms.append("coalesce(last_seen, first_seen) >= ?")
        values.append(where.start.timestamp())
    if where.end is not None:
        terms.append("coalesce(first_seen, last_seen) <= ?")
        values.append(where.end.timestamp())
    return " AND ".join(terms), tuple(values)


def _boxes(area: Area) -> tuple[str, tuple[float, ...]]:
    """Compare boxes first: footprints are read of those alone whose box touches one."""
    one = "(west <= ? AND east >= ? AND south <= ? AND north >= ?)"
    sides = [(east, west, north, south) for west, south, east, north in area.boxes]
    return f"({' OR '.join([one] * len(sides))})", tuple(side for box in sides for side in box)
