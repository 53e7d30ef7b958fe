"""What may be done with findings, whatever the door: look, count, take the next one, decide.

Knows neither HTTP nor gRPC, nor how findings are kept. Whatever changes is in the audit trail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest, NotFound
from satseek.monitor.findings import deciding, reviewing
from satseek.monitor.findings.deciding import DECISIONS
from satseek.service.monitor.findings_seeing import assigned, find_seen, named, seen_by
from satseek.service.recording import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.monitor.findings.finding import Finding, State, Step
    from satseek.monitor.findings.pages import FindingFilter, Order, Page
    from satseek.service.calling import Caller
    from satseek.service.monitor.findings_asking import Decided
    from satseek.service.running import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding with all that was ever done with it."""

    finding: Finding
    """As it is."""
    history: tuple[Step, ...]
    """The oldest step first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many findings there are."""

    counts: Mapping[State, int]
    """By state, every state named."""
    you: str
    """The name under which whoever asks would decide."""


async def listed(
    where: FindingFilter,
    *,
    order: Order,
    after: str,
    limit: int,
    shared: Running,
    caller: Caller,
) -> Page:
    """Give a page of the findings that somebody sees.

    Raises:
        PermissionDenied, CollectionNotFound, InvalidFilter, InvalidRequest: it cannot be.
    """
    asked = await narrowed(where, shared=shared, caller=caller)
    return await shared.in_thread(
        lambda: shared.monitor.findings.page(asked, order=order, after=after, limit=limit)
    )


async def counted(where: FindingFilter, *, shared: Running, caller: Caller) -> Counted:
    """Count the findings that somebody sees, by state; raises as ``listed``."""
    asked = await narrowed(where, shared=shared, caller=caller)
    counts = await shared.in_thread(lambda: shared.monitor.findings.counts(asked))
    return Counted(counts=counts, you=caller.principal.name)


async def narrowed(where: FindingFilter, *, shared: Running, caller: Caller) -> FindingFilter:
    """Narrow a filter down to what whoever asks may see; raises as ``listed``."""
    who = caller.principal
    who.require("search")
    whose = assigned(who, where.assignee, own=who.name)
    return await shared.in_thread(
        lambda: seen_by(replace(where, assignee=whose), shared=shared, who=who)
    )


async def told(finding_id: str, *, shared: Running, caller: Caller) -> Told:
    """Give a finding; raises PermissionDenied, FindingNotFound."""
    who = caller.principal
    who.require("search")
    return await shared.in_thread(
        lambda: _told(find_seen(finding_id, shared=shared, who=who), shared)
    )


async def next_one(
    where: FindingFilter, *, name: str | None, shared: Running, caller: Caller
) -> Told | None:
    """Give somebody the next finding to look at, which is theirs from now on; None: none waits.

    Raises:
        PermissionDenied, CollectionNotFound, InvalidFilter, InvalidRequest: it cannot be.
    """
    asked = await narrowed(where, shared=shared, caller=caller)
    caller.principal.require("findings")
    who = named(caller.principal, name)

    def given() -> Told | None:
        found = reviewing.next_for(who, shared.monitor.findings, where=asked)
        return None if found is None else _told(found, shared)

    target = ",".join(where.sources) or "-"
    async with record("finding.next", target, shared=shared, caller=caller, by=who):
        return await shared.in_thread(given)


async def decide(finding_id: str, decided: Decided, *, shared: Running, caller: Caller) -> Told:
    """Do what somebody decided; the same said again changes nothing.

    Raises:
        PermissionDenied: they may not decide, or give another name than their own.
        FindingNotFound: there is no such finding, or they do not see it.
        Conflict: it has changed since they looked, or cannot be decided so in its state.
        InvalidRequest: a deed, name or comment that cannot be.
    """
    person = caller.principal
    person.require("search")
    person.require("findings")
    if decided.deed not in DECISIONS:
        known = ", ".join(DECISIONS)
        raise InvalidRequest(f"deed: expected one of {known}, came {decided.deed[:40]!r}")
    who = named(person, decided.who)
    whose = assigned(person, decided.assignee, own=who)
    found = await shared.in_thread(lambda: find_seen(finding_id, shared=shared, who=person))

    def moved() -> Told:
        after = deciding.decide(
            found.id,
            shared.monitor.findings,
            deed=decided.deed,
            who=who,
            comment=decided.comment,
            revision=decided.revision,
            assignee=whose,
        )
        return _told(after, shared)

    action = f"finding.{decided.deed}"
    async with record(action, found.id, shared=shared, caller=caller, by=who):
        return await shared.in_thread(moved)


async def picture(finding_id: str, digest: str, *, shared: Running, caller: Caller) -> bytes:
    """Give a PNG that was kept of a finding.

    Raises:
        PermissionDenied, FindingNotFound: as ``told``.
        NotFound: the finding has no such picture, or it is gone.
        DamagedData: it is not what was written.
    """
    await own_picture(finding_id, digest, shared=shared, caller=caller)
    return await shared.in_thread(lambda: shared.monitor.pictures.read(digest))


async def own_picture(finding_id: str, digest: str, *, shared: Running, caller: Caller) -> None:
    """Go on only with a picture of a finding that somebody sees; raises as ``picture``."""
    who = caller.principal
    who.require("search")
    found = await shared.in_thread(lambda: find_seen(finding_id, shared=shared, who=who))
    if not any(digest == one.picture for one in found.evidence if one.picture):
        raise NotFound(f"finding {found.id} has no picture {digest[:64]!a}")


def _told(finding: Finding, shared: Running) -> Told:
    return Told(finding=finding, history=shared.monitor.findings.history(finding.id))
