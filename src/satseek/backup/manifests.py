"""What a backup holds ⇄ a small file that names it all, and says itself whether it is whole.

Does not know where any of it lies.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from satseek.backup.blocks import is_digest
from satseek.errors import DamagedData
from satseek.formats import check_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FORMAT = 1
"""Raised whenever an older satseek could not read a repository."""

_MOST_MODE = 0o7777
"""Of a file's permissions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """One file of the data folder."""

    path: str
    """In the data folder, with ``/``."""
    bytes: int
    """Its size."""
    mode: int
    """Its permissions."""
    blocks: tuple[str, ...]
    """SHA-256 of its pieces, in order."""
    seen: tuple[int, ...] = ()
    """Inode, size and times of the file that was read, which is not read again while they are the
    same; empty: of a copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCollection:
    """One collection of a backup."""

    name: str
    """Its name."""
    generation: int
    """Which of its generations."""
    chips: int
    """Chips that it finds."""
    model: str
    """``NAME@VERSION`` that made its vectors; searching it takes that model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup of a data folder, whole."""

    id: str
    """When it began, UTC, and chance; or a moment after the one before, where a clock was set back:
    later ones come later by name, too."""
    started: datetime
    """UTC."""
    finished: datetime
    """UTC."""
    satseek: str
    """Version that made it."""
    host: str
    """Machine that it was made on."""
    files: int
    """Files in it."""
    bytes: int
    """Their sizes, added up: what a restore writes."""
    bytes_added: int
    """What it took in the repository, beside the backups that were there."""
    collections: tuple[KeptCollection, ...]
    """Collections in it, by name; without those that live in a Milvus."""
    left_out: tuple[str, ...]
    """What is not in it although it lay in the data folder, one line each."""
    listing: tuple[str, ...]
    """Pieces of the list of its files."""


def backup_text(backup: Backup) -> str:
    """Write a backup's file."""
    fields = asdict(backup)
    fields |= {"started": backup.started.isoformat(), "finished": backup.finished.isoformat()}
    said = {"format": FORMAT, **fields}
    return json.dumps({**said, "sha256": _digest(said)}, indent=1) + "\n"


def backup_of(text: str, what: object) -> Backup:
    """Read a backup's file.

    Args:
        text: All of it.
        what: The file, for messages.

    Raises:
        DamagedData: it is not what was written.
        FormatTooNew: a newer satseek has written it.
    """
    try:
        said: dict[str, Any] = json.loads(text)
        version, digest = said.pop("format"), said.pop("sha256")
        check_format(what, version, FORMAT)
        if _digest({"format": version, **said}) != digest:
            raise DamagedData(f"{what}: not what was written")
        said["started"] = datetime.fromisoformat(said["started"])
        said["finished"] = datetime.fromisoformat(said["finished"])
        said["collections"] = tuple(_collection(one) for one in said["collections"])
        return Backup(**_checked(said, _OF_BACKUP))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedData(f"{what}: expected a backup, came {error!r}") from error


def listing_of(files: Iterable[KeptFile]) -> bytes:
    """Write the list of a backup's files: a line each, by path."""
    ordered = sorted(files, key=lambda one: one.path)
    return "".join(f"{json.dumps(asdict(one))}\n" for one in ordered).encode()


def files_in(listing: bytes, what: object) -> list[KeptFile]:
    """Read the list of a backup's files.

    Raises:
        DamagedData: it is none, or names something outside of a data folder, or the same twice.
    """
    try:
        files = [_file(json.loads(line)) for line in listing.splitlines()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedData(f"{what}: expected a list of files, came {error}") from error
    paths = {one.path for one in files}
    if len(paths) != len(files):
        raise DamagedData(f"{what}: expected a list of files, came the same path twice")
    above = {str(one) for path in paths for one in PurePosixPath(path).parents}
    if paths & above:
        raise DamagedData(f"{what}: expected a file, came a folder: {min(paths & above)!r}")
    return files


def _file(said: dict[str, Any]) -> KeptFile:
    said.pop("block_bytes", None)  # which was written once, and nobody read
    return KeptFile(**_checked(said, _OF_FILE))


def _collection(said: dict[str, Any]) -> KeptCollection:
    return KeptCollection(**_checked(said, _OF_COLLECTION))


def _checked(said: dict[str, Any], kinds: Mapping[str, Callable[[Any], bool]]) -> dict[str, Any]:
    """Go on only where each field is what it must be; lists become tuples; raises ValueError."""
    for name, is_one in kinds.items():
        if not is_one(said[name]):
            raise ValueError(f"{name} {str(said[name])[:80]!r}")
    return {name: tuple(one) if isinstance(one, list) else one for name, one in said.items()}


def _is_text(one: object) -> bool:
    return isinstance(one, str)


def _is_count(one: object) -> bool:
    return isinstance(one, int) and not isinstance(one, bool) and one >= 0


def _is_mode(one: object) -> bool:
    return _is_count(one) and one <= _MOST_MODE  # type: ignore[operator]


def _is_path(one: object) -> bool:
    """Tell whether something is a path in a data folder, as it is written down."""
    if not isinstance(one, str) or "\0" in one:
        return False
    os.fsencode(one)  # raises a ValueError where no file can be called so
    path = PurePosixPath(one)
    leads_away = path.is_absolute() or ".." in path.parts or not path.parts
    return not leads_away and path.as_posix() == one


def _list_of(is_one: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda one: isinstance(one, list) and all(map(is_one, one))


_OF_FILE: Mapping[str, Callable[[Any], bool]] = {
    "path": _is_path,
    "bytes": _is_count,
    "mode": _is_mode,
    "blocks": _list_of(is_digest),
    "seen": _list_of(lambda one: isinstance(one, int)),
}

_OF_COLLECTION: Mapping[str, Callable[[Any], bool]] = {
    "name": _is_text,
    "generation": _is_count,
    "chips": _is_count,
    "model": _is_text,
}

_OF_BACKUP: Mapping[str, Callable[[Any], bool]] = {
    "id": _is_text,
    "satseek": _is_text,
    "host": _is_text,
    "files": _is_count,
    "bytes": _is_count,
    "bytes_added": _is_count,
    "left_out": _list_of(_is_text),
    "listing": _list_of(is_digest),
}


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
