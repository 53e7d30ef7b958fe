"""The shipped model on a made-up county of four dates: maps, findings, report of its land use."""

from __future__ import annotations

import csv
import json
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import rasterio
import shapely
from counties import SERIES, copied_home, indexed_county, seen_county

from satseek.assemble import Assembly, Layout
from satseek.assemble.landuse import land_use_of
from satseek.monitor.change.patches import PatchRule
from satseek.monitor.findings.finding import WITHDRAWN
from satseek.monitor.findings.keeping import FindingFilter, Findings
from satseek.monitor.findings.pictures import Pictures
from satseek.monitor.findings.reviewing import confirm
from satseek.monitor.labels.files import preset
from satseek.monitor.labels.jointly import Stickiness
from satseek.monitor.landuse.districts import make_districts
from satseek.monitor.landuse.landuse import Choices
from satseek.monitor.landuse.running import Asked
from satseek.monitor.landuse.writing import LIST
from satseek.monitor.tables import FOLDER
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.monitor.landuse.finishing import Done

NOON = datetime(2024, 9, 1, 12, tzinfo=UTC)
NAME = "county-use"
BY_LABELS = Choices(
    stickiness=Stickiness(change=0.5, steepness=0), patches=PatchRule(seed=0, grow=0)
)
"""Labels alone decide: these tests are of what becomes of a change, not of when there is one."""
MONTHS = ["2024-05", "2024-06", "2024-07", "2024-08"]


@contextmanager
def opened(home: Path) -> Iterator[Findings]:
    with closing(Findings(home / FOLDER)) as findings:
        yield findings


def run(
    home: Path,
    out: Path,
    *,
    cut_at: int | None = None,
    choices: Choices = BY_LABELS,
    **more: Any,
) -> Done:
    """Run land use; ``cut_at`` breaks it off when so much was told of its progress."""
    planning = preset("planning")
    asked = Asked(name=NAME, labels=planning, operator="a planner", choices=choices, **more)
    told = count(1)

    def on_progress(_note: str, _done: int, _all: int) -> None:
        if next(told) == cut_at:
            raise _CutOff

    with closing(Assembly(Settings(data_dir=home, model="starter"))) as parts:
        return land_use_of(
            "county", asked, parts=parts, out=out, made_at=NOON, on_progress=on_progress
        )


class _CutOff(Exception):
    """The run ends here."""


def digests(done: Done) -> dict[str, str]:
    """What was written; a GeoPackage has the time of its making in it."""
    return {one.name: one.sha256 for one in done.files if not one.name.endswith(".gpkg")}


