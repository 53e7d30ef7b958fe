"""Files that a job leaves → a folder of the try that made them, named in the job's result.

Does not know what is in them. Nobody sees a file before the queue has taken the result that names
it: what an abandoned try wrote, whole or half, is named by none, and the next try clears it away.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import JobNotFound
from satseek.model.durable import make_folder, room_named, sync_tree
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.jobs.protocol import Job

RESULTS = "results"
"""Folder of all jobs' files, in the data folder."""

FILES = "files"
"""Name under which a result tells its files."""

_TRY = "try-"
_JOB_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """One file that a job left."""

    name: str
    """As it is asked for."""
    path: Path
    """Where it lies."""
    bytes: int
    """Its size."""
    sha256: str
    """Of its bytes, 64 hex digits."""
    media_type: str
    """What it is."""


def folder_of(data_dir: Path, job_id: str) -> Path:
    """Folder of whatever a job leaves; need not be there."""
    return data_dir / RESULTS / job_id


@contextmanager
def new_try(results: Path) -> Iterator[Path]:
    """Lend an empty folder for the files of one try; where that fails, it is gone.

    What earlier tries left beside it goes: the queue takes no result of theirs any more.

    Raises:
        DiskFull: there is no room.
    """
    with room_named(results):
        make_folder(results)
        for former in results.glob(f"{_TRY}*"):
            shutil.rmtree(former, ignore_errors=True)
        folder = results / f"{_TRY}{secrets.token_hex(8)}"
        folder.mkdir()
    try:
        with room_named(results):
            yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def told(folder: Path, *, media_types: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Tell what lies in a try's folder, for the job's result, once it is on the disk.

    Args:
        folder: As ``new_try`` lent it; holds files alone.
        media_types: Of those that have one beside what their name says.
    """
    sync_tree(folder)
    sync(folder.parent)
    known = media_types or {}
    return [
        {
            "name": path.name,
            "bytes": path.stat().st_size,
            "sha256": _digest(path),
            "media_type": known.get(path.name) or _media_type(path.name),
            "path": f"{folder.name}/{path.name}",
        }
        for path in sorted(folder.iterdir())
    ]


def files_of(data_dir: Path, job: Job) -> list[ResultFile]:
    """List the files that a job left; none unless it is done."""
    folder = folder_of(data_dir, job.id)
    named = (job.result or {}).get(FILES) or ()
    return [
        ResultFile(
            name=str(one["name"]),
            path=folder / str(one["path"]),
            bytes=int(one["bytes"]),
            sha256=str(one["sha256"]),
            media_type=str(one["media_type"]),
        )
        for one in named
    ]


def open_file(data_dir: Path, job: Job, name: str) -> ResultFile:
    """Find a file that a job left.

    Raises:
        JobNotFound: it left none of that name, or it is gone from this machine's data folder.
    """
    left = files_of(data_dir, job)
    for one in left:
        if one.name == name and _lies_below(one.path, folder_of(data_dir, job.id)):
            return one
    names = ", ".join(one.name for one in left) or "none"
    raise JobNotFound(f"job {job.id} left no file {name[:100]!r} here; its files: {names}")


def sweep(data_dir: Path, is_kept: Callable[[str], bool]) -> int:
    """Clear away what forgotten jobs left; returns how many they were.

    Args:
        data_dir: The data folder.
        is_kept: Tells of a job's id whether the queue still knows it.
    """
    try:
        folders = [path for path in (data_dir / RESULTS).iterdir() if _JOB_ID.fullmatch(path.name)]
    except OSError:  # there are none
        return 0
    forgotten = [path for path in folders if not is_kept(path.name)]
    for path in forgotten:
        shutil.rmtree(path, ignore_errors=True)
    return len(forgotten)


def _lies_below(path: Path, folder: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
