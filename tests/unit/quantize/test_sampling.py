from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import FolderNotFound, InvalidRequest
from satseek.imagery.county import make_county
from satseek.quantize.sampling import (
    Sample,
    _even,
    file_texts,
    folder_images,
    halved,
    spread,
    usual_texts,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_county_gives_chips_and_different_texts(sample: Sample) -> None:
    assert 18 == len(sample.images) == len(sample.truth)
    assert {(256, 256, 3)} == {chip.shape for chip in sample.images}
    assert 48 == len(set(sample.texts))
    assert all(right is None or 0 <= right < len(sample.labels) for right in sample.truth)
    assert 1 < len({chip.tobytes() for chip in sample.images})


def test_chips_are_of_every_kind_about_equally_often() -> None:
    kinds = ["sea"] * 100 + ["mine"] * 3 + ["farmland"] * 20
    taken = [kinds[at] for at in _even(kinds, 15, np.random.default_rng(0))]
    assert {"sea": 6, "mine": 3, "farmland": 6} == {kind: taken.count(kind) for kind in set(kinds)}


def test_scenes_of_ones_own_are_cut_into_chips(tmp_path: Path) -> None:
    make_county(tmp_path, seed=5, width=1024, height=1024)
    chips = folder_images(tmp_path / "scenes", images=20)
    assert 20 == len(chips)
    assert {(256, 256, 3)} == {chip.shape for chip in chips}


def test_a_folder_of_too_few_chips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="16 chips or more, found 0"):
        folder_images(tmp_path, images=20)
    with pytest.raises(FolderNotFound):
        folder_images(tmp_path / "absent", images=20)


def test_texts_are_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("\n".join([f"field {at}" for at in range(16)] + ["", " field 3 "]))
    assert [f"field {at}" for at in range(16)] == file_texts(file)
    file.write_text("one\ntwo\n")
    with pytest.raises(InvalidRequest, match="16 texts or more, found 2"):
        file_texts(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRequest, match="UTF-8"):
        file_texts(file)


def test_usual_texts_differ_and_repeat_with_their_seed() -> None:
    texts = usual_texts(seed=1, texts=256)
    assert 256 == len(set(texts))
    assert texts == usual_texts(seed=1, texts=256)
    assert texts != usual_texts(seed=2, texts=256)


def test_halves_share_nothing() -> None:
    assert ((0, 2, 4), (1, 3)) == halved(range(5))


@pytest.mark.parametrize(
    ("available", "count", "expected"),
    [(10, 3, [0, 4, 9]), (3, 10, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4])],
)
def test_positions_are_spread_over_all(available: int, count: int, expected: list[int]) -> None:
    assert expected == spread(available, count)
