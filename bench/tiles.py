"""How long does a tile take, through the real server: of scenes, of a heat map, of a class map?

Makes scenes with and without overviews, indexes them, and asks for tiles nobody has asked for
before (`drawn`), with the scenes' stretches known and maps made, and again (`again`). Beside it,
in the same run: what a search takes while a browser's twenty connections ask for tiles.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import rasterio
from rasterio import Affine
from rasterio.enums import Resampling
from serving.starting import address, quantiles_ms, wait_until_ready

from satseek.imagery.tiles import tile_at

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENE_PX = 2048
PIXEL_M = 2.0
SCENES = 4
TILES = 40
LIMIT_MS = 60.0
BURST = 20
SEARCHES = 20
ZOOMS = (13, 14, 15, 16)
PLACES = {"overviews": (15.0, 48.7), "plain": (15.0, 49.2)}
"""Where the scenes of each kind lie: four of them in a square."""


def main() -> None:
    """Print quantiles in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for kind in PLACES:
            _make(home / kind, kind)
            _run("--data-dir", home / "data", "index", home / kind, "-c", kind)
        log = home / "serve.log"
        with log.open("wb") as errors:
            command = [sys.executable, "-m", "satseek", "--data-dir", str(home / "data")]
            server = subprocess.Popen([*command, "serve", "--port", "0"], stderr=errors)
        try:
            with httpx.Client(base_url=address(server, log), timeout=60) as client:
                wait_until_ready(client)
                print(json.dumps(_measure(client)))
        finally:
            server.terminate()
            server.wait(timeout=60)


def _measure(client: httpx.Client) -> dict[str, object]:
    figures: dict[str, object] = {
        "scenes": f"{SCENES} of {SCENE_PX} x {SCENE_PX} pixels, 3 bands of uint16, deflate",
        "tiles": TILES,
        "limit_p50_ms": LIMIT_MS,
        "load_average": os.getloadavg()[0],
    }
    for kind in PLACES:
        figures[f"scenes_{kind}"] = _timed(client, f"{kind}/scenes/tiles", "", kind)
    figures["heat"] = _timed(client, "overviews/heat", "text=a+harbour", "overviews")
    figures["classes"] = _timed(
        client, "overviews/classes", "label=harbour&label=forest&label=quarry", "overviews"
    )
    figures["search_ms"] = _burst(client)
    return figures


def _timed(client: httpx.Client, path: str, query: str, kind: str) -> dict[str, dict[str, float]]:
    """Ask for tiles; the first of each zoom warms stretches and maps up and does not count."""
    asked = list(itertools.islice(_tiles(kind), TILES + len(ZOOMS)))
    taken = [_ask(client, f"/v1/collections/{path}/{tile}.png?{query}") for tile in asked]
    again = [_ask(client, f"/v1/collections/{path}/{tile}.png?{query}") for tile in asked]
    return {"drawn_ms": quantiles_ms(taken[len(ZOOMS) :]), "again_ms": quantiles_ms(again)}


def _tiles(kind: str) -> Iterator[str]:
    """Tiles over the scenes, zoom by zoom, no two alike."""
    longitude, latitude = PLACES[kind]
    width = 2 * SCENE_PX * PIXEL_M / 111_320
    rng = np.random.default_rng(1)
    seen = set()
    while True:
        for zoom in ZOOMS:
            east, north = rng.random(2)
            tile = tile_at(longitude + east * width * 1.4, latitude - north * width, zoom)
            if tile not in seen:
                seen.add(tile)
                yield f"{tile.z}/{tile.x}/{tile.y}"


def _burst(client: httpx.Client) -> dict[str, object]:
    """Search alone, then while tiles are asked for from twenty connections at once."""
    texts = (f"a harbour in county {number}" for number in itertools.count())
    for text in itertools.islice(texts, 5):
        _search(client, text)
    alone = [_search(client, text) for text in itertools.islice(texts, SEARCHES)]
    stop, drawn = threading.Event(), []

    def ask(at: int) -> None:
        longitude, latitude = PLACES["overviews"]
        with httpx.Client(base_url=client.base_url, timeout=60) as own:
            for step in itertools.count():
                if stop.is_set():
                    return
                tile = tile_at(longitude + step * 0.0004, latitude - at * 0.002, 18)
                drawn.append(
                    _ask(own, f"/v1/collections/overviews/scenes/tiles/18/{tile.x}/{tile.y}.png")
                )

    with ThreadPoolExecutor(BURST) as pool:
        for at in range(BURST):
            pool.submit(ask, at)
        beside = [_search(client, text) for text in itertools.islice(texts, SEARCHES)]
        stop.set()
    return {
        "alone": quantiles_ms(alone),
        "beside_tiles": quantiles_ms(beside),
        "tiles_meanwhile": len(drawn),
        "tile_ms_meanwhile": quantiles_ms(drawn),
    }


def _ask(client: httpx.Client, path: str) -> float:
    started = time.perf_counter()
    client.get(path).raise_for_status()
    return time.perf_counter() - started


def _search(client: httpx.Client, text: str) -> float:
    started = time.perf_counter()
    asked = {"text": text, "k": 10, "collection": "overviews"}
    client.get("/v1/search", params=asked).raise_for_status()
    return time.perf_counter() - started


def _make(folder: Path, kind: str) -> None:
    """Write four scenes in a square."""
    folder.mkdir()
    rng = np.random.default_rng(2)
    longitude, latitude = PLACES[kind]
    east, north = 500_000 + (longitude - 15) * 73_000, 5_394_000 + (latitude - 48.7) * 111_200
    for at in range(SCENES):
        coarse = rng.integers(200, 2800, (3, SCENE_PX // 64, SCENE_PX // 64))
        samples = coarse.repeat(64, 1).repeat(64, 2) + rng.integers(0, 200, (3, SCENE_PX, SCENE_PX))
        left = east + at % 2 * SCENE_PX * PIXEL_M
        top = north - at // 2 * SCENE_PX * PIXEL_M
        with rasterio.open(
            folder / f"2024-0{at + 1}-01.tif",
            "w",
            driver="GTiff",
            width=SCENE_PX,
            height=SCENE_PX,
            count=3,
            dtype="uint16",
            crs="EPSG:32633",
            transform=Affine(PIXEL_M, 0, left, 0, -PIXEL_M, top),
            photometric="RGB",
            tiled=True,
            blockxsize=512,
            blockysize=512,
            compress="deflate",
        ) as raster:
            raster.write(samples.astype(np.uint16))
        if kind == "overviews":
            with rasterio.open(folder / f"2024-0{at + 1}-01.tif", "r+") as raster:
                raster.build_overviews([2, 4, 8, 16], Resampling.average)


def _run(*words: str | Path) -> None:
    command = [sys.executable, "-m", "satseek", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
