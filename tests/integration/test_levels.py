"""A collection of chips of several sizes: found by size, shown, and embedded again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from serving import make_scenes
from towers import CARD, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.imagery.recipes import recipe_named
from satseek.index import Collection, CollectionSpec, create_collection
from satseek.search import indexing_writing
from satseek.search.indexing import index_folder
from satseek.search.rereading import Reread, reread
from satseek.search.suiting import pixel_size_of
from satseek.search.thumbnails import chip_pixels
from satseek.types import Filter, GridSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.types import Chip

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
GRID = GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None, levels=(1, 2))
SPEC = CollectionSpec(
    name="levels",
    model_name=CARD.name,
    model_version=CARD.version,
    dim=CARD.dim,
    recipe=recipe_named("auto"),
    grid=GRID,
    min_valid=0.5,
)


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    folder = make_scenes(tmp_path / "scenes")
    with create_collection(tmp_path / "levels", SPEC) as made:
        index_folder(folder, collection=made, embedder=EMBEDDER)
        yield made


def chips_of(collection: Collection, where: Filter) -> list[Chip]:
    found = collection.search(collection.sample(1), k=5_000, where=where).rows[0]
    return collection.chips(found[found >= 0])


def test_sizes_are_found_apart_and_together(collection: Collection) -> None:
    counts = Counter(chip.level for chip in chips_of(collection, Filter()))
    assert set(counts) == {1, 2}
    assert counts[1] > 2 * counts[2] > 0
    assert collection.spec.grid == GRID
    for level in (1, 2):
        chips = chips_of(collection, Filter(levels=(level,)))
        assert {chip.level for chip in chips} == {level}
        assert len(chips) == counts[level]
        assert len({chip.id for chip in chips}) == len(chips)


def test_large_chips_are_shown_and_embedded_again_as_they_were(collection: Collection) -> None:
    rewriting = collection.rewriting()
    rewriting.begin(model_name="other", model_version="1" * 12, dim=CARD.dim)
    again = [one for one in reread(collection, rewriting) if isinstance(one, Reread)]
    assert len(again) == len(collection)
    vectors = collection.vectors([one.row for one in again])
    made = EMBEDDER.embed_images([one.pixels for one in again])
    assert np.abs(vectors - made).max() < 1e-3
    for chip in chips_of(collection, Filter(levels=(2,)))[:6]:
        (own,) = EMBEDDER.embed_images([chip_pixels(chip.id, collection=collection)])
        stored = collection.vectors([collection.row_of(chip.id)])[0]
        assert own @ stored > 0.999


def test_an_interrupted_run_goes_on_among_the_levels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing_writing, "COMMIT_CELLS", 16)
    folder = make_scenes(tmp_path / "scenes")
    with (
        create_collection(tmp_path / "whole", replace(SPEC, name="whole")) as whole,
        create_collection(tmp_path / "torn", replace(SPEC, name="torn")) as torn,
    ):
        index_folder(folder, collection=whole, embedder=EMBEDDER)
        for stop in (5, 7, 9):
            with pytest.raises(KeyboardInterrupt):
                index_folder(
                    folder, collection=torn, embedder=EMBEDDER, batch=8, on_progress=Stop(stop)
                )
        assert 0 < len(torn) < len(whole)
        index_folder(folder, collection=torn, embedder=EMBEDDER)
        assert whole.digest() == torn.digest()


class Stop:
    """Interrupts after so many calls."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def __call__(self, _progress: object) -> None:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


def test_the_finest_pixels_of_a_collection_are_known(collection: Collection) -> None:
    size = pixel_size_of(collection)
    assert size is not None
    assert size > 0
    assert size == pixel_size_of(collection)
