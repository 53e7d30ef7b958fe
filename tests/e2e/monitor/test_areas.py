"""``satseek landuse sample | answer | areas`` on a made-up county whose truth plays the people."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
from counties import SERIES, copied_home, indexed_county, seen_county
from typer.testing import CliRunner

from satseek.cli import areas, sampling
from satseek.cli.application import app
from satseek.errors import SatseekError

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

assert areas, sampling  # their commands are there once they are imported

DAY = SERIES[3].day
CELLS = 8
"""Along the county's edge."""
WORDS = ("--by", "day", "-l", "forest", "-l", "fields=farmland", "-l", "water=the sea;a river")
WORDS += ("--no-distractors",)
CLASSES = ("forest", "fields", "water")
OF_COVER = {"forest": "forest", "river": "water", "sea": "water", "lake": "water"}
HECTARES = CELLS**2 * 1.6384
"""Of cells of 128 m."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_home(indexed_county(), tmp_path_factory.mktemp("areas") / "data")


def satseek(home: Path, *words: str | Path) -> Result:
    options = ("--data-dir", str(home), "--model", "starter")
    return CliRunner().invoke(app, [*options, "landuse", *map(str, words)])


def refused(home: Path, *words: str | Path) -> SatseekError:
    error = satseek(home, *words).exception
    assert isinstance(error, SatseekError)
    assert 1 == len(str(error).splitlines())
    return error


def told(home: Path, *words: str | Path) -> Any:
    done = satseek(home, *words, "--json")
    assert 0 == done.exit_code, (done.output, done.exception)
    return json.loads(done.stdout)


def truth(footprint: dict[str, Any]) -> str:
    """What a person would say of a cell."""
    county = seen_county()
    cover = next(iter(county.shares(DAY, footprint)))
    return OF_COVER.get(cover, "fields")


def test_from_a_map_to_areas_that_hold_the_truth(home: Path, tmp_path: Path) -> None:
    made = told(home, "sample", "june", "--size", "24", "--least", "4", "--gather", "0", *WORDS)
    assert f"land use {DAY}" == made["subject"]
    assert list(CLASSES) == made["labels"]
    assert 24 == sum(one["drawn"] for one in made["strata"])
    assert HECTARES == pytest.approx(sum(one["area_m2"] for one in made["strata"]) / 1e4, rel=2e-3)
    # one place at the terminal
    asked = told(home, "answer", "june", "--pictures", tmp_path / "look")
    assert not {"mapped", "stratum"} & asked.keys()
    assert f"1_{DAY}.jpg" in [path.name for path in (tmp_path / "look").iterdir()]
    said = satseek(home, "answer", "june", asked["place"], truth(asked["footprint"]))
    assert 0 == said.exit_code, said.exception
    # the others in a table
    table = tmp_path / "places.geojson"
    assert {"file": str(table), "places": 23} == told(home, "answer", "june", "--out", table)
    places = json.loads(table.read_text(encoding="utf-8"))
    for one in places["features"]:
        one["properties"]["answer"] = truth(one["geometry"])
    table.write_text(json.dumps(places), encoding="utf-8")
    assert {"answers": 23} == told(home, "answer", "june", "--file", table, "--who", "wu")
    assert told(home, "answer", "june") is None
    (listed,) = told(home, "samples")
    assert (24, 24, 0) == tuple(listed["progress"][name] for name in ("drawn", "agreed", "open"))
    # areas
    found = told(home, "areas", "june", "--out", tmp_path / "areas.html")["areas"]
    county = seen_county()
    record = tmp_path / "record.csv"
    assert 0 == satseek(home, "areas", "june", "--answers", record).exit_code
    with record.open(encoding="utf-8", newline="") as file:
        assert {f"{one['id']}" for one in places["features"]} < {
            line["id"] for line in csv.DictReader(file)
        }
    assert HECTARES == pytest.approx(found["covered_m2"] / 1e4, rel=2e-3)
    true = dict.fromkeys(CLASSES, 0.0)
    for row in range(CELLS):
        for column in range(CELLS):
            box = (column * 128, row * 128, column * 128 + 128, row * 128 + 128)
            true[truth(dict(county.polygon(box)))] += 1.6384e4
    for one in found["classes"]:
        area = one["area_m2"]
        assert area["low"] * 0.998 <= true[one["label"]] <= area["high"] * 1.002, one["label"]
    page = (tmp_path / "areas.html").read_text(encoding="utf-8")
    assert "Accuracy and honest areas" in page
    # the report of the same map tells them
    told(home, "run", "-c", "county", "--out", tmp_path / "run", *WORDS)
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f"Accuracy and honest areas: land use {DAY}" in report
    # and a sample of that run is drawn from the same map, whatever made it
    same = told(
        home, "sample", "again", "--run", "county", "--size", "24", "--least", "4", "--gather", "0"
    )
    assert ("june", "again") == (made.pop("name"), same.pop("name"))
    assert made == same | {"made": made["made"]}
    more = told(home, "sample", "again", "--run", "county", "--more", "6", "--least", "2")
    assert 30 == sum(one["drawn"] for one in more["strata"])


def test_more_places_are_drawn_of_the_same_map_alone(home: Path) -> None:
    sizes = ("--of", "forest=3", "--of", "fields=4", "--gather", "0")
    first = told(home, "sample", "july", *sizes, *WORDS)
    drawn = {one["name"]: one["drawn"] for one in first["strata"]}
    assert (3, 4) == (drawn["forest"], drawn["fields"])
    grown = told(home, "sample", "july", "--more", "6", "--least", "2", *WORDS)
    assert 13 == sum(one["drawn"] for one in grown["strata"])
    other = refused(home, "sample", "july", "--more", "6", "--by", "day", "-l", "forest")
    assert 5 == other.exit_code
    assert "another map" in str(other)


def test_change_is_sampled_by_what_became_of_what(home: Path) -> None:
    made = told(
        home, "sample", "change", "--since", SERIES[0].day, "--size", "20", "--least", "2",
        "--opinions", "2", *WORDS,
    )  # fmt: skip
    assert f"change of land use {SERIES[0].day} to {DAY}" == made["subject"]
    assert {"forest", "forest → fields", "fields → forest"} < set(made["labels"])
    asked = told(home, "answer", "change")
    assert 2 == len(asked["chips"])
    told(home, "answer", "change", asked["place"], "forest → fields", "--who", "li")
    error = refused(home, "areas", "change")
    assert 2 == error.exit_code
    assert "answer some of the sample first" in str(error)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("sample", "x", "--rule", "fair", *WORDS), 2, "--rule: expected proportional"),
        (("sample", "x", "--of", "forest", *WORDS), 2, "STRATUM=N"),
        (("sample", "x", "--more", "2", *WORDS), 3, "no sample 'x'"),
        (("sample", "x", "--run", "nothing"), 3, "no run 'nothing'"),
        (("sample", "x", "--run", "county", *WORDS), 2, "--run says how the map is made"),
        (("sample", "x", "--run", "county", "-c", "county"), 2, "--run says how the map is made"),
        (("sample", "x", "--more", "3", "--of", "forest=2", *WORDS), 2, "expected 3 more places"),
        (("answer", "june", "place"), 2, "a place and what it is"),
        (("answer", "june", "--file", "no.csv"), 3, "there is none"),
        (("answer", "june", "--file", "a.csv", "--out", "b.csv"), 2, "not several"),
        (("areas", "nothing"), 3, "no sample 'nothing'"),
        (("areas", "june", "--interval", "exact"), 2, "--interval: expected wilson or wald"),
    ],
)
def test_what_cannot_be_is_one_line(
    home: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    error = refused(home, *words)
    assert code == error.exit_code
    assert said in str(error)


@pytest.mark.parametrize("command", ["sample", "samples", "answer", "areas"])
def test_help_has_an_example(home: Path, command: str) -> None:
    done = satseek(home, command, "--help")
    assert f"Example: satseek landuse {command}" in " ".join(done.stdout.split())
