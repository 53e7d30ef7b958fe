"""What do backups of a collection of 100,000 chips take, and what does bringing it back?

Backs a data folder up by the product's own functions: all of it; again, when nothing was added;
again, when 1,000 chips were; again with everything read. Then all backups are read back, and the
last one is restored elsewhere and verified. Beside the first, the same bytes are copied by plain
reading and writing with a sync, which is what the disk can do. Seconds of the processor are told
beside those on the clock. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adding import BATCH, DIM, made_up, make_chips, make_vectors

from satseek.backup.making import make_backup
from satseek.backup.repository import LATEST, Repository
from satseek.backup.restoring import restore_backup
from satseek.backup.verifying import verify_backups
from satseek.index import CollectionSpec, create_collection, open_collection
from satseek.types import GridSpec, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

CHIPS = 100_000
SPEC = CollectionSpec(
    name="county",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(1, 2, 3), stretch="none", low=0, high=255),
    grid=GridSpec(crs="EPSG:4326", chip_px=256, stride_px=256, pixel_size=None),
    min_valid=0.5,
)


def make(data: Path, chips: int) -> None:
    """Fill a collection, and have it coded as the first search does."""
    rng, centres = made_up(1)
    (data / "collections").mkdir(parents=True)
    with create_collection(data / "collections" / "county", SPEC) as collection:
        for start in range(0, chips, BATCH):
            collection.add(make_chips(start), make_vectors(rng, centres, BATCH))
        collection.prepare()


def add(data: Path, start: int) -> None:
    """Add another batch."""
    rng, centres = made_up(2)
    with open_collection(data / "collections" / "county", mode="write") as collection:
        collection.add(make_chips(start), make_vectors(rng, centres, BATCH))


def backed_up(data: Path, folder: Path, *, reread: bool = False) -> dict[str, Any]:
    """Back up once more."""
    repository, begun, worked = Repository(folder), time.monotonic(), time.process_time()
    with repository.writing():
        made = make_backup(data, repository, reread=reread)
    seconds, cpu_s = time.monotonic() - begun, time.process_time() - worked
    return {
        "seconds": round(seconds, 2),
        "cpu_s": round(cpu_s, 2),
        "mb": round(made.backup.bytes / 1e6, 1),
        "mb_read": round(made.bytes_read / 1e6, 1),
        "mb_added": round(made.backup.bytes_added / 1e6, 1),
        "mb_per_s": round(made.backup.bytes / 1e6 / seconds, 1),
    }


def timed(what: Callable[[], object], megabytes: float) -> dict[str, float]:
    """Time something that reads or writes so much."""
    begun, worked = time.monotonic(), time.process_time()
    what()
    seconds, cpu_s = time.monotonic() - begun, time.process_time() - worked
    told = {"seconds": seconds, "cpu_s": cpu_s, "mb_per_s": megabytes / seconds}
    return {name: round(value, 2) for name, value in told.items()}


def copied(data: Path, to: Path) -> None:
    """Copy all files, and wait for the disk."""
    shutil.copytree(data, to)
    os.sync()


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--chips", type=int, default=CHIPS)
    chips = asked.parse_args().chips
    with tempfile.TemporaryDirectory(prefix="backup-") as room:
        data, folder = Path(room) / "data", Path(room) / "backups"
        make(data, chips)
        first = backed_up(data, folder)
        plain = timed(lambda: copied(data, Path(room) / "plain"), first["mb"])
        same = backed_up(data, folder)
        add(data, chips)
        more = backed_up(data, folder)
        reread = backed_up(data, folder, reread=True)
        repository = Repository(folder)
        kept = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / 1e6
        verified = timed(lambda: verify_backups(repository), kept)
        back = timed(
            lambda: restore_backup(repository, Path(room) / "restored", at=LATEST), more["mb"]
        )
    told = {
        "chips": chips,
        "dim": DIM,
        "first": first,
        "plain_copy_and_sync": plain,
        "nothing_changed": same,
        "1000_chips_added": more,
        "all_read_again": reread,
        "repository_mb_after_four": round(kept, 1),
        "verify": verified,
        "restore_and_verify": back,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
