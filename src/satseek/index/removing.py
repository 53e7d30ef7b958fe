"""A collection's folder → nothing, in one step: it is there as a whole or not at all.

Does not know who reads it: they finish on the files that they have open.
"""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

from satseek.errors import CollectionNotFound
from satseek.index.checks import check_name
from satseek.index.lock import WriterLock
from satseek.index.reading import DATABASE
from satseek.index.schema import storage_errors
from satseek.index.writing import LOCK
from satseek.syncing import sync

if TYPE_CHECKING:
    from pathlib import Path

_WASTE = ".removed-"
"""Beginning of a name that no collection has; what a killed removal leaves behind is swept."""


def remove_collection(root: Path, name: str) -> None:
    """Remove a collection with its chips and vectors; the scenes' files stay.

    Args:
        root: Folder of the collections.
        name: Which.

    Raises:
        CollectionNotFound: There is none of that name.
        InvalidName: The name could be no collection's.
        CollectionLocked: Another living process writes to it.
        SatseekError: The disk fails.
    """
    check_name(name)
    folder = root / name
    if not (folder / DATABASE).is_file():
        raise CollectionNotFound(f"no collection {name!r}")
    waste = root / f"{_WASTE}{secrets.token_hex(8)}"
    with storage_errors(folder):
        lock = WriterLock(folder / LOCK)
        try:
            folder.rename(waste)
            sync(root)
        finally:
            lock.release()
    for left in root.glob(f"{_WASTE}*"):
        shutil.rmtree(left, ignore_errors=True)
