"""A backup → a data folder, or some collections in one: whole, or as it was before.

Does not know who uses it afterwards. Every piece is compared with its checksum while it is written.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.backup.rules import COLLECTIONS, DRAFT, NOTE, RULES
from satseek.errors import (
    CollectionExists,
    CollectionNotFound,
    Conflict,
    DamagedData,
    InvalidRequest,
)
from satseek.index.checks import check_name
from satseek.index.collection import list_collections, open_collection
from satseek.index.compacting import ignore_progress
from satseek.index.freezing import rename_collection
from satseek.index.milvus.pointing import is_attached
from satseek.index.schema import storage_errors
from satseek.index.segments import sync_folder
from satseek.model.durable import check_room, make_folder, replace_text, sync

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from satseek.backup.manifests import Backup, KeptFile
    from satseek.backup.repository import Repository
    from satseek.index.compacting import OnProgress

_STATE = "state.json"
"""File in the draft that tells which backup it is of, and whether it is whole."""

_FILES = "files"
"""Folder in the draft of what goes to the data folder."""

_THREADS = 4

_USUAL = 0o755
"""Permissions of folders, unless a rule says otherwise."""

_NO_RENAMING = frozenset({errno.EXDEV, errno.EBUSY, errno.ENOTEMPTY, errno.EEXIST})
"""What is said of a folder that a disk is mounted on."""

_NOBODYS = frozenset({DRAFT, NOTE, "lost+found"})
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


def restore_backup(
    repository: Repository,
    data_dir: Path,
    *,
    at: str,
    on_progress: OnProgress = ignore_progress,
) -> Restored:
    """Make a data folder of a backup; the repository is being read.

    All is written beside its place, read back and verified, and then put there in one go. Killed at
    any moment, the same again goes on.

    Args:
        repository: Where the backup is.
        data_dir: An empty folder, or none yet; empty folders in it may be disks of their own.
        at: Which backup, as ``Repository.find`` takes it.
        on_progress: Told how far it is.

    Raises:
        Conflict: there is something in the data folder.
        DamagedData: a piece is not what was written; says of which file. Nothing was restored.
        DiskFull: there is no room.
        NotFound, InvalidRequest: as ``Repository.find``.
    """
    backup = repository.find(at)
    draft = data_dir / DRAFT
    with storage_errors(data_dir):
        names: list[str] = []
        make_folder(data_dir)
        moving = _state(draft) == {"id": backup.id, "whole": True}
        if not moving:
            _refuse_filled(data_dir)
            _begin(draft, backup)
            files = repository.files(backup)
            _write_all(repository, files, draft / _FILES, on_progress)
            names = _verified(draft / _FILES / COLLECTIONS, on_progress)
            _be_whole(draft, backup)
        _put_into_place(draft, data_dir)
        if moving:
            names = _sound_names(data_dir / COLLECTIONS)
    return Restored(backup=backup, files=backup.files, bytes=backup.bytes, collections=tuple(names))


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
    root, of_all = data_dir / COLLECTIONS, []
    for one, called in wanted.items():
        of_it = [file for file in files if file.path.startswith(f"{COLLECTIONS}/{one}/")]
        with _drafted(repository, of_it, root / f".{called}.restoring", on_progress) as draft:
            _bring_back(draft / COLLECTIONS / one, root / called, on_progress)
        of_all += of_it
    return Restored(
        backup=backup,
        files=len(of_all),
        bytes=sum(one.bytes for one in of_all),
        collections=tuple(wanted.values()),
    )


def _check_wanted(
    wanted: dict[str, str], files: Sequence[KeptFile], backup: Backup, data_dir: Path
) -> None:
    there = sorted({one.path.split("/")[1] for one in files if one.path.startswith(COLLECTIONS)})
    for one, called in wanted.items():
        if one not in there:
            told = ", ".join(there) or "none"
            raise CollectionNotFound(f"{backup.id} has no collection {one!r}; it has: {told}")
        if os.path.lexists(data_dir / COLLECTIONS / called):
            raise CollectionExists(
                f"there is a collection {called!r}; remove it first, or choose another with --as"
            )


@contextmanager
def _drafted(
    repository: Repository, files: Sequence[KeptFile], draft: Path, on_progress: OnProgress
) -> Iterator[Path]:
    """Lend a folder of files, which is gone afterwards."""
    with storage_errors(draft.parent):
        make_folder(draft.parent)
        try:
            _write_all(repository, files, draft, on_progress)
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _bring_back(made: Path, to: Path, on_progress: OnProgress) -> None:
    """Put a collection that was written into its place, once it is verified."""
    if not is_attached(made):
        if made.name != to.name:
            rename_collection(made, to.name)
        _verify(made, on_progress)
    if os.path.lexists(to):
        raise CollectionExists(f"there is a collection {to.name!r} by now")
    made.rename(to)
    sync_folder(to.parent)


def _refuse_filled(data_dir: Path) -> None:
    others = sorted(
        one.name for one in data_dir.iterdir() if one.name not in _NOBODYS and _holds_files(one)
    )
    if others:
        raise Conflict(
            f"{data_dir}: expected an empty data folder, came one with {others[0]!r} in it; "
            "choose another with --data-dir, or bring single collections back with --collection"
        )


def _state(draft: Path) -> dict[str, object]:
    try:
        return dict(json.loads((draft / _STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _begin(draft: Path, backup: Backup) -> None:
    """Make room for a draft; what another backup's restore has left goes."""
    if draft.exists() and _state(draft).get("id") != backup.id:
        shutil.rmtree(draft)
    draft.mkdir(exist_ok=True, mode=0o700)
    _tell(draft, {"id": backup.id, "whole": False})


