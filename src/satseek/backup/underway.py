"""A data folder → whether a restore is at work in it, or has just been; one at a time.

Does not know what is restored. A folder with half of its stores is nobody's to read or write: who
uses one asks here first.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.backup.rules import DRAFT, RESTORED, WASTE
from satseek.errors import Conflict
from satseek.model.durable import replace_text
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STATE = "state.json"
"""File in the draft that tells which backup it is of, and whether it is whole."""

_LOCK = "lock"
"""File in the draft that whoever fills it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far a draft is."""

    backup_id: str
    """Backup that it is of."""
    whole: bool
    """All of it was written and verified: what is missing has gone to its place."""


def begin_use(data_dir: Path) -> None:
    """Go on only with a data folder that is whole; from now on it is used.

    Raises:
        Conflict: a restore is at work in it, or was killed there.
    """
    check_whole(data_dir)
    with suppress(OSError):  # a folder that is read-only
        (data_dir / RESTORED).unlink()
    sweep(data_dir)


def check_whole(data_dir: Path) -> None:
    """Go on only with a data folder that no restore is at work in; raises as ``begin_use``."""
    draft = data_dir / DRAFT
    hidden = os.path.lexists(draft) and not os.access(draft, os.X_OK)
    if hidden or os.path.lexists(draft / _STATE):
        raise Conflict(
            f"{data_dir}: a restore is at work here, or was killed: wait for it, or run the same "
            "`satseek restore` again, which goes on with it"
        )


def state_of(draft: Path) -> State | None:
    """Tell how far a draft is; None: there is none, or one that was hardly begun."""
    told = _told(draft / _STATE)
    backup_id = told.get("id")
    if not isinstance(backup_id, str):
        return None
    return State(backup_id=backup_id, whole=told.get("whole") is True)


def tell(draft: Path, state: State) -> None:
    """Write down how far a draft is."""
    text = json.dumps({"id": state.backup_id, "whole": state.whole}) + "\n"
    replace_text(draft / _STATE, text, by_way_of=draft / f".{_STATE}")


def restored_from(data_dir: Path) -> str | None:
    """Tell which backup a folder was restored from; None: somebody has used it since."""
    backup_id = _told(data_dir / RESTORED).get("id")
    return backup_id if isinstance(backup_id, str) else None


def finish(data_dir: Path, backup_id: str) -> None:
    """Have the folder be usable: all of the draft has its place."""
    draft = data_dir / DRAFT
    text = json.dumps({"id": backup_id}) + "\n"
    replace_text(data_dir / RESTORED, text, by_way_of=draft / RESTORED)
    sweep(data_dir)
    draft.rename(data_dir / WASTE)
    sync(data_dir)
    sweep(data_dir)


def sweep(data_dir: Path) -> None:
    """Remove what is left of a draft that is not needed any more."""
    if os.path.lexists(data_dir / WASTE):
        shutil.rmtree(data_dir / WASTE, ignore_errors=True)


def begin(draft: Path, backup_id: str) -> None:
    """Begin to fill a draft, or go on; what another backup's restore has left in it goes."""
    if (state := state_of(draft)) is None or state.backup_id != backup_id:
        for one in draft.iterdir():
            if one.name != _LOCK:
                shutil.rmtree(one) if one.is_dir() else one.unlink()
    tell(draft, State(backup_id=backup_id, whole=False))


@contextmanager
def held(draft: Path) -> Iterator[None]:
    """Be the only one who fills a draft; made where it is missing, for its owner alone.

    Raises:
        Conflict: another restore is at work.
    """
    draft.mkdir(exist_ok=True, mode=0o700)
    descriptor = os.open(draft / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _is_taken(descriptor, draft / _LOCK):
            raise Conflict(f"{draft}: another restore is at work here; wait for it")
        try:
            yield
        finally:
            _leave(draft)
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int, path: Path) -> bool:
    """Take a lock that the kernel lets go of when its owner dies; False: it is another's."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return path.stat().st_ino == os.fstat(descriptor).st_ino  # not one that has just ended
    except (BlockingIOError, FileNotFoundError):
        return False


def _leave(draft: Path) -> None:
    """Remove a draft that nothing was put into."""
    with suppress(OSError):
        if [one.name for one in draft.iterdir()] == [_LOCK]:
            (draft / _LOCK).unlink()
            draft.rmdir()


def _told(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
