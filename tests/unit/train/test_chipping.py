from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import FolderNotFound
from satseek.imagery.county import COVERS
from satseek.train import captioning
from satseek.train.chipping import read_county_pool
from satseek.train.configuring import SourceConfig

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def counties(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counties")


def test_cuts_labelled_and_captioned_chips_from_a_county(counties: Path) -> None:
    source = SourceConfig(
        kind="county", path=str(counties), chips=40, seeds=(5,), county_px=768, holdout=0.25
    )
    pool = read_county_pool(source, px=32, seed=1)
    # Scenes of so small a county hold few places where a whole chip fits.
    assert 15 <= len(pool.images) <= 40
    assert pool.images.shape[1:] == (3, 32, 32)
    assert all(pool.present)
    assert all(len(texts) == 4 for texts in pool.captions)
    assert not any(
        present & unsure for present, unsure in zip(pool.present, pool.unsure, strict=True)
    )
    assert 0 < pool.held_out.sum() < 15
    known = {*pool.labels, *pool.also}
    assert all(present <= known for present in pool.present)
    again = read_county_pool(source, px=32, seed=1)
    np.testing.assert_array_equal(pool.images, again.images)
    assert pool.captions == again.captions


def test_refuses_a_folder_without_a_county(tmp_path: Path) -> None:
    source = SourceConfig(kind="county", path=str(tmp_path), chips=4)
    with pytest.raises(FolderNotFound, match=r"county\.json"):
        read_county_pool(source, px=32, seed=1)


def test_there_are_words_for_every_land_cover() -> None:
    assert set(COVERS) == set(captioning.LABELS) == set(captioning.PHRASES)


@pytest.mark.parametrize(
    ("shares", "things", "seen", "unsure"),
    [
        ({"farmland": 0.9, "road": 0.1}, {}, ["farmland"], ["road"]),
        ({"sea": 0.5, "beach": 0.2, "forest": 0.2}, {}, ["sea", "beach"], ["forest"]),
        ({"river": 0.11, "meadow": 0.889, "lake": 0.001}, {}, ["meadow"], ["river"]),
        ({"meadow": 0.99, "bridge": 0.01}, {"bridge": 1}, ["meadow", "bridge"], []),
    ],
)
def test_a_good_part_of_a_chip_is_seen_and_a_trace_is_unsure(
    shares: dict[str, float], things: dict[str, int], seen: list[str], unsure: list[str]
) -> None:
    assert seen == captioning.certain(shares, things)
    assert unsure == captioning.unsure(shares, seen)


def test_sentences_speak_of_what_is_there() -> None:
    rng = np.random.default_rng(0)
    texts = captioning.sentences(["airport", "meadow"], {"plane": 3}, rng=rng, count=60)
    assert len(texts) == 60
    assert any("planes in an airport" in text for text in texts)
    words = ("airport", "runway", "airfield", "meadow", "grass", "plane")
    assert all(any(word in text for word in words) for text in texts)
    assert captioning.sentences([], {"building": 2}, rng=rng, count=4) == ()
