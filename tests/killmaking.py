"""A few small scenes that come one by one, a watch on them, and what is left of whole runs.

``python killmaking.py`` has everything imported, and forks: for each line of JSON that it reads it
prints the fork's process id, and its exit code once it has ended. A fork does one task as a job
does it, then tells what waits. Whoever asks kills it when they like.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np
import rasterio
from posting import SECRET
from rasterio import Affine
from rasterio.warp import transform_geom

from satseek.jobs.results import folder_of
from satseek.jobs.tasks import run_task
from satseek.jobs.watching import opened_watches
from satseek.monitor.delivery.delivering import deliver, post_of
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.delivery.turns import Pace
from satseek.monitor.findings.pictures import FOLDER as PICTURES
from satseek.monitor.opening import opened_findings
from satseek.monitor.tables import FOLDER
from satseek.monitor.watch.watch import OperatingPoint, Watch, WatchedConcept, WatchedScenes
from satseek.settings import Settings

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from receiving import Conduct, Receiver

    from satseek.jobs.protocol import TaskName

CRS = "EPSG:32633"
LEFT, TOP = 512_000, 5_799_936
CHIP_PX = 64
COLLECTION, WATCH, CHANNEL = "county", "mines", "team"
FEW = ("2024-05-03", "2024-06-02", "2024-07-04")
"""Days of a short run."""
DAYS = (*FEW, "2024-08-05", "2024-09-06", "2024-10-08", "2024-11-09", "2024-12-11")
CELLS = 6
"""Along an edge of a scene."""
PITS = ((0, 0, 1), (4, 1, 2), (1, 4, 3), (4, 4, 5))
"""Column and row of the first cell of each pit, and the number of the day that shows it first."""
PIT = 2
"""Cells along a pit's edge."""
FAILING = 0.3
FAILURES: tuple[Conduct, ...] = ("refuse", "drop", "lose", "slow")
PATIENCE_SECONDS = 120.0
SOON = Pace(first_seconds=0.02, longest_seconds=0.2)

ASKED: dict[str, dict[str, Any]] = {
    "watch": {"watch": WATCH},
    "landuse": {"labels": "planning", "by": "day", "least_cells": 1, "reports": []},
    "assess": {
        "parcels": "parcels.geojson",
        "before": FEW[0],
        "after": FEW[-1],
        "name": "damage",
        "affected": ["mined=an open-pit mine;bare excavated ground"],
        "sound": ["forest=a dense forest"],
        "formats": ["csv", "geojson"],
    },
}
"""What each task is asked for."""

