"""A process that indexes made-up scenes block by block, to be killed, starved and locked out.

Each verb is a way to die. Run as ``python indexing_process.py <verb> <folder> ...``.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a fork takes no threads along

import mmap

import numpy as np

from satseek.errors import CollectionNotFound, DiskFull, SatseekError
from satseek.index import Collection, CollectionSpec, bbox_area, create_collection, open_collection
from satseek.types import Chip, GridSpec, Recipe, Scene, Window

DIM = 64
SCENES = 3
BLOCKS = 12
CHIPS = 10
WIDE, WIDE_ROWS = 1024, 90
SPEC = CollectionSpec(
    name="killed",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(1, 2, 3), stretch="none", low=0, high=255),
    grid=GridSpec(crs="EPSG:32633", chip_px=64, stride_px=64, pixel_size=10.0),
    min_valid=0.5,
)


def scene(number: int, digest: str) -> Scene:
    """Make up a scene."""
    return Scene(
        id=f"scene-{number}",
        path=f"/scenes/{number}.tif",
        width=640,
        height=640,
        bands=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=(10.0, 0.0, 0.0, 0.0, -10.0, 0.0),
        nodata=None,
        datetime=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number),
        digest=digest,
    )


def block(of: Scene, number: int) -> tuple[list[Chip], np.ndarray]:
    """Make up the same chips and vectors of a scene's block every time."""
    rng = np.random.default_rng([number, *of.id.encode(), *of.digest.encode()])
    values = rng.standard_normal((CHIPS, DIM)).astype(np.float32)
    chips = [
        Chip(
            id=f"{of.id}/{number}-{place}",
            scene_id=of.id,
            cell=f"{number}-{place}",
            scene_path=of.path,
            window=Window(column=place * 64, row=number * 64, width=64, height=64),
            footprint=bbox_area(place, number, place + 1, number + 1),
            datetime=of.datetime,
            valid_fraction=1.0,
        )
        for place in range(CHIPS)
    ]
    return chips, values / np.linalg.norm(values, axis=1, keepdims=True)


def index_scene(collection: Collection, of: Scene) -> None:
    """Index what is left of a scene."""
    for number in range(collection.scene_progress(of).next_position, BLOCKS):
        chips, vectors = block(of, number)
        collection.add_block(
            of,
            chips,
            vectors,
            next_position=number + 1,
            skipped=1,
            finished=number == BLOCKS - 1,
        )


def index_all(folder: Path, digest: str) -> None:
    """Index what is left of every scene, in a new collection or the one there is."""
    try:
        opened = open_collection(folder, mode="write")
    except CollectionNotFound:
        opened = create_collection(folder, SPEC, rows_per_segment=256)
    with opened as collection:
        for number in range(SCENES):
            index_scene(collection, scene(number, digest))


def die_often(folder: Path, kills: int) -> None:
    """Let children index, kill each after a moment, check what it left, and go on.

    Contents follow each other until there were enough kills; prints kills and contents.
    """
    dice = random.Random(7)
    killed, turn = 0, 0
    while killed < kills:
        child = os.fork()
        if child == 0:
            index_all(folder, f"turn {turn}")
            os._exit(0)
        time.sleep(dice.uniform(0.002, 0.08))
        os.kill(child, signal.SIGKILL)
        if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            killed += 1
            check_folder(folder)
        else:
            turn += 1
    index_all(folder, f"turn {turn}")
    sys.stdout.write(f"{killed} {turn + 1}\n")


def check_folder(folder: Path) -> None:
    """Check what a killed process has left, if it came so far as to make a collection."""
    try:
        left = open_collection(folder, mode="read")
    except CollectionNotFound:
        return
    with left:
        check(left)


def check(left: Collection) -> None:
    """Stop unless only whole blocks are there and every byte is as written."""
    damages = left.verify()
    assert not damages, damages
    assert len(left) % CHIPS == 0, len(left)
    newest = {found.id: found for found in left.scenes()}
    progress = {name: left.scene_progress(found) for name, found in newest.items()}
    for name, come in progress.items():
        assert come.kept == come.next_position * CHIPS, (name, come)
        assert come.skipped == come.next_position, (name, come)
    assert sum(come.kept for come in progress.values()) == len(left)
    if len(left):
        query = left.sample(1)
        found = left.search(query, k=1)
        assert found.cosines[0, 0] > 0.999, found.cosines


