"""Files of a backup → the same below a folder, on the disk; collections among them read back.

Does not know what becomes of them. What is there from a try that was killed is compared instead.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.backup.rules import RULES
from satseek.errors import DamagedData, DiskFull
from satseek.index.collection import list_collections, open_collection
from satseek.index.milvus.pointing import is_attached
from satseek.model.durable import RESERVE_BYTES
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.backup.manifests import KeptFile
    from satseek.backup.repository import Repository
    from satseek.index.compacting import OnProgress

_THREADS = 4

_USUAL = 0o755
"""Permissions of folders, unless a rule says otherwise."""


def write_all(
    repository: Repository, files: Sequence[KeptFile], folder: Path, on_progress: OnProgress
) -> None:
    """Write files below a folder, and wait until the disk has them; anything else there goes.

    Raises:
        DamagedData: a piece is not what was written; says of which file.
        DiskFull: there is no room for all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_others(files, folder)
    _check_room(files, folder)
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
    for here, _, _ in os.walk(folder, topdown=False):
        sync(Path(here))
    sync(folder.parent)


def verify_all(root: Path, on_progress: OnProgress) -> list[str]:
    """Read all collections of a folder back; returns their names, raises DamagedData."""
    names = sound_names(root)
    for name in names:
        verify(root / name, on_progress)
    return names


def sound_names(root: Path) -> list[str]:
    """List the collections whose vectors lie here."""
    return [one for one in list_collections(root) if not is_attached(root / one)]


def verify(folder: Path, on_progress: OnProgress) -> None:
    """Read a collection back; raises DamagedData."""
    with closing(open_collection(folder, mode="read")) as collection:
        damages = collection.verify(on_progress=on_progress)
    if damages:
        raise DamagedData(f"{folder.name}: {damages[0]}")


def _remove_others(files: Sequence[KeptFile], folder: Path) -> None:
    """Remove what a try that was killed has left, such as a database's log."""
    wanted = {one.path for one in files}
    for here, _, names in os.walk(folder):
        for name in names:
            path = Path(here) / name
            if path.relative_to(folder).as_posix() not in wanted:
                path.unlink()


def _check_room(files: Sequence[KeptFile], folder: Path) -> None:
    there = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
    needed = sum(one.bytes for one in files) - there + RESERVE_BYTES
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFull(
            f"{folder}: expected {needed:,} bytes free on its disk, found {free:,}: all is put "
            "together on this disk first, also what goes to disks that are mounted below it"
        )


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
