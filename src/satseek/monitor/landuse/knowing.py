"""What changed, and the findings that a run has already → which change is which finding.

Does not know where findings are kept, nor what people decided. A change is a finding that is known
where both say that the same became the same, share ground, and the dates between which it happened
meet: more scenes of a month, a patch that grows or falls apart, a change that is dated anew by what
came later, none of it is asked about again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from satseek.monitor.change.patches import join_patches
from satseek.monitor.findings.finding import finding_id
from satseek.monitor.findings.known import age
from satseek.monitor.landuse.changes import order_of
from satseek.monitor.landuse.findings import AFTER_DATE, BEFORE_DATE, KIND
from satseek.monitor.landuse.sampling import change_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.findings.known import KnownFindings
    from satseek.monitor.landuse.changes import LandChange
_WAITING = ("new", "assigned")
"""States of findings that nobody decided upon."""

_Fit: TypeAlias = "tuple[bool, int, bool, tuple[datetime, str]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChange:
    """A change, and the id of the finding that it is."""

    change: LandChange
    """What became of what."""
    finding: str
    """Its id."""


def named_changes(
    changes: Sequence[LandChange], *, dates: Sequence[str], source: str, known: KnownFindings
) -> list[NamedChange]:
    """Name each change by the finding that it is; those of one date that are one finding are one.

    Of several findings it is that of its own date, then that which shares most cells, then one
    that people decided upon, then the oldest. Of one finding there are no changes of two dates.

    Args:
        changes: Patches, of one run.
        dates: Names of all dates, the earliest first.
        source: Name of the run.
        known: The findings that it has.

    Returns:
        In the order of ``find_changes``.
    """
    taken = _taken(changes, dates, known)
    by_id: dict[str, list[LandChange]] = defaultdict(list)
    for at, change in enumerate(changes):
        name = taken.get(at) or _new(change, dates[change.date], source, known, by_id)
        by_id[name].append(change)
    named = [NamedChange(change=_joined(own), finding=name) for name, own in by_id.items()]
    return sorted(named, key=lambda one: order_of(one.change))


def _taken(
    changes: Sequence[LandChange], dates: Sequence[str], known: KnownFindings
) -> dict[int, str]:
    """Give the finding of each change that is a known one, best fits first."""
    fits = sorted(
        (fit, at, name)
        for at, change in enumerate(changes)
        for fit, name in _fits(change, dates, known)
    )
    taken: dict[int, str] = {}
    date_of: dict[str, int] = {}
    for _, at, name in fits:
        if at not in taken and date_of.setdefault(name, changes[at].date) == changes[at].date:
            taken[at] = name
    return taken


def _fits(
    change: LandChange, dates: Sequence[str], known: KnownFindings
) -> Iterator[tuple[_Fit, str]]:
    """Give the findings that a change may be, and how well it fits: less is better."""
    own, label = set(change.patch.cells), change_label(change.before, change.after)
    for name in known.covering(own):
        finding = known[name]
        if finding.label != label or not _meet(change, dates, finding):
            continue
        moved = finding.properties.get(AFTER_DATE) != dates[change.date]
        shared = len(own.intersection(finding.cells))
        yield (moved, -shared, finding.state in _WAITING, age(finding)), name


def _meet(change: LandChange, dates: Sequence[str], finding: Finding) -> bool:
    """Tell whether the dates between which both happened have one in common.

    Where they do not, the place was something else in between, and this is another time.
    """
    began, ended = (str(finding.properties.get(one, "")) for one in (BEFORE_DATE, AFTER_DATE))
    since, date = dates[change.since], dates[change.date]
    return _not_after(began, date) and _not_after(since, ended)


def _not_after(one: str, other: str) -> bool:
    """Compare names of dates; of a month and a day as far as both say."""
    letters = min(len(one), len(other))
    return bool(letters) and one[:letters] <= other[:letters]


def _new(
    change: LandChange,
    date: str,
    source: str,
    known: KnownFindings,
    used: dict[str, list[LandChange]],
) -> str:
    """Name a change that nobody knows by its first cell and its date, whichever scene shows it."""
    anchor = f"{date}/{change.patch.cells[0]}"
    names = (
        finding_id(
            kind=KIND,
            source=source,
            anchor=f"{anchor}/{again}" if again else anchor,
            label=change_label(change.before, change.after),
            first_seen=None,
        )
        for again in count()
    )
    return next(name for name in names if name not in known and name not in used)


def _joined(changes: Sequence[LandChange]) -> LandChange:
    """Make one change of those that are one finding; the strongest one speaks for it."""
    best = max(changes, key=lambda one: one.patch.peak)
    if len(changes) == 1:
        return best
    return replace(best, patch=join_patches([one.patch for one in changes]))
