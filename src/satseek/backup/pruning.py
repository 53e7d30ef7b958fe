"""Backups, and how long they are kept → those that go, and their room.

Does not know what is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.backup.repository import Damaged
from satseek.errors import DamagedData, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

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
    damaged: tuple[str, ...]
    """Backups that went because they could not be read."""
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


def prune(
    repository: Repository,
    keeping: Keeping,
    *,
    always: Collection[str] = (),
    drop_damaged: bool = False,
) -> Pruned:
    """Remove backups, and the pieces that no other one needs; the repository is being written.

    Killed at any moment, it leaves whole backups, and perhaps pieces that the next pruning removes.

    Args:
        repository: Which.
        keeping: What is asked for.
        always: Ids of backups that are kept whatever is asked for.
        drop_damaged: Remove backups that cannot be read as well.

    Raises:
        InvalidRequest: none would be kept.
        DamagedData: a backup cannot be read, so that nobody knows what it needs; nothing went.
    """
    backups, damaged = _readable(repository)
    if damaged and not drop_damaged:
        more = f" (and {len(damaged) - 1} more)" if damaged[1:] else ""
        raise DamagedData(
            f"{damaged[0].why}{more}; nothing was pruned: `satseek backups prune "
            f"{repository.folder} --drop-damaged` lets go of backups that cannot be read"
        )
    kept = chosen(backups, keeping) | {one.id for one in backups if one.id in always}
    removed = tuple(one.id for one in backups if one.id not in kept)
    repository.remove([*removed, *(one.id for one in damaged)])
    needed: set[str] = set()
    for one in backups:
        if one.id in kept:
            needed |= repository.needed_by(one)
    gone, freed = repository.blocks.sweep(needed)
    return Pruned(
        kept=tuple(one.id for one in backups if one.id in kept),
        removed=removed,
        damaged=tuple(one.id for one in damaged),
        blocks=gone,
        bytes_freed=freed,
    )


def _readable(repository: Repository) -> tuple[list[Backup], list[Damaged]]:
    """Give the backups whose list of files can be read, too, and all others."""
    backups, damaged = repository.looked_through()
    sound = []
    for one in backups:
        try:
            repository.needed_by(one)
        except DamagedData as error:
            damaged.append(Damaged(id=one.id, why=str(error)))
        else:
            sound.append(one)
    return sound, damaged


def _newest_of(
    backups: Sequence[Backup], count: int | None, period: Callable[[Backup], str]
) -> set[str]:
    """Choose the newest backup of each of the last so many periods that have one."""
    newest: dict[str, str] = {}
    for one in backups:
        newest.setdefault(period(one), one.id)
    return set(list(newest.values())[: count or 0])
