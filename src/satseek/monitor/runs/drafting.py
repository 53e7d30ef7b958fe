"""What a run found → a folder with all of it, on the disk, before anybody sees it.

Does not know what a run is of. Tables are lines of JSON, so that a page of a hundred thousand
parcels is read from the middle of a file.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import shutil
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from satseek.model.durable import make_folder, sync_tree
from satseek.monitor.runs.folders import MEDIA_TYPES
from satseek.monitor.runs.run import KeptFile, KeptRun
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.monitor.runs.run import RunKind

FILES, TABLES, ARRAYS = "files", "tables", "arrays"
"""Folders of a run."""

Row: TypeAlias = dict[str, Any]
"""One line of a table, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What is to be kept of a run."""

    kind: RunKind
    """Of what."""
    name: str
    """Of the run."""
    collection: str
    """What it looked at."""
    made_at: datetime
    """When, timezone-aware."""
    operator: str = ""
    """Who asked for it."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it found, as JSON."""
    tables: Mapping[str, Iterable[Row]] = field(default_factory=dict)
    """Rows by the table's name, each as JSON."""
    arrays: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    """Rasters by name."""


def drafted(
    outcome: Outcome, files: Path, names: Iterable[str], draft: Path, *, stamp: str
) -> KeptRun:
    """Write all of a run into an empty place; nobody sees it before it has its name."""
    for part in (TABLES, ARRAYS, FILES):
        (draft / part).mkdir(parents=True)
    tables = {
        name: _write_table(draft / TABLES / f"{name}.jsonl", rows)
        for name, rows in outcome.tables.items()
    }
    for name, values in outcome.arrays.items():
        np.save(draft / ARRAYS / f"{name}.npy", values, allow_pickle=False)
    kept = tuple(_copied(files, names, draft / FILES))
    for part in (TABLES, ARRAYS):
        sync_tree(draft / part)
    sync(draft)
    return KeptRun(
        kind=outcome.kind,
        name=outcome.name,
        collection=outcome.collection,
        made_at=outcome.made_at.astimezone(UTC),
        operator=outcome.operator,
        stamp=stamp,
        facts=outcome.facts,
        tables=tables,
        files=kept,
    )


def _write_table(path: Path, rows: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
            count += 1
    return count


def _copied(files: Path, names: Iterable[str], target: Path) -> Iterator[KeptFile]:
    """Copy what a run left: a file that somebody changes later stays as it was here."""
    for name in sorted(set(names)):
        place = target / name
        make_folder(place.parent)
        shutil.copyfile(files / name, place)
        sync(place)
        with place.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        media_type = MEDIA_TYPES.get(place.suffix) or mimetypes.guess_type(name)[0]
        yield KeptFile(
            name=name,
            bytes=place.stat().st_size,
            sha256=digest,
            media_type=media_type or "application/octet-stream",
        )
        sync(place.parent)
