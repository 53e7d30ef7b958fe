"""A file that takes long to write → one that is there whole, or not at all.

Does not know what is written, nor by which library.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.errors import NO_ROOM, DiskFull, FolderNotFound, InvalidRequest, SatseekError
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL_WORDS = ("No space left on device", "disk is full", "Disk quota exceeded", "File too large")
"""How GDAL, SQLite and Arrow say so, which keep the errno to themselves."""

_RESERVE_BYTES = 1 << 20
"""Less than this is left: whatever failed, failed for want of room."""


@contextmanager
def replaced(path: Path, *, suffixes: tuple[str, ...] = ()) -> Iterator[Path]:
    """Lend a draft beside a file, of the same name, and put it into the file's place at the end.

    Whatever fails inside, the file stays as it was and the draft is gone.

    Args:
        path: The file.
        suffixes: The draft ends in one of these, whatever the file is called: libraries look.

    Raises:
        FolderNotFound: there is no such folder.
        InvalidRequest: the path is a folder.
        DiskFull: there is no room.
        SatseekError: the folder takes no files.
    """
    check_place(path)
    with _explained(path):
        room = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}-", dir=path.parent))
    try:
        with _explained(path):
            plain = not suffixes or path.name.lower().endswith(suffixes)
            draft = room / (path.name if plain else path.name + suffixes[0])
            yield draft
            sync(draft)
            draft.replace(path)
            sync(path.parent)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def check_place(path: Path) -> None:
    """Refuse a place where no file can be.

    Raises:
        FolderNotFound: there is no such folder.
        InvalidRequest: the path is a folder.
    """
    if path.is_dir():
        raise InvalidRequest(f"{path}: expected the name of a file, came a folder")
    if not path.parent.is_dir():
        raise FolderNotFound(f"{path.parent}: no such folder; make it first")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not isinstance(error, InvalidRequest) and _for_want_of_room(error, path.parent):
            raise DiskFull(f"{path}: no room left on its disk, nothing was written") from error
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise SatseekError(f"{path}: cannot be written: {reason}") from error
        raise


def _for_want_of_room(error: BaseException | None, folder: Path) -> bool:
    if shutil.disk_usage(folder).free < _RESERVE_BYTES:
        return True
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        if any(words in str(error) for words in _FULL_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
