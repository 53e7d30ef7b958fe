"""Turns a file into the right to write, held by one thread of one process at a time.

Does not know what is written. The kernel lets go of a lock when its owner dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from satseek.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_SECONDS = 30.0
"""What is done under the lock takes milliseconds; who waits longer waits for a sick disk."""

_RETRY_SECONDS = 0.02


def try_lock(path: Path) -> int | None:
    """Take the lock if nobody has it; return its descriptor, or None where another has it.

    The lock belongs to the descriptor (flock), so that threads of one process exclude each other.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock; wait for whoever has it.

    Raises:
        Conflict: another writer kept it for 30 s.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise Conflict(f"{path}: another process has held it for {PATIENCE_SECONDS:.0f} s")
        time.sleep(_RETRY_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)
