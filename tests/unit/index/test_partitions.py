"""A partition's file is there as a whole or not at all, and says the same of the same work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import DamagedData, InvalidRequest, ModelMismatch
from satseek.index.halves import to_halves
from satseek.index.partitions import (
    PieceResult,
    clear_tries,
    partition_path,
    read_partition,
    stored_pieces,
    write_partition,
)
from satseek.types import Chip, Refusal, Window

if TYPE_CHECKING:
    from pathlib import Path

DIM = 8
PLACE = {"type": "Polygon", "coordinates": [[[1.5, 2.25], [3.1, 2.25], [3.1, 4.0], [1.5, 2.25]]]}
NONE = np.empty((0, DIM), dtype=np.float32)
REFUSAL = Refusal(path="b.tif", reason="b.tif: cut short", kind="UnreadableImage")


def chip(name: str) -> Chip:
    return Chip(
        id=name,
        scene_id="scene",
        cell=name,
        scene_path="/nowhere/scène.tif",
        window=Window(column=-3, row=7, width=64, height=64),
        footprint=PLACE,
        datetime=datetime(2024, 5, 3, 10, 20, 30, 123456, tzinfo=UTC),
        valid_fraction=0.1 + 0.2,
        level=2,
    )


def _result(key: str, chips: int = 3) -> PieceResult:
    vectors = np.random.default_rng(1).normal(size=(chips, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = tuple(chip(f"{key}-{at}") for at in range(chips))
    return PieceResult(key=key, chips=made, vectors=vectors, skipped=2, recipe="rgb8@1")


RESULTS = [_result("a"), PieceResult(key="b", vectors=NONE, refusal=REFUSAL), _result("c", 1)]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = partition_path(tmp_path, "one")
    write_partition(path, RESULTS, dim=DIM)
    first, second, third = read_partition(path)
    chips, halves = first.load()
    assert list(RESULTS[0].chips) == chips
    assert to_halves(RESULTS[0].vectors).tobytes() == halves.tobytes()
    assert (2, "rgb8@1", None, True) == (first.skipped, first.recipe, first.refusal, first.begun)
    assert (REFUSAL, [], (0, DIM)) == (second.refusal, second.load()[0], second.load()[1].shape)
    assert ("c", 1) == (third.key, third.chips)
    assert ["a", "b", "c"] == list(stored_pieces(tmp_path))


def test_the_same_work_makes_the_same_bytes(tmp_path: Path) -> None:
    path = partition_path(tmp_path, "one")
    write_partition(path, RESULTS, dim=DIM)
    once = path.read_bytes()
    write_partition(path, RESULTS, dim=DIM)
    assert once == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("left", [0, 10, 200, -1])
def test_a_file_that_was_cut_off_holds_nothing(tmp_path: Path, left: int) -> None:
    path = partition_path(tmp_path, "one")
    write_partition(path, RESULTS, dim=DIM)
    path.write_bytes(path.read_bytes()[:left])
    assert [] == read_partition(path)


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = partition_path(tmp_path, "one")
    write_partition(path, RESULTS, dim=DIM)
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        content = bytearray(whole)
        content[at] ^= 4
        path.write_bytes(content)
        pieces = read_partition(path)
        if not pieces:
            continue
        with pytest.raises(DamagedData, match=r"one\.partition: .*not what was written"):
            [piece.load() for piece in pieces]
        assert not path.exists()


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert [] == read_partition(partition_path(tmp_path, "one"))
    assert {} == stored_pieces(tmp_path / "nowhere")


def test_what_cannot_be_added_is_not_written(tmp_path: Path) -> None:
    path = partition_path(tmp_path, "one")
    twice = replace(_result("a"), chips=(chip("x"),) * 3)
    with pytest.raises(InvalidRequest, match="every chip once"):
        write_partition(path, [twice], dim=DIM)
    with pytest.raises(ModelMismatch):
        write_partition(path, RESULTS, dim=DIM + 1)
    assert [] == list(tmp_path.iterdir())


def test_tries_that_were_given_up_are_cleared_away(tmp_path: Path) -> None:
    write_partition(partition_path(tmp_path, "one"), RESULTS, dim=DIM)
    (tmp_path / ".try-two-0123").write_bytes(b"half of")
    assert ["a", "b", "c"] == list(stored_pieces(tmp_path))
    clear_tries(tmp_path)
    assert ["one.partition"] == [path.name for path in tmp_path.iterdir()]
