"""Turns bytes in memory or half-written files into files that survive a crash.

Does not know what is in them.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from satseek.errors import NO_ROOM, DiskFull
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESERVE_BYTES = 16 << 20
"""Left free, for a disk that is full to the last byte hurts everybody else on it."""

_FULL_WORDS = ("No space left on device", "os error 28", "Disk quota exceeded")
"""How libraries say so that keep the errno to themselves, those written in Rust and C++."""


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, with the disk's word that they are there."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def sync_tree(folder: Path) -> None:
    """Wait until every file of a flat folder, and then the folder, are on the disk."""
    for path in sorted(folder.iterdir()):
        sync(path)
    sync(folder)


def replace_text(path: Path, text: str, *, by_way_of: Path) -> None:
    """Replace a file's text, in UTF-8, in one step: a crash leaves the old text or the new one.

    Args:
        path: The file; need not exist yet.
        text: All of it.
        by_way_of: File on the same disk that is written first; a crash may leave it behind.
    """
    by_way_of.write_text(text, encoding="utf-8")
    sync(by_way_of)
    by_way_of.replace(path)
    sync(path.parent)


def check_room(folder: Path, needed_bytes: int) -> None:
    """Refuse to begin what cannot fit on the disk of an existing folder.

    Raises:
        DiskFull: less is free than needed and a small reserve.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes + RESERVE_BYTES > free:
        raise DiskFull(
            f"{folder}: expected {needed_bytes + RESERVE_BYTES:,} bytes free on its disk, found "
            f"{free:,}; remove a version, or choose a disk with room"
        )


@contextmanager
def room_named(folder: Path) -> Iterator[None]:
    """Say ``DiskFull`` where anything inside fails because the disk of ``folder`` has no room."""
    try:
        yield
    except DiskFull:
        raise
    except Exception as error:
        if _for_want_of_room(error):
            raise DiskFull(f"{folder}: no room left on its disk, nothing was stored") from error
        raise


def _for_want_of_room(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        if any(words in str(error) for words in _FULL_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
