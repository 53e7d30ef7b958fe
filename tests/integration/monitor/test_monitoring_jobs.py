"""Land use, watches, assessments and reports as tasks: files, findings, and who is told."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.warp import transform_geom

from satseek.jobs.queues import open_queue, worker_for
from satseek.jobs.results import folder_of
from satseek.jobs.tasks import run_task
from satseek.jobs.watching import opened_watches
from satseek.monitor.delivery.delivering import deliver, post_of
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.opening import opened_findings
from satseek.monitor.tables import FOLDER
from satseek.monitor.watch.watch import OperatingPoint, Watch, WatchedConcept
from satseek.settings import Settings

if TYPE_CHECKING:
    from satseek.jobs.protocol import TaskName
    from satseek.monitor.findings.finding import Finding

CRS = "EPSG:32633"
LEFT, TOP = 512_000, 5_799_936
SIZE, CHIP_PX = 448, 64
JOB = "0123456789abcdef"
MINES = WatchedConcept(
    label="mine",
    prompts=("an open-pit mine", "bare excavated ground"),
    negatives=("a ploughed field",),
)
FEW = OperatingPoint(value=0.9, grow_quantile=0.8)
"""So small a county has too few cells for the usual cut."""
DEADLINE_SECONDS = 90.0


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Ground seen on two days, a part of it another one on the second; two parcels; a folder."""
    home = tmp_path_factory.mktemp("monitoring")
    root = home / "root"
    for folder in (home / "drop", root / "scenes"):
        folder.mkdir(parents=True)
    for number, day in enumerate(("2024-06-02", "2024-07-04")):
        _write_scene(root / "scenes" / f"{day} scene.tif", changed=bool(number))
    parcels = [
        {"type": "Feature", "geometry": _square(at), "properties": {"policy": f"P-{at}"}}
        for at in (0, 4)
    ]
    collection = {"type": "FeatureCollection", "features": parcels}
    (root / "parcels.geojson").write_text(json.dumps(collection), encoding="utf-8")
    settings = Settings.model_validate(
        {
            "data_dir": home / "data",
            "model": "starter",
            "threads": 1,
            "reference_roots": (root,),
            "alert_channels": {"drop": {"to": f"file:{home}/drop"}},
        }
    )
    asked = {"folder": "scenes", "collection": "county", "chip_px": CHIP_PX}
    run_task("index", asked, settings=settings, on_progress=lambda *_: None, results=home)
    return settings


def _write_scene(path: Path, *, changed: bool) -> None:
    rng = np.random.default_rng(5)
    ground = rng.integers(0, 255, (3, SIZE // 32, SIZE // 32)).repeat(32, 1).repeat(32, 2)
    pixels = (0.8 * ground + rng.integers(0, 40, (3, SIZE, SIZE))).astype(np.uint8)
    if changed:
        pixels[:, :128, :128] = 200
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=SIZE,
        height=SIZE,
        count=3,
        dtype="uint8",
        crs=CRS,
        transform=Affine(1, 0, LEFT, 0, -1, TOP),
        photometric="RGB",
    ) as raster:
        raster.write(pixels)


def _square(at: int) -> Any:
    """Ground of four chips, so many chips from the north-west corner."""
    west, north = LEFT + at * CHIP_PX, TOP - at * CHIP_PX
    east, south = west + 2 * CHIP_PX, north - 2 * CHIP_PX
    ring = [(west, north), (west, south), (east, south), (east, north), (west, north)]
    return transform_geom(CRS, "EPSG:4326", {"type": "Polygon", "coordinates": [ring]})


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
    assert seen or told.get("new_scenes") == 0
    told = json.loads(json.dumps(told))  # what goes back to the worker is JSON
    for one in told.get("files", ()):
        assert one["bytes"] == (folder / one["path"]).stat().st_size
    return told, folder


def _watch(name: str, *channels: str) -> Watch:
    return Watch(
        name=name,
        collection="county",
        concept=MINES,
        operating_point=FEW,
        existing="alert",
        deliver=channels,
    )


def names(told: Any) -> set[str]:
    return {one["name"] for one in told["files"]}


def kept(settings: Settings, source: str) -> list[Finding]:
    with closing(opened_findings(settings)) as findings:
        return [one for one in findings.all() if one.source == source]


def dropped(settings: Settings) -> list[Any]:
    folder = Path(settings.alert_channels["drop"].to.removeprefix("file:"))
    return [json.loads(one.read_bytes()) for one in sorted(folder.iterdir())]


def test_land_use_leaves_maps_tables_and_a_report(settings: Settings) -> None:
    told, _ = run("landuse", {}, settings)
    assert {"report.html", "areas.csv", "changes.csv", "images.csv"} <= names(told)
    assert ["2024-06", "2024-07"] == told["dates"]
    assert pytest.approx(SIZE**2 / 1e4, rel=0.02) == sum(told["area_ha"]["2024-07"].values())
    assert told["findings"] == told["news"] == len(kept(settings, "county"))
    again, _ = run("landuse", {"folder": "scenes", "reports": []}, settings)
    assert (told["findings"], 0) == (again["findings"], again["news"])


def test_a_watch_finds_once_and_tells_once(settings: Settings) -> None:
    with opened_watches(settings) as watches:
        watches.save(_watch("mines", "drop", "gone"))
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
    all_pay = {"losses": [{"name": "payable", "from_share": 0, "light": "red"}]}
    given = {**asked, **all_pay, "sheets": ["html"], "formats": ["csv"]}
    told, folder = run("assess", given, settings)
    assert {"report.html", "parcels.csv", "assessment.json"} <= names(told)
    assert (2, "paired", {"red": 2}) == (told["parcels"], told["mode"], told["lights"])
    assert told["findings"] == told["news"] == len(kept(settings, "flood")) == 2
    packed = [one for one in told["files"] if one["name"] == "claims.zip"]
    with ZipFile(folder / packed[0]["path"]) as sheets:
        assert sheets.testzip() is None
        assert ["P-0.html", "P-4.html"] == sorted(sheets.namelist())


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


def test_a_worker_runs_a_watch_and_tells(settings: Settings) -> None:
    with opened_watches(settings) as watches:
        watches.save(_watch("pits", "drop"))
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
