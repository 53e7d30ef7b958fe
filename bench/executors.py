"""Do two workers embed twice as much as one, whatever carries their partitions to and fro?

One model of Git-RSCLIP-base's shape with random weights (float32), its engine pinned to one thread;
scenes of noise, 16 chips of 256 pixels each, a scene a partition. One worker, then two, of local
processes, of a Ray cluster of our own and of a Dask scheduler of our own. What counts begins once
every worker has done its first partition, so that starting and opening the model are left out; they
are told apart. At the end all collections must be equal to the bit. Run as::

    python bench/executors.py [--partitions 10] [--kinds local ray dask] [--starter]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from indexing import base_shaped
from scaling.scenes import make_scenes

from satseek.assemble import Assembly, Layout
from satseek.imagery.candidates import FolderScenes
from satseek.jobs.executors import executor_named
from satseek.jobs.partitions import index_in_partitions
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED = 1.8
CHIPS = 16


def main() -> None:
    """Print rates and ratios."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--partitions", type=int, default=10, help="an even number")
    asked.add_argument("--kinds", nargs="+", default=["local", "ray", "dask"])
    asked.add_argument("--starter", action="store_true", help="the small model: to try it out")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_scenes(home / "scenes", scenes=options.partitions, chips=CHIPS)
        model = "starter" if options.starter else str(base_shaped(home))
        runs = {
            kind: {
                workers: _run(home / f"{kind}-{workers}", home / "scenes", model, kind, workers)
                for workers in (1, 2)
            }
            for kind in options.kinds
        }
    digests = {run.pop("digest") for both in runs.values() for run in both.values()}
    ratios = {
        kind: round(both[2]["chips_per_s"] / both[1]["chips_per_s"], 3)
        for kind, both in runs.items()
    }
    print(
        json.dumps(
            {
                "model": "starter" if options.starter else "Git-RSCLIP-base shape, random float32",
                "engine_threads": 1,
                "chips": options.partitions * CHIPS,
                "two_workers_to_one": ratios,
                "wanted": WANTED,
                "equal_to_the_bit": len(digests) == 1,
                "runs": runs,
            }
        )
    )


def _run(home: Path, scenes: Path, model: str, kind: str, workers: int) -> dict[str, Any]:
    parts = Assembly(Settings(data_dir=home, model=model, threads=1, batch=8))
    executor = executor_named(kind, None if kind == "local" else "local", workers, parts.settings)
    stamps: list[tuple[float, int]] = []
    with parts.writer("bench", Layout()) as collection:
        begun = time.perf_counter()
        index_in_partitions(
            FolderScenes(scenes),
            collection=collection,
            parts=parts,
            executor=executor,
            partition_cells=CHIPS,
            on_progress=_stamping(stamps),
        )
        wall_s = time.perf_counter() - begun
        digest = collection.digest()
    parts.close()
    (warm, before), (end, total) = stamps[workers], stamps[-1]
    return {
        "chips_per_s": round((total - before) / (end - warm), 3),
        "first_partition_s": round(stamps[1][0] - stamps[0][0], 2),
        "wall_s": round(wall_s, 2),
        "digest": digest,
    }


def _stamping(stamps: list[tuple[float, int]]) -> Callable[[str, int, int], None]:
    """Keep when how many cells were embedded; first of all none."""

    def told(what: str, done: int, _total: int) -> None:
        if what == "embedding":
            stamps.append((time.perf_counter(), done))

    return told


if __name__ == "__main__":
    main()
