"""A snapshot, wherever it lies → a collection among the others, if it is sound.

Does not know how snapshots are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.errors import DamagedData
from satseek.index.checks import check_name
from satseek.index.collection import open_collection
from satseek.index.compacting import ignore_progress

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.compacting import OnProgress
    from satseek.index.snapshotting import Snapshot


def restore_snapshot(
    path: Path, root: Path, name: str, *, on_progress: OnProgress = ignore_progress
) -> Snapshot:
    """Read a snapshot from end to end; where it is sound, copy it among the collections.

    Args:
        path: Folder of the snapshot; only read.
        root: Folder of the collections.
        name: Name that it gets.
        on_progress: Told how far it is.

    Raises:
        CollectionNotFound: There is none at ``path``.
        CollectionExists: There is a collection of that name.
        InvalidName: The name could be no collection's.
        DamagedData: The snapshot is not what was written: nothing was made.
        Conflict: A newer satseek has made it.
    """
    check_name(name)
    with open_collection(path, mode="read") as snapshot:
        on_progress("verifying", 0, 0)
        damages = snapshot.verify()
        if damages:
            raise DamagedData(
                f"{path}: the snapshot has {len(damages)} damaged parts, {damages[0]}"
            )
        root.mkdir(parents=True, exist_ok=True)
        return snapshot.snapshot(root / name, name=name, on_progress=on_progress)
