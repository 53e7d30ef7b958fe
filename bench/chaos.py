"""Is anything lost when servers, workers, their children, Redis, Ray or Dask workers are killed?

Each stage indexes 5,000 chips, and more for as long as processes are killed: at random moments, by
SIGKILL. Every accepted job is compared with what there is of it, every collection with one that
nobody disturbed. Then the disk fills up at random moments. Prints one JSON object; what is lost is
listed under ``wrong``, and stops it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.remove(str(Path(__file__).parent))  # this file has the name of a folder of the tests

from chaos import clusters, stages
from chaos.ground import Ground, make_ground
from chaos.monkey import GAPS_A_RUN, Monkey
from chaos.playing import Played, play
from chaos.rooms import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

SECONDS_A_KILL = 15.0
"""A run may take so long for each kill; it takes a tenth of it, or something waits for ever."""
QUEUES: Mapping[str, tuple[Callable[[Ground, Path], stages.QueueStage], Mapping[str, int]]] = {
    "embedded": (stages.served, {"server": 1, "worker": 2, "child": 2}),
    "redis": (stages.shared, {"redis": 2, "worker": 2, "child": 2}),
}
EXECUTORS: Mapping[
    str, tuple[Callable[[Path], AbstractContextManager[clusters.Cluster]], Mapping[str, int]]
] = {
    "local": (clusters.local, {"worker": 4, "owner": 1}),
    "ray": (clusters.ray, {"worker": 4, "owner": 1}),
    "dask": (clusters.dask, {"worker": 4, "owner": 1}),
}


def main() -> None:
    """Play every stage, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="of each stage, about")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as home:
        figures = _figures(Path(home), asked.kills, asked.seed)
    print(json.dumps(figures))
    if any(one["wrong"] for one in figures.values()):
        sys.exit("something was lost")


def _figures(home: Path, kills: int, seed: int) -> dict[str, Any]:
    ground = make_ground(home / "ground")
    calm, took = stages.undisturbed(ground, home / "calm")
    whole, _ = clusters.indexed_by_one(ground, home / "whole")
    seconds = SECONDS_A_KILL * kills
    found: dict[str, Any] = {}
    for name, (staged, shares) in QUEUES.items():
        monkey = Monkey(_deck(shares, kills), seed=seed, gap=took / GAPS_A_RUN)
        found[name] = _told(play(staged(ground, home / name), monkey, calm, seconds=seconds))
    for name, (started, shares) in EXECUTORS.items():
        monkey = Monkey(_deck(shares, kills), seed=seed, gap=took / GAPS_A_RUN)
        with started(home / name) as cluster:
            done = clusters.play_cluster(
                cluster, ground, home / name, monkey, whole, seconds=seconds
            )
        found[name] = _told(done)
    said = alone(
        *("chaos.starving", "queue", home / "full", ground.scenes, ground.model, kills, seed),
        seconds=seconds,
    )
    found["full disk"] = json.loads(said)
    return found


def _deck(shares: Mapping[str, int], kills: int) -> dict[str, int]:
    each = kills / sum(shares.values())
    return {kind: round(share * each) for kind, share in shares.items()}


def _told(played: Played) -> dict[str, Any]:
    return played.figures()


if __name__ == "__main__":
    main()
