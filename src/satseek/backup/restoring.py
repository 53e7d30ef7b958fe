"""A backup → a data folder, or some collections in one: whole, or as it was before.

Does not know who uses it afterwards. Every piece is compared with its checksum while it is written.
"""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.backup import underway
from satseek.backup.moving import put_into_place
from satseek.backup.repository import LATEST
from satseek.backup.rules import COLLECTIONS, DRAFT, LOST, NOTE, RESTORED, WASTE
from satseek.backup.underway import State, state_of
from satseek.backup.writing import sound_names, verify, verify_all, write_all
from satseek.errors import (
    CollectionExists,
    CollectionNotFound,
    Conflict,
    DamagedData,
    InvalidRequest,
)
from satseek.index.checks import check_name
from satseek.index.compacting import ignore_progress
from satseek.index.freezing import rename_collection
from satseek.index.milvus.pointing import is_attached
from satseek.index.schema import storage_errors
from satseek.model.durable import make_folder
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from satseek.backup.manifests import Backup, KeptFile
    from satseek.backup.repository import Repository
    from satseek.index.compacting import OnProgress

_FILES = "files"
"""Folder in the draft of what goes to the data folder."""

_MODELS = "models"

_NOBODYS = frozenset({DRAFT, WASTE, RESTORED, NOTE, LOST})
"""What may lie in an empty data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came back."""

    backup: Backup
    """What it came from."""
    files: int
    """Files that were written, or were there from a try that was killed."""
    bytes: int
    """Their bytes."""
    collections: tuple[str, ...]
    """Collections that are there now, each of them verified."""
    again: bool = False
    """Whether all of it was there already, and nobody had used it since: nothing was done."""


def restore_backup(
    repository: Repository,
    data_dir: Path,
    *,
    at: str,
    on_progress: OnProgress = ignore_progress,
) -> Restored:
    """Make a data folder of a backup; the repository is being read.

    All is written beside its place, read back and verified, and then moved to its place, folder by
    folder. Nobody may use the folder from the beginning to the end, see ``underway.begin_use``.
    Killed at any moment, the same again goes on: with ``latest``, too, where a later backup has
    come since things began to move.

    Args:
        repository: Where the backup is.
        data_dir: An empty folder, or none yet; empty folders in it may be disks of their own.
        at: Which backup, as ``Repository.find`` takes it.
        on_progress: Told how far it is.

    Raises:
        Conflict: there is something in the data folder, it came there meanwhile, or another restore
            is at work. Nothing was written over; what had its place by then stays there.
        DamagedData: a piece is not what was written; says of which file. Nothing was restored.
        DiskFull: there is no room.
        NotFound, InvalidRequest: as ``Repository.find``.
    """
    draft = data_dir / DRAFT
    with storage_errors(data_dir):
        backup = _wanted(repository, data_dir, at)
        files = repository.files(backup)
        _check_paths(files)
        if _is_done(data_dir, backup, files):
            return _told(backup, sound_names(data_dir / COLLECTIONS), again=True)
        _check_empty(data_dir, backup)
        if not data_dir.is_dir():
            make_folder(data_dir)
            data_dir.chmod(0o700)  # keys and a trail will lie there
        with underway.held(draft):
            names = _drafted(repository, files, backup, data_dir, on_progress)
            put_into_place(draft / _FILES, data_dir)
            underway.finish(data_dir, backup.id)
    return _told(backup, names if names is not None else sound_names(data_dir / COLLECTIONS))


