"""How fast are chips added durably, and what do searches and opening notice of it?

Adds chips of 768 numbers in batches of 1,000, each durable when it returns, and times the calls at
the beginning and at the end. Then a process of its own searches, first alone, then while another
batch is added all the time, and another one opens the collection again and again. Prints one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.index import Collection, CollectionSpec, create_collection, open_collection
from satseek.types import Chip, GridSpec, Recipe, Vectors, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

DIM = 768
BATCH = 1_000
K = 10
CLASSES = 64
ACROSS = 400
"""Places along a row of the ground."""
SCENE = 10_000
"""Chips of a scene."""
SEARCHES = 300
OPENINGS = 15
WANTED = {"chips_per_s": 20_000, "p99_to_p50": 2.0, "opening_s": 0.2}
NEW_YEAR = datetime(2020, 1, 1, tzinfo=UTC)


def make_chips(start: int) -> list[Chip]:
    """Chips of the next batch, at places with coordinates of full length."""
    return [_chip(number) for number in range(start, start + BATCH)]


def _chip(number: int) -> Chip:
    scene, place = divmod(number, SCENE)
    west = 11 + (place % ACROSS) * 0.0123456789
    south = 46 + (place // ACROSS) * 0.0087654321
    east, north = west + 0.0123, south + 0.0087
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return Chip(
        id=f"2020/scene-{scene:05d}.tif/{place % ACROSS}-{place // ACROSS}",
        scene_id=f"2020/scene-{scene:05d}.tif",
        cell=f"{place % ACROSS}-{place // ACROSS}",
        scene_path=f"/imagery/2020/scene-{scene:05d}.tif",
        window=Window(column=place % ACROSS, row=place // ACROSS, width=256, height=256),
        footprint={"type": "Polygon", "coordinates": [ring]},
        datetime=NEW_YEAR + timedelta(days=5 * scene),
        valid_fraction=1.0,
    )


def make_vectors(rng: np.random.Generator, centres: Vectors, count: int) -> Vectors:
    """Vectors of chips that show one of some things."""
    values = centres[rng.integers(0, CLASSES, count)]
    values = values + 0.06 * rng.standard_normal((count, DIM), dtype=np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def made_up(seed: int) -> tuple[np.random.Generator, Vectors]:
    """Dice, and what chips may show."""
    centres = np.random.default_rng(0).standard_normal((CLASSES, DIM), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return np.random.default_rng(seed), centres


def batches(start: int, stop: int) -> Iterator[tuple[list[Chip], Vectors]]:
    """Batches ready to be added."""
    rng, centres = made_up(start + 1)
    for first in range(start, stop, BATCH):
        yield make_chips(first), make_vectors(rng, centres, BATCH)


def add(collection: Collection, start: int, stop: int) -> list[float]:
    """Add batches; give the seconds that each took."""
    seconds = []
    for chips, vectors in batches(start, stop):
        began = time.perf_counter()
        collection.add(chips, vectors)
        seconds.append(time.perf_counter() - began)
    return seconds


def grow(folder: Path, rows: int) -> dict[str, Any]:
    """Make the collection, and tell how fast it grew."""
    spec = CollectionSpec(
        name="adding",
        model_name="made-up",
        model_version="0" * 12,
        dim=DIM,
        recipe=Recipe(name="rgb8", version=1, bands=(1, 2, 3), stretch="none", low=0, high=255),
        grid=GridSpec(crs="EPSG:4326", chip_px=256, stride_px=256, pixel_size=None),
        min_valid=0.5,
    )
    with create_collection(folder, spec) as collection:
        seconds = add(collection, 0, rows)
        began = time.perf_counter()
        plan = collection.prepare()
        codes_s = time.perf_counter() - began
    part = max(len(seconds) // 10, 1)
    return {
        "chips_per_s": round(BATCH * len(seconds) / sum(seconds)),
        "first_tenth_chips_per_s": round(BATCH * part / sum(seconds[:part])),
        "last_tenth_chips_per_s": round(BATCH * part / sum(seconds[-part:])),
        "batch_ms_p50": _ms(seconds, 50),
        "batch_ms_p99": _ms(seconds, 99),
        "prepare_s": round(codes_s, 2),
        "plan": plan,
        "folder_mb": round(sum(one.stat().st_size for one in folder.rglob("*")) / 1e6),
    }


def opened(folder: Path, _rows: int) -> dict[str, Any]:
    """Open the collection, in a process that did not make it."""
    seconds = []
    for _ in range(OPENINGS):
        began = time.perf_counter()
        open_collection(folder, mode="read").close()
        seconds.append(time.perf_counter() - began)
    return {"first_s": round(seconds[0], 4), "median_s": round(statistics.median(seconds), 4)}


def searched(folder: Path, _rows: int) -> dict[str, Any]:
    """Search again and again, one query at a time."""
    rng, centres = made_up(7)
    queries = make_vectors(rng, centres, SEARCHES + 20)
    with open_collection(folder, mode="read") as collection:
        for query in queries[:20]:
            collection.search(query[None], k=K)
        seconds = []
        for query in queries[20:]:
            began = time.perf_counter()
            collection.search(query[None], k=K)
            seconds.append(time.perf_counter() - began)
    return {"p50_ms": _ms(seconds, 50), "p99_ms": _ms(seconds, 99)}


def searched_while_adding(folder: Path, rows: int) -> dict[str, Any]:
    """The same, while this process adds batches without pause."""
    ended = threading.Event()
    added: list[float] = []

    def go_on() -> None:
        with open_collection(folder, mode="write") as collection:
            for chips, vectors in batches(rows, rows + 10**6):
                began = time.perf_counter()
                collection.add(chips, vectors)
                added.append(time.perf_counter() - began)
                if ended.is_set():
                    return

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        found = run("searched", folder, rows)
    finally:
        ended.set()
        writer.join()
    return found | {"chips_per_s": round(BATCH * len(added) / sum(added)), "batches": len(added)}


STEPS = {
    "grow": grow,
    "opened": opened,
    "searched": searched,
    "while_adding": searched_while_adding,
}


def run(step: str, folder: Path, rows: int) -> dict[str, Any]:
    """Take a step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    command += ["--rows", str(rows)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _ms(seconds: list[float], percent: int) -> float:
    return round(1e3 * float(np.percentile(seconds, percent)), 3)


def main() -> None:
    """Take all steps, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--step", choices=[*STEPS], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        print(json.dumps(STEPS[asked.step](asked.folder, asked.rows)))
        return
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "adding")
        figures = {step: run(step, folder, asked.rows) for step in STEPS}
    ratio = figures["while_adding"]["p99_ms"] / figures["searched"]["p50_ms"]
    summary = {"rows": asked.rows, "dim": DIM, "p99_adding_to_p50": round(ratio, 2)}
    print(json.dumps(summary | figures | {"wanted": WANTED}))


if __name__ == "__main__":
    main()
