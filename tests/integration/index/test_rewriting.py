"""New vectors beside old ones: rows keep their numbers, files their turn, formats their word."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import Conflict, InvalidRequest, ModelMismatch
from satseek.index import Collection, CollectionSpec, create_collection, open_collection
from satseek.types import Chip, GridSpec, Recipe, Window

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.index.rewriting import Rewriting
    from satseek.types import Vectors

OLD, NEW = 16, 24
ROWS = 9_000
SPEC = CollectionSpec(
    name="rewritten",
    model_name="old",
    model_version="0" * 12,
    dim=OLD,
    recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
    grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
    min_valid=0.5,
)


def units(seed: int, n: int, dim: int) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def chip(number: int) -> Chip:
    return Chip(
        id=f"s/{number}",
        scene_id="s",
        cell=f"{number}",
        scene_path="/s.tif",
        window=Window(column=0, row=0, width=8, height=8),
        footprint=None,
        datetime=None,
        valid_fraction=1.0,
    )


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    with create_collection(tmp_path / "rewritten", SPEC, rows_per_segment=5_000) as made:
        made.add([chip(number) for number in range(ROWS)], units(0, ROWS, OLD))
        yield made


def begun(collection: Collection) -> Rewriting:
    rewriting = collection.rewriting()
    rewriting.begin(model_name="new", model_version="1" * 12, dim=NEW)
    return rewriting


def write(rewriting: Rewriting, rows: np.ndarray, *, next_row: int) -> None:
    vectors = units(1, ROWS, NEW)[rows]
    rewriting.add(rows, vectors, next_row=next_row, scene_id="s", next_position=0)


def test_rows_keep_their_numbers_however_many_dead_ones_lie_between(
    collection: Collection,
) -> None:
    dead = [chip(number).id for number in range(100, 8_900)]
    assert collection.remove(dead) == 8_800
    rewriting = begun(collection)
    living = np.array([row for row, _, _ in rewriting.living(0)])
    assert [*range(100), *range(8_900, ROWS)] == living.tolist()
    assert (200, ["s"]) == rewriting.waiting()
    write(rewriting, living[:50], next_row=50)
    write(rewriting, living[50:], next_row=ROWS)
    rewriting.switch(lost="refuse", old="drop")
    assert collection.verify() == []
    found = collection.search(units(1, ROWS, NEW)[living], k=1)
    np.testing.assert_array_equal(living, found.rows[:, 0])
    assert collection.row_of("s/8950") == 8_950


def test_a_searcher_is_not_bothered_until_the_switch(collection: Collection) -> None:
    generation, digest = collection.generation, collection.digest()
    rewriting = begun(collection)
    write(rewriting, np.arange(4_000), next_row=4_000)
    assert (generation, digest) == (collection.generation, collection.digest())
    with pytest.raises(Conflict, match="9000 rows embedded again, came 4000"):
        rewriting.switch(lost="refuse", old="drop")
    write(rewriting, np.arange(4_000, ROWS), next_row=ROWS)
    rewriting.switch(lost="refuse", old="drop")
    assert collection.generation == generation + 1


def test_vectors_of_another_length_are_refused(collection: Collection) -> None:
    rewriting = begun(collection)
    with pytest.raises(ModelMismatch, match=f"{NEW} numbers"):
        rewriting.add(np.arange(2), units(0, 2, OLD), next_row=2, scene_id="s", next_position=0)


def test_only_a_writer_makes_new_vectors(collection: Collection) -> None:
    with (
        open_collection(collection.folder, mode="read") as reader,
        pytest.raises(InvalidRequest, match="opened for writing"),
    ):
        reader.rewriting()


def test_without_an_edition_there_is_nothing_to_add_to(collection: Collection) -> None:
    assert collection.pending() is None
    collection.rewriting().discard()
    with pytest.raises(Conflict, match="came none"):
        _ = collection.rewriting().pending


def test_what_was_cut_off_is_cleared_away_by_the_next_writer(collection: Collection) -> None:
    rewriting = begun(collection)
    write(rewriting, np.arange(6_000), next_row=6_000)
    folder = collection.folder
    collection.close()
    torn = folder / "segments-1" / "000001.f16"
    whole = torn.read_bytes()
    torn.write_bytes(whole + b"torn")
    (folder / "segments-7").mkdir()
    (folder / "segments-7" / "000000.f16").write_bytes(b"of a switch that was cut off")
    (folder / "codes-7.bin").write_bytes(b"likewise")
    (folder / "notes.txt").write_bytes(b"somebody's own")
    with open_collection(folder, mode="write") as opened:
        assert whole == torn.read_bytes()
        assert opened.verify() == []
        assert {"segments", "segments-1", "notes.txt"} <= {path.name for path in folder.iterdir()}
        assert not list(folder.glob("*-7*"))
        opened.rewriting().discard()
        assert not torn.exists()


def test_a_collection_says_which_of_its_vectors_are_in_use(collection: Collection) -> None:
    def stored() -> dict[str, object]:
        db = sqlite3.connect(collection.folder / "collection.sqlite")
        (text,) = db.execute("SELECT spec FROM collection").fetchone()
        db.close()
        return dict(json.loads(text))

    rewriting = begun(collection)
    assert (4, False) == (stored()["format_version"], "edition" in stored())
    write(rewriting, np.arange(ROWS), next_row=ROWS)
    rewriting.switch(lost="refuse", old="drop")
    assert (4, 1) == (stored()["format_version"], stored()["edition"])
    with open_collection(collection.folder, mode="read") as opened:
        assert opened.model == ("new", "1" * 12)


def test_a_full_disk_leaves_the_old_vectors(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = run("starve_again", tmp_path / "killed", 300_000)
    assert (0, "") == (done.returncode, done.stderr)
    verb, next_row, *told = done.stdout.split()
    assert ("refused", "90") == (verb, next_row)
    assert "no room to write" in " ".join(told)
