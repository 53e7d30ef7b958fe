"""A data folder in use → its files in a repository, each store as it was at one moment.

Does not know what is in them. What names something else is taken before it (``rules.RULES``), so
that nothing that is named is missing.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.backup.manifests import KeptCollection
from satseek.backup.rules import COLLECTIONS, LOST, RULES, is_skipped, strangers
from satseek.backup.taking import signature
from satseek.errors import CollectionNotFound, DamagedData, Overloaded
from satseek.index.collection import list_collections
from satseek.index.freezing import check_copy, check_pages, copy_database, frozen
from satseek.index.milvus.pointing import POINTER, is_attached
from satseek.index.reading import DATABASE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from satseek.backup.manifests import KeptFile
    from satseek.backup.rules import Kind, Rule
    from satseek.backup.taking import Taking
    from satseek.index.compacting import OnProgress

_TRIES = 5
"""Times that a folder is looked at until it stays as it is from one look to the next; the last time
with the lock of whoever changes it, where it has one, for as long as it takes to read what changed
since the time before."""

_LOCK = ".lock"
"""Its name."""

_PAUSE_SECONDS = 0.05
"""Before the second look; the third waits twice as long, and so on."""

_LOCK_SECONDS = 30.0
"""Longest wait for a lock, which is held for as long as it takes to add some lines or a version."""

_ODD = "a link, or no file"
"""Why something inside of a folder that is kept is not."""

_Listing = dict[str, tuple[int, ...]]
"""Files of a folder, and what tells that they were changed."""


class Gathering:
    """Goes through one data folder, once."""

    def __init__(
        self,
        data_dir: Path,
        taking: Taking,
        *,
        drafts: Path,
        without: Collection[str],
        on_progress: OnProgress,
    ) -> None:
        """Take nothing yet.

        Args:
            data_dir: The data folder.
            taking: Takes its files.
            drafts: Folder for copies of databases.
            without: Names of collections that are not taken.
            on_progress: Told what is being taken.
        """
        self._data_dir = data_dir
        self._taking = taking
        self._drafts = drafts
        self._without = without
        self._on_progress = on_progress
        self.files: dict[str, KeptFile] = {}
        """What was taken, by path."""
        self.collections: list[KeptCollection] = []
        """Collections that were taken."""
        self.left_out: list[str] = []
        """What was not, one line each."""

    def gather(self) -> None:
        """Take all of it.

        Raises:
            DamagedData: a file is not what was written; says which.
            Overloaded: something is changed without end.
            DiskFull: the repository has no room.
        """
        for number, rule in enumerate(RULES):
            self._on_progress(rule.path, number, len(RULES))
            source = self._data_dir / rule.path
            if source.exists():
                self._WAYS[rule.kind](self, source, rule)
        self.left_out += [
            f"{path}: satseek knows nothing of it" for path in strangers(self._data_dir)
        ]

    def _database(self, source: Path, rule: Rule) -> None:
        copy = self._drafts / "database"
        copy_database(source, copy, on_progress=self._on_progress)
        taken = self._taking.copy(copy, rule.path, mode=_mode(source))
        if not self._taking.is_known(taken):  # which was sound
            try:
                check_pages(copy)
            except DamagedData as error:
                raise DamagedData(f"{source}: {error}; restore it from a backup") from error
        self._keep(taken)
        copy.unlink()

    def _file(self, source: Path, rule: Rule) -> None:
        if not source.is_file():
            self._leave_out(f"{rule.path}: {_ODD}")
            return
        self._take(source, rule.path)

    def _lines(self, source: Path, rule: Rule) -> None:
        """Take files that are only added to: as long as they are while nobody may."""
        with _held(source / "lock"):
            names = [one for one in sorted(source.iterdir()) if not is_skipped(one.name, rule)]
            sizes = {one: one.stat().st_size for one in names if _is_file(one)}
        for path in names:
            if path not in sizes:
                self._leave_out(f"{rule.path}/{path.name}: {_ODD}")
        for path, size in sizes.items():
            self._keep(self._taking.lines(path, f"{rule.path}/{path.name}", size=size))

    def _pictures(self, source: Path, rule: Rule) -> None:
        """Take files that never change; one that goes meanwhile is shown nowhere."""
        for path in sorted(self._listed(source, rule.path, rule)):
            self._take(source / path, f"{rule.path}/{path}")

    def _unit(self, source: Path, rule: Rule) -> None:
        self._settled(source, rule.path, rule)

    def _units(self, source: Path, rule: Rule) -> None:
        """Take folders that belong together, one after the other."""
        for folder in sorted(_folders(source, rule.depth)):
            if not any(is_skipped(one, rule) for one in folder.relative_to(source).parts):
                path = folder.relative_to(self._data_dir).as_posix()
                self._settled(folder, path, rule)

    def _settled(self, folder: Path, path: str, rule: Rule) -> None:
        """Take a folder, again until it was the same before and after."""
        for left in reversed(range(_TRIES)):
            with nullcontext() if left else _held(folder / _LOCK):
                taken = self._same_after(folder, path, rule)
            if taken is not None:
                for one in taken:
                    self._keep(one)
                return
            time.sleep(_PAUSE_SECONDS * (_TRIES - left))
        raise Overloaded(f"{folder}: is changed without end; back up again later")

    def _same_after(self, folder: Path, path: str, rule: Rule) -> list[KeptFile] | None:
        """Take a folder; None where it was changed meanwhile."""
        before = self._listed(folder, path, rule)
        try:
            taken = [self._taking.file(folder / one, f"{path}/{one}") for one in sorted(before)]
        except FileNotFoundError:
            return None
        return taken if self._listed(folder, path, rule) == before else None

    def _listed(self, folder: Path, path: str, rule: Rule) -> _Listing:
        """Find the files below a folder, by their path in it; none where it has gone."""
        found: _Listing = {}
        for here, folders, names in os.walk(folder, onerror=_refuse):
            folders[:] = sorted(one for one in folders if not is_skipped(one, rule))
            links = [one for one in folders if (Path(here) / one).is_symlink()]
            for name in [*links, *(one for one in names if not is_skipped(one, rule))]:
                one = Path(here) / name
                within = one.relative_to(folder).as_posix()
                with suppress(FileNotFoundError):
                    if told := _looked_at(one, rule):
                        found[within] = signature(told)
                    else:
                        self._leave_out(f"{path}/{within}: {_ODD}")
        return found

    def _collections(self, source: Path, _rule: Rule) -> None:
        names = list_collections(source)
        for name in names:
            if is_attached(source / name):
                self._pointer(source / name)
        for name in names:
            if name in self._without:
                self._leave_out(f"{COLLECTIONS}/{name}: as asked")
            elif not is_attached(source / name):
                with suppress(CollectionNotFound):  # removed meanwhile
                    self._collection(source / name)

    def _pointer(self, folder: Path) -> None:
        path = f"{COLLECTIONS}/{folder.name}/{POINTER}"
        with suppress(FileNotFoundError):
            self._keep(self._taking.file(folder / POINTER, path))
            self._leave_out(
                f"{COLLECTIONS}/{folder.name}: lives in a Milvus, which is backed up by its own "
                "means; its address is kept"
            )

    def _collection(self, folder: Path) -> None:
        copy, below = self._drafts / "database", f"{COLLECTIONS}/{folder.name}"
        try:
            mode = _mode(folder / DATABASE)
        except FileNotFoundError as error:
            raise CollectionNotFound(f"no collection {folder.name!r} any more") from error
        with frozen(folder, copy, on_progress=self._on_progress) as held:
            database = self._taking.copy(copy, f"{below}/{DATABASE}", mode=mode)
            if not self._taking.is_known(database):  # which was sound
                check_copy(copy)
            taken = [database]
            total = sum(one.bytes for one in held.extents)
            done = 0
            for one in held.extents:
                path = f"{below}/{one.name}"
                taken.append(
                    self._taking.opened(one.descriptor, path, size=one.bytes, checks=one.checks)
                )
                done += one.bytes
                self._on_progress(f"{folder.name}, MB", done // 1_000_000, total // 1_000_000)
        copy.unlink()
        for kept in taken:
            self._keep(kept)
        self.collections.append(
            KeptCollection(
                name=folder.name, generation=held.generation, chips=held.chips, model=held.model
            )
        )

    def _take(self, source: Path, path: str) -> None:
        """Take a file that is only ever replaced as a whole; none where it has gone."""
        with suppress(FileNotFoundError):
            self._keep(self._taking.file(source, path))

    def _keep(self, one: KeptFile) -> None:
        self.files[one.path] = one

    def _leave_out(self, line: str) -> None:
        if line not in self.left_out:  # folders are looked at more than once
            self.left_out.append(line)

    _WAYS: dict[Kind, Callable[[Gathering, Path, Rule], None]] = {  # noqa: RUF012 - never changed
        "database": _database,
        "file": _file,
        "lines": _lines,
        "unit": _unit,
        "units": _units,
        "pictures": _pictures,
        "results": _pictures,
        "collections": _collections,
    }


def _looked_at(path: Path, rule: Rule) -> os.stat_result | None:
    """Look at a file; None: it is none, or a link where none is followed, or one to nothing."""
    told = path.lstat()
    if rule.follows and stat.S_ISLNK(told.st_mode):
        with suppress(FileNotFoundError):
            told = path.stat()
    return told if stat.S_ISREG(told.st_mode) else None


def _is_file(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    """Give the folders so far below one."""
    for one in folder.iterdir():
        if one.name == LOST:
            continue
        if one.is_dir() and depth > 1:
            yield from _folders(one, depth - 1)
        elif one.is_dir():
            yield one


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Keep others from adding meanwhile; where there is no lock nobody adds."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        _share(descriptor, lock)
        yield
    finally:
        os.close(descriptor)


def _share(descriptor: int, lock: Path) -> None:
    """Take a share of a lock, and wait for whoever adds at this moment; raises Overloaded."""
    last = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > last:
                raise Overloaded(
                    f"{lock}: held by another process for {_LOCK_SECONDS:g} s; back up again later"
                ) from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
