"""A watch's file says what is watched for, strictly, and is kept as it was read."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import (
    DamagedData,
    FolderNotFound,
    InvalidConfig,
    InvalidFilter,
    InvalidName,
    InvalidRequest,
)
from satseek.monitor.watch.files import read_watch, watch_from
from satseek.monitor.watch.texts import watch_of, watch_text
from satseek.monitor.watch.watch import OperatingPoint, SightingRule, WatchedHours

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = {"type": "Polygon", "coordinates": [[[9, 49], [10, 49], [10, 50], [9, 50], [9, 49]]]}

WHOLE = """
name = "mines"
collection = "county"
since = 2024-06-30
least_cells = 2
least_area_ha = 1.5
existing = "alert"
deliver = ["office"]

[concept]
label = "mine"
prompts = ["an open-pit mine", "露天矿"]
negatives = ["a quarry", "bare soil"]
liked = ["county/scene_1/cell"]

[scenes]
folder = "new"
chip_px = 128

[ground]
area = "aoi.geojson"
permits = "POLYGON ((9 49, 10 49, 10 50, 9 49))"

[schedule]
cron = "30 2 * * *"
timezone = "Europe/Berlin"

[operating_point]
precision = 0.8
grow_quantile = 0.9

[persistence]
seen = 2
of = 3
"""
LEAST = {
    "name": "mines",
    "collection": "county",
    "concept": {"label": "mine", "prompts": ["a mine"]},
}


def written(folder: Path, text: str = WHOLE) -> Path:
    (folder / "aoi.geojson").write_text(json.dumps(SQUARE))
    path = folder / "mines.toml"
    path.write_text(text)
    return path


def test_a_file_says_all_of_a_watch(tmp_path: Path) -> None:
    watch = read_watch(written(tmp_path))
    assert ("mines", "county", date(2024, 6, 30)) == (watch.name, watch.collection, watch.since)
    assert ("an open-pit mine", "露天矿") == watch.concept.prompts
    assert watch.scenes is not None
    assert (str(tmp_path / "new"), True, 128) == (
        watch.scenes.folder,
        watch.scenes.here,
        watch.scenes.chip_px,
    )
    assert watch.area == SQUARE
    assert watch.permits is not None
    assert watch.permits["type"] == "Polygon"
    assert WatchedHours(cron="30 2 * * *", timezone="Europe/Berlin") == watch.hours
    assert OperatingPoint(aim="precision", value=0.8, grow_quantile=0.9) == watch.operating_point
    assert SightingRule(seen=2, of=3) == watch.persistence
    assert (2, 1.5, "alert", ("office",)) == (
        watch.least_cells,
        watch.least_area_ha,
        watch.existing,
        watch.deliver,
    )


def test_a_watch_is_kept_as_it_was_read(tmp_path: Path) -> None:
    watch = read_watch(written(tmp_path))
    assert watch == watch_of(watch_text(watch))
    plain = watch_from(LEAST)
    assert plain == watch_of(watch_text(plain))
    with pytest.raises(DamagedData, match="expected a watch as it was written"):
        watch_of('{"name": "mines"}')


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    path = tmp_path / "mines.json"
    path.write_text(json.dumps(LEAST))
    assert watch_from(LEAST) == read_watch(path)


@pytest.mark.parametrize(
    "said", [0.7, {"cosine": 0.7}, {"threshold": 0.7}, {"share": 0.7, "precision": 0.9}]
)
def test_a_constant_is_refused_with_an_explanation(said: Any) -> None:
    with pytest.raises(
        InvalidConfig, match=r"0\.7, a constant, and no constant holds.*give background_quantile"
    ):
        watch_from(LEAST | {"operating_point": said})


@pytest.mark.parametrize("name", ["threshold", "cosine", "score", "cut"])
def test_a_constant_is_refused_wherever_people_write_it(name: str) -> None:
    for where, said in (
        ("watch", {name: 0.7}),
        ("concept", {"concept": {**LEAST["concept"], name: 0.7}}),
    ):
        expected = rf"{where}: came {name} = 0\.7, a constant.*in operating_point give"
        with pytest.raises(InvalidConfig, match=expected):
            watch_from(LEAST | said)


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"treshold": 1}, InvalidConfig, "watch: unknown key 'treshold', expected one of"),
        ({"name": "../mines"}, InvalidName, "watch name"),
        ({"name": "m" * 59}, InvalidName, "at most 58 letters"),
        ({"concept": {"label": "mine"}}, InvalidRequest, "expected words for it"),
        ({"concept": {"prompts": ["a mine"]}}, InvalidConfig, "concept: 'label' is missing"),
        ({"concept": {"label": "m", "prompts": "a mine"}}, InvalidConfig, "expected a list"),
        ({"concept": {"label": "m", "liked": ["chip"]}}, InvalidRequest, "COLLECTION/CHIP"),
        ({"operating_point": {"precision": 1.0}}, InvalidRequest, "above 0 and below 1"),
        ({"operating_point": {"recall": 0.9, "precision": 0.9}}, InvalidConfig, "expected one of"),
        ({"operating_point": {"background_quantile": 0.9}}, InvalidRequest, "grow_quantile"),
        ({"persistence": {"seen": 4, "of": 3}}, InvalidRequest, "1 <= seen <= of <= 24"),
        ({"neighbours": 2}, InvalidRequest, "neighbours: expected a share"),
        ({"least_cells": True}, InvalidConfig, "least_cells: expected int, came True"),
        ({"since": "June"}, InvalidConfig, "since: expected a day"),
        ({"existing": "maybe"}, InvalidRequest, "expected known or alert"),
        ({"ground": {"area": {"type": "Point", "coordinates": [0, 0]}}}, InvalidFilter, "area"),
        ({"ground": {"area": {}}}, InvalidFilter, "area"),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, Any], kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        watch_from(LEAST | changes)


def test_a_door_names_no_file() -> None:
    with pytest.raises(InvalidFilter, match="expected GeoJSON or WKT"):
        watch_from(LEAST | {"ground": {"area": "/etc/aoi.geojson"}})


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match="no such file"):
        read_watch(tmp_path / "mines.toml")
    with pytest.raises(InvalidConfig, match="expected TOML or JSON"):
        read_watch(written(tmp_path, "name = "))
