"""A data folder in use → one more backup in a repository, or none.

Does not know when that is due, nor which backups are kept how long.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from satseek.backup.gathering import Gathering
from satseek.backup.manifests import Backup
from satseek.backup.rules import NOTE
from satseek.backup.taking import Taking
from satseek.errors import FolderNotFound, InvalidRequest
from satseek.index.compacting import ignore_progress
from satseek.index.schema import storage_errors
from satseek.model.durable import replace_text

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from satseek.backup.repository import Repository
    from satseek.index.compacting import OnProgress

logger = logging.getLogger(__name__)


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
    next one. ``backup.json`` in the data folder tells what came of it.

    Args:
        data_dir: The data folder.
        repository: Where to, inside of its ``writing``.
        without: Names of collections that are left out, such as a damaged one.
        reread: Read all files, also those that did not change since the backup before, and what
            the repository holds of them: damaged pieces of it are written anew.
        on_progress: Told how far it is.

    Raises:
        FolderNotFound: there is no data folder.
        InvalidRequest: the repository lies in it, or the other way round.
        DamagedData: a file is not what was written; says which.
        Overloaded: something is changed without end.
        DiskFull: the repository has no room.
    """
    check_apart(data_dir, repository.folder)
    started = datetime.now(UTC)
    try:
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
    except BaseException:
        added = repository.blocks.bytes_added
        _note(data_dir, started, outcome="failed", backup_id="", bytes_added=added)
        raise
    added = backup.bytes_added
    _note(data_dir, started, outcome="complete", backup_id=backup.id, bytes_added=added)
    return Made(backup=backup, bytes_read=taking.bytes_read, mended=repository.blocks.mended)


def check_apart(data_dir: Path, folder: Path) -> None:
    """Refuse a repository in the data folder, or around it.

    Raises:
        FolderNotFound: there is no data folder.
        InvalidRequest: they are not apart.
    """
    if not data_dir.is_dir():
        raise FolderNotFound(f"{data_dir}: expected a data folder, came none")
    data, to = data_dir.resolve(), folder.resolve()
    if to.is_relative_to(data) or data.is_relative_to(to):
        raise InvalidRequest(
            f"{folder}: expected a folder beside the data folder {data_dir}, best on another disk"
        )


def _finished(gathering: Gathering, repository: Repository, started: datetime) -> Backup:
    """Have what was gathered be a backup from now on."""
    files = gathering.files.values()
    listing = repository.list_files(files)
    backup = Backup(
        id=f"{started:%Y%m%dT%H%M%S}.{started.microsecond // 1000:03d}Z-{secrets.token_hex(2)}",
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


def _note(
    data_dir: Path, started: datetime, *, outcome: str, backup_id: str, bytes_added: int
) -> None:
    """Tell whoever watches this data folder; where it cannot be written, the log does."""
    finished = datetime.now(UTC)
    complete = finished.isoformat() if outcome == "complete" else _completed(data_dir)
    told = {
        "started": started.isoformat(),
        "finished": finished.isoformat(),
        "outcome": outcome,
        "id": backup_id,
        "bytes_added": bytes_added,
        "completed": complete,
    }
    draft = data_dir / f".{NOTE}.{os.getpid()}"
    try:
        replace_text(data_dir / NOTE, json.dumps(told, indent=1) + "\n", by_way_of=draft)
    except OSError as error:
        with suppress(OSError):  # a folder that is read-only
            draft.unlink()
        logger.warning("%s: cannot be written: %s", data_dir / NOTE, error.strerror)


def _completed(data_dir: Path) -> str | None:
    """Tell when the last backup that came to its end did."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        told = json.loads((data_dir / NOTE).read_text(encoding="utf-8")).get("completed")
        return told if isinstance(told, str) else None
    return None
