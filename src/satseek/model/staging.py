"""Turns a store's folder into empty folders beside it that vanish with whoever made them.

Does not know models. What a killed process left behind is known by its lock, which nobody holds
any more, and is swept by the next writer.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from satseek.errors import Conflict
from satseek.model import durable
from satseek.model.locking import locked, try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK = ".lock"


class Staging:
    """The unfinished part of a store, and the store's writer lock."""

    def __init__(self, store: Path) -> None:
        """Touch nothing yet; the store is made when first written to."""
        self._store = store
        self.folder = store / ".staging"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the store's only writer, after sweeping up behind those that died.

        Raises:
            Conflict: another writer did not finish in time, or the store can only be read here.
            DiskFull: whatever was done meanwhile failed because the disk is full.
        """
        with durable.room_named(self._store), ExitStack() as stack:
            with _writable(self._store):
                durable.make_folder(self.folder)
                stack.enter_context(locked(self._store / _LOCK))
            self._sweep()
            yield

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Give an empty folder on the store's disk; it is gone afterwards, or moved away."""
        with self.writing():
            folder, lock, descriptor = self._make()
        try:
            yield folder
        finally:
            discard(folder)
            lock.unlink(missing_ok=True)
            os.close(descriptor)

    def waste(self) -> Path:
        """Name where a folder can be moved to be removed: a sweep may do it, for nobody owns it.

        Nothing is made, so that there is a way to make room on a full disk.
        """
        return self.folder / secrets.token_hex(8)

    def owns(self, folder: Path) -> bool:
        """Whether a folder is one of ``room``'s."""
        return folder.resolve().parent == self.folder.resolve()

    def _make(self) -> tuple[Path, Path, int]:
        folder = self.folder / secrets.token_hex(8)
        lock = folder.with_name(folder.name + _LOCK)
        descriptor = try_lock(lock)  # before the folder: an unlocked folder is a dead one's
        assert descriptor is not None, "nobody else knows this name yet"
        try:
            folder.mkdir()
        except BaseException:
            lock.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return folder, lock, descriptor

    def _sweep(self) -> None:
        """Remove what belongs to nobody alive; called under the writer lock."""
        for path in sorted(self.folder.iterdir()):
            name = path.name.removesuffix(_LOCK)
            lock = self.folder / (name + _LOCK)
            descriptor = try_lock(lock)
            if descriptor is None:
                continue
            discard(self.folder / name)
            lock.unlink(missing_ok=True)
            os.close(descriptor)


@contextmanager
def _writable(store: Path) -> Iterator[None]:
    """Say what a volume that is mounted for reading means here: a cluster's servers have that."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
        raise Conflict(
            f"the model store {store} can only be read here: change it where it can be written to"
        ) from error


def discard(folder: Path) -> None:
    """Remove a folder with all that is in it, or a file; what cannot go is left to a sweep."""
    if folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
