"""``satseek landuse sample | answer | areas`` on a made-up county whose truth plays the people."""

from __future__ import annotations

import csv
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import starting
from counties import SERIES, Look, copied_home, indexed_county, seen_county

if TYPE_CHECKING:
    from pathlib import Path

LOOKS: tuple[Look, ...] = (SERIES[0], SERIES[3])
SIZE = 768
DAY = SERIES[3].day
WORDS = ("--by", "day", "-l", "forest", "-l", "fields=farmland", "-l", "water=the sea;a river")
WORDS += ("--no-distractors",)
CLASSES = ("forest", "fields", "water")
OF_COVER = {"forest": "forest", "river": "water", "sea": "water", "lake": "water"}
HECTARES = 36 * 1.6384
"""Of 36 cells of 128 m."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = indexed_county(size=SIZE, looks=LOOKS, chip_px=128, stride_px=128)
    return copied_home(made, tmp_path_factory.mktemp("areas") / "data")


def satseek(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    options = ("--data-dir", str(home), "--model", "starter")
    command = [*starting.command(), *options, "landuse", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def told(home: Path, *words: str | Path) -> Any:
    done = satseek(home, *words, "--json")
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def truth(footprint: dict[str, Any]) -> str:
    """What a person would say of a cell."""
    county = seen_county(size=SIZE, looks=LOOKS)
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
    assert 0 == said.returncode, said.stderr
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
    county = seen_county(size=SIZE, looks=LOOKS)
    record = tmp_path / "record.csv"
    assert 0 == satseek(home, "areas", "june", "--answers", record).returncode
    with record.open(encoding="utf-8", newline="") as file:
        assert {f"{one['id']}" for one in places["features"]} < {
            line["id"] for line in csv.DictReader(file)
        }
    assert HECTARES == pytest.approx(found["covered_m2"] / 1e4, rel=2e-3)
    true = dict.fromkeys(CLASSES, 0.0)
    for row in range(6):
        for column in range(6):
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


def test_more_places_are_drawn_of_the_same_map_alone(home: Path) -> None:
    sizes = ("--of", "forest=3", "--of", "fields=4", "--gather", "0")
    first = told(home, "sample", "july", *sizes, *WORDS)
    drawn = {one["name"]: one["drawn"] for one in first["strata"]}
    assert (3, 4) == (drawn["forest"], drawn["fields"])
    grown = told(home, "sample", "july", "--more", "6", "--least", "2", *WORDS)
    assert 13 == sum(one["drawn"] for one in grown["strata"])
    other = satseek(home, "sample", "july", "--more", "6", "--by", "day", "-l", "forest")
    assert 5 == other.returncode, other.stderr
    assert "another map" in other.stderr


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
    done = satseek(home, "areas", "change")
    assert 2 == done.returncode
    assert "answer some of the sample first" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("sample", "x", "--rule", "fair", *WORDS), 2, "--rule: expected proportional"),
        (("sample", "x", "--of", "forest", *WORDS), 2, "STRATUM=N"),
        (("sample", "x", "--more", "2", *WORDS), 3, "no sample 'x'"),
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
    done = satseek(home, *words)
    assert code == done.returncode, done.stderr
    assert said in done.stderr
    assert 1 == len(done.stderr.strip().splitlines())


@pytest.mark.parametrize("command", ["sample", "samples", "answer", "areas"])
def test_help_has_an_example(home: Path, command: str) -> None:
    done = satseek(home, command, "--help")
    assert f"Example: satseek landuse {command}" in " ".join(done.stdout.split())
