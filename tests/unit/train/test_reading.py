from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from satseek.errors import FolderNotFound, InvalidConfig, UnreadableImage
from satseek.train.configuring import SourceConfig
from satseek.train.reading import is_held_out, read_pool, read_samples

if TYPE_CHECKING:
    from pathlib import Path


def _picture(path: Path, colour: tuple[int, int, int] = (1, 2, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (10, 6), colour).save(path)


def test_reads_labels_captions_and_split(chips: Path) -> None:
    source = SourceConfig(kind="labels", path=str(chips), split="test")
    pool = read_pool(source, px=16)
    assert pool.images.shape == (6, 3, 16, 16)
    assert pool.labels == ("blue lake", "green field", "red roof")
    assert frozenset({"red roof"}) == pool.present[0]
    assert pool.captions[0] == ("this is a red roof", "a red roof from above")


def test_a_further_name_is_true_and_an_unnamed_label_is_none(chips: Path) -> None:
    source = SourceConfig(
        kind="labels", path=str(chips), also={"blue lake": ["water"]}, unnamed=("red roof",)
    )
    pool = read_pool(source, px=8)
    assert pool.labels == ("blue lake", "green field")
    assert pool.also == ("water",)
    assert [frozenset(), {"green field"}, {"blue lake", "water"}] == list(pool.present[:3])


def test_what_is_held_out_follows_from_the_name() -> None:
    names = [f"Airport/airport_{i}.jpg" for i in range(2000)]
    held = [name for name in names if is_held_out(name, 0.2)]
    assert 0.17 < len(held) / len(names) < 0.23
    assert set(held) >= {name for name in names if is_held_out(name, 0.1)}
    assert not any(is_held_out(name, 0.0) for name in names)


def test_reads_one_folder_a_class(tmp_path: Path) -> None:
    _picture(tmp_path / "Storage_Tanks" / "a.png", (10, 20, 30))
    _picture(tmp_path / "river" / "b.png")
    (tmp_path / "river" / "notes.txt").write_text("no picture")
    pool = read_pool(SourceConfig(kind="folders", path=str(tmp_path)), px=4)
    assert pool.labels == ("river", "storage tanks")
    np.testing.assert_array_equal(pool.images[0, :, 0, 0], [10, 20, 30])


def test_gathers_the_captions_of_one_chip(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png")
    (tmp_path / "pairs.csv").write_text("path,caption\na.png,one\na.png,two\n")
    (sample,) = read_samples(SourceConfig(kind="pairs", path=str(tmp_path)))
    assert sample.captions == ("one", "two")
    assert sample.label is None


def test_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    source = SourceConfig(kind="labels", path=str(tmp_path))
    with pytest.raises(FolderNotFound, match=r"labels\.csv"):
        read_samples(source)
    (tmp_path / "labels.csv").write_text("file,label\na.png,x\n")
    with pytest.raises(InvalidConfig, match="missing"):
        read_samples(source)
    (tmp_path / "labels.csv").write_text("path,label\na.png,x\n")
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UnreadableImage, match=r"a\.png"):
        read_pool(source, px=8)
    with pytest.raises(FolderNotFound, match="no such folder"):
        read_samples(SourceConfig(kind="labels", path=str(tmp_path / "none")))
