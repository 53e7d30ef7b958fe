"""A reference that a request makes to an image → its bytes, from where the settings allow it.

Does not know images. A file must lie below a configured folder, an address on a listed host; GDAL
never sees either, so that none of its virtual file systems can be reached.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from satseek.embed.patience import current_patience
from satseek.errors import ImageTooLarge, UnsafeReference
from satseek.imagery.hosts import listed
from satseek.imagery.reach import check_host
from satseek.service.addresses import fetch_address
from satseek.service.messages import MAX_REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.settings import Settings

NOT_BELOW = (
    "image_ref: expected a regular file below the folders that this server may read from, without "
    "`..` or symbolic links"
)
"""Whatever is wrong with a path: what lies elsewhere is not told from what is not there."""

UNREADABLE = (
    "image_ref: expected an absolute path, a file: address or an http(s) address; "
    "or give the image itself"
)

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def fetch(reference: str, settings: Settings) -> bytes:
    """Read what ``reference`` names; blocks.

    Args:
        reference: An absolute path or ``file:`` address below one of ``reference_roots``, or an
            ``http(s)`` address on one of ``reference_hosts``.
        settings: What is allowed; at most ``max_upload_bytes`` are read.

    Raises:
        UnsafeReference: neither covers it, or there is no such file below the folders.
        ImageTooLarge: it has more bytes than an upload may have.
        UnreadableImage: the host does not answer, or with something else.
        Abandoned, DeadlineExceeded: whoever waits for it had no more time.
    """
    current_patience().check()
    if not settings.reference_roots and not settings.reference_hosts:
        raise UnsafeReference("image_ref: this server reads no references; give the image itself")
    if len(reference) > MAX_REFERENCE or not reference.isprintable():
        raise UnsafeReference(UNREADABLE)
    scheme = reference.partition(":")[0].lower() if ":" in reference else ""
    limit = settings.max_upload_bytes
    if scheme in {"http", "https"}:
        return fetch_address(reference, hosts=settings.reference_hosts, max_bytes=limit)
    if reference.startswith("/") or scheme == "file":
        path = _path_of(reference) if scheme == "file" else reference
        return _read(path, roots=settings.reference_roots, max_bytes=limit)
    raise UnsafeReference(UNREADABLE)


def check_references(settings: Settings) -> None:
    """Read every entry of ``reference_hosts`` and ``stac_hosts`` once; raises InvalidSettings."""
    for entry in settings.reference_hosts:
        listed(entry)
    for entry in settings.stac_hosts:
        check_host(entry)


def _path_of(address: str) -> str:
    """``file:///srv/a%20b.tif`` → ``/srv/a b.tif``."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise UnsafeReference(UNREADABLE) from error
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment:
        raise UnsafeReference(UNREADABLE)
    return unquote(parts.path, errors="surrogateescape")


def _read(path: str, *, roots: Iterable[Path], max_bytes: int) -> bytes:
    """Read a file below one of the folders, found step by step and never through a link."""
    for root in roots:
        for folder in dict.fromkeys((root.absolute(), root.resolve())):
            steps = _steps(path, folder)
            if steps:
                return _read_below(folder, steps, max_bytes=max_bytes)
    raise UnsafeReference(NOT_BELOW)


def _steps(path: str, folder: Path) -> tuple[str, ...]:
    """Names that lead from a folder to what lies below it; none where it lies elsewhere."""
    wanted = PurePosixPath(path)
    if ".." in wanted.parts or not wanted.is_relative_to(folder):
        return ()
    return wanted.relative_to(folder).parts


def _read_below(root: Path, steps: tuple[str, ...], *, max_bytes: int) -> bytes:
    try:
        folder = os.open(root, _DIRECTORY)  # the folder itself may be a link: the settings name it
        try:
            for step in steps[:-1]:
                below = os.open(step, _DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = below
            content = _content(steps[-1], folder, max_bytes=max_bytes)
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UnsafeReference(NOT_BELOW) from error
    if len(content) > max_bytes:
        raise ImageTooLarge(f"image_ref: an image may have {max_bytes} bytes, this one has more")
    return content


def _content(name: str, folder: int, *, max_bytes: int) -> bytes:
    """Read up to one byte more than allowed; looks before it opens, as devices react to that."""
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise UnsafeReference(NOT_BELOW)
    with open(os.open(name, _FILE, dir_fd=folder), "rb") as file:  # noqa: PTH123 (a descriptor)
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # changed between the two
            raise UnsafeReference(NOT_BELOW)
        return file.read(max_bytes + 1)
