"""What became of each part → a file of it that survives any death; all of them → one run.

Does not know images or models. A file is whole or not there; what the run was asked is written down
first, so that nobody goes on with another question.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from typing import TYPE_CHECKING, Any

from satseek.errors import CollectionLocked, Conflict, DamagedData
from satseek.index.lock import WriterLock
from satseek.model.durable import make_folder, replace_text, room_named
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from satseek.search.classifying_plan import Part

_ASKED = "asked.json"
_LOCK = "lock"
_SUFFIX = ".jsonl"
_DRAFT = ".draft"

Told = dict[str, Any]
"""What became of one item: its ``id``, ``path``, ``refused``, ``datetime``, ``rows``."""


class PartFiles:
    """The parts of one run that are done; any number of processes may write them.

    Two that write the same part write the same bytes.
    """

    def __init__(self, folder: Path) -> None:
        """Look at nothing yet; the folder is there."""
        self.folder = folder
        self._whole: set[str] = set()

    def has(self, part: Part) -> bool:
        """Tell whether a part was done, and is as it was written."""
        name = part.name
        if name not in self._whole and _is_whole(self._path(name)):
            self._whole.add(name)
        return name in self._whole

    def write(self, part: Part, items: Sequence[Told]) -> None:
        """Write a part down; durable when it returns.

        Args:
            part: Which.
            items: What became of its items, in their order.

        Raises:
            DiskFull: there is no room.
        """
        body = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in items).encode()
        draft = self.folder / f"{part.name}.{secrets.token_hex(4)}{_DRAFT}"
        with room_named(self.folder):
            draft.write_bytes(_digest(body).encode() + b"\n" + body)
            sync(draft)
            draft.replace(self._path(part.name))
            sync(self.folder)
        self._whole.add(part.name)

    def read(self, name: str) -> Iterator[Told]:
        """Give the items of a part that is done, one after another.

        Raises:
            DamagedData: it is not what was written.
        """
        path = self._path(name)
        if not _is_whole(path):
            raise DamagedData(f"{path}: not what was written; the same command does it again")
        with path.open("rb") as file:
            next(file)
            for line in file:
                yield json.loads(line)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"


class Parts(PartFiles):
    """The same for the one process that begins the run, and ends it."""

    def __init__(self, folder: Path, asked: Mapping[str, Any]) -> None:
        """Begin a run, or go on with it.

        Args:
            folder: Made where it is not there.
            asked: JSON; everything that the rows depend on, but for the files themselves.

        Raises:
            CollectionLocked: another process writes to it.
            Conflict: it was begun with another question.
            DiskFull: there is no room.
        """
        super().__init__(folder)
        with room_named(folder):
            make_folder(folder)
            self._lock = _locked(folder)
        try:
            with room_named(folder):
                self._check(json.loads(json.dumps(asked)))
        except BaseException:
            self._lock.release()
            raise
        for draft in folder.glob(f"*{_DRAFT}"):
            draft.unlink()

    def remove(self) -> None:
        """Throw the run away, once its rows are elsewhere."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let another process write; a run without a part that is done leaves nothing."""
        if self.folder.is_dir() and not self._is_any_done():
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def _is_any_done(self) -> bool:
        return any(self.folder.glob(f"*{_SUFFIX}"))

    def _check(self, asked: Mapping[str, Any]) -> None:
        path = self.folder / _ASKED
        if not path.is_file():
            text = json.dumps(asked, ensure_ascii=False, indent=1)
            replace_text(path, text, by_way_of=self.folder / f"{_ASKED}{_DRAFT}")
            return
        before = json.loads(path.read_text(encoding="utf-8"))
        differ = [name for name in asked | before if asked.get(name) != before.get(name)]
        if differ and not self._is_any_done():
            path.unlink()
            self._check(asked)
        elif differ:
            raise Conflict(
                f"{self.folder}: begun with other {' and '.join(differ)}; ask for the same to go "
                "on, or begin anew (--restart), which throws away what was done"
            )


def forget(folder: Path) -> None:
    """Throw a run away, done or not.

    Raises:
        CollectionLocked: another process writes to it.
    """
    if not folder.is_dir():
        return
    lock = _locked(folder)
    try:
        shutil.rmtree(folder)
    finally:
        lock.release()


def _locked(folder: Path) -> WriterLock:
    try:
        return WriterLock(folder / _LOCK)
    except CollectionLocked as error:
        raise CollectionLocked(
            f"{folder}: expected to write alone, another run of the same is at work; wait for it, "
            "or write to another file"
        ) from error


def _is_whole(path: Path) -> bool:
    """Compare a part with its digest, a line at a time."""
    try:
        with path.open("rb") as file:
            expected = next(file, b"").strip().decode("ascii", errors="replace")
            digest = hashlib.sha256()
            for line in file:
                digest.update(line)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == expected


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
