from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import InvalidRequest
from satseek.imagery.named_recipes import NEWEST, PURPOSES, recipe_label, recipe_named
from satseek.imagery.recipe_files import find_recipe, recipe_from_json, recipe_to_json
from satseek.types import Recipe

if TYPE_CHECKING:
    from pathlib import Path

MINE = {"name": "mine", "bands": ["nir", 2, "B02"], "low": 0, "high": 0.4, "scale": 0.0001}


def read(given: dict[str, Any]) -> Recipe:
    return recipe_from_json(json.dumps(given), name="a.json")


def test_every_recipe_has_a_purpose_and_its_label_finds_it() -> None:
    assert set(PURPOSES) == set(NEWEST)
    for recipe in NEWEST.values():
        assert recipe_named(recipe_label(recipe)) is recipe
        assert recipe_named(recipe.name) is recipe


def test_older_versions_stay() -> None:
    assert (1, 2) == (recipe_named("auto@1").version, recipe_named("auto").version)
    with pytest.raises(InvalidRequest, match="no recipe 'auto@3'"):
        recipe_named("auto@3")


def test_a_recipe_of_ones_own_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(MINE))
    expected = Recipe(
        name="mine",
        version=1,
        bands=("nir", 2, "B02"),
        stretch="fixed",
        low=0.0,
        high=0.4,
        scale=0.0001,
    )
    assert expected == find_recipe(str(path))
    assert recipe_named("rgb8") == find_recipe("rgb8")


@pytest.mark.parametrize("recipe", [*NEWEST.values(), read(MINE)], ids=lambda one: one.name)
def test_what_is_written_is_read_again(recipe: Recipe) -> None:
    assert recipe == recipe_from_json(recipe_to_json(recipe), name="a.json")


def test_cuts_of_each_band_survive() -> None:
    recipe = replace(read(MINE), cuts=((0.0, 0.1), (0.0, 0.2), (0.1, 0.3)))
    assert recipe == recipe_from_json(recipe_to_json(recipe), name="a.json")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"bands": [1, 2]}, "bands are one or three"),
        ({"bands": [0, 1, 2]}, "bands are one or three"),
        ({"bands": [True, 1, 2]}, "bands are one or three"),
        ({"low": 1, "high": 1}, "lower value lies below"),
        ({"low": float("nan")}, "numbers are finite"),
        ({"scale": 0}, "scale is positive"),
        ({"gamma": -1}, "gamma is positive"),
        ({"stretch": "log"}, "stretch is one of none, percentile, fixed, auto"),
        ({"stretch": "percentile", "high": 120}, "percentiles lie in 0–100"),
        ({"mask": "fmask"}, "mask is one of"),
        ({"cuts": [[0, 1]]}, "cuts are a pair for each band"),
        ({"cuts": [1, 2, 3]}, "cannot unpack"),
        ({"version": 0}, "a version is a whole number"),
        ({"name": "../x"}, "a name has letters"),
        ({"nodata": "none"}, "nodata is a number"),
        ({"expression": "B8/B4"}, "'expression'"),
        ({"high": "bright"}, "could not convert"),
        ({"name": "auto"}, "is the name of a recipe that is there already"),
    ],
)
def test_what_no_stretch_can_be_made_of_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as caught:
        read(MINE | given)
    assert "\n" not in str(caught.value)
    assert "a.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "3", '{"bands": []}', "{", '"auto"'])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"a\.json: expected a recipe as JSON"):
        recipe_from_json(text, name="a.json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read as a recipe"):
        find_recipe(str(tmp_path / "none.json"))
