"""A real server with what standard doors tell: scenes of files, made-up scenes, and a hidden one.

Shared by the tests of the STAC API and of OGC API Features.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import numpy as np
import rasterio
import serving
from keymaking import bearer, make_key
from rasterio import Affine
from shipped import make_collection

from satseek.assemble import Assembly, Layout
from satseek.imagery.ground import footprints
from satseek.settings import Settings
from satseek.types import Chip, Scene, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATES = ("2024-05-03", "2024-08-17", "2025-02-11")
SCENE_PX, CHIP_PX, PIXEL_M = 512, 256, 5
AT = (448_000, 2_266_880)
"""Easting and northing on UTM zone 34 north, near 20.5° east and 20.5° north, on the grid."""

MADE = 12
"""Made-up scenes in ``archive`` that have a place and a date; each has four chips."""

FIRST = datetime(2021, 4, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Doors:
    """A server, and who asks it."""

    url: str
    key: str
    """Of a reader, who does not see ``secret``."""
    client: httpx.Client
    """Shows that key."""
    staff: httpx.Client
    """Sees ``secret``."""
    operator: httpx.Client
    """May save concepts."""

    @property
    def header(self) -> str:
        return f"Authorization: Bearer {self.key}"


@contextmanager
def standard_doors(home: Path, **settings: str) -> Iterator[Doors]:
    """Start the server: ``county`` of three files, ``archive`` without files, ``secret``."""
    data = home / "data"
    serving.index(data, make_scenes(home / "scenes"), "county")
    assembly = Assembly(Settings(data_dir=data))
    make_archive(assembly)
    make_collection(assembly, "secret")
    assembly.close()
    key = make_key(data, "reader", "--role", "reader")
    staff = make_key(data, "staff", "--role", "reader", "--group", "staff")
    operator = make_key(data, "operator", "--role", "operator")
    asked = {"auth": "keys", "collection_groups": '{"secret": ["staff"]}', **settings}
    with (
        serving.running_server(data, **asked) as server,
        httpx.Client(base_url=server.url, headers=bearer(key), timeout=60) as client,
        httpx.Client(base_url=server.url, headers=bearer(staff), timeout=60) as insider,
        httpx.Client(base_url=server.url, headers=bearer(operator), timeout=60) as maker,
    ):
        yield Doors(server.url, key, client, insider, maker)


def make_scenes(folder: Path) -> Path:
    """Write three dated GeoTIFFs side by side, 2 × 2 chips each."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    for at, date in enumerate(DATES):
        with rasterio.open(
            folder / f"{date}.tif",
            "w",
            driver="GTiff",
            width=SCENE_PX,
            height=SCENE_PX,
            count=3,
            dtype="uint8",
            crs="EPSG:32634",
            transform=Affine(PIXEL_M, 0, AT[0] + at * SCENE_PX * PIXEL_M, 0, -PIXEL_M, AT[1]),
            photometric="RGB",
        ) as raster:
            blocks = rng.integers(0, 255, (3, 8, 8)).repeat(64, 1).repeat(64, 2)
            raster.write(blocks.astype(np.uint8))
    return folder


def make_archive(assembly: Assembly) -> None:
    """Write a collection of made-up scenes: with properties, without a date, without a place."""
    with assembly.writer("archive", Layout()) as target:
        rng = np.random.default_rng(11)
        for scene in [*map(_placed, range(MADE)), _undated(), _unplaced()]:
            chips = _chips(scene)
            rows = rng.normal(size=(len(chips), target.spec.dim)).astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            target.add_block(scene, chips, rows, next_position=4, skipped=0, finished=True)


def _placed(at: int) -> Scene:
    return _scene(
        f"{at % 3}/made, {at:02}",
        column=at,
        moment=FIRST + timedelta(days=at, seconds=0.25),
        properties={
            "platform": ("sentinel-2a", "sentinel-2b", "landsat-8")[at % 3],
            "eo:cloud_cover": at * 7.5,
            "nested": {"never": "told"},
            "words": ["one", "two"],
        },
    )


def _undated() -> Scene:
    return _scene("undated", column=20, moment=None, properties={})


def _unplaced() -> Scene:
    return _scene("unplaced", column=21, moment=FIRST, properties={}, crs=None)


def _scene(
    name: str,
    *,
    column: int,
    moment: datetime | None,
    properties: dict[str, object],
    crs: str | None = "EPSG:32634",
) -> Scene:
    return Scene(
        id=name,
        path=f"/nowhere/{name}.tif",
        width=SCENE_PX,
        height=SCENE_PX,
        bands=3,
        dtype="uint8",
        crs=crs,
        transform=(PIXEL_M, 0, AT[0] + column * SCENE_PX * PIXEL_M, 0, -PIXEL_M, AT[1] - 100_000),
        nodata=None,
        datetime=moment,
        digest="made up",
        properties=properties,
    )


def _chips(scene: Scene) -> list[Chip]:
    windows = [
        Window(column=column, row=row, width=CHIP_PX, height=CHIP_PX)
        for row in (0, CHIP_PX)
        for column in (0, CHIP_PX)
    ]
    outlines = footprints(scene.crs, scene.transform, windows)
    return [
        Chip(
            id=f"{scene.id}/{at}",
            scene_id=scene.id,
            cell=str(at),
            scene_path=scene.path,
            window=window,
            footprint=outline,
            datetime=scene.datetime,
            valid_fraction=(at + 1) / 4,
        )
        for at, (window, outline) in enumerate(zip(windows, outlines, strict=True))
    ]
