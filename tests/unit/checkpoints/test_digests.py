from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from satseek.checkpoints.digests import SUMS, digest_of
from satseek.errors import UnreadableCheckpoint

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(CONTENT)
    return tmp_path / "model.safetensors"


def test_one_file_has_the_digest_that_hubs_list(file: Path) -> None:
    assert digest_of([file]) == DIGEST


def test_several_files_have_one_digest_whatever_their_order(file: Path) -> None:
    other = file.with_name("other.safetensors")
    other.write_bytes(b"more")
    digest = digest_of([file, other])
    assert digest == digest_of([other, file])
    other.write_bytes(b"moar")
    assert digest != digest_of([file, other])


@pytest.mark.parametrize("mark", ["  ", " *"])
def test_stated_sums_are_compared(file: Path, mark: str) -> None:
    (file.parent / SUMS).write_text(f"{'0' * 64}  another\n{DIGEST}{mark}{file.name}\n")
    assert digest_of([file]) == DIGEST
    file.write_bytes(b"weightz")
    with pytest.raises(UnreadableCheckpoint, match=r"altered since it was published.*SHA256SUMS"):
        digest_of([file])


def test_the_name_in_a_hubs_cache_is_compared(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    blob = tmp_path / "blobs" / DIGEST
    blob.write_bytes(CONTENT)
    link = tmp_path / "snapshot" / "model.safetensors"
    link.symlink_to(blob)
    assert digest_of([link]) == DIGEST
    blob.write_bytes(b"weightz")
    with pytest.raises(UnreadableCheckpoint, match="its hub states"):
        digest_of([link])


def test_the_note_of_a_download_to_a_folder_is_compared(file: Path) -> None:
    notes = file.parent / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    (notes / f"{file.name}.metadata").write_text(f"{'a' * 40}\n{'0' * 64}\n1.0\n")
    with pytest.raises(UnreadableCheckpoint, match="its hub states 000000000000"):
        digest_of([file])
