"""What a source says of findings now → what changes in the database, within one transaction.

Does not know what people may decide, only how to write down that they did.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.errors import Conflict
from satseek.monitor.findings import rows as keeping_rows
from satseek.monitor.findings.checking import check_finding
from satseek.monitor.findings.describing import SAID
from satseek.monitor.findings.finding import WITHDRAWN, Change, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from satseek.index.storing import Database
    from satseek.monitor.findings.finding import Deed, Evidence, Finding, Kind

_OF_WHAT = ("kind", "source", "label")
"""What a finding is of: no later run changes it."""

_TOLD = ("first_seen", "last_seen", "seen", "area_m2", "after", "flags")
"""Fields that a step of a source quotes where they change; of all others it gives the name."""


class Changing:
    """One transaction on the findings, durable as a whole when its block ends, or not at all."""

    def __init__(self, db: Database, *, now: datetime) -> None:
        """Take the transaction and when it is."""
        self.db = db
        """The database, for tables of other parts."""
        self.now = now
        """When all of this is done, UTC."""
        self.made: list[Change] = []
        """What was changed so far, in order."""

    def keep(self, findings: Iterable[Finding]) -> tuple[Change, ...]:
        """Write down what a source found; see `keeping.Findings.keep`."""
        return self.keep_checked([check_finding(one) for one in findings])

    def keep_checked(self, findings: Iterable[Finding]) -> tuple[Change, ...]:
        """Do the same with findings that `checking.check_finding` gave."""
        begun = len(self.made)
        for finding in findings:
            former = keeping_rows.find(self.db, finding.id)
            if former is None:
                self._found(finding)
            else:
                self._said_again(former, finding)
        return tuple(self.made[begun:])

    def withdraw(self, *, kind: Kind, source: str, found: Iterable[str]) -> tuple[Change, ...]:
        """Flag what a whole run did not find again; see `keeping.Findings.withdraw`."""
        begun, still = len(self.made), set(found)
        for former in keeping_rows.undecided(self.db, kind, source):
            if former.id not in still and WITHDRAWN not in former.flags:
                flags = tuple(sorted((*former.flags, WITHDRAWN)))
                self._seen(former, replace(former, flags=flags))
        return tuple(self.made[begun:])

    def put(self, former: Finding, after: Finding, deed: Deed, *, who: str, comment: str) -> Change:
        """Write a finding and the step that led to it, whoever did it.

        Args:
            former: As it stands in this transaction.
            after: As it is to be; revision and moments are set here.
            deed: What was done.
            who: By whom.
            comment: Why.
        """
        changed = replace(
            after, revision=former.revision + 1, created=former.created, changed=self.now
        )
        return self._written(changed, deed, who=who, comment=comment, former=former)

    def _found(self, finding: Finding) -> None:
        new = replace(
            finding, state="new", assignee="", revision=1, created=self.now, changed=self.now
        )
        self._written(new, "found", who=_source(new), comment="", former=None)

    def _said_again(self, former: Finding, finding: Finding) -> None:
        wrong = [name for name in _OF_WHAT if getattr(former, name) != getattr(finding, name)]
        if wrong:
            name = wrong[0]
            raise Conflict(
                f"finding {former.id}: its {name} is {getattr(former, name)!r}, came "
                f"{getattr(finding, name)!r}: what it is of makes its id; see `finding_id`"
            )
        merged = _merged(former, finding)
        if _changed(former, merged):
            self._seen(former, merged)

    def _seen(self, former: Finding, merged: Finding) -> None:
        self.put(former, merged, "seen", who=_source(former), comment=_differences(former, merged))

    def _written(
        self, finding: Finding, deed: Deed, *, who: str, comment: str, former: Finding | None
    ) -> Change:
        step = Step(
            finding=finding.id,
            revision=finding.revision,
            at=self.now,
            who=who,
            deed=deed,
            before=None if former is None else former.state,
            after=finding.state,
            assignee=finding.assignee,
            comment=comment,
        )
        keeping_rows.write(self.db, finding)
        keeping_rows.write_step(self.db, step)
        change = Change(finding=finding, step=step, former=former)
        self.made.append(change)
        return change


def _source(finding: Finding) -> str:
    return f"{finding.kind}:{finding.source}"


def _merged(former: Finding, finding: Finding) -> Finding:
    """Say what the source says now, keep what people decided and what cannot be had again."""
    dates = [one for one in (former.first_seen, finding.first_seen) if one is not None]
    kept: dict[tuple[str, str], Evidence] = {
        (one.side, one.chip_id): one for one in former.evidence
    }
    return replace(
        finding,
        first_seen=min(dates, default=None),
        evidence=tuple(_with_picture(one, kept) for one in finding.evidence),
        state=former.state,
        assignee=former.assignee,
        revision=former.revision,
        created=former.created,
        changed=former.changed,
    )


def _with_picture(one: Evidence, kept: Mapping[tuple[str, str], Evidence]) -> Evidence:
    """Keep what was seen when it was found, unless other ground is shown now."""
    before = kept.get((one.side, one.chip_id))
    if before is None or not before.picture or (one.picture and one.bounds != before.bounds):
        return one
    return replace(one, picture=before.picture, bounds=before.bounds)


def _changed(former: Finding, after: Finding) -> list[str]:
    """Name the fields of which a source says something else now."""
    return [name for name in SAID if getattr(former, name) != getattr(after, name)]


def _differences(former: Finding, after: Finding) -> str:
    """Say what changed: ``seen 1 → 2; evidence``."""
    names = _changed(former, after)
    told = [
        f"{name} {_shown(getattr(former, name))} → {_shown(getattr(after, name))}"
        for name in names
        if name in _TOLD
    ]
    return "; ".join([*told, *(name for name in names if name not in _TOLD)])


def _shown(value: object) -> str:
    match value:
        case tuple():
            return ", ".join(map(str, value)) or "none"
        case float():
            return f"{value:.6g}"
        case None | "":
            return "none"
    return str(value)
