"""A data folder with findings, alerts and a sample in it, for tests that go through all doors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from findingmaking import JULY, JUNE, make_finding, square
from rasterio import Affine

from satseek.assemble import Assembly, Layout
from satseek.monitor.delivery.telling import subscribe
from satseek.monitor.findings.finding import Evidence
from satseek.monitor.opening import opened_findings, opened_pictures
from satseek.monitor.samples.drawing import SamplingFrame
from satseek.monitor.samples.keeping import Samples
from satseek.monitor.tables import FOLDER
from satseek.search.indexing import index_folder
from satseek.service.access.keys import KeyStore
from satseek.service.access.principals import SCOPES
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from satseek.monitor.findings.finding import Finding

HIDDEN_PART = "t0p-hidden"
"""In the address of a webhook: whoever knows it can post there."""

SECRETS = {"room": ["5ecre7" * 8]}
"""What the webhook's letters are signed with."""

PIXEL, SIDE = 10.0, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What lies there."""

    data: Path
    findings: tuple[Finding, ...]
    """Three of `county`, then two of `secret`; the last ones are the most urgent."""
    settings: Mapping[str, object]
    """Of the server, and of whoever opens the folder."""


def make_review(home: Path) -> Kept:
    """Make it."""
    settings = settings_of(home)
    (home / "alerts").mkdir()
    whole = Settings(data_dir=home / "data", **settings)  # type: ignore[arg-type]
    _index(home, whole)
    pictures, findings = opened_pictures(whole), opened_findings(whole)
    digests = [pictures.keep(np.full((8, 8, 3), shade, dtype=np.uint8)) for shade in (40, 200)]
    evidence = (
        Evidence(
            side="before", chip_id="june/0_0", scene="june", datetime=JUNE, picture=digests[0]
        ),
        Evidence(
            side="after",
            chip_id="july/0_0",
            scene="july",
            datetime=JULY,
            picture=digests[1],
            bounds=(0.0, 0.0, 0.1, 0.1),
        ),
    )
    with findings.changing() as change:
        subscribe(change.db, "watch", "mines", ["gis", "room"])
    made = [
        make_finding(at, evidence=evidence, collection="county" if at < 3 else "secret")
        for at in range(5)
    ]
    kept = tuple(one.finding for one in findings.keep(made))
    findings.close()
    _sample(home / "data")
    return Kept(data=home / "data", findings=kept, settings=settings)


def settings_of(home: Path) -> dict[str, object]:
    """Channels: a folder, and a webhook of a host that is not there."""
    room = f"https://hooks.invalid/{HIDDEN_PART}"
    return {
        "alert_channels": {"gis": {"to": f"file:{home}/alerts"}, "room": {"to": room}},
        "webhook_hosts": ["hooks.invalid"],
        "webhook_secrets": SECRETS,
    }


def make_keys(data: Path) -> dict[str, str]:
    """Keys of each role, and of an operator who sees one collection."""
    store = KeyStore(data)
    keys = {
        role: store.create(role, scopes=scopes, created_by="test")[1]
        for role, scopes in SCOPES.items()
    }
    scopes = SCOPES["operator"]
    guest = store.create(
        "guest", scopes=scopes, created_by="test", collections=frozenset({"county"})
    )
    return keys | {"guest": guest[1]}


def _index(home: Path, settings: Settings) -> None:
    """Index the same ground at two dates, four chips each."""
    scenes = home / "scenes"
    scenes.mkdir()
    rng = np.random.default_rng(3)
    for date in ("2024-06-02", "2024-07-04"):
        with rasterio.open(
            scenes / f"{date} ground.tif",
            "w",
            driver="GTiff",
            width=SIDE,
            height=SIDE,
            count=3,
            dtype="uint8",
            crs="EPSG:32633",
            transform=Affine(PIXEL, 0, 512_000, 0, -PIXEL, 5_799_680),
        ) as file:
            file.write(rng.integers(0, 255, (3, SIDE, SIDE), dtype=np.uint8))
    parts = Assembly(settings)
    grid = GridSpec(crs="EPSG:32633", chip_px=64, stride_px=64, pixel_size=PIXEL)
    with parts.writer("county", Layout(grid=grid)) as target:
        index_folder(scenes, collection=target, embedder=parts.embedder, batch=parts.batch)
    parts.close()


def _sample(data: Path) -> None:
    parts = Assembly(Settings(data_dir=data))
    collection = parts.reader("county")
    chips: dict[str, list[str]] = {}
    for chip in sorted(collection.chips(range(len(collection))), key=lambda one: one.id):
        chips.setdefault(chip.cell, []).append(chip.id)
    parts.close()
    cells = sorted(chips)
    labels = ["forest", "mine", "forest", "mine"]
    frame = SamplingFrame(
        cells=cells,
        strata=labels,
        mapped=labels,
        areas_m2=np.full(4, 409_600.0),
        footprints=[square(float(at)) for at in range(4)],
        chips=[tuple(chips[cell]) for cell in cells],
    )
    samples = Samples(data / FOLDER)
    samples.make(
        "july",
        frame,
        {"forest": 2, "mine": 2},
        collection="county",
        subject="land use 2024-07",
        labels=("forest", "mine"),
    )
    samples.close()
