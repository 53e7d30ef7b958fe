from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from satseek.checkpoints.weights import (
    INDEX,
    WEIGHTS,
    StoredWeights,
    compare_keys,
    find_weights,
    shortened,
)
from satseek.errors import UnreadableCheckpoint

if TYPE_CHECKING:
    from pathlib import Path

NAME = "text_model.head.weight"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float32])
def test_floats_of_any_width_become_float32_unrounded(tmp_path: Path, dtype: torch.dtype) -> None:
    values = torch.linspace(-2, 2, 37).to(dtype)
    save_file({"a": values}, tmp_path / WEIGHTS)
    found = StoredWeights([tmp_path / WEIGHTS])["a"]
    assert found.dtype == np.float32
    assert values.double().float().tolist() == found.tolist()


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    save_file({"a": torch.arange(4)}, tmp_path / WEIGHTS)
    with pytest.raises(UnreadableCheckpoint, match="expected a as floats, stored is I64"):
        StoredWeights([tmp_path / WEIGHTS])["a"]


def test_shards_are_one_checkpoint(directory: Path) -> None:
    whole = load_file(directory / WEIGHTS)
    _split(directory)
    weights = StoredWeights(find_weights(directory))
    assert set(whole) == set(weights)
    assert all((whole[name].numpy() == weights[name]).all() for name in whole)


def test_a_missing_shard_is_named(directory: Path) -> None:
    _split(directory)
    (directory / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UnreadableCheckpoint, match="missing model-00002-of-00002"):
        find_weights(directory)


def test_an_index_that_points_out_of_the_folder_is_refused(directory: Path) -> None:
    (directory / WEIGHTS).rename(directory.parent / "elsewhere.safetensors")
    told = {"weight_map": {NAME: "../elsewhere.safetensors"}}
    (directory / INDEX).write_text(json.dumps(told))
    with pytest.raises(UnreadableCheckpoint, match="elsewhere"):
        find_weights(directory)


@pytest.mark.parametrize(
    "written",
    ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {}}', '{"weight_map": {"a": 1}}'],
)
def test_a_broken_index_is_refused(directory: Path, written: str) -> None:
    (directory / WEIGHTS).unlink()
    (directory / INDEX).write_text(written)
    with pytest.raises(UnreadableCheckpoint, match="tiny"):
        find_weights(directory)


def test_the_same_weight_in_two_files_is_refused(directory: Path) -> None:
    other = directory / "other.safetensors"
    other.write_bytes((directory / WEIGHTS).read_bytes())
    with pytest.raises(UnreadableCheckpoint, match=r"is already in model\.safetensors"):
        StoredWeights([directory / WEIGHTS, other])


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 5_000, -1])
def test_a_file_that_is_cut_off_is_refused(directory: Path, kept: int) -> None:
    content = (directory / WEIGHTS).read_bytes()
    (directory / WEIGHTS).write_bytes(content[:kept])
    with pytest.raises(UnreadableCheckpoint, match=r"model\.safetensors: expected a whole safe"):
        StoredWeights([directory / WEIGHTS])


def test_a_flipped_bit_in_the_header_is_refused_or_changes_a_name(directory: Path) -> None:
    content = (directory / WEIGHTS).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    expected = StoredWeights([directory / WEIGHTS]).shapes()
    unseen = 0
    for place in range(0, 8 + length, 401):
        for bit in (0, 6):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            (directory / WEIGHTS).write_bytes(flipped)
            try:
                found = StoredWeights([directory / WEIGHTS]).shapes()
            except UnreadableCheckpoint:
                continue
            unseen += found == expected
    assert unseen == 0


def test_what_is_not_finite_is_refused(directory: Path) -> None:
    weights = load_file(directory / WEIGHTS)
    weights[NAME][3, 5] = torch.inf
    save_file(weights, directory / WEIGHTS)
    with pytest.raises(UnreadableCheckpoint, match=f"expected finite weights, {NAME}"):
        StoredWeights([directory / WEIGHTS])[NAME]


def test_large_finite_weights_pass(tmp_path: Path) -> None:
    save_file({"a": torch.full((4,), 3e38)}, tmp_path / WEIGHTS)
    assert StoredWeights([tmp_path / WEIGHTS])["a"].max() > 2e38


def test_differences_are_listed_by_kind() -> None:
    expected = {"a": (1,), "b": (2, 3), "c": (4,)}
    found = {"b": (3, 2), "c": (4,), "d": (5,), "x.position_ids": (1, 64)}
    report = compare_keys(expected, found, ignored=(".position_ids",))
    assert report.missing == ("a",)
    assert report.unexpected == ("d",)
    with pytest.raises(UnreadableCheckpoint) as refused:
        report.refuse("model")
    told = "1 missing: a; 1 unexpected: d; 1 of another shape: b (3, 2) instead of (2, 3)"
    assert str(refused.value) == f"model: the weights are not those of its config: {told}"


def test_an_exact_match_passes() -> None:
    compare_keys({"a": (1,)}, {"a": (1,)}).refuse("model")


def test_long_lists_are_shortened_and_counted() -> None:
    assert shortened([f"w{i}" for i in range(200)]) == "w0, w1, w2, w3, w4 and 195 more"


def _split(directory: Path) -> None:
    """Make two shards and their index of the one file, as transformers does."""
    weights = load_file(directory / WEIGHTS)
    names = sorted(weights)
    places = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, directory / file)
        places |= dict.fromkeys(part, file)
    (directory / WEIGHTS).unlink()
    (directory / INDEX).write_text(json.dumps({"weight_map": places}))
