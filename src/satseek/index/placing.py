"""A folder → what its file system is, and whether a collection may live there.

Does not know what is kept there. What only a file system of one machine can do is asked of it
before anything is written, not found out by what is lost later.
"""

from __future__ import annotations

import errno
import mmap
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import DiskFull, SatseekError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Journal: TypeAlias = Literal["WAL", "TRUNCATE"]
"""How SQLite keeps a change that is not in its file yet."""

MOUNTS = Path("/proc/self/mountinfo")
"""What is mounted where, see proc_pid_mountinfo(5)."""

OF_ONE_MACHINE = frozenset(
    {
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs"),
        *("tmpfs", "ramfs", "overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs"),
        *("apfs", "hfs", "ufs", "vfat", "exfat", "ntfs3", "fuseblk", "squashfs", "erofs"),
    }
)
"""File systems that a kernel has to itself, so that its processes see the same memory of a file.
All others may be another machine's: NFS, SMB, CephFS, Lustre, GPFS, 9p, virtiofs, FUSE."""

SECONDS = 20.0
"""Longest wait for the process that looks whether a lock is seen."""

_ESCAPED = re.compile(r"\\([0-7]{3})")

_LOOK_AT_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(0)
sys.exit(1)
"""
"""Ends with 0 where another process's lock is seen."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is known of a folder's file system."""

    folder: Path
    """The folder, or the part of it that is there."""
    kind: str
    """The file system's name, such as ``ext4`` or ``nfs4``; empty: not known."""
    shared: bool
    """True where other machines may write to it, too."""
    missing: tuple[str, ...] = ()
    """What it cannot do though a collection needs it, in words."""


def place_of(folder: Path) -> Place:
    """Look up the file system of a folder that is there, or will be."""
    there = folder.resolve()
    while not there.exists():
        there = there.parent
    kind = _kind(str(there), _mounts_stamp())
    return Place(folder=there, kind=kind, shared=bool(kind) and kind not in OF_ONE_MACHINE)


def journal_for(file: Path) -> Journal:
    """Say how a database must keep its changes.

    The write-ahead log needs memory that all who use it share: one machine. Elsewhere changes go
    into the file itself, under its locks, and who reads waits for who commits
    (https://sqlite.org/wal.html, "All processes using a database must be on the same host").
    """
    return "TRUNCATE" if place_of(file.parent).shared else "WAL"


def examined(folder: Path) -> Place:
    """Find out what a folder's file system can do, by doing it there; leaves nothing behind.

    Raises:
        DiskFull: there is no room to try.
        SatseekError: nothing can be written there.
    """
    place = place_of(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".examined-", dir=folder) as name:
            missing = tuple(_missing(Path(name)))
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(f"{folder}: no room to write; free some and try again") from error
        raise SatseekError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return Place(folder=folder, kind=place.kind, shared=place.shared, missing=missing)


def check_place(folder: Path) -> Place:
    """Refuse a folder that collections and jobs cannot be kept in.

    A file system of this machine alone is taken at its word.

    Returns:
        What it is; who starts says so where it is shared.

    Raises:
        SatseekError: what it cannot do, and what to use instead; or nothing can be written there.
        DiskFull: there is no room to try.
    """
    place = place_of(folder)
    if not place.shared:
        return place
    place = examined(folder)
    if place.missing:
        raise SatseekError(
            f"{folder}: its file system ({place.kind}) cannot do what a collection needs: "
            f"{'; '.join(place.missing)}; put data_dir on a local disk or an NFSv4 volume, and "
            "only scenes and results elsewhere (docs/guides/storage.md)"
        )
    return place


def _missing(folder: Path) -> Iterator[str]:
    """Try everything in an empty folder; gives what does not work."""
    tries: dict[str, Callable[[Path], bool]] = {
        "another process does not see its locks": _locks_are_seen,
        "a file cannot take another one's name at once": _renames_over,
        "it does not say when bytes are on the disk": _syncs,
        "a file cannot be added to": _appends,
        "memory does not show what was written to a file": _maps,
    }
    for wrong, works in tries.items():
        try:
            fine = works(folder)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise
            fine = False
        if not fine:
            yield wrong


def _locks_are_seen(folder: Path) -> bool:
    import fcntl  # noqa: PLC0415 - not on every system

    path = folder / "lock"
    with path.open("w+b") as file:
        file.write(b"lock")
        file.flush()
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            done = subprocess.run(  # noqa: S603 - our own lines
                [sys.executable, "-I", "-S", "-c", _LOOK_AT_LOCK, str(path)],
                check=False,
                timeout=SECONDS,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def _renames_over(folder: Path) -> bool:
    old, new = folder / "old", folder / "new"
    old.write_bytes(b"old")
    new.write_bytes(b"new")
    with old.open("rb") as reader:
        new.replace(old)
        seen = reader.read()  # who had it open keeps what it was
    return seen == b"old" and old.read_bytes() == b"new" and not new.exists()


def _syncs(folder: Path) -> bool:
    path = folder / "synced"
    with path.open("wb") as file:
        file.write(b"bytes")
        file.flush()
        os.fsync(file.fileno())
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _appends(folder: Path) -> bool:
    path = folder / "grown"
    path.write_bytes(b"one")
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"two")
        file.truncate(5)
    return path.read_bytes() == b"onetw"


def _maps(folder: Path) -> bool:
    path = folder / "mapped"
    path.write_bytes(bytes(mmap.PAGESIZE))
    with (
        path.open("r+b") as file,
        mmap.mmap(file.fileno(), mmap.PAGESIZE, access=mmap.ACCESS_READ) as seen,
    ):
        os.pwrite(file.fileno(), b"written", 8)
        return seen[8:15] == b"written"


def _mounts_stamp() -> int:
    """Change when something is mounted: the table of mounts is read again then."""
    try:
        return hash(MOUNTS.read_bytes())
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _kind(folder: str, _stamp: int) -> str:
    """Name the file system that is mounted closest above a folder; empty: no telling."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:  # noqa: PLR2004 - the mount point is the fifth
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])
        below = folder == point or folder.startswith(point.rstrip("/") + "/")
        if below and len(point) >= len(best):  # the later of two hides the earlier
            best, kind = point, after.split(" ")[0]
    return kind
