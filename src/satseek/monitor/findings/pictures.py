"""What a scene shows of a finding → PNG files named by what is in them, that outlive the scene.

Does not know how findings are kept. A file is there whole or not at all, and never changes.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
from typing import TYPE_CHECKING

from PIL import Image

from satseek.errors import DamagedData, NotFound, UnreadableImage
from satseek.imagery.digests import current_digest
from satseek.index.schema import storage_errors
from satseek.model.durable import make_folder
from satseek.monitor.findings.finding import Evidence
from satseek.monitor.findings.picturing import Sights
from satseek.monitor.findings.surrounding import frame_around
from satseek.syncing import sync

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.monitor.findings.finding import Side
    from satseek.types import BBox, GeoJSON, Pixels

FOLDER = "pictures"
"""Of the room's folder."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Pictures:
    """The pictures of one data folder; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Take ``<data_dir>/monitor``; pictures lie below it, made when the first one is kept."""
        self._folder = folder / FOLDER
        self.sights = Sights()
        """What draws those of findings."""

    def keep(self, pixels: Pixels) -> str:
        """Write a picture as PNG; returns its SHA-256 when it is on the disk.

        One that is there already is young again: see `sweeping`.

        Raises:
            DiskFull: there is no room.
        """
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, format="PNG")
        content = out.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        with storage_errors(path):
            try:
                os.utime(path)
            except FileNotFoundError:
                _write(path, content)
        return digest

    def path(self, digest: str) -> Path:
        """Say where a picture lies, or would.

        Raises:
            NotFound: no picture can have that name.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"no picture {digest[:80]!a}: expected a SHA-256")
        return self._folder / digest[:2] / f"{digest}.png"

    def read(self, digest: str) -> bytes:
        """Give the PNG.

        Raises:
            NotFound: there is none.
            DamagedData: it is not what was written.
        """
        path = self.path(digest)
        with storage_errors(path):
            try:
                content = path.read_bytes()
            except FileNotFoundError as error:
                raise NotFound(f"{path}: no such picture; restore it from a backup") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise DamagedData(f"{path}: not what was written; restore it from a backup")
        return content


def evidence_of(
    chip_id: str,
    side: Side,
    *,
    collection: Collection,
    pictures: Pictures,
    around: GeoJSON | None = None,
) -> Evidence:
    """Keep a picture of what was seen on the day of a chip, and tell of it.

    Args:
        chip_id: Chip of the collection.
        side: Which of both dates it shows.
        collection: Where it is indexed.
        pictures: Where the picture is kept.
        around: GeoJSON (Multi)Polygon on WGS 84, the finding's footprint: the picture shows the
            ground around it, the same at both dates, whatever their scenes' grids, and what other
            scenes of the same day show of it; None: the chip.

    Returns:
        Without a picture where the scene is gone or changed; what it shows was found all the same.

    Raises:
        ChipNotFound: the collection has no such chip.
        DiskFull: there is no room.
    """
    (chip,) = collection.chips([collection.row_of(chip_id)])
    scene = collection.scene(chip.scene_id)
    digest = ""
    bounds: BBox | None = None
    try:
        if current_digest(scene) == scene.digest:
            frame = None if around is None else frame_around(around)
            pixels, bounds = pictures.sights.draw(chip, collection=collection, around=frame)
            digest = pictures.keep(pixels)
    except UnreadableImage:
        bounds = None
    return Evidence(
        side=side,
        chip_id=chip.id,
        scene=scene.id,
        datetime=chip.datetime,
        picture=digest,
        bounds=bounds,
    )


def _write(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    draft = path.with_name(f".{path.stem}-{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content)
        sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)
