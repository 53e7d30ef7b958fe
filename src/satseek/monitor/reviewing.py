"""A finding and what a person decides → the finding, moved on, and the step in its history.

Does not know how findings are kept, nor who may decide: doors ask that first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from satseek.monitor.findings import Finding
    from satseek.monitor.keeping import FindingFilter, Findings


def next_for(who: str, findings: Findings, *, where: FindingFilter | None = None) -> Finding | None:
    """Give a person the next finding to look at, which is theirs from now on.

    What they have been assigned already comes first, then the most urgent new one; no two people
    are given the same. None: nothing waits.
    """
    raise NotImplementedError


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
    raise NotImplementedError


def release(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Put an assigned finding back among the new ones; raises as ``assign``."""
    raise NotImplementedError


def confirm(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Say that it is so; a new finding is assigned to who says it first. Raises as ``assign``."""
    raise NotImplementedError


def reject(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Say that it is not so; likewise."""
    raise NotImplementedError


def close(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Be done with a finding that is confirmed or rejected; raises as ``assign``."""
    raise NotImplementedError


def reopen(
    finding_id: str, findings: Findings, *, who: str, comment: str = "", revision: int | None = None
) -> Finding:
    """Have who asks look again at one that is decided or closed; raises as ``assign``."""
    raise NotImplementedError


def comment(
    finding_id: str, findings: Findings, *, who: str, comment: str, revision: int | None = None
) -> Finding:
    """Write something down beside a finding, whatever its state; raises as ``assign``."""
    raise NotImplementedError