_WHEN = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?UTC|Z|\+00:00)?")
"""Says when a file was made: two runs of one thing differ in it, and in digests of what holds it.
"""
_DIGEST = re.compile(rb"[0-9a-f]{64}|(?:[0-9a-f]{4} ){15}[0-9a-f]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What runs left behind, but for the moments at which they were made."""

    findings: dict[str, tuple[Any, int]]
    """By id: what is known, and its revision."""
    alerts: dict[str, tuple[str, str, str]]
    """By id: finding, reason and what became of its letter."""
    scenes: dict[str, str]
    """Scenes that the watch has looked at, and their digests."""
    days: list[str]
    """Days that its runs looked at, as often as they did."""
    picked_up: int
    """Scenes that its runs say were new."""
    pictures: set[str]
    """Names of all files below the folder of pictures."""


def make_land(folder: Path) -> Path:
    """Write the scenes and two parcels; the same whenever it is done."""
    for at, day in enumerate(DAYS):
        _write_scene(folder / f"{day}.tif", at)
    shown = [
        {"type": "Feature", "geometry": _square(at), "properties": {"policy": f"P-{at}"}}
        for at in (0, 2, 4)
    ]
    parcels = {"type": "FeatureCollection", "features": shown}
    (folder / "parcels.geojson").write_text(json.dumps(parcels), encoding="utf-8")
    return folder


def settings_of(home: Path, land: Path, port: int) -> dict[str, Any]:
    """Settings of every process."""
    return {
        "data_dir": str(home / "data"),
        "model": "starter",
        "threads": 1,
        "reference_roots": [str(land)],
        "webhook_hosts": [f"127.0.0.1:{port}"],
        "webhook_secrets": {CHANNEL: [SECRET]},
        "webhook_timeout_s": 0.3,
        "alert_channels": {
            CHANNEL: {"to": f"http://127.0.0.1:{port}/alerts", "reasons": ["new", "updated"]}
        },
    }


def begin(home: Path, land: Path, port: int) -> Settings:
    """Set a watch up on a folder to which nothing has come yet."""
    incoming(home).mkdir(parents=True)
    settings = Settings.model_validate(settings_of(home, land, port))
    watch = Watch(
        name=WATCH,
        collection=COLLECTION,
        concept=WatchedConcept(
            label="mine",
            prompts=("an open-pit mine", "bare excavated ground"),
            negatives=("a ploughed field",),
        ),
        scenes=WatchedScenes(folder=str(incoming(home)), here=True, chip_px=CHIP_PX),
        operating_point=OperatingPoint(value=0.9, grow_quantile=0.8),
        deliver=(CHANNEL,),
    )
    with opened_watches(settings) as watches:
        watches.save(watch)
    return settings


def incoming(home: Path) -> Path:
    """The folder that grows."""
    return home / "new"


def arrive(day: str, *, land: Path, home: Path, part: float = 1.0) -> None:
    """Have a scene come; of one that is still being copied only a part is there."""
    scene = land / f"{day}.tif"
    if part == 1.0:
        shutil.copy2(scene, incoming(home) / scene.name)
        return
    content = scene.read_bytes()
    (incoming(home) / scene.name).write_bytes(content[: int(part * len(content))])


def look(settings: Settings, task: TaskName = "watch") -> dict[str, Any]:
    """Do a task as a job does it; returns what it tells."""
    return dict(
        run_task(
            task,
            {"collection": COLLECTION, **ASKED[task]},
            settings=settings,
            on_progress=lambda *_: None,
            results=folder_of(settings.data_dir, job_of(task)),
        )
    )


def job_of(task: str) -> str:
    """Id of the one job that does a task."""
    return sha256(task.encode()).hexdigest()[:16]


def tell(settings: Settings) -> None:
    """Deliver until nothing waits."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with closing(Outbox(settings.data_dir / FOLDER)) as outbox:
        post = post_of(settings, pace=SOON)
        while outbox.counts()["waiting"] and time.monotonic() < deadline:
            deliver(outbox, post, patience_seconds=1.0)
            time.sleep(0.005)


def left(settings: Settings) -> Left:
    """Account for everything there is."""
    with (
        closing(opened_findings(settings)) as findings,
        closing(Outbox(settings.data_dir / FOLDER)) as outbox,
        opened_watches(settings) as watches,
    ):
        runs = watches.runs(WATCH, limit=1000)
        return Left(
            findings={
                one.id: (replace(one, created=None, changed=None), one.revision)
                for one in findings.all()
            },
            alerts={
                one.id: (one.finding, one.reason, one.state) for one in outbox.alerts(limit=1000)
            },
            scenes=watches.looked_at(WATCH),
            days=sorted(day for run in runs for day in run["days"]),
            picked_up=sum(run["new_scenes"] for run in runs),
            pictures={
                str(one.name)
                for one in (settings.data_dir / FOLDER / PICTURES).rglob("*")
                if one.is_file()
            },
        )


def content_of(told: Mapping[str, Any], settings: Settings, job: str) -> dict[str, bytes]:
    """Read the files that a job tells of, but for when they were made; each must be whole."""
    folder = folder_of(settings.data_dir, job)
    found: dict[str, bytes] = {}
    for one in told["files"]:
        content = (folder / one["path"]).read_bytes()
        assert (one["bytes"], one["sha256"]) == (len(content), sha256(content).hexdigest())
        if one["name"].endswith(".zip"):
            with ZipFile(folder / one["path"]) as packed:
                found |= {name: _timeless(packed.read(name)) for name in packed.namelist()}
        elif not one["name"].endswith(".gpkg"):  # SQLite writes its own counters into it
            found[one["name"]] = _timeless(content)
    return found


def _timeless(content: bytes) -> bytes:
    return _DIGEST.sub(b"digest", _WHEN.sub(b"moment", content))


def failing(receiver: Receiver, chance: random.Random) -> None:
    """Have a receiver fail three times in ten."""
    receiver.conduct = lambda _n: chance.choice(FAILURES) if chance.random() < FAILING else "take"


class Forks:
    """A process that has everything imported, asked to fork."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line() == "ready"

    def run(
        self,
        settings: Mapping[str, Any],
        task: TaskName,
        *,
        seconds: float | None,
    ) -> int:
        """Do a task, and tell; killed after so long, unless None. Returns the exit code."""
        line = json.dumps({"settings": settings, "task": task})
        stdin = _pipe(self._process.stdin)
        stdin.write(f"{line}\n")
        stdin.flush()
        killer = threading.Timer(seconds or PATIENCE_SECONDS, _kill, [int(self._line())])
        killer.start()
        code = int(self._line())
        killer.cancel()
        killer.join()
        return code

    def close(self) -> None:
        """End it."""
        _pipe(self._process.stdin).close()
        assert self._process.wait(timeout=PATIENCE_SECONDS) == 0
        _pipe(self._process.stdout).close()

    def _line(self) -> str:
        return _pipe(self._process.stdout).readline().strip()


@contextmanager
def forking() -> Iterator[Forks]:
    """Lend such a process."""
    with closing(Forks()) as forks:
        yield forks


def told_of(settings: Settings, task: str) -> dict[str, Any]:
    """Read what a fork's task told, as a queue would have it."""
    return dict(json.loads(_told(settings, task).read_text(encoding="utf-8")))


def _told(settings: Settings, task: str) -> Path:
    return settings.data_dir / f"told-{task}.json"


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, signal.SIGKILL)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _write_scene(path: Path, at: int) -> None:
    """Write what a day shows: forest, and bare pits with terraces in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size, pit_px = CELLS * CHIP_PX, PIT * CHIP_PX
    crowns = np.random.default_rng(5).normal(0, 1, (size // 4, size // 4)).repeat(4, 0).repeat(4, 1)
    grain = np.random.default_rng(100 + at).normal(0, 4, (3, size, size))
    forest = np.array([52, 88, 44])[:, None, None] + 18 * crowns + grain
    rows, columns = np.mgrid[:pit_px, :pit_px]
    steps = np.hypot(rows - pit_px / 2, columns - pit_px / 2) % 16 < 5
    pit = np.array([196, 170, 132])[:, None, None] - 60 * steps + grain[:, :pit_px, :pit_px]
    pixels = np.clip(forest, 1, 255).astype(np.uint8)
    for column, row, first in PITS:
        if at >= first:
            left_px, top_px = column * CHIP_PX, row * CHIP_PX
            pixels[:, top_px : top_px + pit_px, left_px : left_px + pit_px] = np.clip(pit, 1, 255)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=size,
        height=size,
        count=3,
        dtype="uint8",
        crs=CRS,
        transform=Affine(1, 0, LEFT, 0, -1, TOP),
        photometric="RGB",
    ) as raster:
        raster.write(pixels)
        raster.update_tags(TIFFTAG_DATETIME=f"{DAYS[at].replace('-', ':')} 10:00:00")


def _square(at: int) -> Any:
    """Ground of four chips, so many chips from the north-west corner."""
    west, north = LEFT + at * CHIP_PX, TOP - at * CHIP_PX
    east, south = west + 2 * CHIP_PX, north - 2 * CHIP_PX
    ring = [(west, north), (west, south), (east, south), (east, north), (west, north)]
    return transform_geom(CRS, "EPSG:4326", {"type": "Polygon", "coordinates": [ring]})


def _do(asked: Mapping[str, Any]) -> None:
    settings = Settings.model_validate(asked["settings"])
    task = asked["task"]
    told = look(settings, task)
    draft = _told(settings, task).with_suffix(".part")
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(_told(settings, task))
    tell(settings)


def _serve(do: Callable[[Mapping[str, Any]], None] = _do) -> None:
    from satseek.assemble import assessing, landuse  # noqa: F401, PLC0415
    from satseek.engines import onnxruntime  # noqa: F401, PLC0415
    from satseek.export import vectorfiles  # noqa: F401, PLC0415
    from satseek.monitor.damage import asking, finishing, running  # noqa: F401, PLC0415
    from satseek.monitor.landuse import asking as wanting  # noqa: F401, PLC0415
    from satseek.monitor.landuse import running as using  # noqa: F401, PLC0415
    from satseek.monitor.runs import keeping  # noqa: F401, PLC0415
    from satseek.search import indexing  # noqa: F401, PLC0415

    with suppress(ImportError):  # it takes longer than all the rest
        import pyogrio  # noqa: F401, PLC0415
    _say("ready")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            do(json.loads(line))
            os._exit(0)
        _say(pid)
        _say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
