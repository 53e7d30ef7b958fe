"""Workers of this machine → whether any of them lives, for those who are about to start one.

Does not know what workers do. The kernel lets go of the lock when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "workers"
"""File in the folder of the queue that living workers hold together."""

AGAIN_SECONDS = 0.002
"""Between two looks: one takes the lock for a few microseconds, a worker has it for good."""


class Presence:
    """One worker's being there."""

    def __init__(self, folder: Path) -> None:
        """Tell nobody yet.

        Args:
            folder: Of the queue.
        """
        self._path = folder / NAME
        self._descriptor: int | None = None

    def enter(self) -> None:
        """Be there from now on; again does nothing.

        Raises:
            OSError: the folder cannot be written.
        """
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _opened(self._path)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._descriptor = descriptor

    def leave(self) -> None:
        """Be there no more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_anybody_there(folder: Path) -> bool:
    """Tell whether a worker of a queue's folder lives."""
    path = folder / NAME
    if not path.is_file():
        return False
    if not _is_held(path):
        return False
    time.sleep(AGAIN_SECONDS)  # somebody else may just have looked
    return _is_held(path)


def _is_held(path: Path) -> bool:
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
