"""Does classifying a folder keep the engine busy? Images/s end to end beside the engine alone.

Engine alone: ready tensors in batches of the same size, as many calls at once as the settings say,
nothing else in the process. End to end: describing, decoding, resizing, embedding, scoring, durable
parts, the table. The same JPEGs; all in one process, in turn, medians of the rounds' ratios. What a
death costs: the same run with an engine that stops half-way, and the run after it.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from indexing import base_shaped
from PIL import Image

from satseek.assemble import Assembly
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.county import make_county
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene, find_scenes
from satseek.jobs.classifying import ClassifyHere, classify_into
from satseek.model.preprocessing import preprocess
from satseek.settings import read_settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.embed.embedder import Embedder
    from satseek.search.classifying_bulk import BulkReport
    from satseek.types import Pixels, Tensor

LABELS = ("quarry", "forest", "harbour", "solar farm", "river", "industrial area")
EDGE = 600
"""Pixels of an image's edge, as the field's sets have them (AID: 600)."""


def main() -> None:
    """Print rates and their ratio: the starter, which decoding bounds, and one of real size."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_county(home / "county", seed=5, width=2048, height=2048)
        pictures = list(_pictures(home / "county" / "scenes"))
        _write(home / "many", pictures, copies=2048)
        _write(home / "few", pictures, copies=192)
        base = base_shaped(home)
        figures = {
            "starter": _measured(home / "many", "starter", rounds=3),
            "Git-RSCLIP-base shape, random weights": _measured(home / "few", str(base), rounds=3),
            "resumed": _resumed(home / "many"),
        }
    print(json.dumps(figures | {"ratio_wanted": 0.85}))


def _pictures(scenes: Path) -> Iterator[Pixels]:
    """Cut a made-up county into squares."""
    grid = GridSpec(crs=None, chip_px=EDGE, stride_px=EDGE // 2, pixel_size=None)
    recipe = recipe_named("auto")
    for path in find_scenes(scenes):
        scene = describe_scene(path, root=scenes)
        plan = plan_chips(scene, grid=grid)
        for read in read_chips(scene, plan=plan, stretch=stretch_of(scene, recipe)):
            if read.pixels is not None:
                yield read.pixels


def _write(folder: Path, pictures: list[Pixels], *, copies: int) -> None:
    """Write JPEGs, each a little brighter than the last: no two are the same."""
    folder.mkdir()
    for at in range(copies):
        shifted = np.clip(pictures[at % len(pictures)].astype(np.int16) + at % 7, 0, 255)
        Image.fromarray(shifted.astype(np.uint8)).save(folder / f"{at:05}.jpg", quality=90)


def _measured(folder: Path, model: str, *, rounds: int) -> dict[str, Any]:
    found = [_round(folder, model) for _ in range(rounds)]
    ratios = [one["end_to_end"] / one["engine"] for one in found]
    return {
        "images": len(find_scenes(folder)),
        "engine_images_per_s": statistics.median(one["engine"] for one in found),
        "end_to_end_images_per_s": statistics.median(one["end_to_end"] for one in found),
        "ratio": statistics.median(ratios),
        "rounds": rounds,
    }


def _round(folder: Path, model: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        settings = read_settings({"data_dir": Path(home), "model": model}).settings
        parts = Assembly(settings)
        tensors = _tensors(folder, parts, limit=512)
        engine = _rate(parts.bulk_embedder, tensors, workers=parts.workers)
        report = _classified(folder, Path(home) / "labels.csv", settings)
    return {"engine": engine, "end_to_end": report.images / report.seconds}


def _classified(folder: Path, table: Path, settings: Any) -> BulkReport:
    asked = ClassifyHere(folder=str(folder), labels=LABELS, here=True)
    return classify_into(table, asked, settings, lambda *_: None)


def _resumed(folder: Path) -> dict[str, Any]:
    """Stop a run half-way, and begin it again."""
    half = len(find_scenes(folder)) // 2
    with tempfile.TemporaryDirectory() as home:
        settings = read_settings({"data_dir": Path(home), "model": "starter"}).settings
        table = Path(home) / "labels.csv"
        asked = ClassifyHere(folder=str(folder), labels=LABELS, here=True)

        def stop(done: int, _total: int, _note: str) -> None:
            if done >= half:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            classify_into(table, asked, settings, stop)
        report = classify_into(table, asked, settings, lambda *_: None)
        return {"stopped_at": half, "found_done": report.resumed, "images": report.images}


def _tensors(folder: Path, parts: Assembly, *, limit: int) -> list[Tensor]:
    card = parts.bundle.card
    pictures = [np.asarray(Image.open(path)) for path in find_scenes(folder)[:limit]]
    batches = [pictures[at : at + parts.batch] for at in range(0, len(pictures), parts.batch)]
    return [preprocess(one, size=card.image_size, how=card.preprocessing) for one in batches]


def _rate(embedder: Embedder, tensors: list[Tensor], *, workers: int) -> float:
    embedder.embed_tensor(tensors[0])  # open the tower
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(embedder.embed_tensor, tensors))
    return sum(map(len, tensors)) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
