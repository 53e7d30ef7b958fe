"""What a person names where they stand is found by a worker that was started elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from satseek.errors import InvalidFilter
from satseek.jobs.naming import PLACES, placed
from satseek.jobs.tasks import HERE


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "2025").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "tonight").symlink_to("2025")
    return tmp_path


@pytest.mark.parametrize(
    ("task", "field", "named", "found"),
    [
        ("index", "folder", "scenes", "{here}/scenes"),
        ("index", "folder", Path("scenes"), "{here}/scenes"),
        ("index", "folder", "tonight", "{here}/tonight"),
        ("index", "folder", "/scenes", "/scenes"),
        ("index", "folder", "https://example.org/stac", "https://example.org/stac"),
        ("index", "folder", "", ""),
        ("index", "folder", 3, 3),
        ("index", "recipe", "own.json", "{here}/own.json"),
        ("index", "recipe", "sentinel2", "sentinel2"),
        ("index", "allow", ["./more", "example.org", "s3://bucket"], None),
        ("index", "chip_px", 64, 64),
        ("classify", "more", ("a", "b"), ["{here}/a", "{here}/b"]),
        ("classify", "out", "s3://bucket/table.csv", "s3://bucket/table.csv"),
        ("quantize", "model", "models", "{here}/models"),
        ("quantize", "model", "starter@1", "starter@1"),
        ("evaluate", "images", "images", "{here}/images"),
        ("landuse", "folder", "monthly", "{here}/monthly"),
        ("landuse", "labels", "planning", "planning"),
        ("landuse", "labels", "own.toml", "{here}/own.toml"),
        ("landuse", "districts", "villages.gpkg", "{here}/villages.gpkg"),
        ("landuse", "districts", "upload:1a2b", "upload:1a2b"),
        ("landuse", "districts", None, None),
        ("assess", "parcels", "parcels.gpkg", "{here}/parcels.gpkg"),
        ("assess", "parcels", "upload:1a2b", "upload:1a2b"),
        ("assess", "after", "2024-07", "2024-07"),
        ("assess", "after", "2024-07-01/2024-07-31", "2024-07-01/2024-07-31"),
        ("assess", "after", "2025", "{here}/2025"),
        ("assess", "before", "june", "{here}/june"),
        ("assess", "hazard", "flood", "flood"),
        ("assess", "hazard", "own.json", "{here}/own.json"),
        ("assess", "grades", "grades.toml", "{here}/grades.toml"),
        ("report", "fonts", ("own.ttf",), ["{here}/own.ttf"]),
        ("watch", "watch", "mines", "mines"),
        ("dance", "folder", "floor", "floor"),
    ],
)
def test_places_are_named_from_anywhere(
    here: Path, task: str, field: str, named: Any, found: Any
) -> None:
    if field == "allow":
        found = ["{here}/more", "example.org", "s3://bucket"]
    expected = (
        [one.format(here=here) for one in found]
        if isinstance(found, list)
        else found.format(here=here)
        if isinstance(found, str)
        else found
    )
    once = placed(task, {field: named})
    assert {field: expected} == once
    assert once == placed(task, once)


@pytest.mark.usefixtures("here")
def test_a_period_that_cannot_be_is_no_folder() -> None:
    with pytest.raises(InvalidFilter, match="2025-13"):
        placed("assess", {"after": "2025-13"})


PATH = re.compile(
    r"`reference_roots`|\bfile of (?!several)|\bFolder\b|Scenes that are|scenes as the task"
)
"""What a field says of itself that takes a path."""


@pytest.mark.parametrize("task", HERE)
def test_each_field_that_takes_a_path_is_placed(task: str) -> None:
    fields = HERE[task].model_fields  # type: ignore[index]
    paths = {name for name, one in fields.items() if PATH.search(one.description or "")}
    paths |= {"allow", "fonts", "more", "out", "report"} & fields.keys()
    assert paths <= PLACES.get(task, {}).keys() <= fields.keys()
