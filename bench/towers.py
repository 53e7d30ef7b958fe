"""How many images and texts a second: our engine beside transformers' eager float32?

The same weights, the same tensors, the same number of threads, in turn in one process, medians.
Run: ``python bench/towers.py --bundle FOLDER``, a bundle that also holds model.safetensors.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import SiglipModel

from satseek.embed.embedder import unit_rows
from satseek.engines.onnxruntime import OnnxEngine
from satseek.model.bundle import open_bundle, starter_bundle
from satseek.model.preprocessing import preprocess
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.types import Features

BATCH = 16
CHIP_PX = 256


def main() -> None:
    """Print rates, their ratio and how far the vectors agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="default: the model that is shipped")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    bundle = open_bundle(asked.bundle) if asked.bundle else starter_bundle()
    torch.set_num_threads(asked.threads)
    oracle = SiglipModel.from_pretrained(
        bundle.folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
    ).eval()
    engine = OnnxEngine(bundle, threads=asked.threads)
    rng = np.random.default_rng(0)
    chips = [rng.integers(0, 256, (CHIP_PX, CHIP_PX, 3), dtype=np.uint8) for _ in range(BATCH)]
    tensor = preprocess(chips, size=bundle.card.image_size)
    words = [f"a satellite image of a river and {number} bridges" for number in range(BATCH)]
    ids = Tokenizer.from_bundle(bundle).encode(words)

    def images() -> Features:
        return _features(oracle.get_image_features, pixel_values=tensor)

    def texts() -> Features:
        return _features(oracle.get_text_features, input_ids=ids)

    figures: dict[str, Any] = {
        "model": f"{bundle.card.name} {bundle.card.version}",
        "threads": asked.threads,
        "batch": BATCH,
        "load_before": round(os.getloadavg()[0], 1),
    }
    figures["image"] = _beside(lambda: engine.image_features(tensor), images, asked.rounds)
    figures["text"] = _beside(lambda: engine.text_features(ids), texts, asked.rounds)
    figures["preprocessing_cpu_ms_per_chip"] = _cpu_ms(
        lambda: preprocess(chips, size=bundle.card.image_size)
    )
    print(json.dumps(figures))


def _features(tower: Callable[..., Any], **rows: Any) -> Features:
    with torch.inference_mode():
        taken = {name: torch.from_numpy(values) for name, values in rows.items()}
        features: Features = tower(**taken).pooler_output.numpy()
    return features


def _beside(
    ours: Callable[[], Features], theirs: Callable[[], Features], rounds: int
) -> dict[str, float]:
    """Rates of both, run in turn after one round that does not count."""
    least = float((unit_rows(ours()) * unit_rows(theirs())).sum(axis=1).min())
    pairs = [(_rate(ours), _rate(theirs)) for _ in range(rounds)]
    return {
        "onnxruntime_per_s": round(statistics.median(mine for mine, _ in pairs), 2),
        "transformers_eager_per_s": round(statistics.median(other for _, other in pairs), 2),
        "ratio": round(statistics.median(mine / other for mine, other in pairs), 2),
        "least_cosine": round(least, 7),
    }


def _rate(run: Callable[[], Features]) -> float:
    started = time.perf_counter()
    rows = len(run())
    return rows / (time.perf_counter() - started)


def _cpu_ms(run: Callable[[], Any]) -> float:
    """Least CPU time of five runs, per chip: what other work on the machine cannot inflate much."""
    spent = []
    for _ in range(5):
        started = time.thread_time()
        run()
        spent.append(time.thread_time() - started)
    return round(min(spent) / BATCH * 1e3, 3)


if __name__ == "__main__":
    main()
