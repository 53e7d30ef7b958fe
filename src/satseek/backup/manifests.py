"""What a backup holds ⇄ a small file that names it all, and says itself whether it is whole.

Does not know where any of it lies.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData
from satseek.formats import check_format

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT = 1
"""Raised whenever an older satseek could not read a repository."""


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
    block_bytes: int
    """Size of each piece but the last."""
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
    """When it began, UTC, and chance: later ones come later by name, too."""
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
        said["collections"] = tuple(KeptCollection(**one) for one in said["collections"])
        said |= {name: tuple(said[name]) for name in ("left_out", "listing")}
        return Backup(**said)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedData(f"{what}: expected a backup, came {error!r}") from error


def listing_of(files: Iterable[KeptFile]) -> bytes:
    """Write the list of a backup's files: a line each, by path."""
    ordered = sorted(files, key=lambda one: one.path)
    return "".join(f"{json.dumps(asdict(one))}\n" for one in ordered).encode()


def files_in(listing: bytes, what: object) -> list[KeptFile]:
    """Read the list of a backup's files.

    Raises:
        DamagedData: it is none, or names something outside of a data folder.
    """
    try:
        return [_file(json.loads(line)) for line in listing.splitlines()]
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedData(f"{what}: expected a list of files, came {error}") from error


def _file(said: dict[str, Any]) -> KeptFile:
    path = PurePosixPath(said["path"])
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in said["path"]:
        raise ValueError(f"a path that leads elsewhere: {said['path']!r}")
    said |= {name: tuple(said[name]) for name in ("blocks", "seen")}
    return KeptFile(**said)


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
