"""A function that writes a file → an answer that sends it, and leaves nothing behind.

Does not know what is in it. A file is written whole before its first byte is sent, so that whatever
goes wrong is told as what it is, and never is half a file.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from anyio import to_thread
from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from satseek.export.formats import Format

LEFT_SECONDS = 86_400
"""What is older was left behind by a server that was killed."""

CHUNK = 1 << 18
"""Bytes sent at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that has no name any more: it is gone once it is closed."""

    file: BinaryIO
    """Open at its beginning."""
    size: int
    """Bytes."""
    count: int
    """Features."""
    name: str
    """What it is to be called by whoever takes it away."""
    kind: Format
    """What is in it."""


def written(write: Callable[[Path], int], stem: str, kind: Format, *, folder: Path) -> Written:
    """Write a file in a folder, made where it is missing, and take its name away.

    Raises:
        DiskFull: there is no room.
        Whatever ``write`` raises; nothing is left then.
    """
    folder.mkdir(exist_ok=True)
    _sweep(folder)
    room = Path(tempfile.mkdtemp(dir=folder))
    name = f"{stem}{kind.suffixes[0]}"
    try:
        path = room / name
        count = write(path)
        size = path.stat().st_size
        return Written(file=path.open("rb"), size=size, count=count, name=name, kind=kind)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def download(one: Written) -> Response:
    """Answer with a file."""
    headers = {
        "content-length": str(one.size),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(one.name, safe='')}",
        "cache-control": "no-store",
    }
    return StreamingResponse(_chunks(one.file), media_type=one.kind.media_type, headers=headers)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await to_thread.run_sync(file.read, CHUNK):
            yield chunk


def _sweep(folder: Path) -> None:
    oldest = time.time() - LEFT_SECONDS
    for room in folder.iterdir():
        try:
            left = room.stat().st_mtime < oldest
        except FileNotFoundError:  # its own export has just ended
            continue
        if left:
            shutil.rmtree(room, ignore_errors=True)
