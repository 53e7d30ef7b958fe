from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING

import pytest
import torch

from satseek.checkpoints.pickles import load_pickle, named_tensors
from satseek.errors import UnreadableCheckpoint, UnsafeCheckpoint

if TYPE_CHECKING:
    from pathlib import Path


class WritesFile:
    """What a hostile checkpoint would hold: reading it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_without_permission_nothing_is_opened(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pt")
    with pytest.raises(UnsafeCheckpoint, match="--allow-pickle"):
        load_pickle(tmp_path / "a.pt", allow_pickle=False)


def test_tensors_are_read_with_permission(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2, dtype=torch.float16)}, tmp_path / "a.pt")
    assert load_pickle(tmp_path / "a.pt", allow_pickle=True)["a"].tolist() == [1, 1]


@pytest.mark.parametrize("protocol", [2, 4])
def test_code_is_never_run(tmp_path: Path, protocol: int) -> None:
    written = tmp_path / "written"
    held = {"a": torch.ones(2), "b": WritesFile(written)}
    torch.save(held, tmp_path / "a.pt", pickle_protocol=protocol)
    with pytest.raises(UnsafeCheckpoint, match=r"a\.pt: holds more than tensors"):
        load_pickle(tmp_path / "a.pt", allow_pickle=True)
    assert not written.exists()
    # The same bytes do write where nothing guards them: the test would notice.
    torch.load(tmp_path / "a.pt", weights_only=False)
    assert written.exists()


def test_code_in_a_bare_pickle_is_never_run(tmp_path: Path) -> None:
    written = tmp_path / "written"
    (tmp_path / "a.bin").write_bytes(pickle.dumps(WritesFile(written)))
    with pytest.raises(UnsafeCheckpoint, match="holds more than tensors"):
        load_pickle(tmp_path / "a.bin", allow_pickle=True)
    assert not written.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_is_cut_off_is_refused(tmp_path: Path, *, zipped: bool) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.ones(2_000)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:4_000])
    with pytest.raises(UnreadableCheckpoint, match="expected a whole pickle"):
        load_pickle(path, allow_pickle=True)


def test_what_is_no_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"hello" * 100)
    with pytest.raises(UnreadableCheckpoint, match=r"a\.pt"):
        load_pickle(tmp_path / "a.pt", allow_pickle=True)


def test_parameters_and_half_precision_become_float32(tmp_path: Path) -> None:
    held = {"a": torch.nn.Parameter(torch.ones(2)), "b": torch.ones(2, dtype=torch.bfloat16)}
    found = named_tensors(held, tmp_path)
    assert [("a", "float32"), ("b", "float32")] == [(k, str(v.dtype)) for k, v in found.items()]


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ([torch.ones(1)], "weights by name"),
        ({5: torch.ones(1)}, "weights by name"),
        ({"a": 5}, "weights by name"),
        ({"a": torch.ones(1, dtype=torch.int8)}, "expected a as floats, stored is int8"),
        ({"a": torch.tensor([float("nan")])}, "finite"),
    ],
)
def test_what_are_no_weights_is_refused(tmp_path: Path, held: object, reason: str) -> None:
    with pytest.raises(UnreadableCheckpoint, match=reason):
        named_tensors(held, tmp_path)


def test_a_counter_may_be_whole_numbers(tmp_path: Path) -> None:
    name = "text_model.embeddings.position_ids"
    assert name in named_tensors({name: torch.arange(4)}, tmp_path)
