"""The name of a watch or of a run → the right to run it, held by one process at a time.

Does not know what is run. The kernel lets go of it when its owner dies, however it dies.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from satseek.errors import CollectionLocked
from satseek.index.checks import check_name
from satseek.model.durable import make_folder
from satseek.model.locking import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def held(folder: Path, kind: str, name: str) -> Iterator[None]:
    """Have what is run under a name to oneself: no other process, nor thread, runs it meanwhile.

    Args:
        folder: ``<data_dir>/monitor``; made where it is missing.
        kind: What is run: ``watch``, ``landuse`` …
        name: Its name, unique among its kind.

    Raises:
        InvalidName: nothing may be called so.
        CollectionLocked: another runs it at this moment; a job waits for it.
    """
    check_name(name, kind)
    make_folder(folder)
    descriptor = try_lock(folder / f".{kind}-{name}.lock")
    if descriptor is None:
        raise CollectionLocked(
            f"{kind} {name}: another process runs it at this moment; try again later"
        )
    try:
        yield
    finally:
        os.close(descriptor)