def _be_whole(draft: Path, backup: Backup) -> None:
    _tell(draft, {"id": backup.id, "whole": True})


def _tell(draft: Path, state: dict[str, object]) -> None:
    replace_text(draft / _STATE, json.dumps(state) + "\n", by_way_of=draft / f".{_STATE}")


def _put_into_place(draft: Path, data_dir: Path) -> None:
    """Move what is whole; again goes on where it was killed."""
    for one in sorted((draft / _FILES).iterdir()):
        _move(one, data_dir / one.name)
    sync_folder(data_dir)
    shutil.rmtree(draft)
    sync_folder(data_dir)


def _move(one: Path, to: Path) -> None:
    """Move a file or a folder; into a folder that is a disk of its own, what lies in it."""
    try:
        one.rename(to)
    except OSError as error:
        if error.errno not in _NO_RENAMING or not to.is_dir():
            raise
        for inner in sorted(one.iterdir()):
            _carry(inner, to / inner.name)
        sync_folder(to)
        shutil.rmtree(one)


def _carry(one: Path, to: Path) -> None:
    """Copy to another disk under another name, and give it its own when it is whole."""
    if os.path.lexists(to):  # killed after that
        return
    draft = to.with_name(f"{DRAFT}-{to.name}")
    shutil.rmtree(draft, ignore_errors=True)
    if one.is_dir():
        shutil.copytree(one, draft, symlinks=True)
    else:
        shutil.copy2(one, draft)
    for path in [draft, *draft.rglob("*")]:
        sync(path)
    draft.rename(to)


def _holds_files(path: Path) -> bool:
    """Tell whether something is more than empty folders, such as where disks are mounted."""
    if not path.is_dir() or path.is_symlink():
        return True
    inner = (one for one in path.iterdir() if not one.name.startswith(DRAFT))
    return any(_holds_files(one) for one in inner if one.name not in _NOBODYS)


def _write_all(
    repository: Repository, files: Sequence[KeptFile], folder: Path, on_progress: OnProgress
) -> None:
    """Write files below a folder, and wait until the disk has them."""
    folder.mkdir(parents=True, exist_ok=True)
    check_room(folder, sum(one.bytes for one in files) - _bytes_below(folder))
    for one in files:
        (folder / one.path).parent.mkdir(parents=True, exist_ok=True)
    for rule in RULES:
        if rule.folder_mode != _USUAL and (folder / rule.path).is_dir():
            (folder / rule.path).chmod(rule.folder_mode)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="restore") as pool:
        try:
            writing = pool.map(lambda one: _write(repository, one, folder), files)
            done, total = 0, sum(one.bytes for one in files)
            for one, _ in zip(files, writing, strict=True):
                done += one.bytes
                on_progress("MB", done // 1_000_000, total // 1_000_000)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for here in {(folder / one.path).parent for one in files} | {folder}:
        sync_folder(here)


def _write(repository: Repository, one: KeptFile, folder: Path) -> None:
    """Write a file; a part of it that is there from a former try is read back instead."""
    path = folder / one.path
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        at = 0
        for digest in one.blocks:
            try:
                content = repository.blocks.read(digest)
            except DamagedData as error:
                raise DamagedData(f"{one.path} cannot be restored: {error}") from error
            if os.pread(descriptor, len(content), at) != content:
                _put(descriptor, content, at)
            at += len(content)
        if at != one.bytes:
            raise DamagedData(f"{one.path} cannot be restored: {one.bytes} bytes, came {at}")
        os.ftruncate(descriptor, at)
        os.fchmod(descriptor, one.mode & 0o777)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(descriptor: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written


def _bytes_below(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def _verified(root: Path, on_progress: OnProgress) -> list[str]:
    """Read all restored collections back; returns their names."""
    names = _sound_names(root)
    for name in names:
        _verify(root / name, on_progress)
    return names


def _sound_names(root: Path) -> list[str]:
    return [one for one in list_collections(root) if not is_attached(root / one)]


def _verify(folder: Path, on_progress: OnProgress) -> None:
    with closing(open_collection(folder, mode="read")) as collection:
        damages = collection.verify(on_progress=on_progress)
    if damages:
        raise DamagedData(f"{folder.name}: {damages[0]}")
