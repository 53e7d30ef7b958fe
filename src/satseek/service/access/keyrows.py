"""A key → its row in the store, and back.

Does not know where rows are kept; the text of a key is in neither.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.service.access.principals import Principal

if TYPE_CHECKING:
    import sqlite3

    from satseek.service.access.principals import Scope

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    scopes TEXT NOT NULL,
    collections TEXT,
    groups TEXT NOT NULL,
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL,
    expires_at REAL,
    used_at REAL,
    revoked_at REAL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS names ON keys (name) WHERE revoked_at IS NULL;
"""
"""One row a key, also once it is revoked: who had which key stays known."""

LAYOUT = 1
"""Number of this layout, kept in the file (``PRAGMA user_version``); 0.1.0 wrote the same and no
number."""

INSERT = "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
"""Takes what ``row_of`` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of a key; never its text."""

    id: str
    """Twelve hexadecimal digits; no secret."""
    name: str
    """What its owner calls it; one key in force has it."""
    scopes: frozenset[Scope]
    """What it may do."""
    collections: frozenset[str] | None = None
    """The only collections that it sees; None: no such limit."""
    groups: frozenset[str] = field(default_factory=frozenset)
    """Groups that it belongs to."""
    created_at: datetime
    """When it was made."""
    created_by: str
    """Who made it."""
    expires_at: datetime | None = None
    """From when on it is refused; None: never."""
    used_at: datetime | None = None
    """When it was last used, to within seconds; None: not yet."""
    revoked_at: datetime | None = None
    """When it was revoked; None: it is not."""

    def in_force(self, now: datetime) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def principal(self) -> Principal:
        """Return who asks with it."""
        return Principal(
            name=f"key:{self.name}",
            kind="key",
            scopes=self.scopes,
            groups=self.groups,
            collections=self.collections,
        )


def row_of(key: Key, *, digest: str) -> tuple[object, ...]:
    """Return the values of a row, in the order of its columns."""
    return (
        key.id,
        key.name,
        digest,
        json.dumps(sorted(key.scopes)),
        None if key.collections is None else json.dumps(sorted(key.collections)),
        json.dumps(sorted(key.groups)),
        key.created_at.timestamp(),
        key.created_by,
        key.expires_at.timestamp() if key.expires_at else None,
        None,
        None,
    )


def key_of(row: sqlite3.Row) -> Key:
    """Read a row."""
    collections = row["collections"]
    return Key(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(json.loads(row["scopes"])),
        collections=None if collections is None else frozenset(json.loads(collections)),
        groups=frozenset(json.loads(row["groups"])),
        created_at=datetime.fromtimestamp(row["created_at"], UTC),
        created_by=row["created_by"],
        expires_at=_moment(row["expires_at"]),
        used_at=_moment(row["used_at"]),
        revoked_at=_moment(row["revoked_at"]),
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
