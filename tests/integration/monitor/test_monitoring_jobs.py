"""Land use, watches, assessments and reports as tasks: files, findings, and who is told."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest
from counties import Look, copied_home, indexed_county, seen_county

from satseek.jobs.queues import open_queue, worker_for
from satseek.jobs.results import folder_of
from satseek.jobs.tasks import run_task
from satseek.jobs.watching import opened_watches
from satseek.monitor.delivering import deliver, post_of
from satseek.monitor.opening import opened_findings
from satseek.monitor.outbox import Outbox
from satseek.monitor.tables import FOLDER
from satseek.monitor.watching import Watch, WatchedConcept
from satseek.settings import Settings

if TYPE_CHECKING:
    from satseek.jobs.protocol import TaskName

LOOKS = (Look(day="2024-06-02", state=0), Look(day="2024-07-04", state=1))
SIZE = 768
JOB = "0123456789abcdef"
MINES = WatchedConcept(
    label="mine", prompts=("an open-pit mine", "bare excavated ground"), negatives=("a ploughed field",)
)
DEADLINE_SECONDS = 90.0


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("monitoring")
    (home / "drop").mkdir()
    county = seen_county(size=SIZE, looks=LOOKS)
    data = copied_home(indexed_county(size=SIZE, looks=LOOKS), home / "data")
    fields = county.box_around("flooded_fields")
    parcels = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": county.polygon(box),
                "properties": {"policy": f"P-{at}", "crop": "rice"},
            }
            for at, box in enumerate((fields, (0, 0, 300, 300)))
        ],
    }
    root = home / "root"
    root.mkdir()
    (root / "parcels.geojson").write_text(json.dumps(parcels), encoding="utf-8")
    return Settings.model_validate(
        {
            "data_dir": data,
            "model": "starter",
            "threads": 1,
            "reference_roots": (root, county.folder),
            "alert_channels": {"drop": {"to": f"file:{home}/drop"}},
        }
    )


def run(name: TaskName, parameters: dict[str, Any], settings: Settings) -> tuple[Any, Path]:
    folder = folder_of(settings.data_dir, JOB)
    seen: list[tuple[int, int, str]] = []
    told = run_task(
        name,
        {"collection": "county", **parameters},
        settings=settings,
        on_progress=lambda *step: seen.append(step),
        results=folder,
    )
    assert seen
    told = json.loads(json.dumps(told))  # what goes back to the worker is JSON
    for one in told.get("files", ()):
        assert one["bytes"] == (folder / one["path"]).stat().st_size
    return told, folder


def names(told: Any) -> set[str]:
    return {one["name"] for one in told["files"]}


def dropped(settings: Settings) -> list[Any]:
    folder = Path(settings.alert_channels["drop"].to.removeprefix("file:"))
    return [json.loads(one.read_bytes()) for one in sorted(folder.iterdir())]


def test_land_use_leaves_maps_tables_and_a_report(settings: Settings) -> None:
    told, _ = run("landuse", {}, settings)
    assert {"report.html", "areas.csv", "changes.csv", "images.csv"} <= names(told)
    assert ["2024-06", "2024-07"] == told["dates"]
    assert pytest.approx(SIZE**2 / 1e4, rel=0.02) == sum(told["area_ha"]["2024-07"].values())
    assert 0 < told["findings"] == told["news"]
    again, _ = run("landuse", {"folder": "scenes"}, settings)
    assert (told["findings"], 0) == (again["findings"], again["news"])


def test_a_watch_finds_once_and_tells_once(settings: Settings) -> None:
    with opened_watches(settings) as watches:
        watches.save(
            Watch(name="mines", collection="county", concept=MINES, deliver=("drop", "gone"))
        )
    told, _ = run("watch", {"watch": "mines"}, settings)
    assert told["alerts"]
    with closing(Outbox(settings.data_dir / FOLDER)) as outbox:
        alerts = outbox.alerts(source="mines")
        assert {(one, name) for one in told["alerts"] for name in ("drop", "gone")} == {
            (one.finding, one.channel) for one in alerts
        }
        sent = deliver(outbox, post_of(settings))
        assert len(told["alerts"]) == sent.arrived
    assert set(told["alerts"]) == {one["finding"]["id"] for one in dropped(settings)}
    again, _ = run("watch", {"watch": "mines"}, settings)
    assert ([], 0) == (again["alerts"], again["new_scenes"])


def test_an_assessment_leaves_tables_sheets_and_a_report(settings: Settings) -> None:
    asked = {"parcels": "parcels.geojson", "after": "2024-07", "before": "2024-06", "name": "flood"}
    told, folder = run("assess", {**asked, "sheets": ["html"], "formats": ["csv"]}, settings)
    assert {"report.html", "parcels.csv"} <= names(told)
    assert (2, "paired", 2) == (told["parcels"], told["mode"], sum(told["lights"].values()))
    assert told["findings"] == told["news"]
    with closing(opened_findings(settings)) as findings:
        kept = [one for one in findings.all() if one.source == "flood"]
    assert told["findings"] == len(kept)
    packed = [one for one in told["files"] if one["name"] == "claims.zip"]
    with ZipFile(folder / packed[0]["path"]) as sheets:
        assert sheets.testzip() is None
        assert all(one.endswith(".html") for one in sheets.namelist())


def test_a_report_is_of_one_collection(settings: Settings) -> None:
    told, folder = run("report", {"title": "What changed"}, settings)
    (file,) = told["files"]
    assert ("report.html", file["sha256"]) == (told["file"], told["sha256"])
    assert "What changed" in (folder / file["path"]).read_text(encoding="utf-8")


def test_a_person_may_have_files_where_they_like(settings: Settings, tmp_path: Path) -> None:
    here = {"here": True, "operator": "local:ann", "command": "satseek report findings"}
    out = tmp_path / "report.html"
    told, _ = run("report", {**here, "collection": "", "out": str(out)}, settings)
    assert str(out) == told["file"]
    assert "files" not in told
    assert "local:ann" in out.read_text(encoding="utf-8")
    told, _ = run("landuse", {**here, "out": str(tmp_path / "landuse")}, settings)
    assert (tmp_path / "landuse" / "report.html").exists()


def test_a_worker_runs_a_watch_and_tells(settings: Settings) -> None:
    with opened_watches(settings) as watches:
        watches.save(Watch(name="pits", collection="county", concept=MINES, deliver=("drop",)))
    with closing(open_queue(settings)) as queue:
        parameters = {"watch": "pits", "collection": "county"}
        job = queue.submit("watch", parameters, collection="county", asked_by="local")
        worker = worker_for(queue, settings, burst=True)
        worker.start()
        assert worker.wait(DEADLINE_SECONDS)
        job = queue.find(job.id)
    assert ("done", "") == (job.state, job.error)
    assert job.result is not None
    told = {one["finding"]["id"] for one in dropped(settings)}
    assert set(job.result["alerts"]) <= told
    assert job.result["alerts"]
