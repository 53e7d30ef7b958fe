"""The real command runs land use from a folder of scenes, goes on, and refuses in a line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import starting
from counties import seen_county
from typer.testing import CliRunner

from satseek.cli import findings, landuse
from satseek.cli.application import app
from satseek.monitor.labels.files import preset, preset_names

assert findings
assert landuse  # their commands are there once they are imported

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
SECONDS = 120
QUARTER = "sw"
"""Of the county: where the mine is opened and the suburb built."""
DAYS = ("2024-06-02", "2024-07-04")
SIDE_HA = 0.128**2 * 100


def satseek(room: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(
        [*starting.command(), "--data-dir", "data", "--model", "starter", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=environment,
        cwd=room,
    )


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the scenes of two dates were run already."""
    room = tmp_path_factory.mktemp("landuse")
    (room / "monthly").mkdir()
    for scene in seen_county().scenes.glob(f"*-{QUARTER}_*"):
        if scene.stem[-10:] in DAYS:
            shutil.copy2(scene, room / "monthly")
    done = satseek(
        room, "landuse", "monthly", "--chip", "128", "--crs", "EPSG:32633", "--pixel-size", "1"
    )
    assert done.returncode == 0, done.stderr
    assert "(0 unchanged)" in done.stderr
    assert "places changed" in done.stderr
    assert ["class", "2024-06", "(ha)", "share", "2024-07", "(ha)", "share"] == (
        done.stdout.splitlines()[0].split()
    )
    return room


def told(room: Path, *words: object) -> Any:
    """The same within this process, which is quicker."""
    options = ("--data-dir", room / "data", "--model", "starter")
    done = CliRunner().invoke(app, [*map(str, (*options, *words)), "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def test_a_folder_becomes_maps_findings_and_a_report(room: Path) -> None:
    out = room / "landuse-landuse"
    assert {"land_use_2024-06.tif", "land_use_2024-07.tif", "images.csv", "report.html"} <= {
        one.name for one in out.iterdir()
    }
    listed = told(room, "findings", "list", "--kind", "landuse")
    changes = json.loads((out / "changes.geojson").read_text())
    assert {one["id"] for one in changes["features"]} == {one["id"] for one in listed["findings"]}
    assert "landuse" == changes["origin"]["collection"]


def test_asked_again_it_goes_on_and_says_nothing_new(room: Path) -> None:
    again = told(room, "landuse", room / "monthly", "--chip", "128", "--crs", "EPSG:32633",
                 "--pixel-size", "1", "--out", room / "again", "--language", "zh")  # fmt: skip
    assert (0, ["2024-06", "2024-07"]) == (again["news"], again["dates"])
    assert "土地利用" in (room / "again" / "report.html").read_text(encoding="utf-8")
    assert pytest.approx(16 * SIDE_HA, rel=0.02) == sum(again["area_ha"]["2024-07"].values())
    shown = satseek(room, "collection", "show", "landuse").stdout
    assert "128 px every 64 px" in shown  # half a chip, where nobody said how


def test_labels_of_ones_own_and_a_filter_are_taken(room: Path) -> None:
    words = ("landuse", "--collection", "landuse", "--name", "pits", "--out", room / "pits")
    own = ("-l", "mine=open-pit mine;quarry", "-l", "forest", "--by", "day")
    found = told(room, *words, *own, "--start", "2024-07-01", "--report", "html")
    assert ["2024-07-04"] == found["dates"]
    assert ["mine", "forest", "none of these"] == list(found["area_ha"]["2024-07-04"])


def test_label_sets_are_listed_and_shown(room: Path) -> None:
    listed = told(room, "landuse", "labels")
    assert list(preset_names()) == [one["name"] for one in listed["label_sets"]]
    shown = told(room, "landuse", "labels", "planning")
    assert list(preset("planning").plain) == [one["name"] for one in shown["labels"]]


def test_every_command_is_documented() -> None:
    reference = REFERENCE.read_text(encoding="utf-8")
    for command in ("satseek landuse SCENES", "satseek landuse labels"):
        assert command in reference
