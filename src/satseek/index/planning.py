"""What passes, what is covered by codes, and what each costs → the way a search should look.

Does not know vectors, nor how the filter was asked.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.index.costs import ASSUMED, Costs
from satseek.index.protocol import Way

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

REFINED_PER_HIT = 64
"""Candidates refined per hit where a collection is not tuned: see docs/concepts/index.md."""

ENOUGH_UP_TO = 100_000
"""Codes up to which these are enough; among more of them more come between, so that their number
grows with the root of the codes'."""

LEAST_HITS = 10
"""Candidates are fetched as if at least this many hits were wanted."""

_FALL = 1 / 8
"""A filter that keeps a share of the chips is given this power of it as many candidates: fewer come
between where fewer pass."""

_BEHIND = 2.0
"""And so many times as many: what an area keeps may be the very chips that come between. Twice the
candidates miss about half as much."""

_DEAREST = 1.45
"""Times an unfiltered search that these may make a filtered one cost."""

_IDS_AT_ONCE = 20_000
"""Values bound into one statement at a time."""

SCAN = "exact scan"
"""Name of the way that looks at every passing row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """Where one way of searching gives way to another."""

    matrix_bytes: int = 64 * 2**20
    """Largest float32 copy of all vectors kept in memory; raise where memory is plenty."""
    codes_from: int = 50_000
    """Chips from which compressed codes are built: below, a full scan takes some 20 ms."""
    exact_rows: int = 1_024
    """Rows left by a filter up to which these are scanned, whatever else there is: about 1 ms."""
    costs: Costs | None = ASSUMED
    """What looking costs; None: measured on this machine when codes are first used."""
    gpu_bytes: int = 0
    """Memory of a GPU that its vectors may take, where FAISS was built for one; 0: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """How to use compressed codes."""

    count: int
    """Candidates to compare exactly per query, all of which pass the filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a search by codes starts from."""

    passing: int
    """Rows with codes that may answer."""
    living: int
    """Rows with codes that could answer without a filter."""
    covered: int
    """Rows that have codes."""
    tail: int = 0
    """Passing rows that have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The way to take, and those that it was chosen from."""

    ways: tuple[Way, ...]
    """The first is taken; each once."""
    fetch: Fetch | None
    """How to use the codes; None: the passing rows are scanned."""


def candidates_for(k: int, *, covered: int, per_ten: int, at: int) -> int:
    """Tell how many candidates to compare for k hits of all chips.

    Args:
        k: Hits wanted.
        covered: Codes there are.
        per_ten: Candidates that ten hits take ...
        at: ... among so many codes; from there on their number grows with the root of the codes'.
    """
    grown = math.sqrt(max(covered / at, 1.0))
    return round(per_ten * grown * max(k, LEAST_HITS) / LEAST_HITS)


def untuned(k: int, *, covered: int) -> int:
    """Tell how many candidates to compare for k hits of all chips where nobody measured it."""
    return candidates_for(k, covered=covered, per_ten=REFINED_PER_HIT * LEAST_HITS, at=ENOUGH_UP_TO)


def choose(*, name: str, wanted: int, standing: Standing, costs: Costs, limits: PlanLimits) -> Plan:
    """Choose between the codes and a scan of the passing rows by what they cost.

    Args:
        name: Of the codes.
        wanted: Candidates to compare where nothing is filtered.
        standing: What there is.
        costs: Of each thing that is looked at.
        limits: Rows that are scanned in any case.
    """
    rows = standing.passing + standing.tail
    scan = Way(name=SCAN, rows=rows, expected_ms=costs.scanning(rows))
    count = _compared(wanted, standing, costs)
    if count >= standing.passing:
        return Plan(ways=(scan,), fetch=None)
    spent = costs.coding(
        codes=standing.covered,
        masked=standing.passing < standing.covered,
        compared=count,
        tail=standing.tail,
    )
    coded = Way(name=name, rows=standing.covered, expected_ms=spent)
    if rows <= limits.exact_rows or scan.expected_ms <= coded.expected_ms:
        return Plan(ways=(scan, coded), fetch=None)
    return Plan(ways=(coded, scan), fetch=Fetch(count=count))


def _compared(wanted: int, standing: Standing, costs: Costs) -> int:
    """Tell how many candidates to compare of those that pass."""
    if standing.passing >= standing.living:
        return wanted
    covered, masked = standing.covered, standing.living < standing.covered
    unfiltered = costs.coding(codes=covered, masked=masked, compared=wanted, tail=0)
    scanned = costs.coding(codes=covered, masked=True, compared=0, tail=0)
    room = (_DEAREST * unfiltered - scanned) * 1_000 / costs.refined_us
    fewer = wanted * math.pow(standing.passing / standing.living, _FALL)
    return round(max(fewer, min(_BEHIND * fewer, room)))


def select_by(db: sqlite3.Connection, columns: str, key: str, keys: Iterable[Any]) -> list[Any]:
    """Read columns of the chips whose key is among some; without order, dead ones included."""
    found: list[Any] = []
    wanted = list(keys)
    text = f"SELECT {columns} FROM chips WHERE {key} IN (SELECT value FROM json_each(?))"  # noqa: S608
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        found += db.execute(text, (json.dumps(wanted[start : start + _IDS_AT_ONCE]),)).fetchall()
    return found
