"""Does indexing keep the engine busy? Chips/s end to end beside the engine alone, same chips.

Engine alone: ready tensors in batches of the same size, nothing else in the process. End to end:
reading, stretching, resizing, embedding and durable commits. Both in one process, in turn, medians.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.assemble import DEFAULT_GRID, Assembly, Layout
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene, find_scenes
from satseek.model.preprocessing import preprocess
from satseek.search.indexing import index_folder
from satseek.settings import read_settings

if TYPE_CHECKING:
    from satseek.types import Tensor

ROOT = Path(__file__).parents[1]
SCENES = ROOT / "demo" / "county" / "scenes"
ROUNDS = 3


def main() -> None:
    """Print both rates and their ratio."""
    ratios, alone, whole = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            parts = Assembly(read_settings({"data_dir": Path(folder)}).settings)
            batch = parts.settings.batch
            parts.embedder.embed_tensor(_tensors(parts, limit=batch)[0])  # open the tower
            with parts.writer("bench", Layout()) as collection:
                report = index_folder(
                    SCENES, collection=collection, embedder=parts.embedder, batch=batch
                )
            whole.append(report.chips_added / report.seconds)
            alone.append(_engine_rate(parts))
            ratios.append(whole[-1] / alone[-1])
    print(
        json.dumps(
            {
                "chips": report.chips_added,
                "engine_alone_chips_per_s": statistics.median(alone),
                "end_to_end_chips_per_s": statistics.median(whole),
                "ratio": statistics.median(ratios),
                "ratio_wanted": 0.85,
            }
        )
    )


def _engine_rate(parts: Assembly) -> float:
    tensors = _tensors(parts, limit=1024)
    started = time.perf_counter()
    for tensor in tensors:
        parts.embedder.embed_tensor(tensor)
    return sum(map(len, tensors)) / (time.perf_counter() - started)


def _tensors(parts: Assembly, *, limit: int) -> list[Tensor]:
    """Read the first chips, ready for the engine, in batches."""
    images = []
    for path in find_scenes(SCENES):
        scene = describe_scene(path, root=SCENES)
        plan = plan_chips(scene, grid=DEFAULT_GRID)
        stretch = stretch_of(scene, recipe_named("auto"))
        images += [
            read.pixels
            for read in read_chips(scene, plan=plan, stretch=stretch)
            if read.pixels is not None
        ]
        if len(images) >= limit:
            break
    size, batch = parts.bundle.card.image_size, parts.settings.batch
    return [
        preprocess(images[at : at + batch], size=size)
        for at in range(0, min(limit, len(images)), batch)
    ]


if __name__ == "__main__":
    main()
