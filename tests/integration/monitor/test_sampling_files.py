"""Samples labelled outside: what goes out says nothing of the map, what comes back is checked."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from satseek.errors import InvalidRequest, NotFound
from satseek.monitor.samples.drawing import Place
from satseek.monitor.samples.files import read_answers, write_places
from satseek.monitor.samples.sample import Answer, settle

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.samples.sample import Settled

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[15.0, 48.7], [15.01, 48.7], [15.01, 48.71], [15.0, 48.71], [15.0, 48.7]]],
}
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def place(name: str, *, point: tuple[float, float] | None = None) -> Place:
    return Place(
        id=name,
        cell=name,
        stratum="secret forest",
        mapped="secret forest",
        turn=0,
        area_m2=1.0,
        footprint=SQUARE,
        point=point,
        chips=("before/c", "after/c"),
    )


def settled() -> list[Settled]:
    said = Answer(place="done", who="wu", label="mine", at=AT, comment="tailings; heap")
    return [
        settle(place("open"), [], opinions=1),
        settle(place("point", point=(15.004, 48.705)), [], opinions=1),
        settle(place("done"), [said], opinions=1),
    ]


def test_who_labels_outside_is_told_nothing(tmp_path: Path) -> None:
    path = tmp_path / "places.geojson"
    assert 2 == write_places(settled(), path, shown="places")
    text = path.read_text(encoding="utf-8")
    assert "secret" not in text
    features = {one["id"]: one for one in json.loads(text)["features"]}
    assert {"open", "point"} == features.keys()
    assert ["Polygon", "Point"] == [
        features[name]["geometry"]["type"] for name in ("open", "point")
    ]
    assert "before/c after/c" == features["open"]["properties"]["chips"]


@pytest.mark.parametrize("suffix", [".csv", ".geojson"])
def test_a_filled_table_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"places{suffix}"
    write_places(settled(), path, shown="places")
    if suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        lines[0] |= {"answer": "mine", "who": "li", "comment": "heap, grey"}
        with path.open("w", encoding="utf-8-sig", newline="") as file:  # as Excel saves it
            writer = csv.DictWriter(file, fieldnames=list(lines[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(lines)
    else:
        read = json.loads(path.read_text(encoding="utf-8"))
        read["features"][0]["properties"] |= {
            "answer": "mine", "who": "li", "comment": "heap, grey",
        }  # fmt: skip
        path.write_text(json.dumps(read), encoding="utf-8")
    (found,) = read_answers(path)
    assert ("open", "li", "mine", "heap, grey") == (
        found.place, found.who, found.label, found.comment,
    )  # fmt: skip
    assert found.at.tzinfo is not None


def test_the_record_tells_everything_and_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "record.csv"
    assert 3 == write_places(settled(), path, shown="answers")
    with path.open(encoding="utf-8", newline="") as file:
        lines = {line["id"]: line for line in csv.DictReader(file)}
    assert "secret forest" == lines["done"]["mapped"]
    assert ["agreed", "open"] == [lines[name]["standing"] for name in ("done", "open")]
    assert settled()[2].answers == read_answers(path)


def test_a_gis_that_moves_ids_among_the_properties_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    feature = {"type": "Feature", "geometry": None, "properties": {"id": "x", "answer": "mine"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (found,) = read_answers(path, who="wu")
    assert ("x", "wu") == (found.place, found.who)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "id,label\nx,mine\n", "missing answer"),
        ("a.csv", "", "missing id and answer"),
        ("a.csv", "id,answer\nx,mine\n", "line 2: expected who answered"),
        ("a.csv", "id,answer,who\n,mine,wu\n", "line 2: expected the id"),
        ("a.csv", "id,answer,who,at\nx,mine,wu,yesterday\n", "line 2: expected a moment"),
        ("a.csv", 'id,answer,who\n"x,mine,wu\ny,mine,wu\n', "line 2 or behind it: unexpected end"),
        ("a.csv", "id,answer,who\nx,mine,wu,heap, grey\n", "line 2: expected 3 cells"),
        ("a.geojson", "[]", "expected a GeoJSON FeatureCollection"),
        ("a.geojson", '{"features": [1]}', "expected a GeoJSON FeatureCollection"),
        ("a.geojson", '{"features": [{"properties": {}}]}', "missing answer"),
        ("a.xlsx", "", "expected answers as .csv or .geojson"),
    ],
)
def test_tables_that_cannot_be_are_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRequest, match=said):
        read_answers(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id,answer\nx,Wüste\n".encode("latin-1"))
    with pytest.raises(InvalidRequest, match="expected UTF-8"):
        read_answers(path)
    with pytest.raises(NotFound, match="there is none"):
        read_answers(tmp_path / "b.csv")
