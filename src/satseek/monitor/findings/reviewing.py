"""A finding and what a person decides → the finding, moved on, and the step in its history.

Does not know how findings are kept, nor who may decide: doors ask that first. To say the same once
more, as who does not know whether it arrived, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.errors import Conflict, InvalidRequest
from satseek.monitor.findings import pages as keeping_pages
from satseek.monitor.findings import rows as keeping_rows
from satseek.monitor.findings.checking import check_name, check_text
from satseek.monitor.findings.keeping import named
from satseek.monitor.findings.pages import FindingFilter, passing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.monitor.findings.changes import Changing
    from satseek.monitor.findings.finding import Deed, Finding, State
    from satseek.monitor.findings.keeping import Findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a deed does to a finding."""

    begins: tuple[State, ...]
    """States from which it is done."""
    ends: State | None
    """State afterwards; None: as before."""


MOVES: Mapping[Deed, Move] = {
    "assign": Move(begins=("new", "assigned"), ends="assigned"),
    "release": Move(begins=("assigned",), ends="new"),
    "confirm": Move(begins=("assigned",), ends="confirmed"),
    "reject": Move(begins=("assigned",), ends="rejected"),
    "close": Move(begins=("confirmed", "rejected"), ends="closed"),
    "reopen": Move(begins=("confirmed", "rejected", "closed"), ends="assigned"),
    "comment": Move(begins=("new", "assigned", "confirmed", "rejected", "closed"), ends=None),
}
"""What people do: new → assigned → confirmed | rejected → closed, and back where they err."""

_NEXT = {
    "new": "assign it first",
    "assigned": "confirm or reject it first",
    "confirmed": "reopen it first",
    "rejected": "reopen it first",
    "closed": "reopen it first",
}
"""What leads on from a state."""


def next_for(who: str, findings: Findings, *, where: FindingFilter | None = None) -> Finding | None:
    """Give a person the next finding to look at, which is theirs from now on.

    What they have been assigned already comes first, then the most urgent new one that they have
    not released themselves; no two people are given the same. None: nothing waits.

    Args:
        who: Who looks.
        findings: Where they are kept.
        where: Among which; its states and assignee are not looked at. None: all.

    Raises:
        InvalidFilter, InvalidRequest: a filter or a name that cannot be.
    """
    person = check_name("who", who)
    among = replace(where or FindingFilter(), states=(), assignee=None)
    theirs = passing(replace(among, states=("assigned",), assignee=person))
    free = passing(replace(among, states=("new",))).and_so(
        "NOT EXISTS (SELECT 1 FROM findings_steps WHERE finding = findings.id "
        "AND deed = 'release' AND who = ?)",
        person,
    )
    if not findings.is_there:
        return None
    with findings.changing() as change:
        found = keeping_pages.first(change.db, theirs)
        if found is None:
            new = keeping_pages.first(change.db, free)
            found = new and _done(change, new, "assign", who=person, assignee=person)
    return found


def assign(
    finding_id: str,
    findings: Findings,
    *,
    who: str,
    assignee: str,
    comment: str = "",
    revision: int | None = None,
) -> Finding:
    """Have somebody look at a new finding, or somebody else at one that is assigned.

    Args:
        finding_id: Which.
        findings: Where it is kept.
        who: Who decides so.
        assignee: Who is to look at it.
        comment: Why.
        revision: As the one who decides saw it; None: whatever it is by now.

    Raises:
        FindingNotFound: there is none of that id.
        Conflict: it has another revision, or a state from which it cannot be assigned.
        InvalidRequest: a name or comment that cannot be kept.
    """
    asked = _Asked(who=who, comment=comment, revision=revision, assignee=assignee)
    return _move(finding_id, findings, "assign", asked)


