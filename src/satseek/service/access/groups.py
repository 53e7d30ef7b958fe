"""Groups that somebody belongs to → what they may do.

Does not know where the groups come from: a token's claim or a directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.service.access.principals import SCOPES

if TYPE_CHECKING:
    from satseek.service.access.principals import Role, Scope
    from satseek.settings import Settings

EVERYBODY = "*"
"""In a setting: everybody who was recognised. Never the name of a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Which groups have which role, and which open collections."""

    members: Mapping[Role, frozenset[str]]
    """Groups by role."""
    opening: frozenset[str]
    """Groups that see some collection."""

    @classmethod
    def of(cls, settings: Settings) -> Roles:
        """Read them from the settings."""
        return cls(
            members={
                "reader": frozenset(settings.reader_groups),
                "inspector": frozenset(settings.inspector_groups),
                "operator": frozenset(settings.operator_groups),
                "admin": frozenset(settings.admin_groups),
            },
            opening=frozenset(one for all_ in settings.collection_groups.values() for one in all_),
        )

    def scopes(self, groups: Iterable[str]) -> frozenset[Scope]:
        """Return what members of these groups may do: all that any of their roles may."""
        held = frozenset(groups) | {EVERYBODY}
        return frozenset(
            scope
            for role, members in self.members.items()
            if not members.isdisjoint(held)
            for scope in SCOPES[role]
        )

    def relevant(self, groups: Iterable[str]) -> frozenset[str]:
        """Keep the groups that decide anything: somebody may be in hundreds of others."""
        named = self.opening.union(*self.members.values()) - {EVERYBODY}
        return frozenset(groups) & named


def groups_in(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """Return the groups that a claim lists.

    Args:
        claims: What a token says.
        path: Name of the claim; where no claim has this whole name, dots lead into objects
            (``realm_access.roles``).

    Returns:
        Names; none where the claim is missing or is no list of names.
    """
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(one for one in listed if isinstance(one, str) and one not in ("", EVERYBODY))


def plain(text: str) -> str:
    """Return a name without what would break a log line or its pairs."""
    return "".join(one if one.isprintable() and not one.isspace() else "_" for one in text)[:255]
