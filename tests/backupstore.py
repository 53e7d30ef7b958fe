"""Makes a small data folder of made-up content, and takes the disk away from its backups.

Run as ``python -m backupstore FOLDER`` in a mount namespace of its own (``chaos.rooms.alone``) it
does the latter; prints one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from satseek.backup.making import make_backup
from satseek.backup.repository import LATEST, Repository
from satseek.backup.restoring import restore_backup
from satseek.backup.verifying import verify_backups
from satseek.errors import DiskFull
from satseek.index import Collection, CollectionSpec, create_collection, open_collection
from satseek.monitor.findings.pictures import Pictures
from satseek.types import Chip, GridSpec, Recipe, Window

DIM = 256
ROWS = 6_000
PICTURES = 60
ROOM_BYTES = 24 << 20
SPEC = CollectionSpec(
    name="made",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(1, 2, 3), stretch="none", low=0, high=255),
    grid=GridSpec(crs="EPSG:32633", chip_px=64, stride_px=64, pixel_size=10.0),
    min_valid=0.5,
)


def make_data(data: Path, *, rows: int = ROWS, pictures: int = PICTURES) -> None:
    """Fill a data folder: a collection and pictures, some megabytes that do not compress."""
    (data / "collections").mkdir(parents=True)
    with create_collection(data / "collections" / "made", SPEC) as collection:
        add_rows(collection, 0, rows)
    kept = Pictures(data / "monitor")
    chance = np.random.default_rng(7)
    for _ in range(pictures):
        kept.keep(chance.integers(0, 255, (96, 96, 3), dtype=np.uint8))
    (data / "glossary.tsv").write_text("采石场\tthing\ta quarry\n", encoding="utf-8")


def add_rows(collection: Collection, start: int, count: int, *, at_once: int = 500) -> None:
    """Add chips number ``start`` and so on, a commit for each so many; the same each time."""
    for first in range(start, start + count, at_once):
        numbers = range(first, min(first + at_once, start + count))
        values = np.stack(
            [np.random.default_rng(one).standard_normal(DIM, dtype=np.float32) for one in numbers]
        )
        collection.add(
            [_chip(one) for one in numbers], values / np.linalg.norm(values, axis=1, keepdims=True)
        )


def _chip(number: int) -> Chip:
    return Chip(
        id=f"scene/{number:06d}",
        scene_id="scene",
        cell=f"{number}",
        scene_path="/scenes/scene.tif",
        window=Window(column=0, row=0, width=64, height=64),
        footprint=None,
        datetime=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
        valid_fraction=1.0,
    )


def contents(data: Path) -> dict[str, Any]:
    """Account for such a data folder."""
    with open_collection(data / "collections" / "made", mode="read") as collection:
        assert [] == collection.verify()
        digest = collection.digest()
    files = sorted((data / "monitor").rglob("*.png"))
    return {
        "collection": digest,
        "pictures": [hashlib.sha256(one.read_bytes()).hexdigest() for one in files],
        "glossary": (data / "glossary.tsv").read_text(encoding="utf-8"),
    }


def back_up(data: Path, folder: Path) -> int:
    """Back up; returns the bytes that it took."""
    repository = Repository(folder)
    with repository.writing():
        return make_backup(data, repository).backup.bytes_added


def restore(folder: Path, data: Path) -> None:
    """Restore the newest backup."""
    repository = Repository(folder)
    with repository.reading():
        restore_backup(repository, data, at=LATEST)


def starve(folder: Path, points: int) -> dict[str, Any]:
    """Back up and restore with room for one share after the other, then with room."""
    from chaos.rooms import Room  # noqa: PLC0415

    data = folder / "data"
    make_data(data)
    expected, refused, sound, left = contents(data), 0, 0, []
    room = Room(folder / "room", ROOM_BYTES)
    needed = back_up(data, folder / "calm")
    for _ in range(points):
        room.leave(needed // (points + 2))
        refused += _is_refused(lambda: back_up(data, room.folder / "backups"))
        room.give_back()
        sound += not verify_backups(Repository(room.folder / "backups")).damages
        left.append(len(set(Repository(room.folder / "backups").blocks.digests())))
    again = back_up(data, room.folder / "backups")
    restore(room.folder / "backups", folder / "restored")
    first = {"same": contents(folder / "restored") == expected, "again": again}
    shutil.rmtree(room.folder / "backups")
    small = room.folder / "restored"
    room.leave(needed // 2)
    refused_restore = _is_refused(lambda: restore(folder / "calm", small))
    visible = sorted(one.name for one in small.iterdir()) if small.is_dir() else []
    room.give_back()
    restore(folder / "calm", small)
    shutil.rmtree(small)
    mounted = Room(folder / "mounted" / "collections", ROOM_BYTES)
    (mounted.folder / "lost+found").mkdir()
    restore(folder / "calm", folder / "mounted")
    there = sorted(one.name for one in (folder / "mounted").iterdir())
    (room.folder / "data").mkdir()
    shutil.copytree(data, room.folder / "data", dirs_exist_ok=True)
    (room.folder / "data" / "backup.json").unlink(missing_ok=True)
    room.leave(100_000)  # readers of a database share some memory in a file beside it
    back_up(room.folder / "data", folder / "of-a-full-disk")
    return {
        **first,
        "needed": needed,
        "refused": refused,
        "sound": sound,
        "left": left,
        "refused_restore": refused_restore,
        "visible": visible,
        "mounted": contents(folder / "mounted") == expected,
        "there": there,
        "full": Repository(folder / "of-a-full-disk").ids(),
    }


def _is_refused(what: Any) -> bool:
    try:
        what()
    except DiskFull:
        return True
    return False


if __name__ == "__main__":
    sys.stdout.write(json.dumps(starve(Path(sys.argv[1]), int(sys.argv[2]))))
