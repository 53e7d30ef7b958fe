"""The name of a release → what it reads, writes and can do.

Does not know data folders. One entry a release, never changed once that was shipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind: TypeAlias = Literal[
    "collection",
    "pointer",
    "jobs",
    "answers",
    "keys",
    "audit",
    "concepts",
    "models",
    "findings",
    "watches",
    "samples",
    "outbox",
    "runs",
    "uploads",
]
"""What a store is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What one release knows."""

    version: str
    """Its number."""
    newest: Mapping[Kind, int]
    """The newest format of each kind that it reads; it does not look at any other kind."""
    unnumbered: frozenset[Kind]
    """Kinds that it writes no number for: it reads its own format and looks for none."""
    tasks: frozenset[str]
    """Jobs that it can do."""


FORMER: tuple[Release, ...] = (
    Release(
        version="0.1.0",
        newest={
            "collection": 4,
            "pointer": 1,
            "jobs": 1,
            "answers": 1,
            "keys": 1,
            "audit": 1,
            "concepts": 1,
            "models": 1,
        },
        unnumbered=frozenset({"answers", "keys", "audit", "concepts"}),
        tasks=frozenset(
            {
                "index",
                "classify",
                "reembed",
                "quantize",
                "evaluate",
                "export",
                "verify",
                "repair",
                "compact",
                "tune",
            }
        ),
    ),
)
"""Releases that a data folder can be handed back to."""


def release_named(version: str) -> Release:
    """Find a former release.

    Raises:
        InvalidRequest: there is none of that number, or none that can be gone back to.
    """
    for one in FORMER:
        if one.version == version.removeprefix("v"):
            return one
    known = ", ".join(one.version for one in FORMER)
    raise InvalidRequest(f"expected a release to go back to ({known}), came {version[:40]!r}")
