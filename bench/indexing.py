"""Does indexing keep the engine busy? Chips/s end to end beside the engine alone, same chips.

Engine alone: ready tensors in batches of the same size, nothing else in the process: once as one
call after the other with all threads (the plain way), once as indexing calls it, one thread a call
and as many calls at once as there are cores. End to end: reading, stretching, resizing, embedding
and durable commits. All in one process, in turn, medians of the rounds' ratios.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import SiglipConfig, SiglipModel

from satseek.assemble import DEFAULT_GRID, Assembly, Layout
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.county import make_county
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene, find_scenes
from satseek.model.bundle import starter_bundle
from satseek.model.preprocessing import preprocess
from satseek.search.indexing import index_folder
from satseek.settings import read_settings
from satseek.train import export_bundle

if TYPE_CHECKING:
    from satseek.embed.embedder import Embedder
    from satseek.types import Tensor

ROOT = Path(__file__).parents[1]
SCENES = ROOT / "demo" / "county" / "scenes"


def main() -> None:
    """Print the rates and their ratios: the small starter, and a model of real size."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_county(home / "county", seed=5, width=1536, height=1536)
        base = base_shaped(home)
        figures = {
            "starter": _measured(SCENES, "starter", rounds=3),
            "Git-RSCLIP-base shape, random weights": _measured(
                home / "county" / "scenes", str(base), rounds=1
            ),
        }
    print(json.dumps(figures | {"ratio_wanted": 0.85}))


def base_shaped(home: Path) -> Path:
    """Make a bundle of Git-RSCLIP-base's shapes: 12 layers of 768 for each tower, 224 px."""
    tower = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
    config = SiglipConfig(
        text_config=tower
        | {"intermediate_size": 3072, "vocab_size": 32_000, "max_position_embeddings": 64},
        vision_config=tower | {"intermediate_size": 3072, "image_size": 224, "patch_size": 16},
    )
    SiglipModel(config).save_pretrained(home / "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(starter_bundle().folder / name, home / "model")
    told = json.loads((starter_bundle().folder / "preprocessor_config.json").read_text())
    told["size"] = {"height": 224, "width": 224}
    (home / "model" / "preprocessor_config.json").write_text(json.dumps(told))
    export_bundle(
        home / "model",
        home / "bundle",
        name="base-shaped",
        licences={},
        training_data="none",
        accuracy={},
        precision="float32",
    )
    return home / "bundle"


def _measured(scenes: Path, model: str, *, rounds: int) -> dict[str, float]:
    found = [_round(scenes, model) for _ in range(rounds)]
    figures = {name: statistics.median(one[name] for one in found) for name in found[0]}
    plain = statistics.median(one["end_to_end"] / one["engine_plain"] for one in found)
    parallel = statistics.median(one["end_to_end"] / one["engine_parallel"] for one in found)
    return {
        **{f"{name}_chips_per_s": value for name, value in figures.items()},
        "ratio_to_engine_plain": plain,
        "ratio_to_engine_parallel": parallel,
        "rounds": rounds,
    }


def _round(scenes: Path, model: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings({"data_dir": Path(folder), "model": model}).settings
        parts = Assembly(settings)
        tensors = _tensors(scenes, parts, limit=1024)
        plain = _rate(parts.embedder, tensors, workers=1)
        parallel = _rate(parts.bulk_embedder, tensors, workers=parts.workers)
        with parts.writer("bench", Layout()) as collection:
            report = index_folder(
                scenes,
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


def _tensors(scenes: Path, parts: Assembly, *, limit: int) -> list[Tensor]:
    """Read the first chips, ready for the engine, in batches."""
    images = []
    for path in find_scenes(scenes):
        scene = describe_scene(path, root=scenes)
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
