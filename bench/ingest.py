"""Does a scene of 13 bands of 16 bits reach the index as fast as the engine embeds?

Makes a Sentinel-2-like GeoTIFF (13 bands, uint16, DEFLATE, tiles of 512 that hold all bands, as
wide as a Sentinel-2 tile) in a temporary folder. Then in turn, each in a process of its own: the
engine alone, on the same chips ready as tensors, called as indexing calls it; reading alone; and
indexing, from the file to durable vectors. Prints one JSON object: chips/s, ratios (medians of
rounds), and the largest resident memory. Asked of a model of real size; the small starter, which
embeds a chip in less time than its 13 bands take to be decompressed, is shown beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

from satseek.assemble import DEFAULT_GRID, Assembly, Layout
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.model.preprocessing import preprocess
from satseek.search.indexing import index_folder
from satseek.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.types import Tensor

TILE = 512
NAMES = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
RECIPE = "sentinel2-l1c"
WANTED_RATIO = 0.8


def make_scene(path: Path, *, width: int, height: int) -> None:
    """Write fields with texture: samples up to about 4000, neither flat nor incompressible."""
    rng = np.random.default_rng(3)
    row, column = np.mgrid[0:TILE, 0:TILE]
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": len(NAMES),
        "dtype": "uint16",
        "nodata": 0,
        "crs": "EPSG:32633",
        "transform": Affine(10.0, 0.0, 500_040.0, 0.0, -10.0, 5_200_020.0),
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "interleave": "pixel",
        "compress": "deflate",
        "predictor": 2,
        "num_threads": "all_cpus",
        "bigtiff": "if_safer",
    }
    with rasterio.open(path, "w", **profile) as scene:
        for band, name in enumerate(NAMES, 1):
            scene.set_band_description(band, name)
        for top in range(0, height, TILE):
            for left in range(0, width, TILE):
                tone = rng.integers(400, 3000, (len(NAMES), 1, 1))
                waves = 200 * np.sin((row * rng.random() + column * rng.random()) / 9)
                block = tone + waves + rng.normal(0, 40, (len(NAMES), TILE, TILE))
                down, across = min(TILE, height - top), min(TILE, width - left)
                kept = np.clip(block, 1, 10_000).astype(np.uint16)[:, :down, :across]
                scene.write(kept, window=Window(left, top, across, down))


def tensors(path: Path, parts: Assembly) -> Iterator[Tensor]:
    """Batches of the scene's chips, ready for the engine."""
    scene = describe_scene(path, root=path.parent)
    cells = read_chips(
        scene,
        plan=plan_chips(scene, grid=DEFAULT_GRID),
        stretch=stretch_of(scene, recipe_named(RECIPE)),
    )
    images = [cell.pixels for cell in cells if cell.pixels is not None]
    size, batch = parts.bundle.card.image_size, parts.batch
    for at in range(0, len(images), batch):
        yield preprocess(images[at : at + batch], size=size)


def embed_alone(path: Path, model: str) -> dict[str, float]:
    """Time the engine alone, with as many calls at once as indexing makes."""
    parts = Assembly(read_settings({"data_dir": path.parent / "none", "model": model}).settings)
    ready = list(tensors(path, parts))
    parts.bulk_embedder.embed_tensor(ready[0])  # open the tower
    began = time.perf_counter()
    with ThreadPoolExecutor(parts.workers) as pool:
        chips = sum(len(vectors) for vectors in pool.map(parts.bulk_embedder.embed_tensor, ready))
    return {"chips": chips, "seconds": time.perf_counter() - began}


def read_alone(path: Path, _model: str) -> dict[str, float]:
    """Time reading, decoding and stretching alone."""
    scene = describe_scene(path, root=path.parent)
    plan = plan_chips(scene, grid=DEFAULT_GRID)
    began = time.perf_counter()
    stretch = stretch_of(scene, recipe_named(RECIPE))
    kept = sum(read.chip is not None for read in read_chips(scene, plan=plan, stretch=stretch))
    return {"chips": kept, "seconds": time.perf_counter() - began}