def restore_collections(
    repository: Repository,
    data_dir: Path,
    names: Sequence[str],
    *,
    at: str,
    name: str | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Restored:
    """Bring collections of a backup back into a data folder that may be in use.

    All of them are written and verified before the first is put into its place.

    Args:
        repository: Where the backup is.
        data_dir: The data folder; made where it is missing.
        names: Which collections.
        at: Which backup.
        name: What the only one is called from now on; None: as it was.
        on_progress: Told how far it is.

    Raises:
        CollectionNotFound: the backup has none of that name.
        CollectionExists: there is one of that name.
        Conflict: a restore is at work here.
        InvalidRequest, InvalidName: a new name for several, or one that cannot be.
        DamagedData, DiskFull, NotFound: as ``restore_backup``; nothing was restored.
    """
    if name is not None and len(names) != 1:
        raise InvalidRequest("expected one collection to give a new name, came several")
    backup = repository.find(at)
    wanted = {one: name or one for one in names}
    for called in wanted.values():
        check_name(called)
    files = repository.files(backup)
    _check_wanted(wanted, files, backup, data_dir)
    underway.begin_use(data_dir)
    root = data_dir / COLLECTIONS
    of_all: list[KeptFile] = []
    with storage_errors(root), ExitStack() as stack:
        make_folder(root)
        drafts = {called: root / f".{called}.restoring" for called in wanted.values()}
        for one, called in wanted.items():
            stack.enter_context(underway.held(drafts[called]))
            stack.callback(_remove, drafts[called])
            of_it = [file for file in files if file.path.startswith(f"{COLLECTIONS}/{one}/")]
            underway.begin(drafts[called], backup.id)
            write_all(repository, of_it, drafts[called] / _FILES, on_progress)
            _name(drafts[called] / _FILES / COLLECTIONS / one, called, on_progress)
            of_all += of_it
        for one, called in wanted.items():
            _bring_back(drafts[called] / _FILES / COLLECTIONS / one, root / called)
    return Restored(
        backup=backup,
        files=len(of_all),
        bytes=sum(one.bytes for one in of_all),
        collections=tuple(wanted.values()),
    )


def _told(backup: Backup, names: Sequence[str], *, again: bool = False) -> Restored:
    return Restored(
        backup=backup,
        files=backup.files,
        bytes=backup.bytes,
        collections=tuple(names),
        again=again,
    )


def _wanted(repository: Repository, data_dir: Path, at: str) -> Backup:
    """Find which backup is meant: the latest is the one that a restore that was killed began."""
    if at == LATEST and _filler(data_dir) is not None:
        state = state_of(data_dir / DRAFT)
        begun = state.backup_id if state is not None else underway.restored_from(data_dir)
        if begun in repository.ids():
            return repository.find(begun)
    return repository.find(at)


def _is_done(data_dir: Path, backup: Backup, files: Sequence[KeptFile]) -> bool:
    """Tell whether all was restored, and used by nobody since, so that there is nothing to do."""
    if underway.restored_from(data_dir) != backup.id or state_of(data_dir / DRAFT) is not None:
        return False
    moved = not any((data_dir / _MODELS).glob("*"))  # to a disk of their own, as the chart has them
    there = all(
        (data_dir / one.path).is_file() and (data_dir / one.path).stat().st_size >= one.bytes
        for one in files
        if not (moved and one.path.startswith(f"{_MODELS}/"))
    )
    if there:
        underway.sweep(data_dir)
    return there


def _check_empty(data_dir: Path, backup: Backup) -> None:
    """Refuse a folder with something in it, but for what this backup's restore has put there."""
    found, state = _filler(data_dir), state_of(data_dir / DRAFT)
    if found is None or state == State(backup_id=backup.id, whole=True):
        return
    if state is not None and state.whole:
        raise Conflict(
            f"{data_dir}: expected an empty data folder, came one that is being made of "
            f"{state.backup_id}, whose restore was killed: finish it with --at {state.backup_id}, "
            "or choose another with --data-dir"
        )
    raise Conflict(
        f"{data_dir}: expected an empty data folder, came one with {found!r} in it; "
        "choose another with --data-dir, or bring single collections back with --collection"
    )


def _drafted(
    repository: Repository,
    files: Sequence[KeptFile],
    backup: Backup,
    data_dir: Path,
    on_progress: OnProgress,
) -> list[str] | None:
    """Have the draft be whole; returns the collections that were verified, None: another time."""
    draft, whole = data_dir / DRAFT, State(backup_id=backup.id, whole=True)
    _check_empty(data_dir, backup)  # by now
    if state_of(draft) == whole:
        return None
    underway.begin(draft, backup.id)
    write_all(repository, files, draft / _FILES, on_progress)
    names = verify_all(draft / _FILES / COLLECTIONS, on_progress)
    _check_empty(data_dir, backup)  # it took its time
    underway.tell(draft, whole)
    return names


def _check_paths(files: Sequence[KeptFile]) -> None:
    """Refuse what would lie where a restore keeps its own; raises DamagedData."""
    for one in files:
        if one.path.split("/")[0].startswith((DRAFT, RESTORED)):
            raise DamagedData(f"{one.path}: expected a file of a data folder")


def _check_wanted(
    wanted: dict[str, str], files: Sequence[KeptFile], backup: Backup, data_dir: Path
) -> None:
    below = f"{COLLECTIONS}/"
    there = sorted({one.path.split("/")[1] for one in files if one.path.startswith(below)})
    for one, called in wanted.items():
        if one not in there:
            told = ", ".join(there) or "none"
            raise CollectionNotFound(f"{backup.id} has no collection {one!r}; it has: {told}")
        if os.path.lexists(data_dir / COLLECTIONS / called):
            raise CollectionExists(
                f"there is a collection {called!r}; remove it first, or choose another with --as"
            )


def _name(made: Path, called: str, on_progress: OnProgress) -> None:
    """Have a collection that was written call itself so, and verify it."""
    if is_attached(made):
        return
    if made.name != called:
        rename_collection(made, called)
    verify(made, on_progress)


def _bring_back(made: Path, to: Path) -> None:
    """Put a collection that is whole into its place."""
    if os.path.lexists(to):
        raise CollectionExists(f"there is a collection {to.name!r} by now")
    made.rename(to)
    sync(to.parent)


def _remove(draft: Path) -> None:
    shutil.rmtree(draft, ignore_errors=True)


def _filler(data_dir: Path) -> str | None:
    """Name something in a data folder that is more than empty folders; None: it is empty."""
    if not os.path.lexists(data_dir):
        return None
    inner = (one for one in sorted(data_dir.iterdir()) if one.name not in _NOBODYS)
    return next((one.name for one in inner if _holds_files(one)), None)


def _holds_files(path: Path) -> bool:
    """Tell whether something is more than empty folders, such as where disks are mounted."""
    if not path.is_dir() or path.is_symlink():
        return True
    inner = (one for one in path.iterdir() if not one.name.startswith(f"{DRAFT}-"))
    return any(_holds_files(one) for one in inner if one.name != LOST)
