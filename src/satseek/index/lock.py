"""A folder → the right to be its only writer, for as long as this process lives.

Does not know what is written. The kernel lets go of the lock when its owner dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING

from satseek.errors import CollectionLocked

if TYPE_CHECKING:
    from pathlib import Path

_held: set[tuple[int, str]] = set()
"""Process and path of every lock held here: record locks do not keep out their own process."""

_held_guard = threading.Lock()


class WriterLock:
    """The only writer's right to a folder."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Args:
            path: Lock file; made where it is missing, never removed.

        Raises:
            CollectionLocked: Another living writer has it, in this process or another.
        """
        self._path = path
        self._key = (os.getpid(), str(path.resolve()))
        with _held_guard:
            if self._key in _held:
                raise _refused(path, "this process")
            self._descriptor: int | None = _locked(path)
            _held.add(self._key)

    def release(self) -> None:
        """Let go of the lock; again does nothing."""
        with _held_guard:
            if self._descriptor is not None and self._key[0] == os.getpid():
                _held.discard(self._key)
                os.close(self._descriptor)
                self._descriptor = None


def is_any_held() -> bool:
    """Tell whether this process is the writer of any folder."""
    with _held_guard:
        return any(process == os.getpid() for process, _ in _held)


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(descriptor, path)
    except BaseException:  # or a lock that nobody knows of would keep everybody out
        os.close(descriptor)
        raise
    return descriptor


def _take(descriptor: int, path: Path) -> None:
    """Lock an open file and write into it whose lock it is."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(descriptor, 20).decode("ascii", errors="replace").strip()
        raise _refused(path, f"process {owner or 'unknown'}") from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)


def _refused(path: Path, owner: str) -> CollectionLocked:
    return CollectionLocked(
        f"{path.parent}: expected no other writer, but {owner} is writing to it (indexing or "
        "embedding it again); searches go on, try again when it has finished"
    )
