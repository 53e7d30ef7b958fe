"""A filter → the rows that pass it, and the way in which a search should look at them.

Does not know vectors.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.index.filters import prepare_area
from satseek.index.records import to_microseconds

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from satseek.index.filters import Area
    from satseek.index.protocol import Rows
    from satseek.types import Filter

_REFINED_PER_HIT = 64
"""Candidates refined per hit: see docs/concepts/index.md for what it is worth."""

_LEAST_HITS = 10
"""Candidates are fetched as if at least this many hits were wanted."""

_SPARE = 1.25
"""Candidates fetched beyond the share that should pass a filter: the share varies by query."""

_LARGEST_FETCH = 1 / 8
"""Share of all codes up to which fetching more pays against a scan of the passing rows."""

_SIDES = ("west", "south", "east", "north")
_NEAR = np.dtype([("row", np.int64), *((side, np.float64) for side in _SIDES)])
"""A row of the R*Tree: its box is rounded outwards to float32."""

_IDS_AT_ONCE = 20_000
"""Values bound into one statement at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """Where one way of searching gives way to another."""

    matrix_bytes: int = 64 * 2**20
    """Largest float32 copy of all vectors kept in memory; raise where memory is plenty."""
    codes_from: int = 50_000
    """Chips from which compressed codes are built: below, a full scan takes some 20 ms."""
    exact_rows: int = 4_096
    """Rows left by a filter up to which these are scanned, whatever else there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """How many candidates to take from compressed codes."""

    count: int
    """Candidates to fetch per query, those that a filter will drop included."""
    least: int
    """Candidates that must be left after the filter; with fewer, the passing rows are scanned."""


def plan_fetch(*, k: int, passing: int, covered: int, limits: PlanLimits) -> Fetch | None:
    """Tell how to use compressed codes; None where scanning the passing rows is better.

    Args:
        k: Hits wanted.
        passing: Rows that may answer.
        covered: Rows that have codes.
        limits: Where one way gives way to another.
    """
    wanted = _REFINED_PER_HIT * max(k, _LEAST_HITS)
    if passing <= max(limits.exact_rows, wanted) or covered < passing:
        return None
    count = wanted if passing == covered else math.ceil(_SPARE * wanted * covered / passing)
    return Fetch(count=count, least=wanted // 2) if count <= covered * _LARGEST_FETCH else None


def passing_rows(db: sqlite3.Connection, where: Filter) -> Rows | None:
    """Give the living rows that pass a checked filter, ascending; None where there is no filter."""
    if where == type(where)():
        return None
    conditions, values = _conditions(where)
    if where.area is None:
        text = f"SELECT row FROM chips AS c WHERE c.dead = 0{conditions}"  # noqa: S608 - ours
        return np.sort(_column(db.execute(text, values)))
    area = prepare_area(where.area)
    rows, boxes = _near(db, area, conditions, values)
    inside, maybe = area.touches(boxes)
    asked = rows[maybe & ~inside]
    return np.sort(np.concatenate([rows[inside], asked[_meeting(db, area, asked)]]))


def select_by(db: sqlite3.Connection, columns: str, key: str, keys: Iterable[Any]) -> list[Any]:
    """Read columns of the chips whose key is among some; without order, dead ones included."""
    found: list[Any] = []
    wanted = list(keys)
    text = f"SELECT {columns} FROM chips WHERE {key} IN (SELECT value FROM json_each(?))"  # noqa: S608
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        found += db.execute(text, (json.dumps(wanted[start : start + _IDS_AT_ONCE]),)).fetchall()
    return found


def _conditions(where: Filter) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    values: dict[str, Any] = {}
    if where.start is not None:
        parts.append(" AND c.taken >= :start")
        values["start"] = to_microseconds(where.start)
    if where.end is not None:
        parts.append(" AND c.taken <= :end")
        values["end"] = to_microseconds(where.end)
    if where.scene_ids:
        parts.append(" AND c.scene_id IN (SELECT value FROM json_each(:scenes))")
        values["scenes"] = json.dumps(where.scene_ids)
    return "".join(parts), values


def _near(
    db: sqlite3.Connection, area: Area, conditions: str, values: dict[str, Any]
) -> tuple[Rows, NDArray[np.float64]]:
    join = " JOIN chips AS c ON c.row = f.row" if conditions else ""
    text = (
        f"SELECT f.row, f.west, f.south, f.east, f.north FROM footprints AS f{join}"  # noqa: S608
        " WHERE f.west <= :e AND f.east >= :w AND f.south <= :n AND f.north >= :s"
    )
    parts = []
    for west, south, east, north in area.boxes:
        box = {"w": west, "s": south, "e": east, "n": north}
        parts.append(np.fromiter(db.execute(text + conditions, values | box), dtype=_NEAR))
    near = np.concatenate(parts)
    if len(parts) > 1:
        near = near[np.unique(near["row"], return_index=True)[1]]
    return near["row"], np.column_stack([near[side] for side in _SIDES])


def _meeting(db: sqlite3.Connection, area: Area, rows: Rows) -> NDArray[np.bool_]:
    texts = dict(select_by(db, "row, footprint", "row", rows.tolist()))
    return area.meets([texts[row] for row in rows.tolist()])


def _column(cursor: sqlite3.Cursor) -> Rows:
    return np.fromiter((row for (row,) in cursor), dtype=np.int64)
