"""The name of a deed → the verb of reviewing that does it, for doors that are told the name.

Does not know who may decide. Also knows how people are named where nobody is asked who they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from satseek.errors import InvalidRequest
from satseek.monitor.findings import reviewing
from satseek.monitor.findings.reviewing import MOVES

if TYPE_CHECKING:
    from satseek.monitor.findings.finding import Finding, State
    from satseek.monitor.findings.keeping import Findings

Decision: TypeAlias = Literal[
    "assign", "release", "confirm", "reject", "close", "reopen", "comment"
]
"""What a person does with a finding."""

DECISIONS: tuple[Decision, ...] = get_args(Decision)

LOCAL = "local"
"""What everybody is called where nobody is asked who they are, and what their names begin with."""


def decide(
    finding_id: str,
    findings: Findings,
    *,
    deed: str,
    who: str,
    comment: str = "",
    revision: int | None = None,
    assignee: str | None = None,
) -> Finding:
    """Do what a person decided.

    Args:
        finding_id: Which.
        findings: Where it is kept.
        deed: One of `DECISIONS`.
        who: Who decides.
        comment: Why.
        revision: As they saw it; None: whatever it is by now.
        assignee: Of ``assign``: who is to look at it; None: who decides.

    Raises:
        InvalidRequest: there is no such deed, or it takes no assignee; or as ``reviewing``.
        FindingNotFound, Conflict: as ``reviewing``.
    """
    if deed not in DECISIONS:
        raise InvalidRequest(f"deed: expected one of {', '.join(DECISIONS)}, came {deed[:40]!r}")
    if assignee is not None and deed != "assign":
        raise InvalidRequest(f"assignee: goes with assign, came with {deed}")
    if deed == "assign":
        chosen = who if assignee is None else assignee
        return reviewing.assign(
            finding_id, findings, who=who, assignee=chosen, comment=comment, revision=revision
        )
    verb = getattr(reviewing, deed)
    found: Finding = verb(finding_id, findings, who=who, comment=comment, revision=revision)
    return found


def open_to(state: State) -> tuple[Decision, ...]:
    """Name what may be done with a finding in a state.

    Whoever decides on a new one takes it by that.
    """
    taken = ("confirm", "reject") if state == "new" else ()
    return tuple(deed for deed in DECISIONS if state in MOVES[deed].begins or deed in taken)


def local_name(given: str) -> str:
    """Give the name under which somebody's word stands whom nobody asked who they are.

    It tells them from everybody who was recognised: ``lin`` is ``local:lin``.
    """
    name = given.strip()
    return name if name == LOCAL or name.startswith(f"{LOCAL}:") else f"{LOCAL}:{name}"
