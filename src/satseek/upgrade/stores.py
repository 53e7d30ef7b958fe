"""A data folder → its stores, and the number of the format that each of them has.

Does not change anything. What can be made again from the rest (codes, caches, logins, what engines
were measured at) has no place here: readers that do not know it make it anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import DamagedData, FolderNotFound, FormatTooNew
from satseek.formats import FIRST, check_format, format_of, is_marked
from satseek.index import spec
from satseek.index.collection import list_collections
from satseek.index.milvus.pointing import POINTER, is_attached
from satseek.index.opening import format_of_collection
from satseek.index.reading import DATABASE
from satseek.jobs import answers, tables
from satseek.jobs.queues import FILE as JOBS
from satseek.jobs.working import FOLDER as JOBS_FOLDER
from satseek.model.activation import HISTORY
from satseek.monitor.delivery.rows import OUTBOX
from satseek.monitor.findings.rows import PART as FINDINGS
from satseek.monitor.runs import run as runs
from satseek.monitor.runs.keeping import FACTS
from satseek.monitor.runs.keeping import FOLDER as RUNS
from satseek.monitor.samples.rows import PART as SAMPLES
from satseek.monitor.tables import DATABASE as MONITOR
from satseek.monitor.tables import FOLDER as MONITOR_FOLDER
from satseek.monitor.watch.rows import PART as WATCHES
from satseek.search import concepts
from satseek.service.access import audit, keyrows
from satseek.service.access.keys import FILE_NAME as KEYS
from satseek.upgrade.databases import number_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.monitor.tables import Part
    from satseek.upgrade.releases import Kind

PARTS: dict[Kind, Part] = {
    "findings": FINDINGS,
    "watches": WATCHES,
    "samples": SAMPLES,
    "outbox": OUTBOX,
}
"""Parts of the room's database, by the kind of store."""

NEWEST: dict[Kind, int] = {
    "collection": spec.FORMAT_VERSION,
    "pointer": 1,
    "jobs": tables.LAYOUT,
    "answers": answers.LAYOUT,
    "keys": keyrows.LAYOUT,
    "audit": audit.FORMAT,
    "concepts": concepts.FORMAT,
    "models": 1,
    **{kind: len(part.layouts) for kind, part in PARTS.items()},
    "runs": runs.FORMAT,
    "uploads": 1,
}
"""What this release writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Something in a data folder that has a format of its own."""

    kind: Kind
    """What it is."""
    path: Path
    """File or folder."""
    format: int
    """Number of the format that it has now."""
    numbered: bool = True
    """False: it carries no number; what 0.1.0 wrote so is format 1."""
    damage: str = ""
    """What is wrong with it, where nobody can tell what format it has; the number means nothing."""

    @property
    def newest(self) -> int:
        """Number of the format that this release writes."""
        return NEWEST[self.kind]

    @property
    def is_current(self) -> bool:
        """True where there is nothing that could be done."""
        if self.damage:
            return True
        return self.format == self.newest and self.numbered

    def check(self) -> None:
        """Refuse what a later release has written; raises FormatTooNew."""
        check_format(self.path, self.format, self.newest)


def stores_of(data_dir: Path) -> list[Store]:
    """Look at every store of a data folder; one that is damaged says so, and keeps no other back.

    Raises:
        FolderNotFound: there is none.
    """
    if not data_dir.is_dir():
        raise FolderNotFound(f"{data_dir}: expected a data folder, such as `satseek index` makes")
    return [
        *_databases(data_dir),
        *_marked(data_dir),
        *_documents(data_dir),
        *_collections(data_dir / "collections"),
    ]


def refuse_newer(stores: list[Store]) -> None:
    """Refuse a data folder with anything in it that a later release has written.

    Raises:
        FormatTooNew: says what.
    """
    newer = [one for one in stores if one.format > one.newest]
    if not newer:
        return
    try:
        newer[0].check()
    except FormatTooNew as error:
        more = f" (and {len(newer) - 1} more stores)" if newer[1:] else ""
        raise FormatTooNew(f"{error}{more}") from error


def _databases(data_dir: Path) -> Iterator[Store]:
    numbered: tuple[tuple[Kind, Path, Callable[[Path], int | None]], ...] = (
        ("keys", data_dir / KEYS, _number_or_none),
        ("jobs", data_dir / JOBS_FOLDER / JOBS, number_of),  # its layout 0 is another one
        ("answers", data_dir / JOBS_FOLDER / "answers.sqlite", _number_or_none),
    )
    for kind, path, look in numbered:
        if path.is_file() and path.stat().st_size:
            yield _seen(kind, path, look, path)
    path = data_dir / MONITOR_FOLDER / MONITOR
    if path.is_file():
        yield from _parts(path)


def _parts(path: Path) -> Iterator[Store]:
    try:
        there = parts_of(path)
    except DamagedData as error:
        yield Store(kind="findings", path=path, format=0, numbered=False, damage=str(error))
        return
    for kind, part in PARTS.items():
        if part.name in there:
            yield Store(kind=kind, path=path, format=there[part.name])


def _marked(data_dir: Path) -> Iterator[Store]:
    folders: tuple[tuple[Kind, Path], ...] = (
        ("audit", data_dir / audit.FOLDER),
        ("concepts", data_dir / "concepts"),
    )
    for kind, folder in folders:
        if folder.is_dir():
            yield _seen(kind, folder, _mark_or_none, folder)


def _documents(data_dir: Path) -> Iterator[Store]:
    named: tuple[tuple[Kind, Path, str], ...] = (
        ("models", data_dir / "models" / HISTORY, "format"),
        *(("runs", path, "format") for path in _below(data_dir, f"{RUNS}/*/*/{FACTS}")),
        *(("uploads", path, "layout") for path in _below(data_dir, "uploads/*/upload.json")),
    )
    for kind, path, field in named:
        if path.is_file():
            yield _seen(kind, path, _number_in, path, field)


def _seen(kind: Kind, path: Path, look: Callable[..., int | None], *given: object) -> Store:
    """Look at a store: its number, None where it carries none, or the damage that is found."""
    try:
        number = look(*given)
    except DamagedData as error:
        return Store(kind=kind, path=path, format=0, numbered=False, damage=str(error))
    if number is None:
        return Store(kind=kind, path=path, format=FIRST, numbered=False)
    return Store(kind=kind, path=path, format=number)


def _number_or_none(path: Path) -> int | None:
    return number_of(path) or None


def _mark_or_none(folder: Path) -> int | None:
    number = format_of(folder)
    return number if is_marked(folder) else None


def _below(data_dir: Path, pattern: str) -> list[Path]:
    return sorted((data_dir / MONITOR_FOLDER).glob(pattern))


def _collections(folder: Path) -> Iterator[Store]:
    for name in list_collections(folder):
        path = folder / name
        if is_attached(path):
            yield _seen("pointer", path / POINTER, _number_in, path / POINTER, "format")
        elif (path / DATABASE).is_file():
            yield _seen("collection", path, format_of_collection, path)


def _number_in(path: Path, field: str) -> int:
    """Read a document's number; 1 where it has none."""
    try:
        number = int(json.loads(path.read_text(encoding="utf-8")).get(field, 1))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DamagedData(f"{path}: expected a document of satseek, came {error}") from error
    if number < 1:
        raise DamagedData(f"{path}: expected a format from 1 on, came {number}")
    return number


def state_of(store: Store) -> str:
    """Say in a word or two what is to be done with a store."""
    if store.damage:
        return "damaged"
    if store.format > store.newest:
        return "too new"
    if store.format < store.newest:
        return "to be raised"
    return "current" if store.numbered else "to be numbered"
