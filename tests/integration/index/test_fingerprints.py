"""No two generations have the same fingerprint, whoever counts them and however they are read."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.collection import Collection, CollectionSpec, create_collection, open_collection
from satseek.types import Chip, GridSpec, Recipe, Window

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.types import Vectors

DIM = 8
RECIPE = Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255)
GRID = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None)


def make(folder: Path, name: str = "small") -> Collection:
    spec = CollectionSpec(
        name=name,
        model_name="model",
        model_version="0123456789ab",
        dim=DIM,
        recipe=RECIPE,
        grid=GRID,
        min_valid=0.5,
    )
    return create_collection(folder, spec)


def chips(*names: str) -> list[Chip]:
    return [
        Chip(
            id=name,
            scene_id="scene",
            cell=name,
            scene_path="scene.tif",
            window=Window(column=0, row=0, width=256, height=256),
            footprint=None,
            datetime=None,
            valid_fraction=1.0,
        )
        for name in names
    ]


def units(seed: int, count: int) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def fingerprint(collection: Collection) -> str:
    with collection.pinned() as pinned:
        return pinned.fingerprint


def afresh(folder: Path) -> str:
    """As somebody finds it who opens the collection now."""
    with open_collection(folder, mode="read") as collection:
        return fingerprint(collection)


def test_every_change_changes_it_and_every_reader_finds_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    with make(folder) as writer, open_collection(folder, mode="read") as reader:
        seen = [fingerprint(reader)]
        for seed in range(4):
            writer.add(chips(f"{seed} a", f"{seed} b"), units(seed, 2))
            seen += [fingerprint(reader)]
        writer.remove(["1 a"])
        seen += [fingerprint(reader)]
        writer.add(chips("2 a"), units(9, 1))
        seen += [fingerprint(reader)]
        assert seen[-1] == fingerprint(reader) == fingerprint(writer) == afresh(folder)
    assert len(seen) == len(set(seen))


def test_an_older_generation_still_has_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    with make(folder) as writer, ExitStack() as stack:
        writer.add(chips("a"), units(1, 1))
        expected = afresh(folder)
        older = stack.enter_context(writer.pinned())
        writer.add(chips("b"), units(2, 1))
        newer = fingerprint(writer)
        assert older.fingerprint == expected != newer == afresh(folder)
        assert newer == fingerprint(writer)


def test_the_same_number_of_changes_to_other_collections_is_another(tmp_path: Path) -> None:
    cases = (("small", "ab", 1), ("small", "ab", 2), ("small", "ac", 1), ("other", "ab", 1))
    seen = set()
    for number, (name, ids, seed) in enumerate(cases):
        with make(tmp_path / str(number), name) as collection:
            collection.add(chips(*ids), units(seed, 2))
            seen.add(fingerprint(collection))
    assert len(cases) == len(seen)


def test_copies_that_went_their_own_ways_differ(tmp_path: Path) -> None:
    with make(tmp_path / "one") as collection:
        collection.add(chips("a", "b", "c"), units(1, 3))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert afresh(tmp_path / "one") == afresh(tmp_path / "two")
    for folder, gone in (("one", "a"), ("two", "b")):
        with open_collection(tmp_path / folder, mode="write") as collection:
            collection.remove([gone])
    assert afresh(tmp_path / "one") != afresh(tmp_path / "two")
