from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import CollectionLocked, DamagedData
from satseek.index.lock import WriterLock
from satseek.index.segments import Segments, append, cut_tail

if TYPE_CHECKING:
    from pathlib import Path

DIM = 4
FULL = 5


def halves(start: int, n: int) -> np.ndarray:
    return np.arange(start * DIM, (start + n) * DIM, dtype=np.float16).reshape(n, DIM)


def opened(folder: Path, rows: int) -> Segments:
    return Segments(folder, rows=rows, dim=DIM, rows_per_segment=FULL)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    for start, n in ((0, 3), (3, 9), (12, 1)):
        append(tmp_path, halves(start, n), start=start, rows_per_segment=FULL)
    return tmp_path


def test_rows_are_spread_over_files(filled: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in sorted(filled.iterdir())}
    row = DIM * 2
    assert sizes == {"000000.f16": 5 * row, "000001.f16": 5 * row, "000002.f16": 3 * row}


def test_blocks_are_cut_at_files_and_carry_their_digest(tmp_path: Path) -> None:
    blocks = append(tmp_path, halves(3, 9), start=3, rows_per_segment=FULL)
    assert [(block.start, block.count) for block in blocks] == [(3, 2), (5, 5), (10, 2)]
    assert blocks[1].sha256 == hashlib.sha256(halves(5, 5).tobytes()).hexdigest()


def test_rows_come_back_in_any_order(filled: Path) -> None:
    rows = np.array([12, 0, 7, 7, 4])
    assert np.array_equal(opened(filled, 13).halves(rows), halves(0, 13)[rows])
    assert np.array_equal(opened(filled, 13).gather(rows), halves(0, 13)[rows].astype(np.float32))


def test_a_run_walks_over_files(filled: Path) -> None:
    blocks = list(opened(filled, 13).run(2, 12))
    assert [rows.tolist() for rows, _ in blocks] == [[2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
    assert np.array_equal(np.concatenate([vectors for _, vectors in blocks]), halves(2, 10))


def test_an_uncommitted_tail_is_overwritten(filled: Path) -> None:
    before = {path.name: path.read_bytes() for path in filled.iterdir()}
    append(filled, -halves(0, 1), start=13, rows_per_segment=FULL)
    cut_tail(filled, committed=13, dim=DIM, rows_per_segment=FULL)
    assert before == {path.name: path.read_bytes() for path in filled.iterdir()}
    append(filled, -halves(0, 2), start=4, rows_per_segment=FULL)
    append(filled, halves(4, 1), start=4, rows_per_segment=FULL)
    assert np.array_equal(opened(filled, 5).halves(np.arange(5)), halves(0, 5))


def test_files_that_were_never_committed_are_removed(filled: Path) -> None:
    cut_tail(filled, committed=5, dim=DIM, rows_per_segment=FULL)
    assert [path.name for path in filled.iterdir()] == ["000000.f16"]


def test_nothing_is_mapped_beyond_the_committed_rows(filled: Path) -> None:
    assert opened(filled, 2).halves(np.array([1])).tolist() == halves(1, 1).tolist()
    with pytest.raises(IndexError):
        opened(filled, 2).halves(np.array([2]))


def test_short_and_missing_files_are_named(filled: Path) -> None:
    with pytest.raises(DamagedData, match=r"000002\.f16: expected 32 bytes, came 24"):
        opened(filled, 14)
    (filled / "000001.f16").unlink()
    with pytest.raises(DamagedData, match=r"000001\.f16: .* missing"):
        opened(filled, 13)


def test_a_lock_is_taken_once_and_comes_free(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    first = WriterLock(path)
    with pytest.raises(CollectionLocked, match="this process"):
        WriterLock(path)
    first.release()
    first.release()
    second = WriterLock(path)
    first.release()
    with pytest.raises(CollectionLocked, match="this process"):
        WriterLock(path)
    second.release()
