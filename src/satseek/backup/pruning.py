"""Backups, and how long they are kept → those that go, and their room.

Does not know what is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from satseek.backup.manifests import Backup
    from satseek.backup.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Which backups are kept: all that one of these asks for."""

    last: int | None = None
    """The newest ones; None: not asked."""
    daily: int | None = None
    """The last of each of so many days that have one, UTC."""
    weekly: int | None = None
    """The last of each of so many weeks, from Monday on."""
    monthly: int | None = None
    """The last of each of so many months."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing was asked, so that all are kept."""
        return self == Keeping()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What came of pruning."""

    kept: tuple[str, ...]
    """Backups that there still are, the newest first."""
    removed: tuple[str, ...]
    """Backups that went, the newest first."""
    blocks: int
    """Pieces that went with them, or that no backup needed."""
    bytes_freed: int
    """Their bytes."""


def chosen(backups: Sequence[Backup], keeping: Keeping) -> set[str]:
    """Choose those that are kept.

    Args:
        backups: The newest first.
        keeping: What is asked for.

    Raises:
        InvalidRequest: it would keep none.
    """
    if keeping.is_everything:
        return {one.id for one in backups}
    kept = {one.id for one in backups[: keeping.last or 0]}
    kept |= _newest_of(backups, keeping.daily, lambda one: f"{one.started:%Y-%m-%d}")
    kept |= _newest_of(backups, keeping.weekly, lambda one: f"{one.started:%G-%V}")
    kept |= _newest_of(backups, keeping.monthly, lambda one: f"{one.started:%Y-%m}")
    if backups and not kept:
        raise InvalidRequest("expected to keep one backup at least, came none")
    return kept


def prune(repository: Repository, keeping: Keeping) -> Pruned:
    """Remove backups, and the pieces that no other one needs; the repository is being written.

    Killed at any moment, it leaves whole backups, and perhaps pieces that the next pruning removes.

    Raises:
        InvalidRequest: none would be kept.
        DamagedData: a backup cannot be read, so that nobody knows what it needs; nothing went.
    """
    backups = repository.all()
    kept = chosen(backups, keeping)
    removed = tuple(one.id for one in backups if one.id not in kept)
    repository.needed()  # all of them can be read
    repository.remove(removed)
    gone, freed = repository.blocks.sweep(repository.needed())
    return Pruned(
        kept=tuple(one.id for one in backups if one.id in kept),
        removed=removed,
        blocks=gone,
        bytes_freed=freed,
    )


def _newest_of(
    backups: Sequence[Backup], count: int | None, period: Callable[[Backup], str]
) -> set[str]:
    """Choose the newest backup of each of the last so many periods that have one."""
    newest: dict[str, str] = {}
    for one in backups:
        newest.setdefault(period(one), one.id)
    return set(list(newest.values())[: count or 0])
