"""Pieces of files → files named by what is in them, each of them there whole or not at all.

Does not know which files they are pieces of. The same piece is kept once, whoever brings it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import threading
import zlib
from typing import TYPE_CHECKING

from satseek.errors import DamagedData
from satseek.index.schema import storage_errors
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

FOLDER = "objects"
"""Of the repository."""

_PLAIN, _DEFLATED = b"\0", b"\1"
"""First byte of a file: what follows is the piece itself, or what zlib made of it."""

_LEVEL = 1
"""Of zlib: a database of a collection comes down to a fifth; 6 takes three times as long, for 8 %
less."""

_PROBED = 1 << 16
"""Bytes that tell whether a piece is worth compressing."""

_WORTH = 0.9
"""Share of its size that a probe must come down to: vectors do not."""

_MOST_BYTES = 16 << 20
"""Of a piece: sixteen times those that are made, so that no file takes all memory."""

_NAME = re.compile(r"[0-9a-f]{64}")


def is_digest(name: object) -> bool:
    """Tell whether something could be the name of a piece."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class Blocks:
    """The pieces of one repository; safe to share between threads. One process adds at a time."""

    def __init__(self, folder: Path, *, drafts: Path) -> None:
        """Read nothing yet.

        Args:
            folder: Of the repository.
            drafts: Folder on the same disk for what is being written.
        """
        self._folder = folder / FOLDER
        self._drafts = drafts
        self._guard = threading.Lock()
        self._known: set[str] | None = None
        self._touched: set[Path] = set()
        self.bytes_added = 0
        """Bytes that ``put`` has written so far."""
        self.mended = 0
        """Pieces that ``put`` found damaged and wrote anew."""

    def has(self, digest: str) -> bool:
        """Tell whether a piece is there, by its name alone."""
        with self._guard:
            return digest in self._names()

    def put(self, content: bytes, *, again: bool = False) -> str:
        """Keep a piece; returns its SHA-256 when it is on the disk.

        Args:
            content: At most some megabytes.
            again: Read back what is there already, and write it anew where it is damaged.

        Raises:
            DiskFull: there is no room.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        with self._guard:  # those that are there, too: who put them may have been killed
            self._touched |= {path.parent, self._folder}
        if self.has(digest) and not (again and self._is_damaged(digest)):
            return digest
        encoded = _encoded(content)
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(path, encoded)
        with self._guard:
            self._names().add(digest)
            self.bytes_added += len(encoded)
        return digest

    def read(self, digest: str) -> bytes:
        """Give a piece.

        Raises:
            DamagedData: it is missing, or not what was written, or no piece could be called so.
        """
        if not is_digest(digest):
            raise DamagedData(f"expected the name of a piece of a backup, came {digest[:80]!r}")
        path = self._path(digest)
        with storage_errors(path):
            try:
                encoded = _content(path)
            except FileNotFoundError as error:
                raise DamagedData(f"{path}: expected a piece of a backup, came nothing") from error
        content = _decoded(encoded)
        if content is None or hashlib.sha256(content).hexdigest() != digest:
            raise DamagedData(f"{path}: not what was written")
        return content

    def settle(self) -> None:
        """Wait until the disk knows the names of all pieces that were put."""
        with storage_errors(self._folder):
            for folder in sorted(self._touched):
                sync(folder)
            if self._folder.is_dir():
                sync(self._folder.parent)
        self._touched.clear()

    def sweep(self, needed: Collection[str]) -> tuple[int, int]:
        """Remove all pieces but some; returns how many went, and their bytes."""
        gone = gone_bytes = 0
        with storage_errors(self._folder):
            for digest in sorted(set(self.digests()) - set(needed)):
                path = self._path(digest)
                gone_bytes += path.stat().st_size
                path.unlink()
                gone += 1
        with self._guard:
            self._known = None
        return gone, gone_bytes

    def digests(self) -> Iterator[str]:
        """Give the names of all pieces there are."""
        if not self._folder.is_dir():
            return
        for part in sorted(self._folder.iterdir()):
            with os.scandir(part) as found:
                yield from (one.name for one in found if _NAME.fullmatch(one.name))

    def size(self, digest: str) -> int:
        """Tell how many bytes a piece takes on the disk; 0 where it is missing."""
        try:
            return self._path(digest).stat().st_size
        except OSError:
            return 0

    def _names(self) -> set[str]:
        if self._known is None:
            with storage_errors(self._folder):
                self._known = set(self.digests())
        return self._known

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _is_damaged(self, digest: str) -> bool:
        try:
            self.read(digest)
        except DamagedData:
            with self._guard:
                self.mended += 1
            return True
        return False

    def _write(self, path: Path, encoded: bytes) -> None:
        draft = self._drafts / secrets.token_hex(8)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(encoded)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _content(path: Path) -> bytes:
    """Read a file, and nothing that only looks like one; as much as a piece may have."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DamagedData(f"{path}: expected a piece of a backup, came no file")
        return file.read(_MOST_BYTES + 1)


def _encoded(content: bytes) -> bytes:
    probe = content[:_PROBED]
    if len(zlib.compress(probe, _LEVEL)) > _WORTH * len(probe):
        return _PLAIN + content
    return _DEFLATED + zlib.compress(content, _LEVEL)


def _decoded(encoded: bytes) -> bytes | None:
    """Give what was encoded; None: it is damaged."""
    kind, content = encoded[:1], encoded[1:]
    if kind == _PLAIN:
        return content
    try:
        return zlib.decompressobj().decompress(content, _MOST_BYTES) if kind == _DEFLATED else None
    except zlib.error:
        return None
