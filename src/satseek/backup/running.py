"""A data folder and a place for backups → one more backup, old ones pruned, and a note of it.

Does not know when that is due. Whatever keeps it from a backup is noted in the data folder, where
whoever watches it looks.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.backup.making import make_backup
from satseek.backup.pruning import Keeping, prune
from satseek.backup.repository import Repository
from satseek.backup.rules import COLLECTIONS, NOTE
from satseek.backup.underway import check_whole
from satseek.errors import FolderNotFound, InvalidRequest
from satseek.index.compacting import ignore_progress
from satseek.model.durable import replace_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from satseek.backup.making import Made
    from satseek.backup.pruning import Pruned
    from satseek.index.compacting import OnProgress

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What came of one run."""

    made: Made
    """The new backup."""
    pruned: Pruned | None
    """What went; None: nobody asked for that."""


def back_up(
    data_dir: Path,
    folder: Path,
    *,
    keeping: Keeping = Keeping(),  # noqa: B008 - frozen: all are kept
    without: Collection[str] = (),
    reread: bool = False,
    new: bool = False,
    on_made: Callable[[Made], None] = lambda _: None,
    on_progress: OnProgress = ignore_progress,
) -> BackedUp:
    """Back a data folder up to a folder of backups, and prune that; ``backup.json`` tells of it.

    Args:
        data_dir: The data folder.
        folder: Of the backups. It is made where this data folder has never been backed up.
        keeping: Which of the former backups are kept; the new one always is.
        without: Names of collections that are left out, such as a damaged one.
        reread: As ``make_backup``.
        new: Make the folder of backups also where there was another one before, which may only not
            be mounted.
        on_made: Told of the new backup, before any other goes.
        on_progress: Told how far it is.

    Raises:
        FolderNotFound: there is no data folder, or the folder of backups that was there is gone.
        InvalidRequest: they are not apart; there is no such collection; something else lies there.
        Conflict: another process uses the backups; the data folder is being restored.
        SatseekError: as ``make_backup`` and ``prune``.
    """
    if not data_dir.is_dir():
        raise FolderNotFound(f"{data_dir}: expected a data folder, came none")
    note = replace(_noted(data_dir), started=datetime.now(UTC).isoformat(), bytes_added=0, id="")
    repository = Repository(folder)
    try:
        check_whole(data_dir)
        check_apart(data_dir, folder)
        _check_names(data_dir, without)
        _check_known(repository, note, new=new)
        with repository.writing():
            made = make_backup(
                data_dir, repository, without=without, reread=reread, on_progress=on_progress
            )
            note = replace(
                note,
                id=made.backup.id,
                completed=made.backup.finished.isoformat(),
                folder=str(repository.folder),
            )
            on_made(made)
            always = (made.backup.id,)
            pruned = None if keeping.is_everything else prune(repository, keeping, always=always)
    except BaseException:
        _keep(data_dir, replace(note, bytes_added=repository.blocks.bytes_added), "failed")
        raise
    _keep(data_dir, replace(note, bytes_added=made.backup.bytes_added), "complete")
    return BackedUp(made=made, pruned=pruned)


def check_apart(data_dir: Path, folder: Path) -> None:
    """Refuse a folder of backups in the data folder, or around it; raises InvalidRequest."""
    data, to = data_dir.resolve(), folder.resolve()
    if to.is_relative_to(data) or data.is_relative_to(to):
        raise InvalidRequest(
            f"{folder}: expected a folder beside the data folder {data_dir}, best on another disk"
        )


def _check_names(data_dir: Path, names: Collection[str]) -> None:
    for name in names:
        if "/" in name or not (data_dir / COLLECTIONS / name).is_dir():
            raise InvalidRequest(f"expected a collection to leave out, came {name[:80]!r}")


def _check_known(repository: Repository, note: _Note, *, new: bool) -> None:
    """Refuse to begin new backups where there were some: their disk may not be mounted."""
    if new or repository.is_there or note.completed is None:
        return
    former = "" if note.folder is None else f": the last backup went to {note.folder}"
    raise FolderNotFound(
        f"{repository.folder}: expected a folder of backups, came none{former}; is its disk "
        f"mounted? `satseek backup {repository.folder} --new` begins a new one"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What whoever watches a data folder is told."""

    started: str = ""
    """ISO 8601, UTC, as all of them."""
    id: str = ""
    """Of the backup; empty: there is none."""
    bytes_added: int = 0
    """What it took in the folder of backups."""
    completed: str | None = None
    """When the last one that is whole was."""
    folder: str | None = None
    """Where that went."""


def _noted(data_dir: Path) -> _Note:
    """Read when the last whole backup was, and where it went."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        told = json.loads((data_dir / NOTE).read_text(encoding="utf-8"))
        completed, folder = told.get("completed"), told.get("folder")
        return _Note(
            completed=completed if isinstance(completed, str) else None,
            folder=folder if isinstance(folder, str) else None,
        )
    return _Note()


def _keep(data_dir: Path, note: _Note, outcome: str) -> None:
    """Tell whoever watches this data folder; where it cannot be written, the log does."""
    finished = note.completed if outcome == "complete" else datetime.now(UTC).isoformat()
    told = {
        "started": note.started,
        "finished": finished,
        "outcome": outcome,
        "id": note.id,
        "bytes_added": note.bytes_added,
        "completed": note.completed,
        "folder": note.folder,
    }
    draft = data_dir / f".{NOTE}.{os.getpid()}"
    try:
        replace_text(data_dir / NOTE, json.dumps(told, indent=1) + "\n", by_way_of=draft)
    except OSError as error:
        with suppress(OSError):  # a folder that is read-only
            draft.unlink()
        logger.warning("%s: cannot be written: %s", data_dir / NOTE, error.strerror)