def ingest(path: Path, model: str) -> dict[str, float]:
    """Time indexing, from the file to durable vectors."""
    with tempfile.TemporaryDirectory() as folder:
        parts = Assembly(read_settings({"data_dir": Path(folder), "model": model}).settings)
        parts.bulk_embedder.embed_tensor(_blank(parts))  # open the tower
        with parts.writer("bench", Layout(recipe=recipe_named(RECIPE))) as collection:
            report = index_folder(
                path,
                collection=collection,
                embedder=parts.bulk_embedder,
                batch=parts.batch,
                workers=parts.workers,
            )
    return {"chips": report.chips_added, "seconds": report.seconds}


def _blank(parts: Assembly) -> Tensor:
    size = parts.bundle.card.image_size
    return preprocess([np.zeros((size, size, 3), np.uint8)] * 2, size=size)


STEPS = {"embed": embed_alone, "read": read_alone, "ingest": ingest}


def main() -> None:
    """Ask for both models, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=10_980, help="as wide as a Sentinel-2 tile")
    parser.add_argument("--height", type=int, default=2048, help="for the starter")
    parser.add_argument("--base-height", type=int, default=512, help="for the model of real size")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="starter", help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=["make", *STEPS], help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        _step(asked)
        return
    from indexing import base_shaped  # noqa: PLC0415 - loads torch, whose memory is no step's

    with tempfile.TemporaryDirectory() as folder:
        base = str(base_shaped(Path(folder)))
        figures = {
            "Git-RSCLIP-base shape, random weights": _measured(asked, base, asked.base_height),
            "starter": _measured(asked, "starter", asked.height),
        }
    print(json.dumps(figures | {"bands": len(NAMES), "ratio_wanted": WANTED_RATIO}))


def _measured(asked: argparse.Namespace, model: str, height: int) -> dict[str, Any]:
    """Make the scene, and run each step in a process of its own, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scene.tif")

        def run(step: str) -> dict[str, float]:
            words = {"step": step, "path": path, "model": model, "width": asked.width}
            command = [sys.executable, __file__]
            for name, value in (words | {"height": height}).items():
                command += [f"--{name}", str(value)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found: dict[str, float] = json.loads(done.stdout)
            return found

        run("make")
        rounds = [{step: run(step) for step in STEPS} for _ in range(asked.rounds)]
        size = path.stat().st_size
    scene = {"width_px": asked.width, "height_px": height, "file_mb": round(size / 1e6, 1)}
    return scene | _summary(rounds)


def _step(asked: argparse.Namespace) -> None:
    if asked.step == "make":
        make_scene(asked.path, width=asked.width, height=asked.height)
        figures: dict[str, float] = {}
    else:
        figures = STEPS[asked.step](asked.path, asked.model)
    print(json.dumps(figures | {"peak_rss_mib": _peak_mib()}))


def _peak_mib() -> float:
    """Largest resident memory of this process; getrusage counts its parent's as well."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) / 1024


def _summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    def rate(step: str) -> list[float]:
        return [one[step]["chips"] / one[step]["seconds"] for one in rounds]

    ratios = [whole / alone for whole, alone in zip(rate("ingest"), rate("embed"), strict=True)]
    return {
        "chips": rounds[0]["ingest"]["chips"],
        "engine_chips_per_s": round(statistics.median(rate("embed")), 1),
        "reading_chips_per_s": round(statistics.median(rate("read")), 1),
        "ingest_chips_per_s": round(statistics.median(rate("ingest")), 1),
        "ratio_to_engine": round(statistics.median(ratios), 3),
        "ratio_spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "reading_peak_rss_mib": round(max(one["read"]["peak_rss_mib"] for one in rounds)),
        "ingest_peak_rss_mib": round(max(one["ingest"]["peak_rss_mib"] for one in rounds)),
        "rounds": len(rounds),
    }


if __name__ == "__main__":
    main()
