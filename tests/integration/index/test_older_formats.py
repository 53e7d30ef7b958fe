"""Collections that an older satseek has made are read as they are and raised by the next writer."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.errors import DamagedData
from satseek.index import (
    Collection,
    CollectionSpec,
    bbox_area,
    create_collection,
    open_collection,
)
from satseek.types import Chip, Filter, GridSpec, Recipe, Vectors, Window

if TYPE_CHECKING:
    from pathlib import Path

DIM = 16
ROWS = 60
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
SPEC = CollectionSpec(
    name="old",
    model_name="made-up",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(1, 2, 3), stretch="none", low=0, high=255),
    grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
    min_valid=0.5,
)
FILTERS = {
    "none": Filter(),
    "area": Filter(area=bbox_area(2.5, 0, 9.5, 1)),
    "slanted area": Filter(
        area={"type": "Polygon", "coordinates": [[[0, 0], [12, 0], [6, 3], [0, 0]]]}
    ),
    "dates": Filter(start=NEW_YEAR + timedelta(days=3), end=NEW_YEAR + timedelta(days=40)),
    "scene": Filter(scene_ids=("s1", "s2")),
    "level": Filter(levels=(1,)),
    "another level": Filter(levels=(2,)),
    "attribute": Filter(attributes={"platform": "sentinel-2a"}),
}


def units(n: int, seed: int = 0) -> Vectors:
    values = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def chip(number: int) -> Chip:
    x, y = number % 12, number // 12
    return Chip(
        id=f"s{number % 3}/{number:03d}",
        scene_id=f"s{number % 3}",
        cell=f"{number:03d}",
        scene_path=f"/s{number % 3}.tif",
        window=Window(column=0, row=0, width=64, height=64),
        footprint=None if number % 7 == 0 else bbox_area(x + 0.1, y, x + 0.9, y + 0.9),
        datetime=None if number % 5 == 0 else NEW_YEAR + timedelta(days=number),
        valid_fraction=1.0,
    )


def lower(folder: Path) -> None:
    """Lay the tables out as format 1 had them."""
    with closing(sqlite3.connect(folder / "collection.sqlite")) as db:
        db.execute("DROP TABLE ledger")
        db.execute("DROP TABLE traits")
        db.execute("DROP TABLE scene_numbers")
        db.execute("ALTER TABLE chips DROP COLUMN level")
        db.execute("CREATE VIRTUAL TABLE footprints USING rtree (row, west, east, south, north)")
        db.execute(
            "INSERT INTO footprints SELECT row, west, east, south, north FROM chips"
            " WHERE dead = 0 AND west IS NOT NULL"
        )
        (text,) = db.execute("SELECT spec FROM collection").fetchone()
        spec = json.loads(text)
        spec["format_version"] = 1
        del spec["grid"]["levels"]
        spec["recipe"] = {
            name: spec["recipe"][name]
            for name in ("name", "version", "bands", "stretch", "low", "high", "nodata")
        }
        db.execute("UPDATE collection SET spec = ?", (json.dumps(spec),))
        db.commit()
    (folder / "acknowledged").unlink()


def answers(collection: Collection) -> dict[str, list[tuple[Chip, float]]]:
    """What each filter leaves, with its cosines."""
    found = {}
    for name, where in FILTERS.items():
        hits = collection.search(units(1, seed=5), k=ROWS, where=where)
        kept = hits.rows[0] >= 0
        chips = collection.chips(hits.rows[0][kept])
        found[name] = list(zip(chips, hits.cosines[0][kept].tolist(), strict=True))
    return found


@pytest.fixture
def new(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    with create_collection(folder, SPEC) as collection:
        collection.add([chip(number) for number in range(ROWS)], units(ROWS))
        collection.remove([chip(8).id, chip(9).id])
    return folder


def told(folder: Path) -> tuple[dict[str, list[tuple[Chip, float]]], str, list[str]]:
    with open_collection(folder, mode="read") as collection:
        return answers(collection), collection.digest(), collection.verify()


def stored_version(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "collection.sqlite")) as db:
        (text,) = db.execute("SELECT spec FROM collection").fetchone()
    return int(json.loads(text)["format_version"])


def test_an_old_collection_answers_as_a_new_one_and_stays_as_it_is(new: Path) -> None:
    expected = told(new)
    assert expected[2] == []
    assert 0 < len(expected[0]["slanted area"]) < len(expected[0]["none"]) == ROWS - 2
    assert expected[0]["another level"] == expected[0]["attribute"] == []
    lower(new)
    assert expected == told(new)
    assert stored_version(new) == 1


def test_the_next_writer_raises_it_in_one_step_that_readers_follow(new: Path) -> None:
    expected = told(new)
    lower(new)
    with open_collection(new, mode="read") as reader:
        before = reader.generation
        assert expected[0] == answers(reader)
        with open_collection(new, mode="write") as writer:
            assert expected[0] == answers(reader) == answers(writer)
            assert reader.generation == before + 1
            larger = replace(chip(ROWS), level=2)
            writer.add([larger], units(1, seed=7))
            assert [larger] == [one for one, _ in answers(reader)["another level"]]
            writer.remove([larger.id])
    assert stored_version(new) == 4
    assert expected == told(new)
    with open_collection(new, mode="write") as again:  # nothing is left to be raised
        assert again.generation == before + 3


def test_a_writer_that_dies_while_raising_leaves_the_old_one(
    new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = told(new)
    lower(new)
    monkeypatch.setattr("satseek.index.traits.store", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_collection(new, mode="write")
    monkeypatch.undo()
    assert stored_version(new) == 1
    assert expected == told(new)
    open_collection(new, mode="write").close()
    assert expected == told(new)


def test_a_collection_made_after_an_old_one_is_of_the_newest_format(
    new: Path, tmp_path: Path
) -> None:
    lower(new)
    with open_collection(new, mode="read") as old:
        spec = old.spec
    assert spec.format_version == 1
    with create_collection(tmp_path / "next", spec) as made:
        made.add([replace(chip(1), level=2)], units(1))
    with open_collection(tmp_path / "next", mode="write") as again:
        assert [2] == [one.level for one in again.chips([0])]
        assert again.generation == 1
    assert stored_version(tmp_path / "next") == 4


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM traits",
        "UPDATE traits SET content = substr(content, 1, 37)",
        "UPDATE traits SET content = zeroblob(length(content))",
    ],
)
def test_damaged_traits_are_named(new: Path, damage: str) -> None:
    with closing(sqlite3.connect(new / "collection.sqlite")) as db:
        db.execute(damage)
        db.commit()
    with open_collection(new, mode="read") as collection:
        (problem,) = collection.verify()
        assert str(new) in problem
        if "zeroblob" not in damage:
            with pytest.raises(DamagedData, match="traits"):
                collection.search(units(1), k=1, where=FILTERS["area"])