@dataclass(frozen=True)
class Ran:
    """A run that nobody disturbed."""

    done: Done
    out: Path
    home: Path
    """Read only: ``copied_home`` gives one of the test's own."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    room = tmp_path_factory.mktemp("ran")
    home = copied_home(indexed_county(), room / "home")
    county = seen_county()
    west = county.polygon((0, 0, county.size // 2, county.size))
    east = county.polygon((county.size // 2, 0, county.size, county.size))
    districts, _ = make_districts(
        [("West", shapely.geometry.shape(west)), ("East", shapely.geometry.shape(east))],
        source="made",
    )
    return Ran(done=run(home, room / "out", districts=districts), out=room / "out", home=home)


def test_a_run_writes_all_that_a_planner_needs(ran: Ran) -> None:
    assert ran.done.found is not None
    assert MONTHS == list(ran.done.found.dates)
    with rasterio.open(ran.out / "land_use_2024-08.tif") as raster:
        assert (8, 8) == raster.shape
        assert "forest" == raster.tags(1)["CLASS_4"]
    with (ran.out / "images.csv").open(encoding="utf-8", newline="") as file:
        images = list(csv.DictReader(file))
    assert ["image", "land_use", "share", "date"] == list(images[0])
    assert 4 * len(SERIES) == len(images)
    assert {look.day for look in SERIES} == {one["date"] for one in images}
    listed = json.loads((ran.out / LIST).read_text())
    written = {one["name"] for one in listed["files"]} | {LIST}
    assert written == {one.name for one in ran.out.iterdir()}
    ground_ha = (seen_county().size / 100) ** 2
    assert pytest.approx(ground_ha, rel=0.01) == sum(listed["areas_ha"]["2024-08"].values())
    with (ran.out / "districts.csv").open(encoding="utf-8", newline="") as file:
        by_district = [row for row in csv.DictReader(file) if row["date"] == "2024-08"]
    total = sum(float(row["area_ha"]) for row in by_district)
    assert pytest.approx(ground_ha, rel=0.01) == total


def test_the_report_says_what_to_do_next(ran: Ran) -> None:
    report = (ran.out / "report.html").read_text(encoding="utf-8")
    assert f"satseek findings next --kind landuse --source {NAME}" in report
    for said in ("West", "East", "Industry and mining", "a planner"):
        assert said in report


def test_what_changed_is_found_when_it_changed_and_shown_at_both_dates(ran: Ran) -> None:
    assert ("farmland", "residential", "2024-07") in {
        (one.before, one.after, one.properties["after_date"]) for one in ran.done.findings
    }
    pictures = Pictures(ran.home / FOLDER)
    with opened(ran.home) as findings:
        kept = {one.id: one for one in findings.all(FindingFilter(sources=(NAME,)))}
    assert set(kept) == {one.id for one in ran.done.findings}
    for one in kept.values():
        for side in ("before", "after"):
            (digest,) = one.pictures(side)
            assert pictures.read(digest).startswith(b"\x89PNG")


def test_asked_again_nothing_is_told_twice_and_decisions_stay(ran: Ran, tmp_path: Path) -> None:
    home = copied_home(ran.home, tmp_path / "home")
    first = ran.done.findings[0].id
    with opened(home) as findings:
        confirm(first, findings, who="a planner")
    again = run(home, tmp_path / "elsewhere", reports=())
    assert [one.id for one in ran.done.findings] == [one.id for one in again.findings]
    assert 0 == again.news
    with opened(home) as findings:
        assert "confirmed" == findings.get(first).state


def test_another_scene_of_the_month_asks_nobody_again(ran: Ran, tmp_path: Path) -> None:
    home = copied_home(ran.home, tmp_path / "home")
    told = [one for one in ran.done.findings if one.properties["after_date"] == "2024-07"]
    with opened(home) as findings:
        for one in told:
            confirm(one.id, findings, who="a planner")
    see_again(home, tmp_path / "scenes", "2024-07-04", on="2024-07-20")
    again = run(home, tmp_path / "out", reports=())
    assert [one.id for one in ran.done.findings] == [one.id for one in again.findings]
    july = next(one for one in again.findings if one.id == told[0].id)
    assert "2024-07-20" == f"{july.evidence[1].datetime:%Y-%m-%d}"
    with opened(home) as findings:
        kept = list(findings.all(FindingFilter(sources=(NAME,))))
    assert {one.id for one in ran.done.findings} == {one.id for one in kept}
    assert {one.id for one in told} == {one.id for one in kept if one.state == "confirmed"}
    assert {()} == {one.flags for one in kept}


def see_again(home: Path, folder: Path, day: str, *, on: str) -> None:
    """Index the county's scenes of a day once more, as if they had been taken on another."""
    folder.mkdir()
    for scene in seen_county().scenes.glob(f"*{day}*.tif"):
        again = folder / scene.name.replace(day, on)
        shutil.copyfile(scene, again)
        with rasterio.open(again, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as raster:
            raster.update_tags(TIFFTAG_DATETIME=f"{on.replace('-', ':')} 10:12:00")
    grid = GridSpec(crs=None, chip_px=128, stride_px=128, pixel_size=None)
    with (
        closing(Assembly(Settings(data_dir=home, model="starter"))) as parts,
        parts.writer("county", Layout(grid=grid)) as collection,
    ):
        index_folder(folder, collection=collection, embedder=parts.embedder, batch=parts.batch)


def test_what_is_no_longer_found_is_withdrawn_and_nothing_is_lost(ran: Ran, tmp_path: Path) -> None:
    home = copied_home(ran.home, tmp_path / "home")
    large = replace(BY_LABELS, patches=PatchRule(seed=0, grow=0, least_cells=1000))
    none = run(home, tmp_path / "out", choices=large, reports=())
    assert ((), len(ran.done.findings)) == (none.findings, none.news)
    with opened(home) as findings:
        kept = list(findings.all(FindingFilter(sources=(NAME,))))
    assert {one.id for one in ran.done.findings} == {one.id for one in kept}
    assert {(WITHDRAWN,)} == {one.flags for one in kept}


def test_a_run_that_is_cut_off_again_and_again_ends_as_if_undisturbed(
    ran: Ran, tmp_path: Path
) -> None:
    home, out = copied_home(indexed_county(), tmp_path / "home"), tmp_path / "out"
    for moment in (2, 10):
        with pytest.raises(_CutOff):
            run(home, out, cut_at=moment, reports=())
    assert not json.loads((out / LIST).read_text())["finished"]
    again = run(home, out, districts=ran.done.districts.districts)
    assert json.loads((out / LIST).read_text())["finished"]
    assert digests(ran.done) == digests(again)
    kept = []
    for place in (ran.home, home):
        with opened(place) as findings:
            found = findings.all(FindingFilter(sources=(NAME,)))
            kept.append({one.id: (one.label, one.cells, one.flags) for one in found})
    assert kept[0] == kept[1]
