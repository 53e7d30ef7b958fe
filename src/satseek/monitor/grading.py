"""What was seen of a parcel → a grade of loss and a traffic light, or why neither can be given.

Does not know imagery. Grades come from a table that a company writes; whether there is evidence
enough is asked first, and *insufficient evidence* is an answer of its own, never a shade of green.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from satseek.errors import FolderNotFound, InvalidConfig

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

Light: TypeAlias = Literal["green", "amber", "red", "insufficient evidence"]
"""``green``: no sign of loss; ``amber``: to be looked at by a person; ``red``: loss;
``insufficient evidence``: imagery cannot tell, for the reasons given."""

_LIGHTS = ("green", "amber", "red")

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
        if shares[:1] != [0.0] or any(b <= a for a, b in zip(shares, shares[1:], strict=False)):
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
    that is compared. With less, the hidden part could move the parcel by one grade of the usual
    table however it is graded."""
    least_cells: float = 1.0
    """Size of the parcel in chips of the grid: below one, what is seen is mostly the neighbours'
    ground."""
    most_days_between: int | None = 550
    """Days between before and after: two growing seasons and a half; what lies longer apart may
    have changed for any reason. None: any."""
    most_days_after: int | None = 30
    """Days from the event to the imagery after it, where the event's date is told: water runs off,
    crops recover. None: any."""
    neighbours: int = 5
    """Unaffected neighbours that are wanted for a comparison; with fewer there is none."""

    def __post_init__(self) -> None:
        """Refuse rules that cannot be; raises InvalidConfig."""
        if not 0 < self.least_seen <= 1:
            raise InvalidConfig(f"least_seen: expected a share in 0–1, came {self.least_seen}")
        if not 0 <= self.least_cells < math.inf:
            raise InvalidConfig(f"least_cells: expected 0 or more, came {self.least_cells}")
        if self.neighbours < 1:
            raise InvalidConfig(f"neighbours: expected 1 or more, came {self.neighbours}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """Why a parcel cannot be judged."""

    kind: Lack
    """What is missing."""
    why: str
    """One line with the figure and the rule."""


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
    """Latest date of what was seen; None: the imagery tells none."""


def lacking(
    looks: tuple[Look, ...], *, cells: float, event: date | None, rules: EvidenceRules
) -> tuple[Lacking, ...]:
    """List what is missing for a judgement; empty: nothing.

    Args:
        looks: After, and before where two moments are compared.
        cells: Size of the parcel in chips.
        event: Date of the event; None: not told.
        rules: What is asked for.
    """
    found = [one for look in looks if (one := _unseen(look, rules)) is not None]
    if cells < rules.least_cells:
        why = f"parcel of {cells:.2f} chips, expected {rules.least_cells:g} or more"
        found.append(Lacking(kind="too small", why=why))
    dates = {look.when: look.date for look in looks if look.seen > 0}
    return (*found, *_between(dates, rules), *_after(dates.get("after"), event, rules))


def _unseen(look: Look, rules: EvidenceRules) -> Lacking | None:
    if look.seen >= rules.least_seen:
        return None
    why = f"{look.when}: {look.seen:.0%} of the parcel seen, expected {rules.least_seen:.0%}"
    if look.clouded:
        why += f"; {look.clouded:.0%} under cloud"
    if (missing := 1 - look.seen - look.clouded) > 0.005:  # noqa: PLR2004 (prints as 1 %)
        why += f"; {missing:.0%} without imagery"
    return Lacking(kind="not seen", why=why)


def _between(dates: dict[Any, date | None], rules: EvidenceRules) -> list[Lacking]:
    if "before" not in dates or "after" not in dates or rules.most_days_between is None:
        return []
    first, last = dates["before"], dates["after"]
    if first is None or last is None:
        return [Lacking(kind="no date", why="the imagery tells no date, so no gap can be ruled out")]
    days = (last - first).days
    if days < 0:
        return [Lacking(kind="date gap", why=f"after ({last}) lies before before ({first})")]
    if days <= rules.most_days_between:
        return []
    why = f"{days} days between {first} and {last}, expected {rules.most_days_between} at most"
    return [Lacking(kind="date gap", why=why)]


def _after(last: date | None, event: date | None, rules: EvidenceRules) -> list[Lacking]:
    if event is None or last is None:
        return []
    days = (last - event).days
    if days < 0:
        return [Lacking(kind="date gap", why=f"imagery of {last} is older than the event, {event}")]
    if rules.most_days_after is None or days <= rules.most_days_after:
        return []
    why = f"imagery {days} days after the event, expected {rules.most_days_after} at most"
    return [Lacking(kind="date gap", why=why)]


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
