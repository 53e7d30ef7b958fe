"""The commands of a watch: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner
from watchmaking import MINE, MINES, box_around, chip_name, parts_in, scene_name, see

from satseek.cli import findings, reporting, scheduling, watching, watching_judging
from satseek.cli.application import app
from satseek.errors import InvalidConfig, InvalidRequest, WatchNotFound
from satseek.jobs.report import ReportTask, report
from satseek.settings import Settings

if TYPE_CHECKING:
    from typer.testing import Result

assert findings
assert reporting
assert scheduling
assert watching_judging  # their commands are there once they are imported

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
JUNE, JULY = "2024-06-02", "2024-07-04"
FILE = """
name = "mines"
collection = "ground"
[concept]
label = "mine"
prompts = ["a mine"]
negatives = ["a quarry"]
[operating_point]
background_quantile = 0.98
grow_quantile = 0.95
"""
SCHEDULE = '[schedule]\ncron = "30 2 * * *"\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    with parts_in(folder / "data") as parts:
        see(parts, JUNE, mine=False)
        see(parts, JULY, mine=True)
    (folder / "mines.toml").write_text(FILE)
    return folder


def run(home: Path, *words: object) -> Result:
    start = ["--data-dir", str(home / "data"), "--model", "starter"]
    return CliRunner().invoke(app, [*start, *map(str, words)])


def told(home: Path, *words: object) -> Any:
    done = run(home, *words, "--json")
    assert 0 == done.exit_code, (done.output, done.exception)
    return json.loads(done.stdout)


def test_a_watch_is_set_up_run_taught_reported_and_removed(home: Path) -> None:
    added = run(home, "watch", "add", home / "mines.toml")
    assert "watch mines, version 1: run it with `satseek watch run mines`\n" == added.stderr
    done = told(home, "watch", "run", "mines")["run"]
    assert ([JUNE, JULY], 1, []) == (done["days"], len(done["alerts"]), done["seen_again"])
    assert "mines: no new scene, nothing to look at\n" == run(home, "watch", "run", "mines").stderr
    (listed,) = told(home, "watch", "list")
    assert (2, 1) == (listed["scenes_looked_at"], listed["findings"]["new"])
    row = run(home, "watch", "list").stdout.splitlines()[1]
    assert ["mines", "1", "ground", "mine", "–", "2", "1", "new"] == row.split()
    shown = run(home, "watch", "show", "mines")
    assert "background_quantile 0.98, grow 0.95" in shown.stdout
    rested, looked = told(home, "watch", "show", "mines")["runs"]
    assert ([], 0) == (rested["alerts"], rested["new_scenes"])
    assert done["alerts"] == looked["alerts"]
    learnt = told(
        home, "watch", "feedback", "mines",
        *(word for cell in MINE for word in ("--like", chip_name(JULY, cell))),
        "--dislike", chip_name(JULY, (0, 0)),
    )  # fmt: skip
    assert (4, 1, "background_quantile") == (
        learnt["confirmed"],
        learnt["rejected"],
        learnt["cut"]["aim"],
    )
    assert "4 show it, 1 do not" in run(home, "watch", "feedback", "mines").stdout
    (home / "truth.geojson").write_text(json.dumps(box_around(MINE)))
    words = ("--truth", home / "truth.geojson", "--out", home / "mines.html")
    held = told(home, "watch", "report", "mines", *words)
    assert (4, 1.0) == (held["held_out"]["right"], held["held_out"]["sensitivity"])
    page = (home / "mines.html").read_text(encoding="utf-8")
    for part in ("Watch mines: mine", "a quarry", "sensitivity", done["alerts"][0][:8]):
        assert part in page
    told(home, "report", "watch", "mines", "--out", home / "again.html")
    asked = ReportTask(collection="ground", kinds=("watch",), sources=("mines",), measured=True)
    settings = Settings(data_dir=home / "data", model="starter")
    report(asked, settings, lambda *_: None, home / "left")
    (left,) = (home / "left").rglob("report.html")
    for file, measured in ((home / "again.html", False), (left, True)):
        page = file.read_text(encoding="utf-8")
        assert all(part in page for part in ("a quarry", scene_name(JUNE), scene_name(JULY)))
        assert measured == ("Measured on ground that was held out" in page)
    assert "watch mines is removed" in run(home, "watch", "remove", "mines").stderr
    assert 1 == len(told(home, "findings", "list", "--source", "mines")["findings"])
    assert WatchNotFound is type(run(home, "watch", "show", "mines").exception)


def test_a_schedule_comes_and_goes_with_its_watch(home: Path) -> None:
    file = home / "nightly.toml"
    file.write_text(FILE.replace('"mines"', '"nightly"') + SCHEDULE)
    names = []
    for words in (("add", file), ("remove", "nightly")):
        assert 0 == run(home, "watch", *words).exit_code
        names.append([one["name"] for one in told(home, "jobs", "schedule", "list")])
    assert [["watch-nightly"], []] == names


def test_a_paused_watch_stays_paused_when_it_is_added_again(home: Path) -> None:
    file = home / "weekly.toml"
    file.write_text(FILE.replace('"mines"', '"weekly"') + SCHEDULE)
    paused = []
    for words in (("add", file), ("pause", "weekly"), ("add", file), ("resume", "weekly")):
        done = run(home, "watch", *words)
        assert 0 == done.exit_code, done.exception
        assert ("is paused" in done.stderr) == (len(paused) in (1, 2))
        paused.append(told(home, "watch", "show", "weekly")["paused"])
        assert paused[-1] == ("UTC, paused" in run(home, "watch", "list").stdout)
    assert ["watch-weekly"] == [one["name"] for one in told(home, "jobs", "schedule", "list")]
    assert [False, True, True, False] == paused
    assert 0 == run(home, "watch", "remove", "weekly").exit_code


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        (("background_quantile = 0.98", "cosine = 0.7"), InvalidConfig, "no constant holds"),
        (("[concept]", "threshold = 0.7\n[concept]"), InvalidConfig, "no constant holds"),
        (("[concept]", 'deliver = ["office"]\n[concept]'), InvalidRequest, "no channel 'office'"),
        (("[concept]", '[schedule]\ncron = "often"\n[concept]'), InvalidRequest, "cron: expected"),
    ],
)
def test_what_cannot_be_is_refused_and_not_kept(
    home: Path, change: tuple[str, str], kind: type[Exception], reason: str
) -> None:
    file = home / "odd.toml"
    file.write_text(FILE.replace('"mines"', '"odd"').replace(*change))
    refused = run(home, "watch", "add", file)
    assert (kind, True) == (type(refused.exception), reason in str(refused.exception))
    assert "odd" not in [one["name"] for one in told(home, "watch", "list")]


def test_a_report_of_nothing_is_refused(home: Path) -> None:
    assert "give --out FILE" in str(run(home, "watch", "report", MINES.name).exception)


def test_every_command_is_in_the_reference() -> None:
    reference = REFERENCE.read_text(encoding="utf-8")
    for one in watching.group.registered_commands:
        assert one.callback is not None
        name = one.name or one.callback.__name__
        assert f"`watch {name}" in reference
