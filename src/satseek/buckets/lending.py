"""What a command reads or writes → a file of this machine, also where it is named as an object.

Does not know what is in the file, nor how it is copied.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.buckets.addressing import address_of, file_name, is_object
from satseek.buckets.copying import check_client, disk_errors, exists, fetch, put
from satseek.errors import SatseekError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.buckets.copying import Progress

OBJECTS = "objects"
"""Folder of files that are to become objects."""

LEFT_SECONDS = 24 * 3600
"""A copy of this age is nobody's any more."""


@contextmanager
def fetched(
    named: str, *, folder: Path, endings: tuple[str, ...] = (), progress: Progress | None = None
) -> Iterator[Path]:
    """Lend what is named as a file: itself, or a copy of an object that is gone afterwards.

    Args:
        named: Path, or address of an object.
        folder: Where the copy may lie meanwhile; made where it is missing.
        endings: Of names of objects that lie beside it where they are there, such as ``.sha256``.
        progress: Told the bytes that are there.

    Raises:
        As ``fetch``.
    """
    if not is_object(named):
        yield Path(named)
        return
    address = address_of(named)
    with _room(folder) as room:
        file = room / file_name(named)
        fetch(named, file, progress=progress)
        for ending in endings:
            if exists(beside := str(address.beside(ending))):
                fetch(beside, file.with_name(file.name + ending))
        yield file


@contextmanager
def written(named: str, *, folder: Path) -> Iterator[Path]:
    """Lend a path to write to: itself, or one whose file becomes an object at the end.

    So do files whose names are that of the first and an ending more, after it. Nothing is copied
    where the writer fails, or has written nothing.

    Args:
        named: Path, or address of an object.
        folder: Where the file may lie meanwhile; made where it is missing.

    Raises:
        As ``put``.
    """
    if not is_object(named):
        yield Path(named)
        return
    address = address_of(named)
    check_client(address)
    with _room(folder) as room:
        file = room / file_name(named)
        yield file
        for one in sorted(room.iterdir()):
            if one.name.startswith(file.name):
                put(one, str(address.beside(one.name.removeprefix(file.name))))


def standing_in(named: str, *, folder: Path) -> Path:
    """Give the file that is written for what is named: itself, or one that ``deliver`` copies.

    The latter is the same each time, so that what was killed while it wrote can go on.

    Args:
        named: Path, or address of an object.
        folder: Where the file for an object may lie meanwhile.
    """
    if not is_object(named):
        return Path(named).absolute()
    address = address_of(named)
    check_client(address)
    room = folder / OBJECTS / hashlib.sha256(named.encode()).hexdigest()[:16]
    with disk_errors(room):
        room.mkdir(parents=True, exist_ok=True)
    return room / file_name(named)


def deliver(file: Path, named: str) -> None:
    """Make the object of a file that stood in for it, which is gone then; a path is there already.

    Raises:
        As ``put``; the file is still there, and the message says where.
    """
    if not is_object(named):
        return
    try:
        put(file, named)
    except SatseekError as error:
        raise type(error)(f"{error}; what was made lies in {file}") from error
    shutil.rmtree(file.parent)


@contextmanager
def _room(folder: Path) -> Iterator[Path]:
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _forget_rooms(folder)
        room = tempfile.TemporaryDirectory(prefix=".object-", dir=folder)
    with room as name:
        yield Path(name)


def _forget_rooms(folder: Path) -> None:
    """Take away what a process left here that was killed in the middle."""
    long_ago = time.time() - LEFT_SECONDS
    for room in folder.glob(".object-*"):
        with suppress(OSError):  # another one is just as quick
            if room.stat().st_mtime < long_ago:
                shutil.rmtree(room)
