"""Does indexing keep the engine busy? Chips/s end to end beside the engine alone, same chips.

Engine alone: ready tensors in batches of the same size, nothing else in the process: once as one
call after the other with all threads (the plain way), once as indexing calls it, one thread a call
and as many calls at once as there are cores. End to end: reading, stretching, resizing, embedding
and durable commits. All in one process, in turn, medians of the rounds' ratios.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
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
    from satseek.embed.embedder import Embedder
    from satseek.types import Tensor

ROOT = Path(__file__).parents[1]
SCENES = ROOT / "demo" / "county" / "scenes"
ROUNDS = 3


def main() -> None:
    """Print the rates and their ratios."""
    rounds = [_round() for _ in range(ROUNDS)]
    figures = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    plain = statistics.median(one["end_to_end"] / one["engine_plain"] for one in rounds)
    parallel = statistics.median(one["end_to_end"] / one["engine_parallel"] for one in rounds)
    print(
        json.dumps(
            {
                "chips_per_s": figures,
                "ratio_to_engine_plain": plain,
                "ratio_to_engine_parallel": parallel,
                "ratio_wanted": 0.85,
                "rounds": ROUNDS,
            }
        )
    )


def _round() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        parts = Assembly(read_settings({"data_dir": Path(folder)}).settings)
        tensors = _tensors(parts, limit=1024)
        plain = _rate(parts.embedder, tensors, workers=1)
        parallel = _rate(parts.bulk_embedder, tensors, workers=parts.workers)
        with parts.writer("bench", Layout()) as collection:
            report = index_folder(
                SCENES,
                collection=collection,
                embedder=parts.bulk_embedder,
                batch=parts.settings.batch,
                workers=parts.workers,
            )
    return {
        "engine_plain": plain,
        "engine_parallel": parallel,
        "end_to_end": report.chips_added / report.seconds,
    }


def _rate(embedder: Embedder, tensors: list[Tensor], *, workers: int) -> float:
    embedder.embed_tensor(tensors[0])  # open the tower
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(embedder.embed_tensor, tensors):
            pass
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
