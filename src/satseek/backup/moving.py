"""Files that were put together in one folder → their places in another, parts of it other disks.

Does not know what they are. What has its place is taken from the first folder and nothing else, so
that whoever is killed goes on; what lies in a place already is never written over.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from satseek.backup.rules import DRAFT
from satseek.errors import Conflict
from satseek.syncing import sync

_NO_RENAMING = frozenset({errno.EXDEV, errno.EBUSY, errno.ENOTEMPTY, errno.EEXIST})
"""What is said of a folder that a disk is mounted on, or that holds something."""


def put_into_place(made: Path, to: Path) -> None:
    """Move all that lies in a folder; again goes on where it was killed.

    Args:
        made: Folder of folders and files.
        to: Folder that may hold folders, some of them disks of their own, and files that are the
            same as those that would be put there.

    Raises:
        Conflict: something else lies in the place of a file. Where it does so from the beginning,
            nothing was moved.
    """
    check_free(made, to)
    for one in sorted(made.iterdir()):
        _move(one, to / one.name)
    sync(to)


def check_free(made: Path, to: Path) -> None:
    """Go on only where nothing else lies in the place of a file; raises Conflict."""
    for here, folders, names in os.walk(made):
        place = to / os.path.relpath(here, made)
        for name in names:
            _check_same(Path(here) / name, place / name)
        for name in folders:
            if os.path.lexists(place / name) and not (place / name).is_dir():
                raise _taken(place / name)


def _move(one: Path, to: Path) -> None:
    if not one.is_dir():
        _move_file(one, to)
        return
    try:
        one.rename(to)  # an empty folder may lie there
    except NotADirectoryError as error:
        raise _taken(to) from error
    except OSError as error:
        if error.errno not in _NO_RENAMING:
            raise
        _merge(one, to) if to.is_dir() else _carry(one, to)


def _merge(one: Path, to: Path) -> None:
    """Move what lies in a folder into one that is there."""
    for inner in sorted(one.iterdir()):
        _move(inner, to / inner.name)
    mode = stat.S_IMODE(one.stat().st_mode)
    if not mode & 0o077:
        with suppress(PermissionError):  # a disk that is another's
            to.chmod(stat.S_IMODE(to.stat().st_mode) & ~0o077)
    sync(to)
    one.rmdir()


def _move_file(one: Path, to: Path) -> None:
    if os.path.lexists(to):
        _check_same(one, to)
        one.unlink()
        return
    try:
        one.rename(to)
    except OSError as error:
        if error.errno not in _NO_RENAMING:
            raise
        _carry(one, to)


def _carry(one: Path, to: Path) -> None:
    """Copy to another disk under another name, and give it its own when it is whole."""
    draft = to.with_name(f"{DRAFT}-{to.name}")
    if one.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(one, draft)
    else:
        shutil.copy2(one, draft)
    for path in [*draft.rglob("*"), draft]:
        sync(path)
    draft.rename(to)
    sync(to.parent)
    shutil.rmtree(one) if one.is_dir() else one.unlink()


def _check_same(one: Path, to: Path) -> None:
    """Go on only where nothing lies in a file's place, or the same bytes; raises Conflict."""
    try:
        told = to.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISREG(told.st_mode) or not filecmp.cmp(one, to, shallow=False):
        raise _taken(to)


def _taken(to: Path) -> Conflict:
    return Conflict(
        f"{to}: came to be here while the folder was restored, and is not what the backup has; "
        "move it away and run the same `satseek restore` again"
    )