def undisturbed(folder: Path, turns: int) -> None:
    """Index so many contents without any trouble."""
    for turn in range(turns):
        index_all(folder, f"turn {turn}")


def hold(folder: Path) -> None:
    """Keep the collection open for writing until killed."""
    with open_collection(folder, mode="write"):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        time.sleep(60)


def write_slowly(folder: Path) -> None:
    """Replace every scene again and again."""
    index_all(folder, "turn 0")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for turn in range(1, 1_000):
        index_all(folder, f"turn {turn}")


def starve(folder: Path, file_bytes: int) -> None:
    """Index until files may not grow any more; then with room again, in the same process."""
    with create_collection(folder, SPEC, rows_per_segment=256) as collection:
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, unlimited[1]))
        acknowledged = 0
        try:
            for number in range(BLOCKS):
                chips, vectors = block(scene(0, "turn 0"), number)
                collection.add_block(
                    scene(0, "turn 0"),
                    chips,
                    vectors,
                    next_position=number + 1,
                    skipped=1,
                    finished=False,
                )
                acknowledged += 1
        except SatseekError as error:
            sys.stdout.write(f"refused {acknowledged} {error}\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        check(collection)
        assert len(collection) == acknowledged * CHIPS, len(collection)
        for number in range(SCENES):
            index_scene(collection, scene(number, "turn 0"))
    index_all(folder, "turn 1")


def starve_again(folder: Path, file_bytes: int) -> None:
    """Put vectors of another length beside until files may not grow any more, then with room."""
    index_all(folder, "turn 0")
    with open_collection(folder, mode="write") as collection:
        old = collection.digest()
        rewriting = collection.rewriting()
        rewriting.begin(model_name="wide", model_version="1" * 12, dim=WIDE)
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, unlimited[1]))
        try:
            write_wide(collection)
        except DiskFull as error:
            sys.stdout.write(f"refused {rewriting.pending.next_row} {error}\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        assert collection.digest() == old
        check(collection)
    with open_collection(folder, mode="write") as collection:
        write_wide(collection)
        collection.rewriting().switch(lost="refuse", old="drop")
        assert collection.verify() == []
        assert collection.spec.dim == WIDE
        assert collection.search(collection.vectors([3]), k=1).rows[0, 0] == 3


def write_wide(collection: Collection) -> None:
    """Give every row that has none yet a vector of another length."""
    rewriting = collection.rewriting()
    start, stop = rewriting.pending.next_row, rewriting.pending.rows
    for first in range(start, stop, WIDE_ROWS):
        rows = np.arange(first, min(first + WIDE_ROWS, stop))
        values = np.random.default_rng(first).standard_normal((rows.size, WIDE))
        vectors = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
        rewriting.add(rows, vectors, next_row=int(rows[-1]) + 1, scene_id="", next_position=0)


def read_as_nobody(folder: Path) -> None:
    """Read without the right to write anything."""
    assert mmap.PAGESIZE  # loaded while the interpreter can still read its own files, as is
    np.random.default_rng(0)
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    assert not os.access(folder, os.W_OK)
    with open_collection(folder, mode="read") as collection:
        query = collection.sample(1)
        found = collection.search(query, k=1)
        sys.stdout.write(f"{len(collection)} {found.cosines[0, 0]:.5f} {collection.verify()}\n")
    try:
        open_collection(folder, mode="write")
    except SatseekError as error:
        sys.stdout.write(f"{type(error).__name__} {error}\n")


VERBS = {
    "die_often": lambda folder, kills: die_often(folder, int(kills)),
    "undisturbed": lambda folder, turns: undisturbed(folder, int(turns)),
    "hold": hold,
    "write_slowly": write_slowly,
    "starve": lambda folder, file_bytes: starve(folder, int(file_bytes)),
    "starve_again": lambda folder, file_bytes: starve_again(folder, int(file_bytes)),
    "read_as_nobody": read_as_nobody,
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
