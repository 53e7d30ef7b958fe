"""A folder → a repository of backups: whole ones only, one writer at a time.

Does not know data folders. Pieces come first and the file that names them last, so that whatever
is killed leaves the backups that were there, and perhaps pieces that the next one uses.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.backup.blocks import FOLDER as OBJECTS
from satseek.backup.blocks import Blocks
from satseek.backup.manifests import FORMAT, backup_of, backup_text, files_in, listing_of
from satseek.backup.rules import LOST
from satseek.errors import Conflict, DamagedData, FolderNotFound, InvalidRequest, NotFound
from satseek.formats import check_format
from satseek.index.schema import storage_errors
from satseek.model.durable import make_folder, replace_text
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from satseek.backup.manifests import Backup, KeptFile

MARK = "satseek-backups.json"
"""File that says that a folder is a repository."""

LATEST = "latest"
"""In place of an id: the newest backup."""

_BACKUPS, _DRAFTS, _LOCK = "backups", ".unfinished", ".lock"
_SUFFIX = ".json"
_ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{4}")

LISTED_BYTES = 1 << 20
"""Size of the pieces that a list of files is kept in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A backup that cannot be read."""

    id: str
    """Which, by the name of its file."""
    why: str
    """What is wrong with it, in one line."""


class Repository:
    """A folder of backups; look at one with ``reading``, change it with ``writing``."""

    def __init__(self, folder: Path) -> None:
        """Take it as it is, whether it is there or not."""
        self.folder = folder.absolute()
        self.drafts = self.folder / _DRAFTS
        self.blocks = Blocks(self.folder, drafts=self.drafts)

    @property
    def is_there(self) -> bool:
        """Whether somebody has made it."""
        return (self.folder / MARK).is_file()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who changes it; made where it is missing, and its owner's alone.

        Raises:
            InvalidRequest: something else lies there.
            Conflict: somebody adds to it, prunes it, or reads it at this moment.
            DiskFull: there is no room.
        """
        with storage_errors(self.folder):
            self._make()
            descriptor = _locked(self.folder / _LOCK, fcntl.LOCK_EX, os.O_RDWR | os.O_CREAT)
            try:
                shutil.rmtree(self.drafts, ignore_errors=True)
                for one in (self.drafts, self.folder / OBJECTS, self.folder / _BACKUPS):
                    _have_private(one)
                yield
            finally:
                shutil.rmtree(self.drafts, ignore_errors=True)
                os.close(descriptor)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """As ``writing``, where there is one already; raises FolderNotFound, too."""
        self._check_there()
        with self.writing():
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep others from removing backups meanwhile; a read-only folder will do.

        Raises:
            FolderNotFound: there is no repository.
            Conflict: somebody adds to it or prunes it at this moment.
            FormatTooNew: a newer satseek made it.
        """
        self._check_there()
        with storage_errors(self.folder):
            descriptor = _locked(self.folder / _LOCK, fcntl.LOCK_SH, os.O_RDONLY)
            try:
                yield
            finally:
                os.close(descriptor)

    def all(self) -> list[Backup]:
        """Give all backups, the newest first.

        Raises:
            FolderNotFound: there is no repository.
            DamagedData: one of them is not what was written.
        """
        self._check_there()
        return [self._read(backup_id) for backup_id in reversed(self.ids())]

    def looked_through(self) -> tuple[list[Backup], list[Damaged]]:
        """Give all backups that can be read, the newest first, and those that cannot.

        Raises:
            FolderNotFound: there is no repository.
            FormatTooNew: a newer satseek has written one of them.
        """
        self._check_there()
        backups: list[Backup] = []
        damaged: list[Damaged] = []
        for backup_id in reversed(self.ids()):
            try:
                backups.append(self._read(backup_id))
            except DamagedData as error:
                damaged.append(Damaged(id=backup_id, why=str(error)))
        return backups, damaged

    def ids(self) -> list[str]:
        """Give the ids of all backups, the oldest first."""
        folder = self.folder / _BACKUPS
        names = (one.name.removesuffix(_SUFFIX) for one in folder.glob(f"*{_SUFFIX}"))
        return sorted(name for name in names if _ID.fullmatch(name))

    def find(self, at: str = LATEST) -> Backup:
        """Give a backup: ``latest``, an id, or the beginning of one.

        Raises:
            NotFound: there is none.
            InvalidRequest: the beginning is that of several.
            DamagedData: it is not what was written.
        """
        self._check_there()
        ids = self.ids()
        fitting = ids[-1:] if at == LATEST else [one for one in ids if one.startswith(at)]
        if not fitting:
            told = ", ".join(ids[-5:]) or "none yet"
            raise NotFound(f"{self.folder}: no backup {at[:60]!r}; the newest are: {told}")
        if len(fitting) > 1:
            raise InvalidRequest(f"several backups begin so, choose one: {', '.join(fitting[-5:])}")
        return self._read(fitting[0])

    def files(self, backup: Backup) -> list[KeptFile]:
        """Give the files of a backup; raises DamagedData."""
        listing = b"".join(self.blocks.read(digest) for digest in backup.listing)
        return files_in(listing, f"{self.folder}, {backup.id}")

    def newest_files(self) -> dict[str, KeptFile]:
        """Give the files of the newest backup that can be read, by path: what need not be read."""
        for backup_id in reversed(self.ids()):
            try:
                return {one.path: one for one in self.files(self._read(backup_id))}
            except (DamagedData, Conflict):
                continue
        return {}

    def list_files(self, files: Iterable[KeptFile]) -> tuple[str, ...]:
        """Keep a list of files; returns its pieces."""
        listing = listing_of(files)
        steps = range(0, len(listing), LISTED_BYTES)
        return tuple(self.blocks.put(listing[at : at + LISTED_BYTES], again=True) for at in steps)

    def finish(self, backup: Backup) -> None:
        """Have a backup be there from now on: all that it names is on the disk."""
        self.blocks.settle()
        path = self._path(backup.id)
        with storage_errors(path):
            make_folder(path.parent)
            draft = self.drafts / path.name
            draft.touch(mode=0o600)
            replace_text(path, backup_text(backup), by_way_of=draft)

    def remove(self, backup_ids: Iterable[str]) -> None:
        """Forget backups; their pieces stay until they are swept."""
        with storage_errors(self.folder):
            for backup_id in backup_ids:
                self._path(backup_id).unlink(missing_ok=True)
            sync(self.folder / _BACKUPS)

    def needed(self) -> set[str]:
        """Give the names of all pieces that some backup needs; raises DamagedData."""
        return set[str]().union(*map(self.needed_by, self.all()))

    def needed_by(self, backup: Backup) -> set[str]:
        """Give the names of all pieces that a backup needs; raises DamagedData."""
        of_files = {digest for one in self.files(backup) for digest in one.blocks}
        return of_files | set(backup.listing)

    def _path(self, backup_id: str) -> Path:
        return self.folder / _BACKUPS / f"{backup_id}{_SUFFIX}"

    def _read(self, backup_id: str) -> Backup:
        path = self._path(backup_id)
        with storage_errors(path):
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError as error:
                raise NotFound(f"{path}: this backup has just been removed") from error
            except UnicodeDecodeError as error:
                raise DamagedData(f"{path}: expected a backup, came no text") from error
        backup = backup_of(text, path)
        if backup.id != backup_id:
            raise DamagedData(f"{path}: expected the backup {backup_id}, came {backup.id[:80]!r}")
        return backup

    def _make(self) -> None:
        mark = self.folder / MARK
        if self.is_there:
            self._check_there()
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        others = {one.name for one in self.folder.iterdir()} - {LOST, f".{MARK}"}
        if others:
            raise InvalidRequest(
                f"{self.folder}: expected an empty folder, or one of backups, came one with "
                f"{min(others)!r} in it; choose another"
            )
        text = json.dumps({"format": FORMAT}) + "\n"
        replace_text(mark, text, by_way_of=self.folder / f".{MARK}")
        sync(self.folder.parent)

    def _check_there(self) -> None:
        mark = self.folder / MARK
        with storage_errors(mark):
            try:
                version = json.loads(mark.read_text(encoding="utf-8"))["format"]
            except (FileNotFoundError, NotADirectoryError) as error:
                raise FolderNotFound(
                    f"{self.folder}: expected a folder of backups, came none; `satseek backup "
                    f"{self.folder}` makes one"
                ) from error
            except (ValueError, KeyError, TypeError) as error:
                raise DamagedData(f"{mark}: expected a format, came {error}") from error
        check_format(self.folder, version, FORMAT)


def _have_private(folder: Path) -> None:
    """Have a folder be there for its owner alone, whoever may look into the one above."""
    folder.mkdir(mode=0o700, exist_ok=True)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        with suppress(PermissionError):  # a share that knows no permissions, or another owner
            folder.chmod(mode & ~0o077)


def _locked(path: Path, kind: int, flags: int) -> int:
    """Take a lock that the kernel lets go of when its owner dies; returns its descriptor."""
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:  # a copy of a repository has none, and nobody adds to it
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        doing = "uses it" if kind == fcntl.LOCK_EX else "adds to it or prunes it"
        raise Conflict(
            f"{path.parent}: another process {doing}; try again when it has ended"
        ) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
