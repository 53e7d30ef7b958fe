"""Files of parcels that came over a network → a folder that is ours, each under an id.

Does not know who may see which: an upload says whose it is. A file is there whole or not at all,
and only once it was read: what cannot be assessed is refused while its sender still waits.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import shapely

from satseek.errors import Conflict, DamagedData, NotFound
from satseek.formats import check_format
from satseek.model.durable import make_folder, room_named, sync_tree
from satseek.monitor.damage.parcels import Problem
from satseek.monitor.damage.parcels_reading import Reading
from satseek.monitor.damage.uploads_reading import UploadFormat, path_within, write_upload
from satseek.syncing import sync

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.damage.parcels import ParcelList

SIGN: Final = "upload:"
"""What names an upload where a file may be named as well: ``upload:ID``."""

MOST: Final = 200
"""Uploads of one person that are kept: some gigabytes at most, and more than one season's."""

TOLD: Final = 100
"""Oddities that are told of an upload; an assessment tells all."""

LEFT_SECONDS: Final = 86_400
"""A draft that is older was left behind by a process that was killed."""

LAYOUT: Final = 1
"""Number of the layout of what is told of an upload."""

_USUAL: Final = Reading()

_FOLDER: Final = "uploads"
_FACTS: Final = "upload.json"
_DRAFT: Final = "draft-"
_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file that was sent."""

    id: str
    """32 hex digits, drawn at random."""
    name: str
    """What its sender calls it."""
    form: UploadFormat
    """What it is."""
    bytes: int
    """Size of what was sent."""
    sha256: str
    """Of what was sent, 64 hex digits."""
    by: str
    """Name of whoever sent it: nobody else but administrators sees it."""
    uploaded: datetime
    """When, UTC."""
    parcels: int
    """Parcels that can be assessed."""
    policies: int
    """Different policies."""
    area_ha: float
    """Measured area of all parcels."""
    bbox: tuple[float, float, float, float]
    """West, south, east, north on WGS 84."""
    problems: tuple[Problem, ...]
    """What is odd about it, the first `TOLD`."""
    problem_count: int
    """How much is."""
    reading: Reading = _USUAL
    """How it was read, and is wherever nothing else is said."""

    def told(self) -> dict[str, Any]:
        """Give all of it as JSON, as every door does."""
        told: dict[str, Any] = asdict(self)
        form, uploaded = told.pop("form"), told.pop("uploaded").isoformat()
        ref, reading = f"{SIGN}{self.id}", asdict(self.reading)
        del told["reading"]
        return told | {"parcels_ref": ref, "format": form, "uploaded": uploaded} | reading


class Uploads:
    """The uploads of one data folder; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Take ``<data_dir>/monitor``; nothing is made before something is sent."""
        self.folder = folder / _FOLDER

    def add(self, content: bytes, *, name: str, by: str, reading: Reading = _USUAL) -> Upload:
        """Keep a file, once it was read.

        Args:
            content: All of it.
            name: What its sender calls it; folders of it are left out.
            by: Who sends it.
            reading: How it is to be read, now and by whoever names it later.

        Raises:
            InvalidRequest: it is no file of parcels, or one that leads elsewhere.
            DependencyMissing: reading it takes a package that is not installed.
            Conflict: they have sent too many.
            DiskFull: there is no room; nothing is kept.
        """
        if sum(one.by == by for one in self.all()) >= MOST:
            raise Conflict(f"expected at most {MOST} uploads of one person; remove some first")
        upload_id = secrets.token_hex(16)
        with room_named(self.folder.parent):
            make_folder(self.folder)
            self._sweep()
            draft = self.folder / f"{_DRAFT}{upload_id}"
            draft.mkdir()
            try:
                path, form = write_upload(content, draft)
                found = reading.read(path)
                upload = _described(found, content, upload_id, name=name, by=by, form=form)
                upload = replace(upload, reading=reading)
                (draft / _FACTS).write_text(_text(upload), encoding="utf-8")
                sync_tree(draft)
                draft.rename(self.folder / upload_id)
                sync(self.folder)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return upload

    def all(self) -> list[Upload]:
        """Give all uploads, the newest first."""
        try:
            names = [one.name for one in self.folder.iterdir() if _ID.fullmatch(one.name)]
        except FileNotFoundError:
            return []
        found = (self._read(name) for name in names)
        there = [one for one in found if one is not None]
        return sorted(there, key=lambda one: (one.uploaded, one.id), reverse=True)

    def get(self, upload_id: str) -> Upload:
        """Give an upload by its id, with or without the sign before it; raises NotFound."""
        own = upload_id.removeprefix(SIGN)
        found = self._read(own) if _ID.fullmatch(own) else None
        if found is None:
            raise NotFound(f"no upload {own[:32]!r}; send the file again")
        return found

    def path_of(self, upload_id: str) -> Path:
        """Say where the file of an upload lies; raises NotFound."""
        upload = self.get(upload_id)
        return path_within(self.folder / upload.id, upload.form)

    def remove(self, upload_id: str) -> None:
        """Forget an upload; what was found with it stays. Raises NotFound."""
        upload = self.get(upload_id)
        gone = self.folder / f"{_DRAFT}{upload.id}"
        (self.folder / upload.id).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _read(self, upload_id: str) -> Upload | None:
        try:
            return _upload_of((self.folder / upload_id / _FACTS).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _sweep(self) -> None:
        oldest = time.time() - LEFT_SECONDS
        for one in self.folder.glob(f"{_DRAFT}*"):
            try:
                if one.stat().st_mtime < oldest:
                    shutil.rmtree(one, ignore_errors=True)
            except FileNotFoundError:  # its own sender has just ended
                continue


def _described(
    found: ParcelList, content: bytes, upload_id: str, *, name: str, by: str, form: UploadFormat
) -> Upload:
    west, south, east, north = shapely.total_bounds([one.shape for one in found.parcels]).tolist()
    plain = PurePath(name.replace("\\", "/")).name[:200]
    return Upload(
        id=upload_id,
        name=plain or "parcels",
        form=form,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        by=by,
        uploaded=datetime.now(UTC),
        parcels=len(found),
        policies=len({one.policy for one in found.parcels}),
        area_ha=round(sum(one.area_ha for one in found.parcels), 4),
        bbox=(west, south, east, north),
        problems=found.problems[:TOLD],
        problem_count=len(found.problems),
    )


def _text(upload: Upload) -> str:
    said = {"layout": LAYOUT, **asdict(upload)}
    return json.dumps(said, ensure_ascii=False, default=str)


def _upload_of(text: str) -> Upload:
    try:
        read: dict[str, Any] = json.loads(text)
        check_format("an upload", read.pop("layout", 1), LAYOUT)
        problems = tuple(Problem(**one) for one in read.pop("problems"))
        uploaded = datetime.fromisoformat(read.pop("uploaded"))
        west, south, east, north = read.pop("bbox")
        bbox = (west, south, east, north)
        reading = Reading(**read.pop("reading", {}))  # those sent before it was kept have none
        return Upload(**read, bbox=bbox, problems=problems, uploaded=uploaded, reading=reading)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedData(f"expected an upload as it was written, came {error}") from error
