"""The folder that a use-case leaves → files of a job, one beside the other.

Does not know what is in them. A job's files have no folders: those within are packed, each into a
ZIP of its name.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from satseek.jobs.results import told

if TYPE_CHECKING:
    from pathlib import Path

PACKED = ".zip"
"""What the name of a packed folder ends with."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP knows: the same files give the same bytes."""


def gathered(folder: Path) -> list[dict[str, Any]]:
    """Pack folders within a try's folder, and tell all files for the job's result."""
    for one in sorted(folder.iterdir()):
        if one.is_dir():
            _pack(one)
            shutil.rmtree(one)
    return told(folder)


def _pack(folder: Path) -> None:
    with ZipFile(folder.with_name(folder.name + PACKED), "w", ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                named = ZipInfo(str(path.relative_to(folder)), date_time=_EPOCH)
                named.compress_type = ZIP_DEFLATED
                with path.open("rb") as source, packed.open(named, "w") as target:
                    shutil.copyfileobj(source, target)
