"""The last commit that was acknowledged → a small file beside the database, and back.

Does not know what was committed. A reader of SQLite's log stops at the first frame that is damaged:
the commits behind it would be missing without a word, were they not counted elsewhere. The file is
written after the commit, without waiting for the disk: it may lag behind, never run ahead.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from satseek.errors import DamagedData

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.ledger import Entry

ACKNOWLEDGED = "acknowledged"
"""Name of the file inside a collection's folder."""

_WORDS = 3
_LENGTH = 20 + 1 + 32 + 1 + 16 + 1
"""Characters of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A commit that its writer was told of."""

    changes: int
    """Which: commits up to it."""
    proof: str
    """Of what the tables amounted to after it."""

    def to_text(self) -> str:
        """Write as one line, always of the same length."""
        said = f"{self.changes:020d} {self.proof}"
        return f"{said} {_check(said)}\n"


class Notice:
    """The file, while there is a writer; one line that is written over again and again."""

    def __init__(self, folder: Path) -> None:
        """Open nothing yet."""
        self._path = folder / ACKNOWLEDGED
        self._descriptor: int | None = None

    def write(self, entry: Entry) -> None:
        """Write a commit down. Without room it is passed over: the file lags, the commit stays."""
        text = Acknowledged(changes=entry.changes, proof=entry.proof).to_text()
        with suppress(OSError):
            if self._descriptor is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o644)
                os.truncate(self._descriptor, min(os.fstat(self._descriptor).st_size, _LENGTH))
            os.pwrite(self._descriptor, text.encode("ascii"), 0)

    def close(self) -> None:
        """Close the file; again does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read(folder: Path) -> Acknowledged | None:
    """Read the file; None where it is missing or damaged. To be read before the database."""
    try:
        text = (folder / ACKNOWLEDGED).read_bytes().decode("ascii")
    except (OSError, UnicodeDecodeError):
        return None
    words = text.split()
    if len(words) != _WORDS or not words[0].isdigit():
        return None
    read = Acknowledged(changes=int(words[0]), proof=words[1])
    return read if read.to_text() == text else None


def damages(folder: Path) -> list[str]:
    """Tell whether there is a file that is not as it was written."""
    path = folder / ACKNOWLEDGED
    try:
        unfinished = path.stat().st_size < _LENGTH  # its first writer was killed at it
    except FileNotFoundError:
        return []
    if unfinished or read(folder) is not None:
        return []
    return [f"{path}: not what was written; the next writer makes it anew"]


def check(acknowledged: Acknowledged | None, entry: Entry, path: Path) -> None:
    """Compare a database with what was acknowledged before it was read.

    Args:
        acknowledged: As read from the file.
        entry: The last of the database.
        path: The database, for messages.

    Raises:
        DamagedData: Commits are missing.
    """
    if acknowledged is None or acknowledged.changes < entry.changes:
        return
    if acknowledged.changes > entry.changes:
        message = (
            f"{path}: expected {acknowledged.changes} commits, all acknowledged, came "
            f"{entry.changes}: its log is damaged or an older file is in its place; restore a "
            "snapshot, or repair the collection to go on without the rest"
        )
        raise DamagedData(message)
    if acknowledged.proof != entry.proof:
        message = f"{path}: commit {entry.changes} is not the one that was acknowledged; repair it"
        raise DamagedData(message)


def forget(folder: Path) -> None:
    """Remove the file: another database takes the place of the one that it tells of."""
    (folder / ACKNOWLEDGED).unlink(missing_ok=True)


def _check(said: str) -> str:
    return blake2b(said.encode("ascii"), digest_size=8).hexdigest()
