"""A data folder in use → one more backup in a repository, or none.

Does not know when that is due, nor which backups are kept how long.
"""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from satseek.backup.gathering import Gathering
from satseek.backup.manifests import Backup
from satseek.backup.taking import Taking
from satseek.index.compacting import ignore_progress
from satseek.index.schema import storage_errors

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from satseek.backup.repository import Repository
    from satseek.index.compacting import OnProgress

_STAMP = "%Y%m%dT%H%M%S"
"""The beginning of an id; milliseconds follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of backing up."""

    backup: Backup
    """The new one."""
    bytes_read: int
    """Bytes that were not known to be the same as in the backup before."""
    mended: int
    """Pieces of the repository that were damaged and written anew; only where all was read."""


def make_backup(
    data_dir: Path,
    repository: Repository,
    *,
    without: Collection[str] = (),
    reread: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Made:
    """Back a data folder up, while it is served and written to; the repository is being written.

    Killed at any moment, it leaves the backups that there were; what it had copied is used by the
    next one.

    Args:
        data_dir: The data folder.
        repository: Where to, inside of its ``writing``.
        without: Names of collections that are left out, such as a damaged one.
        reread: Read all files, also those that did not change since the backup before, and what
            the repository holds of them: damaged pieces of it are written anew.
        on_progress: Told how far it is.

    Raises:
        DamagedData: a file is not what was written; says which.
        Overloaded: something is changed without end.
        DiskFull: the repository has no room.
    """
    started = datetime.now(UTC)
    with Taking(repository.blocks, repository.newest_files(), reread=reread) as taking:
        gathering = Gathering(
            data_dir,
            taking,
            drafts=repository.drafts,
            without=without,
            on_progress=on_progress,
        )
        with storage_errors(data_dir):
            gathering.gather()
    backup = _finished(gathering, repository, started)
    return Made(backup=backup, bytes_read=taking.bytes_read, mended=repository.blocks.mended)


def _finished(gathering: Gathering, repository: Repository, started: datetime) -> Backup:
    """Have what was gathered be a backup from now on."""
    files = gathering.files.values()
    listing = repository.list_files(files)
    backup = Backup(
        id=_new_id(repository, started),
        started=started,
        finished=datetime.now(UTC),
        satseek=version("satseek"),
        host=socket.gethostname(),
        files=len(files),
        bytes=sum(one.bytes for one in files),
        bytes_added=repository.blocks.bytes_added,
        collections=tuple(gathering.collections),
        left_out=tuple(gathering.left_out),
        listing=listing,
    )
    repository.finish(backup)
    return backup


def _new_id(repository: Repository, started: datetime) -> str:
    """Make an id that comes after all that there are, also where a clock was set back."""
    moment = started
    for newest in repository.ids()[-1:]:
        former = datetime.strptime(newest.rpartition("-")[0], f"{_STAMP}.%fZ").replace(tzinfo=UTC)
        moment = max(started, former + timedelta(milliseconds=1))
    return f"{moment:{_STAMP}}.{moment.microsecond // 1000:03d}Z-{secrets.token_hex(2)}"
