"""Who asks, and what they may do: roles are sets of scopes, groups open collections.

Does not know how anybody was recognised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import CollectionNotFound, PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Scope: TypeAlias = Literal[
    "search",
    "classify",
    "embed",
    "findings",
    "metrics",
    "collections",
    "jobs",
    "models",
    "keys",
    "audit",
]
"""What a request does. ``findings``, ``collections``, ``models`` and ``keys`` are about changing
them: whoever may search also sees which findings, collections and models there are. Who has
``findings`` decides on findings and judges places of samples."""

Role: TypeAlias = Literal["reader", "inspector", "operator", "admin"]
"""What people are called who may do certain things."""

Groups: TypeAlias = "Mapping[str, Sequence[str]]"
"""Groups that see a collection, by its name; a collection without an entry is seen by all."""

_READER: frozenset[Scope] = frozenset({"search", "classify", "embed"})
_INSPECTOR: frozenset[Scope] = _READER | {"findings"}
_OPERATOR: frozenset[Scope] = _INSPECTOR | {"metrics", "collections", "jobs"}

SCOPES: Mapping[Role, frozenset[Scope]] = {
    "reader": _READER,
    "inspector": _INSPECTOR,
    "operator": _OPERATOR,
    "admin": _OPERATOR | {"models", "keys", "audit"},
}
"""Scopes by role; each role has those of the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody recognised, or everybody where authentication is off."""

    name: str
    """As logs and the audit trail show it: ``key:nightly``, ``oidc:ada@example.org``, ``local``."""
    kind: Literal["local", "key", "oidc", "ldap"]
    """How they were recognised; ``local``: authentication is off."""
    scopes: frozenset[Scope]
    """What they may do."""
    groups: frozenset[str] = field(default_factory=frozenset)
    """Groups they belong to."""
    collections: frozenset[str] | None = None
    """Collections that an API key is limited to; None: no such limit."""

    def require(self, scope: Scope) -> None:
        """Go on only with this scope.

        Raises:
            PermissionDenied: they lack it.
        """
        if scope not in self.scopes:
            raise PermissionDenied(f"this takes the scope {scope!r}, which {self.name} lacks")

    def sees(self, collection: str, limits: Groups) -> bool:
        """Tell whether a collection exists as far as they are concerned."""
        if self.kind == "local":
            return True
        if self.collections is not None and collection not in self.collections:
            return False
        if collection not in limits or self.is_admin:
            return True
        return not self.groups.isdisjoint(limits[collection])

    @property
    def is_admin(self) -> bool:
        """True for who may do everything; keys of older releases had no scope ``findings``."""
        return SCOPES["admin"] - {"findings"} <= self.scopes

    def require_collection(self, collection: str, limits: Groups) -> None:
        """Go on only with a collection that they see.

        Raises:
            CollectionNotFound: they do not; nor do they learn that it is there.
        """
        if not self.sees(collection, limits):
            raise CollectionNotFound(f"there is no collection {collection!r}")


LOCAL = Principal(name="local", kind="local", scopes=SCOPES["admin"])
"""Everybody, where authentication is off."""
