"""What was seen of a parcel → a grade of loss and a traffic light, or why neither can be given.

Does not know imagery. Grades come from a table that a company writes; whether there is evidence
enough is asked first, and *insufficient evidence* is an answer of its own, never a shade of green.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from satseek.errors import FolderNotFound, InvalidConfig
from satseek.monitor.damage.deciding import QUANTILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

Light: TypeAlias = Literal["green", "amber", "red", "insufficient evidence"]
"""``green``: no sign of loss; ``amber``: to be looked at by a person; ``red``: loss;
``insufficient evidence``: imagery cannot tell, for the reasons given."""

_LIGHTS = ("green", "amber", "red")

ROUNDING = 0.005
"""Cells: a parcel that prints as 2.00 cells is as large as two."""

Lack: TypeAlias = Literal["not seen", "too small", "date gap", "no date"]
"""Kinds of missing evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """One row of a table of losses."""

    name: str
    """As claims call it."""
    from_share: float
    """Affected share of the parcel, 0–1, from which it holds."""
    light: Light
    """Green, amber or red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeTable:
    """How an affected share becomes a grade."""

    name: str
    """Of the table, for the report."""
    grades: tuple[Grade, ...]
    """Ascending by share; the first begins at 0."""

    def __post_init__(self) -> None:
        """Refuse a table that leaves a share without a grade, or with two; raises InvalidConfig."""
        shares = [one.from_share for one in self.grades]
        if shares[:1] != [0.0] or any(b <= a for a, b in pairwise(shares)):
            raise InvalidConfig(
                f"grades {self.name!r}: expected shares that ascend from 0, came {shares}"
            )
        if shares[-1] > 1 or not all(map(math.isfinite, shares)):
            raise InvalidConfig(f"grades {self.name!r}: expected shares up to 1, came {shares}")
        names = [one.name for one in self.grades]
        if len(set(names)) < len(names) or not all(names):
            raise InvalidConfig(f"grades {self.name!r}: expected names that differ, came {names}")

    def grade(self, share: float) -> Grade:
        """Give the grade of an affected share, 0–1."""
        return next(one for one in reversed(self.grades) if share >= one.from_share)


USUAL_GRADES = GradeTable(
    name="usual",
    grades=(
        Grade(name="none", from_share=0.0, light="green"),
        Grade(name="slight", from_share=0.1, light="amber"),
        Grade(name="moderate", from_share=0.3, light="red"),
        Grade(name="severe", from_share=0.5, light="red"),
        Grade(name="total", from_share=0.8, light="red"),
    ),
)
"""A table to begin with: crop policies often pay from a loss of 20 to 30 % on and count 80 % as a
total loss, but an affected *area* is not a loss of yield. A company's own table replaces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRules:
    """What imagery must show of a parcel before anything is said of it."""

    least_seen: float = 0.7
    """Share of the parcel's area, 0–1, that must be seen without cloud or nodata at each moment
    that is compared: with less, what is hidden alone could carry a parcel from the first grade of
    the usual table that pays to beyond the next."""
    least_cells: float = 2.0
    """Size of the parcel in cells, ground that one chip speaks for: what is smaller is told by one
    chip alone, most of which shows other ground."""
    most_days_between: int | None = 550
    """Days between before and after: a year and a half, so that the same season of the year before
    will do; what lies longer apart may have changed for any reason. None: any, and undated imagery
    as well."""
    most_days_after: int | None = 30
    """Days from the event to the imagery after it, where the event's date is told: water runs off,
    crops recover. None: any."""
    neighbours: int = 5
    """Unaffected neighbours that are wanted for a comparison; with fewer there is none."""
    step_quantile: float = QUANTILE
    """Of the steps towards damage that cells take which look sound at both moments: a cell is
    affected whose step is larger. A larger one calls less of sound land affected, and misses more
    of what is lightly hit."""

    def __post_init__(self) -> None:
        """Refuse rules that cannot be; raises InvalidConfig."""
        if not 0 < self.least_seen <= 1:
            raise InvalidConfig(f"least_seen: expected a share in 0–1, came {self.least_seen}")
        if not 0 <= self.least_cells < math.inf:
            raise InvalidConfig(f"least_cells: expected 0 or more, came {self.least_cells}")
        if self.neighbours < 1:
            raise InvalidConfig(f"neighbours: expected 1 or more, came {self.neighbours}")
        if not 0.5 <= self.step_quantile < 1:  # noqa: PLR2004 - the middle of steps that are noise
            came = self.step_quantile
            raise InvalidConfig(f"step_quantile: expected 0.5 or more and below 1, came {came}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a light is what it is; said in a language by `words.told`."""

    name: str
    """Which reason, a key of the texts."""
    values: Mapping[str, str | int | float | date] = field(default_factory=dict, hash=False)
    """Figures that fill its text: shares 0–1, days, dates, names of grades."""
    lack: Lack | None = None
    """What evidence is missing; None: none, it is a reason for a grade or a doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How well a parcel was seen at one moment."""

    when: Literal["before", "after"]
    """Which."""
    seen: float
    """Share of the parcel's area seen without cloud or nodata, 0–1."""
    clouded: float
    """Share of the parcel's area that shows cloud or shadow instead, 0–1."""
    date: date | None
    """Latest date of what was seen, or one that lies on the other side of the event, where some of
    it does; None: the imagery tells none."""


def lacking(
    looks: tuple[Look, ...], *, cells: float, event: date | None, rules: EvidenceRules
) -> tuple[Reason, ...]:
    """List what is missing for a judgement; empty: nothing.

    Args:
        looks: After, and before where two moments are compared.
        cells: Size of the parcel in cells.
        event: Date of the event; None: not told.
        rules: What is asked for.
    """
    found = [one for look in looks if (one := _unseen(look, rules)) is not None]
    if cells < rules.least_cells - ROUNDING:
        sizes = {"cells": cells, "least": rules.least_cells}
        found.append(Reason(name="small", lack="too small", values=sizes))
    dates = {look.when: look.date for look in looks if look.seen > 0}
    found += _between(dates, rules)
    return (*found, *_before(dates.get("before"), event), *_after(dates.get("after"), event, rules))


def _unseen(look: Look, rules: EvidenceRules) -> Reason | None:
    if look.seen >= rules.least_seen:
        return None
    values: dict[str, str | float] = {
        "when": look.when,
        "seen": look.seen,
        "least": rules.least_seen,
        "clouded": look.clouded,
        "missing": max(1 - look.seen - look.clouded, 0.0),
    }
    return Reason(name="unseen", lack="not seen", values=values)


def _between(
    dates: Mapping[Literal["before", "after"], date | None], rules: EvidenceRules
) -> list[Reason]:
    if "before" not in dates or "after" not in dates or rules.most_days_between is None:
        return []
    first, last = dates["before"], dates["after"]
    if first is None or last is None:
        return [Reason(name="undated", lack="no date")]
    days, most = (last - first).days, rules.most_days_between
    values: dict[str, int | date] = {"days": days, "first": first, "last": last, "most": most}
    if days < 0:
        return [Reason(name="reversed", lack="date gap", values=values)]
    return [Reason(name="apart", lack="date gap", values=values)] if days > most else []


def _before(first: date | None, event: date | None) -> list[Reason]:
    if event is None or first is None or first <= event:
        return []
    return [Reason(name="newer", lack="date gap", values={"first": first, "event": event})]


def _after(last: date | None, event: date | None, rules: EvidenceRules) -> list[Reason]:
    if event is None or last is None:
        return []
    days, most = (last - event).days, rules.most_days_after
    if days < 0:
        dates = {"last": last, "event": event}
        return [Reason(name="older", lack="date gap", values=dates)]
    if most is None or days <= most:
        return []
    return [Reason(name="late", lack="date gap", values={"days": days, "most": most})]


def read_grades(path: Path) -> GradeTable:
    """Read a table of losses from TOML: ``[[grade]]`` with ``name``, ``from_share``, ``light``.

    Raises:
        FolderNotFound: there is no such file.
        InvalidConfig: it is no such table.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FolderNotFound(f"{path}: expected a TOML file of grades") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path}: expected TOML: {error}") from error
    unknown = sorted(table.keys() - {"name", "grade"})
    rows = table.get("grade")
    if unknown or not isinstance(rows, list) or not rows:
        raise InvalidConfig(f"{path}: expected [[grade]] tables, came {unknown or 'none'}")
    return GradeTable(name=str(table.get("name", path.stem)), grades=tuple(map(_grade, rows)))


def _grade(row: Any) -> Grade:
    known = {one.name for one in fields(Grade)}
    if not isinstance(row, dict) or row.keys() != known:
        came = ", ".join(row) if isinstance(row, dict) else repr(row)
        raise InvalidConfig(f"grade: expected {', '.join(sorted(known))}, came {came}")
    share, light = row["from_share"], row["light"]
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise InvalidConfig(f"grade: expected from_share as a share in 0–1, came {share!r}")
    if light not in _LIGHTS:
        raise InvalidConfig(f"grade: expected light {', '.join(_LIGHTS)}, came {light!r}")
    return Grade(name=str(row["name"]), from_share=float(share), light=light)
