"""Who may only read sees what is committed, says so where that cannot be seen, and never mixes."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import Overloaded, SatseekError
from satseek.index import CollectionSpec, create_collection, open_collection
from satseek.types import Chip, GridSpec, Recipe, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.index import Collection
    from satseek.types import Vectors

NOBODY = 65_534
DIM = 16
SPEC = CollectionSpec(
    name="mounted",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
    grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
    min_valid=0.5,
)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="to become nobody one has to be root: sudo is not on this machine"
)


def units(seed: int, n: int) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    unit: Vectors = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit


def chips(start: int, n: int) -> list[Chip]:
    return [
        Chip(
            id=f"s/{number}",
            scene_id="s",
            cell=f"{number}",
            scene_path="/s.tif",
            window=Window(column=0, row=0, width=8, height=8),
            footprint=None,
            datetime=None,
            valid_fraction=1.0,
        )
        for number in range(start, start + n)
    ]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A collection that everybody may read and its owner alone may write to."""
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        with create_collection(Path(root) / "mounted", SPEC) as made:
            made.add(chips(0, 20), units(0, 20))
        (Path(root) / "mounted").chmod(0o755)
        yield Path(root) / "mounted"


def as_nobody(look: Callable[[], object]) -> str:
    """Give what somebody is told who may only read."""
    told, tells = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setuid(NOBODY)
            os.write(tells, str(look()).encode())
        except SatseekError as error:
            os.write(tells, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(tells)
    with closing(os.fdopen(told)) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def seen(folder: Path) -> str:
    """Tell how many chips there are, whether each is found, and whether all is sound."""
    with open_collection(folder, mode="read") as collection, collection.pinned() as pinned:
        count = len(pinned)
        found = pinned.search(units(0, 20), k=1).rows[:, 0].tolist() == list(range(20))
    return f"{count} {found}"


def test_a_collection_at_rest_can_be_read(folder: Path) -> None:
    assert "20 True" == as_nobody(lambda: seen(folder))
    assert not list(folder.glob("*-wal"))


def test_commits_of_a_living_writer_are_seen(folder: Path) -> None:
    with open_collection(folder, mode="write") as writer:
        for more in range(1, 4):
            writer.add(chips(20 * more, 20), units(more, 20))
            assert f"{20 * (more + 1)} True" == as_nobody(lambda: seen(folder))
    assert "80 True" == as_nobody(lambda: seen(folder))


def test_a_reader_who_was_there_first_follows_a_writer_that_comes_later(folder: Path) -> None:
    asked, asks = os.pipe()
    told, tells = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setuid(NOBODY)
            with open_collection(folder, mode="read") as collection:
                for _ in range(4):
                    os.read(asked, 1)
                    os.write(tells, f"{len(collection):04d}".encode())
        finally:
            os._exit(0)

    def look() -> int:
        os.write(asks, b"?")
        return int(os.read(told, 4))

    assert 20 == look()
    with open_collection(folder, mode="write") as writer:
        writer.add(chips(20, 20), units(1, 20))
        assert 40 == look()
        writer.remove(["s/3"])
        assert 39 == look()
        writer.compact()
    assert 39 == look()
    os.waitpid(child, 0)
    for end in (asked, asks, told, tells):
        os.close(end)


def killed_after_adding(folder: Path) -> None:
    child = os.fork()
    if not child:
        writer = open_collection(folder, mode="write")
        writer.add(chips(20, 20), units(1, 20))
        os._exit(9)
    os.waitpid(child, 0)
    assert (folder / "collection.sqlite-wal").stat().st_size > 0


def test_commits_of_a_killed_writer_are_seen_or_asked_for(folder: Path) -> None:
    killed_after_adding(folder)
    assert "40 True" == as_nobody(lambda: seen(folder))
    (folder / "collection.sqlite-shm").unlink()
    refused = as_nobody(lambda: seen(folder))
    assert refused.startswith("SatseekError: ")
    assert "its last commits lie in a log that cannot be read from a read-only folder" in refused
    open_collection(folder, mode="read").close()  # where it can be written
    assert "40 True" == as_nobody(lambda: seen(folder))


def rewritten_meanwhile(folder: Path) -> object:
    """Read on while somebody who could not be noticed writes all of it anew."""

    def others(collection: Collection) -> str:
        with collection.pinned() as pinned:
            first = len(pinned)
            writer = os.fork()
            if not writer:
                try:
                    os.seteuid(0)
                    with open_collection(folder, mode="write") as target:
                        target.remove([f"s/{number}" for number in range(10)])
                        target.add(chips(100, 500), units(5, 500))
                        target.compact()
                finally:
                    os._exit(0)
            os.waitpid(writer, 0)
            pinned.page(after=-1, limit=1_000)
            return f"{first}, and nobody noticed"

    os.setresuid(NOBODY, NOBODY, 0)
    with open_collection(folder, mode="read") as collection:
        try:
            return others(collection)
        except Overloaded as error:
            return f"{error}, then {len(collection)}"


def test_what_is_read_without_a_lock_is_refused_once_it_was_written_to(folder: Path) -> None:
    told, tells = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(tells, str(rewritten_meanwhile(folder)).encode())
        finally:
            os._exit(0)
    os.close(tells)
    with closing(os.fdopen(told)) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said.endswith("somebody began to write to it while it was read, ask again, then 510")
