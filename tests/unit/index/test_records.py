from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from satseek.errors import DamagedData, InvalidRequest
from satseek.index.records import (
    chip_from,
    chip_values,
    scene_from,
    write_footprints,
)
from satseek.types import Chip, Window

CHIP = Chip(
    id="a",
    scene_id="s",
    cell="0",
    scene_path="/s.tif",
    window=Window(column=0, row=0, width=1, height=1),
    footprint=None,
    datetime=None,
    valid_fraction=1.0,
)
NUMBERS = st.one_of(st.integers(-180, 180), st.floats(-180, 180), st.just(-0.0), st.just(1e-7))


def polygon(*positions: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*positions, positions[0]]]}


def written(footprint: Any) -> tuple[str | None, Any]:
    (text,), (box,) = write_footprints([replace(CHIP, footprint=footprint)])
    return text, box


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=6), st.sampled_from([list, tuple])
)
def test_a_ring_is_written_as_json_and_boxed_as_geometry(
    positions: list[tuple[float, float]], kind: type
) -> None:
    footprint = polygon(*map(kind, positions))
    text, box = written(footprint)
    assert text == json.dumps(footprint, separators=(",", ":"))
    assert box == shapely.from_geojson(text).bounds


@pytest.mark.parametrize(
    "footprint",
    [
        {"coordinates": polygon([0, 0], [1, 0], [1, 1])["coordinates"], "type": "Polygon"},
        polygon([0, 0, 5], [1, 0, 5], [1, 1, 5]),
        {"type": "MultiPolygon", "coordinates": [polygon([0, 0], [1, 0], [1, 1])["coordinates"]]},
        {"type": "Point", "coordinates": [1, 2]},
        polygon([0, 0], [9, 0], [9, 9])
        | {"coordinates": polygon([0, 0], [9, 0], [9, 9])["coordinates"] * 2},
        polygon([0, 0], [1, 0], [1, 1]) | {"note": "north"},
    ],
)
def test_what_is_not_so_simple_is_written_the_same(footprint: dict[str, Any]) -> None:
    text, box = written(footprint)
    assert text == json.dumps(footprint, separators=(",", ":"))
    assert box == shapely.from_geojson(text).bounds


@pytest.mark.parametrize(
    "footprint",
    [
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [5, 5]]]},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": "there"},
        {"type": "Nothing", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
        polygon(["0", "0"], ["1", "0"], ["1", "1"]),
        polygon([float("nan"), 0], [1, 0], [1, 1]),
        polygon([float("inf"), 0], [1, 0], [1, 1]),
        {},
        {"type": {1}},
    ],
)
def test_what_is_no_footprint_is_refused(footprint: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="footprint"):
        written(footprint)


def test_what_was_not_written_so_is_named() -> None:
    values = list(chip_values(replace(CHIP, footprint=polygon([0, 0], [1, 0], [1, 1]))))
    assert chip_from(values).footprint == polygon([0, 0], [1, 0], [1, 1])
    for place, wrong in ((8, "{"), (8, 5), (9, "then"), (9, 10**30)):
        with pytest.raises(DamagedData, match="'a'"):
            chip_from([*values[:place], wrong, *values[place + 1 :]])
    for wrong in ("{", "[]", "{}", '{"transform": 1}'):
        with pytest.raises(DamagedData, match="scene"):
            scene_from(wrong)
