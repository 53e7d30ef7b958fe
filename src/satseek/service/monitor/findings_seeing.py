"""Who asks, and which findings → those that they may see, and the name they decide under.

Findings of collections that somebody does not see are not there, in the same words as those that
never were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.errors import FindingNotFound, InvalidRequest, PermissionDenied
from satseek.monitor.findings.deciding import local_name

if TYPE_CHECKING:
    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.findings.pages import FindingFilter
    from satseek.service.access.principals import Principal
    from satseek.service.running import Running

NOWHERE = "/"
"""No collection can be called so."""

ME = "@me"
"""Instead of a name in a filter: whoever asks."""


def seen_by(where: FindingFilter, *, shared: Running, who: Principal) -> FindingFilter:
    """Narrow a filter down to what somebody sees.

    Raises:
        CollectionNotFound: it names a collection that they do not see.
    """
    for name in where.collections:
        shared.require(name, who)
    limits = shared.assembly.settings.collection_groups
    collections = where.collections
    if who.collections is not None and not collections:
        collections = tuple(sorted(one for one in who.collections if who.sees(one, limits)))
        collections = collections or (NOWHERE,)
    hidden = tuple(sorted(one for one in limits if not who.sees(one, limits)))
    return replace(where, collections=collections, hidden=hidden)


def sees_all(shared: Running, who: Principal) -> bool:
    """Tell whether no collection is hidden from somebody."""
    limits = shared.assembly.settings.collection_groups
    return who.collections is None and all(who.sees(one, limits) for one in limits)


def find_seen(finding_id: str, *, shared: Running, who: Principal) -> Finding:
    """Give a finding by its whole id.

    Raises:
        FindingNotFound: there is none, or none that they see.
    """
    unseen = FindingNotFound(f"no finding {finding_id[:64]!a}, or none that you may see")
    try:
        found = shared.monitor.findings.get(finding_id)
    except (FindingNotFound, InvalidRequest) as error:
        raise unseen from error
    limits = shared.assembly.settings.collection_groups
    if found.id != finding_id or not who.sees(found.collection, limits):
        raise unseen
    return found


def named(who: Principal, given: str | None) -> str:
    """Give the name under which somebody decides.

    Args:
        who: As they were recognised.
        given: The name that they give; None: none.

    Raises:
        PermissionDenied: they were recognised as somebody else.
    """
    if who.kind == "local":
        return who.name if given is None else local_name(given)
    if given not in (None, who.name):
        raise PermissionDenied(f"who: you are {who.name}; leave it out")
    return who.name


def assigned(who: Principal, given: str | None, *, own: str) -> str | None:
    """Give the name of an assignee as findings have it; ``@me`` is ``own``."""
    if not given:
        return given
    if given == ME:
        return own
    return local_name(given) if who.kind == "local" else given
