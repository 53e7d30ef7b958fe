"""Cells decided and parcels cut by them → figures of every parcel, and its light.

Does not know where cells or parcels come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.monitor.damage.grading import Look, Reason, lacking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from numpy.typing import NDArray

    from satseek.monitor.damage.assessment import Contrast
    from satseek.monitor.damage.grading import EvidenceRules, GradeTable, Light
    from satseek.monitor.damage.joining import Joined, Sight
    from satseek.monitor.damage.overlaps import Overlaps
    from satseek.monitor.findings.finding import Side

    Floats = NDArray[np.float64]

_ALL: Final = 1.0
_LEAST_WEIGHT: Final = 1e-9
"""Hectares below which nothing of a parcel was seen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figures:
    """Shares of every parcel; each of shape (parcels,), NaN where nothing was seen."""

    affected: Floats
    """Share of the area judged that is affected."""
    changes: Floats
    """Affected share after less affected share before, of the area judged."""
    judged: Floats
    """Share of the parcel seen at every moment asked for; 0 where nothing was."""


def figures(joined: Joined, pieces: Overlaps, hectares: Floats) -> Figures:
    """Measure parcels by their cells, weighted by area.

    Args:
        joined: The cells.
        pieces: Parcels cut by them.
        hectares: Area of each parcel.
    """
    weights = joined.judged[pieces.cells]
    seen = pieces.sums(weights)
    decided = joined.decided
    parts = {
        name: pieces.sums(weights * marks[pieces.cells])
        for name, marks in (
            ("affected", decided.shares),
            ("before", decided.before),
            ("after", decided.after),
        )
    }
    known = seen > _LEAST_WEIGHT
    share = {
        name: np.where(known, sums / np.where(known, seen, 1.0), np.nan)
        for name, sums in parts.items()
    }
    return Figures(
        affected=share["affected"],
        changes=share["after"] - share["before"],
        judged=np.minimum(seen / hectares, _ALL),
    )


def looks(
    sight: Sight,
    dates: Sequence[datetime | None],
    pieces: Overlaps,
    hectares: Floats,
    *,
    when: Side,
    event: date | None = None,
) -> list[Look]:
    """Tell how well each parcel was seen at one moment, and when."""
    seen, clouded = (
        np.minimum(pieces.sums(part[pieces.cells]) / hectares, _ALL)
        for part in (sight.seen, sight.clouded)
    )
    return [
        Look(
            when=when,
            seen=float(seen[place]),
            clouded=float(clouded[place]),
            date=_date(_dates(sight, dates, pieces, place), when, event),
        )
        for place in range(pieces.count)
    ]


def class_shares(
    sight: Sight, names: Sequence[str], pieces: Overlaps, place: int
) -> dict[str, float]:
    """Give the share of a parcel's area seen after the event by label, the largest first."""
    part = pieces.of(place)
    cells = pieces.cells[part]
    weights = pieces.hectares[part] * sight.seen[cells]
    kinds = sight.classes[cells]
    known = (kinds >= 0) & (weights > 0)
    sums = np.bincount(kinds[known], weights=weights[known], minlength=len(names))
    if sums.sum() <= _LEAST_WEIGHT:
        return {}
    shares = sums / sums.sum()
    order = np.argsort(-shares, kind="stable")
    return {names[at]: float(shares[at]) for at in order.tolist() if shares[at] > 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one parcel."""

    light: Light
    """Traffic light."""
    grade: str
    """By the table; empty: none."""
    reasons: tuple[Reason, ...]
    """Why."""


def judge(
    share: float,
    *,
    seen: tuple[Look, ...],
    cells: float,
    judged: float,
    contrast: Contrast | None,
    event: date | None,
    grades: GradeTable,
    rules: EvidenceRules,
) -> Verdict:
    """Say what a parcel's figures amount to.

    Args:
        share: Affected share, 0–1; NaN: nothing was seen, so that ``judged`` is 0.
        seen: Looks at it.
        cells: Its size in cells.
        judged: Share of it that was seen at every moment, 0–1.
        contrast: Beside its neighbours; None: not known.
        event: Date of the event; None: not told.
        grades: Table of losses.
        rules: What evidence is asked for.
    """
    lacks = lacking(seen, cells=cells, event=event, rules=rules)
    if not any(one.lack == "not seen" for one in lacks) and judged < rules.least_seen:
        values = {"judged": judged, "least": rules.least_seen}
        lacks = (*lacks, Reason(name="apart_clouds", lack="not seen", values=values))
    if lacks:
        return Verdict(light="insufficient evidence", grade="", reasons=lacks)
    grade = grades.grade(share)
    doubts = [*_hidden(share, judged, grades), *_alike(contrast, grades, share)]
    told = Reason(name="affected", values={"share": share, "grade": grade.name})
    light: Light = "amber" if doubts else grade.light
    return Verdict(light=light, grade=grade.name, reasons=(told, *doubts))


def _hidden(share: float, judged: float, grades: GradeTable) -> list[Reason]:
    """Doubt a light that the part which was not seen could turn from green to red, or back."""
    low, high = share * judged, share * judged + (1 - judged)
    ends = [grades.grade(min(one, 1.0)) for one in (low, high)]
    if {one.light for one in ends} >= {"green", "red"}:
        values: dict[str, str | float] = {
            "hidden": 1 - judged,
            "low": ends[0].name,
            "high": ends[1].name,
        }
        return [Reason(name="could_be", values=values)]
    return []


def _alike(contrast: Contrast | None, grades: GradeTable, share: float) -> list[Reason]:
    """Doubt a loss that is none beside what unaffected neighbours went through."""
    if contrast is None or grades.grade(share).light != "red":
        return []
    beyond = min(max(contrast.difference, 0.0), 1.0)
    if grades.grade(beyond).light == "red":
        return []
    values = {"count": contrast.count, "neighbours": contrast.neighbours, "own": contrast.own}
    return [Reason(name="alike", values=values)]


def _date(known: Sequence[date], when: Side, event: date | None) -> date | None:
    """Give the latest, unless some imagery of the parcel lies on the other side of the event."""
    if not known:
        return None
    if when == "after" and event is not None and min(known) < event:
        return min(known)
    return max(known)


def _dates(
    sight: Sight, dates: Sequence[datetime | None], pieces: Overlaps, place: int
) -> list[date]:
    cells = pieces.cells[pieces.of(place)]
    used = sight.sources[cells[sight.valid[cells] > 0]]
    moments = [dates[number] for number in np.unique(used).tolist() if number >= 0]
    return [one.date() for one in moments if one is not None]
