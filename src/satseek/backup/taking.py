"""Files, databases and folders that are in use → pieces in a repository, and what names them.

Does not know which of them belong together, nor in which order they are taken.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from satseek.backup.manifests import KeptFile
from satseek.errors import DamagedData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from satseek.backup.blocks import Blocks

BLOCK_BYTES = 1 << 20
"""Size of the pieces of files: each takes a name and a sync, and one of a file that was added to is
kept anew."""

DATABASE_BLOCK_BYTES = 1 << 18
"""The same of databases, whose changes lie here and there; a multiple of their pages."""

_THREADS = 4
"""That compress and write: twice the cores of a small machine, as half of them wait for its disk.
"""

_AHEAD = 16
"""Pieces that wait for them: 16 MB."""

Check = tuple[int, int, str]
"""First byte, bytes and SHA-256 of a part of a file."""


class Taking:
    """Takes files into a repository; for one thread."""

    def __init__(
        self, blocks: Blocks, former: Mapping[str, KeptFile], *, reread: bool = False
    ) -> None:
        """Begin.

        Args:
            blocks: Of the repository.
            former: Files of the backup before, by path: those that did not change since are not
                read again.
            reread: Read all of them, and what is kept of them, too.
        """
        self._blocks = blocks
        self._former = {} if reread else dict(former)
        """By path, those of this backup in their place: a folder may be taken again."""
        self._reread = reread
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="backup")
        self.bytes_read = 0
        """Bytes that were not known to be the same."""

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Wait for what is being written."""
        self._pool.shutdown(cancel_futures=True)

    def file(self, source: Path, path: str) -> KeptFile:
        """Take a file; raises FileNotFoundError where it has gone.

        Args:
            source: Where it lies.
            path: In the data folder.
        """
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return self.opened(descriptor, path, size=os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)

    def lines(self, source: Path, path: str, *, size: int) -> KeptFile:
        """Take the whole lines among the first bytes of a file that is only added to.

        What a killed process left of a line is taken off by the next one that adds to it.
        """
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return self.opened(descriptor, path, size=_whole(descriptor, size))
        finally:
            os.close(descriptor)

    def copy(self, copy: Path, path: str, *, mode: int) -> KeptFile:
        """Take the copy of a database."""
        descriptor = os.open(copy, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size
            blocks = self._put(descriptor, size, DATABASE_BLOCK_BYTES, ())
        finally:
            os.close(descriptor)
        return KeptFile(path=path, bytes=size, mode=mode, blocks=blocks)

    def is_known(self, one: KeptFile) -> bool:
        """Tell whether the backup before had the same bytes."""
        former = self._former.get(one.path)
        return former is not None and former.blocks == one.blocks

    def opened(
        self, descriptor: int, path: str, *, size: int, checks: Sequence[Check] = ()
    ) -> KeptFile:
        """Take the beginning of an open file.

        Args:
            descriptor: Of the file.
            path: In the data folder.
            size: Bytes of it.
            checks: What parts of it must be, in order.

        Raises:
            DamagedData: it is not what was written.
        """
        found = os.fstat(descriptor)
        seen = signature(found)
        former = self._former.get(path)
        same = former is not None and (former.seen, former.bytes) == (seen, size)
        if former is not None and same and all(map(self._blocks.has, former.blocks)):
            return replace(former, mode=stat.S_IMODE(found.st_mode))
        try:
            blocks = self._put(descriptor, size, BLOCK_BYTES, checks)
        except DamagedData as error:
            raise DamagedData(f"{path}: {error}") from error
        taken = KeptFile(
            path=path,
            bytes=size,
            mode=stat.S_IMODE(found.st_mode),
            blocks=blocks,
            seen=seen,
        )
        self._former[path] = taken
        return taken

    def _put(
        self, descriptor: int, size: int, block_bytes: int, checks: Sequence[Check]
    ) -> tuple[str, ...]:
        checking = Checking(checks)
        waiting: deque[Future[str]] = deque()
        blocks: list[str] = []
        for content in _pieces(descriptor, size, block_bytes):
            checking.add(content)
            waiting.append(self._pool.submit(self._blocks.put, content, again=self._reread))
            self.bytes_read += len(content)
            if len(waiting) > _AHEAD:
                blocks.append(waiting.popleft().result())
        checking.finish()
        return (*blocks, *(one.result() for one in waiting))


def signature(found: os.stat_result) -> tuple[int, ...]:
    """Give what changes whenever a file does: inode, size, and both of its times."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Checking:
    """Compares bytes, as they pass, with what parts of them must be."""

    def __init__(self, checks: Sequence[Check]) -> None:
        """Take the parts: in order, without gaps."""
        self._checks = deque(checks)
        self._digest = hashlib.sha256()
        self._passed = 0

    def add(self, content: bytes) -> None:
        """Have more bytes pass; raises DamagedData."""
        rest = memoryview(content)
        while self._checks and rest:
            start, count, expected = self._checks[0]
            part = rest[: start + count - self._passed]
            self._digest.update(part)
            self._passed += len(part)
            rest = rest[len(part) :]
            if self._passed == start + count:
                if self._digest.hexdigest() != expected:
                    raise DamagedData(
                        f"bytes {start} to {start + count - 1} are not what was written; repair "
                        "the collection"
                    )
                self._checks.popleft()
                self._digest = hashlib.sha256()

    def finish(self) -> None:
        """Make sure that all of them have passed; raises DamagedData."""
        if self._checks:
            raise DamagedData(f"ends before byte {self._checks[0][0]}; repair the collection")


def _pieces(descriptor: int, size: int, block_bytes: int) -> Iterator[bytes]:
    """Read the beginning of a file; less where it ends before."""
    for at in range(0, size, block_bytes):
        content = os.pread(descriptor, min(block_bytes, size - at), at)
        if content:
            yield content


def _whole(descriptor: int, size: int) -> int:
    """Tell where the last line ends."""
    at = size
    while at > 0:
        start = max(0, at - (1 << 16))
        found = os.pread(descriptor, at - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0
