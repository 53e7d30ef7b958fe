"""A filter → the rows that pass it, and the way in which a search should look at them.

Does not know vectors.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.index.attributes import meets
from satseek.index.filters import prepare_area
from satseek.index.records import microseconds
from satseek.index.traits import UNDATED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from satseek.index.filters import Area
    from satseek.index.protocol import Rows
    from satseek.index.traits import Traits
    from satseek.types import Filter

_REFINED_PER_HIT = 64
"""Candidates refined per hit: see docs/concepts/index.md for what it is worth."""

_ENOUGH_UP_TO = 100_000
"""Codes up to which these are enough; among more of them more come between, so that their number
grows with the root of the codes'. At a million 2,020 candidates cost 2 ms more than 640. Behind a
filter fewer come between: the mean of the codes and the rows that pass, of their logarithms,
counts. A twentieth of a million then takes 1.3 times as long as no filter; by all the codes, 1.6
times."""

_LEAST_HITS = 10
"""Candidates are fetched as if at least this many hits were wanted."""

_SPARE = 4.0
"""Times as many candidates are fetched as should be left by a filter: what an area or a season
keeps is not what is asked for, or the very thing. At a million chips 25,000 more cost 2 ms."""

_LEAST_SPARE = 1.25
"""The same where no more may be fetched."""

_LARGEST_FETCH = 1 / 8
"""Share of all codes up to which fetching more pays against a scan of the passing rows."""

_SCANNED_SHARE = 1 / 64
"""A passing row that is scanned takes the time of as many codes: 1 µs as against 16 ns."""

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
    most: int
    """Candidates to fetch where too few of those are left."""
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
    between = math.sqrt(passing * covered)
    per_hit = round(_REFINED_PER_HIT * max(1.0, between / _ENOUGH_UP_TO) ** 0.5)
    wanted = per_hit * max(k, _LEAST_HITS)
    if passing <= max(limits.exact_rows, wanted, covered * _SCANNED_SHARE) or covered < passing:
        return None
    most = int(covered * _LARGEST_FETCH)
    if passing == covered:
        return Fetch(count=wanted, most=wanted, least=wanted // 2) if wanted <= most else None
    even = wanted * covered / passing
    if even * _LEAST_SPARE > most:
        return None
    return Fetch(count=min(math.ceil(even * _SPARE), most), most=most, least=wanted // 2)


def passing_rows(db: sqlite3.Connection, where: Filter, *, traits: Traits, dead: Rows) -> Rows:
    """Give the living rows that pass a checked filter, ascending.

    Args:
        db: Snapshot of the generation.
        where: The filter.
        traits: Of all rows of the generation.
        dead: Rows that are living no more.
    """
    passes = np.ones(len(traits), dtype=np.bool_)
    passes[dead] = False
    if where.levels:
        passes &= np.isin(traits.levels, where.levels)
    if where.start is not None:
        passes &= traits.taken >= microseconds(where.start)
    if where.end is not None:
        passes &= (traits.taken <= microseconds(where.end)) & (traits.taken != UNDATED)
    if where.scene_ids or where.attributes:
        passes &= _of_scenes(db, where, traits.numbers)[traits.scenes]
    if where.area is None:
        return np.flatnonzero(passes)
    return _within(db, prepare_area(where.area), traits, passes)


def select_by(db: sqlite3.Connection, columns: str, key: str, keys: Iterable[Any]) -> list[Any]:
    """Read columns of the chips whose key is among some; without order, dead ones included."""
    found: list[Any] = []
    wanted = list(keys)
    text = f"SELECT {columns} FROM chips WHERE {key} IN (SELECT value FROM json_each(?))"  # noqa: S608
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        found += db.execute(text, (json.dumps(wanted[start : start + _IDS_AT_ONCE]),)).fetchall()
    return found


def _of_scenes(
    db: sqlite3.Connection, where: Filter, numbers: Mapping[str, int]
) -> NDArray[np.bool_]:
    """Mark the numbers of scenes that may answer."""
    wanted = set(numbers) & set(where.scene_ids) if where.scene_ids else set(numbers)
    if where.attributes:
        wanted &= {
            scene_id
            for scene_id, record in db.execute("SELECT id, record FROM scenes")
            if meets(json.loads(record).get("properties", {}), where.attributes)
        }
    marked = np.zeros(max(numbers.values(), default=0) + 1, dtype=np.bool_)
    marked[[numbers[scene_id] for scene_id in wanted if scene_id in numbers]] = True
    return marked


def _within(db: sqlite3.Connection, area: Area, traits: Traits, passes: NDArray[np.bool_]) -> Rows:
    """Give the passing rows whose footprint meets an area: by its box, else by itself."""
    west, south, east, north = traits.boxes
    near = np.zeros(traits.examples.size, dtype=np.bool_)
    for w, s, e, n in area.boxes:
        near |= (west <= e) & (east >= w) & (south <= n) & (north >= s)
    places = np.flatnonzero(near)
    inside, maybe = area.touches(traits.boxes[:, places].T.astype(np.float64))
    asked = places[maybe & ~inside]
    meets = np.zeros(traits.examples.size, dtype=np.bool_)
    meets[places[inside]] = True
    meets[asked[_meeting(db, area, traits.examples[asked])]] = True
    passes &= meets[traits.places]
    return np.flatnonzero(passes)


def _meeting(db: sqlite3.Connection, area: Area, rows: Rows) -> NDArray[np.bool_]:
    texts = dict(select_by(db, "row, footprint", "row", rows.tolist()))
    return area.meets([texts[row] for row in rows.tolist()])
