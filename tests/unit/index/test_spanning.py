from __future__ import annotations

import gc
import mmap
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.index.spanning import spanned

if TYPE_CHECKING:
    from pathlib import Path

PAGE = mmap.PAGESIZE


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[Path, int]]:
    rng = np.random.default_rng(0)
    made = []
    for name, size in (("a", PAGE), ("b", 3 * PAGE), ("c", 100)):
        path = tmp_path / name
        path.write_bytes(rng.bytes(size + 50))
        made.append((path, size))
    return made


def test_files_lie_behind_one_another(files: list[tuple[Path, int]]) -> None:
    expected = b"".join(path.read_bytes()[:size] for path, size in files)
    whole = spanned(files)
    assert whole is not None
    assert expected == whole.tobytes()
    assert not whole.flags.writeable


def test_a_map_outlives_the_names_and_goes_with_its_last_holder(
    files: list[tuple[Path, int]],
) -> None:
    expected = files[0][0].read_bytes()[:PAGE]
    whole = spanned(files)
    assert whole is not None
    held = whole[:PAGE]
    for path, _ in files:
        path.unlink()
    del whole
    gc.collect()
    assert expected == held.tobytes()
    del held
    gc.collect()
    with open("/proc/self/maps", encoding="ascii") as maps:  # noqa: PTH123 - no file
        assert str(files[0][0]) not in maps.read()


def test_a_file_that_ends_within_a_page_stands_in_the_way(files: list[tuple[Path, int]]) -> None:
    assert spanned([files[2], files[0]]) is None
    assert spanned([]) is None


def test_a_missing_file_is_named(files: list[tuple[Path, int]]) -> None:
    files[1][0].unlink()
    with pytest.raises(FileNotFoundError, match="b'"):
        spanned(files)