def release(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Put an assigned finding back among the new ones; raises as ``assign``."""
    asked = _Asked(who=who, comment=comment, revision=revision)
    return _move(finding_id, findings, "release", asked)


def confirm(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Say that it is so: whoever it is assigned to, or, of a new one, whoever says it first.

    Raises as ``assign``; Conflict also where it is assigned to somebody else.
    """
    asked = _Asked(who=who, comment=comment, revision=revision)
    return _move(finding_id, findings, "confirm", asked)


def reject(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Say that it is not so; likewise."""
    asked = _Asked(who=who, comment=comment, revision=revision)
    return _move(finding_id, findings, "reject", asked)


def close(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Be done with a finding that is confirmed or rejected; raises as ``assign``."""
    asked = _Asked(who=who, comment=comment, revision=revision)
    return _move(finding_id, findings, "close", asked)


def reopen(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Have who asks look again at one that is decided or closed; raises as ``assign``."""
    asked = _Asked(who=who, comment=comment, revision=revision, assignee=who)
    return _move(finding_id, findings, "reopen", asked)


def comment(
    finding_id: str, findings: Findings, *, who: str, comment: str, revision: int | None = None
) -> Finding:
    """Write something down beside a finding, whatever its state; raises as ``assign``."""
    if not comment.strip():
        raise InvalidRequest("comment: expected some words, came none")
    asked = _Asked(who=who, comment=comment, revision=revision)
    return _move(finding_id, findings, "comment", asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    who: str
    comment: str
    revision: int | None
    assignee: str | None = None

    def checked(self) -> _Asked:
        assignee = None if self.assignee is None else check_name("assignee", self.assignee)
        return replace(
            self,
            who=check_name("who", self.who),
            comment=check_text("comment", self.comment.strip()),
            assignee=assignee,
        )


def _move(finding_id: str, findings: Findings, deed: Deed, asked: _Asked) -> Finding:
    asked = asked.checked()
    with findings.changing() as change:
        former = named(change.db, finding_id)
        if _is_said_again(change, former, deed, asked):
            return former
        _check_revision(former, asked.revision)
        if deed in ("confirm", "reject"):
            former = _taken(change, former, asked.who)
        move = MOVES[deed]
        if former.state not in move.begins:
            raise Conflict(
                f"finding {former.id} is {former.state}: to {deed} it, expected "
                f"{' or '.join(move.begins)}; {_NEXT[former.state]}"
            )
        assignee = asked.assignee
        return _done(change, former, deed, who=asked.who, assignee=assignee, comment=asked.comment)


def _done(
    change: Changing,
    former: Finding,
    deed: Deed,
    *,
    who: str,
    assignee: str | None = None,
    comment: str = "",
) -> Finding:
    state = MOVES[deed].ends or former.state
    kept = former.assignee if assignee is None else assignee
    after = replace(former, state=state, assignee="" if state == "new" else kept)
    return change.put(former, after, deed, who=who, comment=comment).finding


def _taken(change: Changing, former: Finding, who: str) -> Finding:
    """Give a finding as that of who decides upon it."""
    if former.state == "new":
        return _done(change, former, "assign", who=who, assignee=who)
    if former.state == "assigned" and former.assignee != who:
        raise Conflict(
            f"finding {former.id} is assigned to {former.assignee}: they decide, or assign it to "
            f"{who} first"
        )
    return former


def _is_said_again(change: Changing, former: Finding, deed: Deed, asked: _Asked) -> bool:
    """Tell whether the very same was what a person did last."""
    last = keeping_rows.last_deed(change.db, former.id)
    assignee = former.assignee if asked.assignee is None else asked.assignee
    return last is not None and (last.deed, last.who, last.comment, last.assignee) == (
        deed,
        asked.who,
        asked.comment,
        assignee,
    )


def _check_revision(former: Finding, revision: int | None) -> None:
    if revision is not None and revision != former.revision:
        raise Conflict(
            f"finding {former.id} has changed: expected revision {revision}, it is "
            f"{former.revision} and {former.state} by now; look at it again"
        )
