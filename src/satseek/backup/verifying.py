"""A repository → everything read back, and what is damaged of it.

Does not know how damage is mended: `making.make_backup` does, where the data are still there.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import Conflict, DamagedData
from satseek.index.compacting import ignore_progress

if TYPE_CHECKING:
    from satseek.backup.repository import Repository
    from satseek.index.compacting import OnProgress

_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing that is not what was written."""

    what: str
    """What is wrong, in one line."""
    backups: tuple[str, ...]
    """Backups that it is part of."""
    files: tuple[str, ...]
    """Files of the data folder that it is part of; none: a backup's own file or list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What came of reading everything back."""

    backups: int
    """Backups that were looked at."""
    blocks: int
    """Pieces that were read."""
    bytes: int
    """Bytes of them on the disk."""
    damages: tuple[Damage, ...]
    """What is damaged; none: all is sound."""


def verify_backups(
    repository: Repository, at: str | None = None, *, on_progress: OnProgress = ignore_progress
) -> Verified:
    """Read back whatever backups need; the repository is being read.

    Args:
        repository: Which.
        at: One backup; None: all.
        on_progress: Told of pieces.
    """
    damages: list[Damage] = []
    users: dict[str, set[tuple[str, str]]] = defaultdict(set)
    ids = repository.ids() if at is None else [repository.find(at).id]
    for backup_id in ids:
        try:
            for one in repository.files(repository.find(backup_id)):
                for digest in one.blocks:
                    users[digest].add((backup_id, one.path))
        except (DamagedData, Conflict) as error:
            damages.append(Damage(what=str(error), backups=(backup_id,), files=()))
    read = _read_all(repository, users, damages, on_progress)
    return Verified(
        backups=len(ids),
        blocks=len(users),
        bytes=read,
        damages=tuple(damages),
    )


def _read_all(
    repository: Repository,
    users: dict[str, set[tuple[str, str]]],
    damages: list[Damage],
    on_progress: OnProgress,
) -> int:
    """Read pieces; returns their bytes on the disk."""

    def damage(digest: str) -> str:
        try:
            repository.blocks.read(digest)
        except DamagedData as error:
            return str(error)
        return ""

    ordered, read = sorted(users), 0
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, (digest, said) in enumerate(
            zip(ordered, pool.map(damage, ordered), strict=True)
        ):
            on_progress("verifying", number + 1, len(ordered))
            read += repository.blocks.size(digest)
            if said:
                backups, files = zip(*sorted(users[digest]), strict=True)
                damages.append(
                    Damage(
                        what=said,
                        backups=tuple(sorted(set(backups))),
                        files=tuple(sorted(set(files))),
                    )
                )
    return read
