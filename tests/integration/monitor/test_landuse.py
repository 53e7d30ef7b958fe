"""The shipped model on a made-up county of four dates: maps, findings and report of its land use."""

from __future__ import annotations

import csv
import json
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import rasterio
import shapely
from counties import SERIES, copied_home, indexed_county, seen_county

from satseek.assemble import Assembly
from satseek.assemble.landuse import land_use_of
from satseek.monitor.findings import WITHDRAWN
from satseek.monitor.keeping import FindingFilter, Findings
from satseek.monitor.labelling_files import preset
from satseek.monitor.landuse import PATCHES, Choices
from satseek.monitor.landuse_districts import make_districts
from satseek.monitor.landuse_running import Asked
from satseek.monitor.landuse_writing import LIST
from satseek.monitor.patches import PatchRule
from satseek.monitor.pictures import Pictures
from satseek.monitor.reviewing import confirm
from satseek.monitor.tables import FOLDER
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.monitor.landuse_running import Done

NOON = datetime(2024, 9, 1, 12, tzinfo=UTC)
NAME = "county-use"
MONTHS = ["2024-05", "2024-06", "2024-07", "2024-08"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return copied_home(indexed_county(), tmp_path / "home")


@contextmanager
def opened(home: Path) -> Iterator[Findings]:
    with closing(Findings(home / FOLDER)) as findings:
        yield findings


def run(
    home: Path, out: Path, *, cut_at: int | None = None, labels: str = "planning", **changes: Any
) -> Done:
    """Run land use; ``cut_at`` breaks it off when so much was told of its progress."""
    asked = Asked(name=NAME, labels=preset(labels), operator="a planner", **changes)
    told = count(1)

    def on_progress(_note: str, _done: int, _all: int) -> None:
        if next(told) == cut_at:
            raise _CutOff

    with closing(Assembly(Settings(data_dir=home, model="starter"))) as parts:
        return land_use_of(
            "county", asked, parts=parts, out=out, made_at=NOON, on_progress=on_progress
        )


class _CutOff(Exception):  # noqa: N818 -- no error: somebody pulled the plug
    """The run ends here."""


def digests(done: Done) -> dict[str, str]:
    """What was written; a GeoPackage has the time of its making in it."""
    return {one.name: one.sha256 for one in done.files if not one.name.endswith(".gpkg")}


def test_a_run_writes_all_that_a_planner_needs(home: Path, tmp_path: Path) -> None:
    county = seen_county()
    half = county.polygon((0, 0, county.size // 2, county.size))
    rest = county.polygon((county.size // 2, 0, county.size, county.size))
    districts, _ = make_districts(
        [("West", shapely.geometry.shape(half)), ("East", shapely.geometry.shape(rest))],
        source="made",
    )
    out = tmp_path / "out"
    done = run(home, out, districts=districts)
    assert done.found is not None
    assert MONTHS == list(done.found.dates)
    with rasterio.open(out / "land_use_2024-08.tif") as raster:
        assert (8, 8) == raster.shape
        assert "forest" == raster.tags(1)["CLASS_4"]
    with (out / "images.csv").open(encoding="utf-8", newline="") as file:
        images = list(csv.DictReader(file))
    assert ["image", "land_use", "share", "date"] == list(images[0])
    assert 4 * len(SERIES) == len(images)
    assert {look.day for look in SERIES} == {one["date"] for one in images}
    listed = json.loads((out / LIST).read_text())
    assert {one.name for one in out.iterdir()} == {one["name"] for one in listed["files"]} | {LIST}
    ground_ha = (county.size / 100) ** 2
    assert pytest.approx(ground_ha, rel=0.01) == sum(listed["areas_ha"]["2024-08"].values())
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "West" in report
    assert f"--source {NAME}" in report


def test_what_changed_is_found_once_with_pictures_and_stays_decided(
    home: Path, tmp_path: Path
) -> None:
    done = run(home, tmp_path / "out")
    assert done.findings
    assert {"2024-07"} == {one.properties["after_date"] for one in done.findings}
    with opened(home) as findings:
        kept = {one.id: one for one in findings.all(FindingFilter(sources=(NAME,)))}
        assert {one.id for one in done.findings} == set(kept)
        first = done.findings[0].id
        confirm(first, findings, who="a planner")
        pictures = Pictures(home / FOLDER)
        for one in kept.values():
            for side in ("before", "after"):
                (digest,) = one.pictures(side)
                assert pictures.read(digest).startswith(b"\x89PNG")
    again = run(home, tmp_path / "elsewhere")
    assert ([one.id for one in done.findings], 0) == ([one.id for one in again.findings], again.news)
    with opened(home) as findings:
        assert "confirmed" == findings.get(first).state


def test_what_is_no_longer_found_is_withdrawn_and_nothing_is_lost(
    home: Path, tmp_path: Path
) -> None:
    found = run(home, tmp_path / "out", reports=()).findings
    large = PatchRule(seed=PATCHES.seed, grow=PATCHES.grow, least_cells=1000)
    none = run(home, tmp_path / "out", choices=Choices(patches=large), reports=())
    assert ((), len(found)) == (none.findings, none.news)
    with opened(home) as findings:
        kept = list(findings.all(FindingFilter(sources=(NAME,))))
    assert {one.id for one in found} == {one.id for one in kept}
    assert {(WITHDRAWN,)} == {one.flags for one in kept}


def test_the_same_run_writes_the_same_files(home: Path, tmp_path: Path) -> None:
    one, other = (run(home, tmp_path / name, language="zh") for name in ("one", "two"))
    assert digests(one) == digests(other)
    assert "土地利用" in (tmp_path / "one" / "report.html").read_text(encoding="utf-8")


def test_a_run_that_is_cut_off_again_and_again_ends_as_if_undisturbed(
    home: Path, tmp_path: Path
) -> None:
    calm = run(home, tmp_path / "calm")
    other, out = copied_home(indexed_county(), tmp_path / "other"), tmp_path / "out"
    for moment in (2, 6, 9, 11, 13):
        with pytest.raises(_CutOff):
            run(other, out, cut_at=moment)
    assert not json.loads((out / LIST).read_text())["finished"]
    again = run(other, out)
    assert json.loads((out / LIST).read_text())["finished"]
    assert digests(calm) == digests(again)
    kept = []
    for place in (home, other):
        with opened(place) as findings:
            found = findings.all(FindingFilter(sources=(NAME,)))
            kept.append({one.id: (one.label, one.cells, one.flags) for one in found})
    assert kept[0] == kept[1]
