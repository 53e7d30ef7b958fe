"""How fast, and in how much memory, is a scene of 20,000 x 20,000 pixels cut into chips?

Makes a tiled RGB GeoTIFF in a temporary folder, streams its chips once and
prints one JSON object. Run: ``python bench/big_scene.py --compress jpeg``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene
from satseek.types import GridSpec

TILE = 512


def make_scene(path: Path, *, edge: int, compress: str) -> None:
    """Write fields, roads and noise: neither flat nor incompressible."""
    rng = np.random.default_rng(7)
    row, column = np.mgrid[0:TILE, 0:TILE]
    profile = {
        "driver": "GTiff",
        "width": edge,
        "height": edge,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32633",
        "transform": Affine(0.5, 0.0, 500_123.4, 0.0, -0.5, 5_200_321.7),
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "compress": compress,
    }
    if compress == "jpeg":
        profile |= {"photometric": "ycbcr"}
    with rasterio.open(path, "w", **profile) as scene:
        for top in range(0, edge, TILE):
            for left in range(0, edge, TILE):
                tone = rng.integers(40, 180, (3, 1, 1))
                waves = 20 * np.sin((row * rng.random() + column * rng.random()) / 9)
                block = tone + waves + rng.normal(0, 4, (3, TILE, TILE))
                height, width = min(TILE, edge - top), min(TILE, edge - left)
                shades = np.clip(block, 1, 255).astype(np.uint8)[:, :height, :width]
                scene.write(shades, window=Window(left, top, width, height))


def stream(path: Path) -> dict[str, float]:
    """Read every chip once."""
    began = time.perf_counter()
    scene = describe_scene(path, root=path.parent)
    grid = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None)
    plan = plan_chips(scene, grid=grid)
    stretch = stretch_of(scene, recipe_named("auto"))
    planned, cpu = time.perf_counter(), time.process_time()
    kept = sum(read.chip is not None for read in read_chips(scene, plan=plan, stretch=stretch))
    seconds, cpu = time.perf_counter() - planned, time.process_time() - cpu
    return {
        "edge_px": scene.width,
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "cells": len(plan),
        "chips": kept,
        "seconds_to_plan": round(planned - began, 3),
        "seconds_to_read": round(seconds, 2),
        "chips_per_s": round(kept / seconds, 1),
        "chips_per_cpu_s": round(kept / cpu, 1),
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def index(path: Path) -> dict[str, float]:
    """Index it with the real command, embedding included; its own peak memory."""
    command = [sys.executable, "-m", "satseek", "--data-dir", str(path.parent / "data"), "index"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, str(path)], stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    return {
        "indexed_seconds": round(time.perf_counter() - began, 1),
        "indexed_peak_rss_mib": round(usage.ru_maxrss / 1024, 1),
        "limit_mib": 1536,
    }


def main() -> None:
    """Make the scene in another process, so that its memory is not counted, and stream it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=20_000, help="rows and columns")
    parser.add_argument("--compress", default="jpeg", choices=["jpeg", "deflate"])
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make is not None:
        make_scene(asked.make, edge=asked.edge, compress=asked.compress)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "big.tif")
        again = [sys.executable, __file__, "--make", str(path)]
        subprocess.run(
            [*again, "--edge", str(asked.edge), "--compress", asked.compress], check=True
        )
        figures = {"compress": asked.compress, **stream(path), **index(path)}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
